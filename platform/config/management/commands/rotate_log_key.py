"""`rotate_log_key`: let another key take over the log, with both signing for a while."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from config import terminal
from ledger import rotation


class Command(BaseCommand):
    """Begin: heads are signed by the old key and a new one. --finish: the old one stops."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which of the two steps."""
        parser.add_argument(
            "--finish", action="store_true", help="the old key signs no more, and is destroyed"
        )
        terminal.add_json(parser)

    def handle(self, **options: Any) -> None:
        """Take the step and log it; the head that covers its event is signed before this ends."""
        with terminal.answering(options, rotation.CannotRotate) as answer:
            # What waits is signed first, by the keys of before.
            terminal.sequence()
            step = rotation.finish if options["finish"] else rotation.begin
            vkey = step(actor="cli", at=timezone.now())
            answer.give({"retired" if options["finish"] else "added": vkey})
            if options["finish"]:
                answer.say(f"This key signs no more   {vkey}")
            else:
                answer.say(f"Heads are signed by this key too   {vkey}")
                answer.say("Hand it out, and to your witnesses; then rotate_log_key --finish")
