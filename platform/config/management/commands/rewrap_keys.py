"""`rewrap_keys`: wrap every subject key by the newest key-encryption key."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from config import terminal
from corpus import rotation, wrapping


class Command(BaseCommand):
    """Rotate the key-encryption key. Old and new are accepted until --retire."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Whether to begin with a new key, and to end without the old ones."""
        parser.add_argument("--new", action="store_true", help="make a new key first")
        parser.add_argument(
            "--retire",
            action="store_true",
            help="then forget the old keys; dumps of before open no subject key any more",
        )
        terminal.add_json(parser)

    def handle(self, **options: Any) -> None:
        """Rotate it."""
        with terminal.answering(options) as answer:
            if options["new"]:
                wrapping.keeper().make()
            moved = rotation.rewrap()
            retired = rotation.retire() if options["retire"] else []
            wraps, *others = wrapping.keeper().ids()
            answer.say(f"{moved} subject keys wrapped anew by {wraps}")
            if others:
                answer.say(f"Accepted besides: {', '.join(others)}; --retire forgets them")
            if retired:
                answer.say(f"Forgotten: {', '.join(retired)}")
            answer.give({"wraps": wraps, "moved": moved, "accepted": others, "retired": retired})
