"""`approve ID --as USER`: approve a request that somebody else filed, and erase."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from config import terminal
from erasure import desk
from erasure.models import DeletionRequest


class Command(BaseCommand):
    """Approve a request. Its data stops serving before this command returns."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which, and who."""
        parser.add_argument("id", help="the request's id or number")
        parser.add_argument("--as", dest="user", required=True, help="not the one who filed it")
        terminal.add_json(parser)

    def handle(self, **options: Any) -> None:
        """Approve it."""
        with terminal.answering(options) as answer:
            request = DeletionRequest.objects.named(options["id"])
            if request is None:
                raise CommandError("id: there is no such request")
            desk.approve(request=request, by=terminal.user(options["user"]), at=timezone.now())
            request.refresh_from_db()
            # The time is written after the commit: if the sweep was quicker, maybe not yet.
            erased = {"time_to_clean_s": "?"} | request.erased
            answer.say(
                f"{request}: {erased['interactions']} interactions erased, clean after "
                f"{erased['time_to_clean_s']} s; a worker, or train, restores full quality"
            )
            answer.give(
                {
                    "id": str(request.pk),
                    "number": request.number,
                    "state": request.state,
                    "erased": erased,
                    "fallback": request.fallback_id,
                }
            )
