"""`down`: stop the embedded database. The data stays."""

from typing import Any

from django.core.management.base import BaseCommand

from config import embedded


class Command(BaseCommand):
    """Stop the embedded PostgreSQL."""

    help = __doc__

    def handle(self, **_: Any) -> None:
        """Stop it."""
        stopped = embedded.stop()
        self.stdout.write("Stopped." if stopped else "No embedded database is running.")
