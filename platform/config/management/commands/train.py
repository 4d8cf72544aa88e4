"""`train`: bring the live release up to date with the data, and wait for it."""

from argparse import ArgumentParser
from contextlib import suppress
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from config import terminal, training
from erasure.models import DeletionRequest
from evidence import attesting
from evidence.placing import NotSequenced
from registry.services import places


class Command(BaseCommand):
    """Train what is stale, put the new release live, and settle the requests that waited for it."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """A recipe."""
        parser.add_argument(
            "--recipe", help="a name under recipes/ or a path; default: the one in use, or smollm2"
        )
        parser.add_argument(
            "--anew", action="store_true", help="train every slice again, as after an upgrade"
        )
        terminal.add_json(parser)

    def handle(self, **options: Any) -> None:
        """Train, and say what is live."""
        with terminal.answering(options) as answer:
            with answer.progress() as bars:
                recipe = training.choose(options["recipe"], actor="cli")
                if options["anew"]:
                    places.renew(recipe=recipe, actor="cli", at=timezone.now())
                trained = training.train(recipe, actor="cli", on_runs=bars.runs)
                with suppress(NotSequenced):  # whoever sequences attests
                    attesting.catch_up(actor="cli", at=timezone.now())
            answer.say(
                f"Release {trained['release']} is live: {len(trained['adapters'])} adapters, "
                f"live digest {trained['live_digest']}"
            )
            for request in DeletionRequest.objects.filter(number__in=trained["settled"]):
                answer.say(f"{request}: {request.get_state_display()}")
            answer.give(trained)
