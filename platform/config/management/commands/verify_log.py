"""`verify_log`: recompute the whole log, and name the first difference."""

from argparse import ArgumentParser
from contextlib import suppress
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config import terminal
from ledger import verify
from ledger.heads import CannotSign
from ledger.sequencer import LogBroken
from verifier import notes


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
            try:
                if options["key"] is not None:
                    notes.parse_vkey(options["key"])
            except notes.BadNote as error:
                raise CommandError(f"the key: {error}") from None
            with suppress(LogBroken, CannotSign):  # what they object to is found and named below
                terminal.sequence()
            report = verify.verify(vkey=options["key"])
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
