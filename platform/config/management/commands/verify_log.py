"""`verify_log`: recompute the whole log, and name the first difference."""

from argparse import ArgumentParser
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config import terminal
from ledger import verify
from ledger.heads import CannotSign
from ledger.sequencer import LogBroken
from verifier import notes


def _key(given: str) -> str:
    """The key itself, or the last line of a file: of the two of a rotation, the one that stays."""
    with suppress(OSError, UnicodeDecodeError, IndexError):
        return Path(given).read_text().split()[-1]
    return given


class Command(BaseCommand):
    """Recompute every hash and every tree head of the log."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """A key, if the auditor has one of their own."""
        parser.add_argument("--key", help="the log's verification key, as you noted it down")
        terminal.add_json(parser)

    def handle(self, **options: Any) -> None:
        """Verify it. Exits with 1 if anything differs."""
        with terminal.answering(options) as answer:
            key = options["key"]
            try:
                if key is not None:
                    key = _key(key)
                    notes.parse_vkey(key)
            except notes.BadNote:
                what = "no verification key (name+id+key), nor a file that ends with one"
                raise CommandError(f"the key: {what}") from None
            with suppress(LogBroken, CannotSign):  # what they object to is found and named below
                terminal.sequence()
            report = verify.verify(vkey=key)
            answer.give(
                {
                    "verified": report.ok,
                    "entries": report.entries,
                    "heads": report.heads,
                    "first_difference": report.first_difference,
                }
            )
            if not report.ok:
                raise CommandError(f"the log does not verify: {report.first_difference}")
            answer.say(
                f"The log holds: {report.entries:,} entries under {report.heads:,} tree heads"
            )
