"""`score`: how likely somebody is to like each candidate, by the live release."""

from argparse import ArgumentParser, ArgumentTypeError
from decimal import Decimal
from typing import Any

from django.core.management.base import BaseCommand

from config import terminal
from corpus import reading, vault
from registry import answering, serving
from registry.services import live


def pair(text: str) -> tuple[str, Decimal]:
    """ITEM=VALUE."""
    item, _, value = text.rpartition("=")
    if not item or not reading.NUMBER.fullmatch(value):
        raise ArgumentTypeError("each entry is ITEM=VALUE, and VALUE a number as ingest takes it")
    return item, Decimal(value)


class Command(BaseCommand):
    """Score candidates for a person we know, or for a history that you give."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """A person or a history, and candidates."""
        who = parser.add_mutually_exclusive_group(required=True)
        who.add_argument("--subject", help="the external id of a person whose history we hold")
        who.add_argument(
            "--history", nargs="+", type=pair, metavar="ITEM=VALUE", help="oldest first"
        )
        parser.add_argument("--candidates", nargs="+", required=True, metavar="ITEM")
        terminal.add_json(parser)

    def handle(self, **options: Any) -> None:
        """Score them."""
        expected = (serving.UnknownItem, answering.Overtaken)
        with terminal.answering(options, *expected) as answer, answering.scoring():
            live.release()  # with nothing live, nobody is told that a person or an item is unknown
            if options["subject"] is not None:
                history = serving.history_of(vault.find(options["subject"]))
            else:
                history = serving.told(options["history"])
            found = serving.score(history, options["candidates"])
            scores = dict(zip(options["candidates"], found.scores, strict=True))
            for item, probability in scores.items():
                answer.say(f"{probability:.4f}  {item}")
            answer.give(
                {
                    "release": found.release.pk,
                    "live_digest": found.release.live_digest,
                    "scores": scores,
                }
            )
