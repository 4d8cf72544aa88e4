"""`create_user NAME --role ROLE`: an account for the console, and a token for the API."""

import secrets
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from config import accounts, terminal
from erasure.roles import Role


class Command(BaseCommand):
    """Make an account with roles. The password and the API token are shown once."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """A name and roles."""
        parser.add_argument("name")
        parser.add_argument("--role", action="append", required=True, choices=Role.values)
        parser.add_argument("--password", help="default: a random one, shown once")
        terminal.add_json(parser)

    def handle(self, **options: Any) -> None:
        """Make it."""
        with terminal.answering(options) as answer:
            password = options["password"] or secrets.token_urlsafe(15)
            token = accounts.create(
                name=options["name"],
                roles=[Role(role) for role in options["role"]],
                password=password,
                actor="cli",
                at=timezone.now(),
            )
            answer.say(f"{options['name']}: {', '.join(options['role'])}")
            answer.say(f"  password  {'as you gave it' if options['password'] else password}")
            answer.say(f"  API token {token}  (shown once)")
            document = {"name": options["name"], "roles": options["role"], "token": token}
            answer.give(document if options["password"] else document | {"password": password})
