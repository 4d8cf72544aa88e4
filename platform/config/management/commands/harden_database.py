"""`harden_database`: four roles, and nobody may do more in the log than their part."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config import terminal
from ledger import hardening


class Command(BaseCommand):
    """Make the roles, grants and guards what docs/roles.md says; --check only compares."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What the roles are called, and whether to change anything."""
        parser.add_argument("--prefix", help="what role names begin with; default: the database's")
        parser.add_argument(
            "--check", action="store_true", help="change nothing; exit with 1 if anything differs"
        )
        terminal.add_json(parser)

    def handle(self, **options: Any) -> None:
        """Say what differed. Exits with 1 if anything still does."""
        with terminal.answering(options, hardening.CannotHarden) as answer:
            prefix = options["prefix"]
            work = hardening.differences if options["check"] else hardening.harden
            found = work(prefix=prefix)
            left = [each for each in found if options["check"] or each.mend is None]
            for each in found:
                answer.say(each.what if each in left else f"{each.what}: {each.mend}")
            answer.give(
                {
                    "roles": vars(hardening.roles_of(prefix)),
                    "mended": [each.what for each in found if each not in left],
                    "differs": [each.what for each in left],
                }
            )
            if left:
                raise CommandError(
                    f"the database differs from its roles and guards: {left[0].what}"
                    + (f", and {len(left) - 1} more" if len(left) > 1 else "")
                )
            if not found:
                answer.say("The roles, their grants and the log's guards are as they should be.")
