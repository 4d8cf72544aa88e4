"""`demo`: the main job on MovieLens-100K with a real language model, and proof of it."""

from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config import terminal
from config.demo import journey as steps
from config.demo import report, stage

# As many as two CPU cores take in four minutes or so when they have nothing else to do.
SUBJECTS = 140


def people(text: str) -> int | None:
    """A number of people, or all of them."""
    if text == "all":
        return None
    if not text.isdigit() or int(text) < 8:
        raise ArgumentTypeError("a number from 8 on, or all")
    return int(text)


def from_here(path: Path) -> Path:
    """The path as one can open it from the current folder: relative to it, if it is inside."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path.absolute()


class Command(BaseCommand):
    """Ingest, train, erase one person, restore, check every claim. Exits with 1 if one fails."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """How many people, by which recipe."""
        parser.add_argument("--subjects", type=people, default=SUBJECTS, help="a number, or all")
        parser.add_argument("--recipe", default="smollm2", help="a name under recipes/, or a path")
        parser.add_argument("--write", type=Path, help="write the table to a Markdown file too")
        terminal.add_json(parser)

    def handle(self, **options: Any) -> None:
        """Run it, write var/demo/summary.json, show the table."""
        folder = Path(settings.EXPUNGE_VAR) / "demo"
        with terminal.answering(options, stage.NotEmpty) as answer:
            journey = steps.Journey(
                answer=answer, subjects=options["subjects"], recipe=options["recipe"]
            )
            try:
                steps.run(journey)
            except Exception as error:
                journey.failed.append(type(error).__name__)
                report.write(report.summary(journey), folder)
                raise
            figures = report.summary(journey)
            path = report.write(figures, folder)
            if options["write"] and not journey.failed:
                options["write"].write_text(report.markdown(figures), "utf-8")
            answer.show(report.table(figures))
            answer.say(f"Written to {from_here(path)}")
            if "bundle_verified" in journey.found:
                bundle, key = from_here(folder / "bundle.zip"), from_here(folder / "log.pub")
                answer.say(f"The evidence: python -m verifier {bundle} --key {key}")
                answer.say(f"Somebody who is still there, to try it on: {journey.somebody()}")
            answer.give(figures)
            if journey.failed:
                raise CommandError(f"these claims do not hold: {', '.join(journey.failed)}")
