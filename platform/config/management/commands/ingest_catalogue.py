"""`ingest_catalogue PATH`: take in items from CSV or Parquet, all of them or none."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from config import terminal
from registry.services import intake


class Command(BaseCommand):
    """Ingest a CSV or Parquet file with the columns item, title and any others."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """A path."""
        parser.add_argument("path", type=Path)
        terminal.add_json(parser)

    def handle(self, **options: Any) -> None:
        """Ingest, and say what came in."""
        with terminal.answering(options) as answer:
            with answer.progress() as bars:
                taken = intake.take_catalogue(
                    path=options["path"],
                    actor="cli",
                    at=timezone.now(),
                    on_rows=lambda rows: bars.move("rows", rows, None),
                )
            if taken.rows == 1:
                answer.say(f"1 item, {'new' if taken.is_new else 'known already'}")
            else:
                state = "some of them new" if taken.is_new else "all known already"
                answer.say(f"{taken.rows:,} items, {state}")
            answer.give({"rows": taken.rows, "is_new": taken.is_new})
