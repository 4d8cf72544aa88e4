"""`replay_erasures`: after a database was restored, erase again what had been erased since."""

from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from config import terminal
from erasure import services
from registry.services import live


class Command(BaseCommand):
    """Apply every erasure that the erasure ledger has and the database lacks. Safe to repeat."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Nothing but --json."""
        terminal.add_json(parser)

    def handle(self, **options: Any) -> None:
        """Apply them. Exits with 1 if one of them cannot be."""
        with terminal.answering(options) as answer:
            done = services.replay(actor="replay_erasures", at=timezone.now())
            answer.say(
                f"Erasures applied again: {len(done.applied)}; there already: {done.there}; "
                f"of people whom this database does not know: {done.unknown}"
            )
            for number in done.applied:
                answer.say(f"{number}: erased; train restores full quality")
            try:
                serves = live.release().live_digest
            except live.NothingLive:
                serves = None
            answer.give({**asdict(done), "live_digest": serves})
            if done.failed:
                raise CommandError("; ".join(done.failed))
