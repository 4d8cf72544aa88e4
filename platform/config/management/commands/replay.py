"""`replay --shard K`: retrain a live shard from its manifest, and compare digests."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from config import terminal
from evidence import replaying
from registry.replay import NotLive, replay


class Command(BaseCommand):
    """Retrain a live shard from the base, and say whether it comes out bit for bit."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """A shard."""
        parser.add_argument("--shard", type=int, required=True)
        terminal.add_json(parser)

    def handle(self, **options: Any) -> None:
        """Replay it. Exits with 1 if a digest differs."""
        with terminal.answering(options, NotLive) as answer:
            with answer.progress() as bars:
                done = replay(
                    shard=options["shard"], progress=bars.step(f"shard {options['shard']}")
                )
            attested = replaying.attest(done=done, actor="cli", at=timezone.now())
            for each in done.slices:
                verdict = "identical" if each.is_identical else "DIFFERENT"
                answer.say(f"slice {each.slice}: {verdict}  {each.replayed}")
            if attested:
                answer.say(f"attested           {attested.digest}")
            if not done.same_environment:
                answer.say("This environment is not the one it was trained in; see the manifest.")
            answer.give(
                {
                    "shard": done.shard,
                    "identical": done.is_identical,
                    "attestation": attested.digest if attested else None,
                    "same_environment": done.same_environment,
                    "slices": [
                        {
                            "slice": each.slice,
                            "recorded": each.recorded,
                            "replayed": each.replayed,
                            "records_match": each.records_match,
                            "samples": each.samples,
                            "identical": each.is_identical,
                        }
                        for each in done.slices
                    ],
                }
            )
            if not done.is_identical:
                raise CommandError(f"shard {done.shard}: the replay is not identical")
