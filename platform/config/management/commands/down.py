"""`down`: stop the embedded database. The data stays."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from config import embedded, terminal


class Command(BaseCommand):
    """Stop the embedded PostgreSQL."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The form of the answer."""
        terminal.add_json(parser)

    def handle(self, **options: Any) -> None:
        """Stop it, without starting it first as other commands do."""
        answer = terminal.Answer(as_json=options["json"])
        stopped = embedded.stop()
        answer.say("Stopped." if stopped else "No embedded database is running.")
        answer.give({"stopped": stopped})
