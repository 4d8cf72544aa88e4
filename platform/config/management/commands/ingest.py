"""`ingest PATH`: take in interactions from CSV or Parquet, all of them or none."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from config import terminal
from registry.services import intake


class Command(BaseCommand):
    """Ingest a CSV or Parquet file with the columns subject, item, value, timestamp."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """A path."""
        parser.add_argument("path", type=Path)
        terminal.add_json(parser)

    def handle(self, **options: Any) -> None:
        """Ingest, and say what came in."""
        with terminal.answering(options) as answer:
            with answer.progress() as bars:
                taken = intake.take_interactions(
                    path=options["path"],
                    actor="cli",
                    at=timezone.now(),
                    on_rows=lambda rows: bars.move("rows", rows, None),
                )
            one = taken.rows == 1
            rows = f"{taken.rows:,} interaction{'' if one else 's'}"
            people = f"{taken.subjects:,} {'person' if taken.subjects == 1 else 'people'}"
            if taken.is_new:
                answer.say(f"{rows} of {people}")
            else:
                was = "was" if one else "were"
                answer.say(f"{rows} {was} ingested before; nothing changed")
            answer.give(
                {
                    "batch": taken.batch,
                    "rows": taken.rows,
                    "subjects": taken.subjects,
                    "is_new": taken.is_new,
                }
            )
