"""`timestamp`: have the log's newest head stamped with the time, by an authority of yours."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from config import terminal
from ledger import timestamps


class Command(BaseCommand):
    """Ask EXPUNGE_TSA for an RFC 3161 timestamp of the newest head, verify it, and keep it."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Nothing but how to answer."""
        terminal.add_json(parser)

    def handle(self, **options: Any) -> None:
        """Stamp it. Exits with 1 if there is no verified timestamp in the end."""
        with terminal.answering(options, timestamps.CannotTimestamp) as answer:
            if not settings.EXPUNGE_TSA:
                raise CommandError("EXPUNGE_TSA: names no authority to ask")
            terminal.sequence()
            made = timestamps.stamp(at=timezone.now())
            kept = made or timestamps.newest()
            if kept is None:
                raise CommandError("the log has no signed head yet")
            answer.give({"size": kept.head_id, "stamped_at": kept.stamped_at, "new": bool(made)})
            answer.say(f"The head of {kept.head_id:,} entries was there at {kept.stamped_at}")
