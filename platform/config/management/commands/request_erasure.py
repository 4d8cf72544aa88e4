"""`request_erasure --subject X --regulation LAW --as USER`: file a deletion request."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from config import terminal
from erasure import services
from erasure.clocks import Regulation


class Command(BaseCommand):
    """File a request to erase a person, or some items of theirs."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Who, what, by which law, for whom."""
        parser.add_argument("--subject", required=True, help="the person's external id")
        parser.add_argument("--items", nargs="+", help="only these items; default: everything")
        parser.add_argument("--regulation", required=True, choices=Regulation.values)
        parser.add_argument("--as", dest="user", required=True, help="an officer")
        terminal.add_json(parser)

    def handle(self, **options: Any) -> None:
        """File it."""
        with terminal.answering(options) as answer:
            request, receipt = services.file(
                subject=options["subject"],
                items=options["items"],
                regulation=Regulation(options["regulation"]),
                filed_by=terminal.user(options["user"]),
                at=timezone.now(),
            )
            answer.say(f"{request} waits for approval by somebody else; due {request.due_on}")
            answer.say(f"  id       {request.pk}")
            answer.say(f"  receipt  {receipt}  (for the person; kept nowhere, shown once)")
            answer.give(
                {
                    "id": str(request.pk),
                    "number": request.number,
                    "state": request.state,
                    "due_on": request.due_on,
                    "plan": request.plan,
                    "receipt": receipt,
                }
            )
