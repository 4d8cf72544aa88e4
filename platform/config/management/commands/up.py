"""`up`: console, API and workers in one terminal, until Ctrl-C."""

import json
import os
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import connection
from honcho.environ import parse_procfile
from honcho.manager import Manager

from config import places, terminal
from corpus.models import Subject

DEFAULT_PORT = "8000"
# What honcho makes of SIGINT and SIGTERM.
ENDED_BY_SIGNAL = (130, 143)


class Command(BaseCommand):
    """Start what the Procfile names. Ctrl-C stops it all; the embedded database stays up."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where to listen."""
        parser.add_argument(
            "--bind",
            default=address(),
            help="host:port; default: EXPUNGE_BIND, or port PORT or 8000",
        )

    def handle(self, **options: Any) -> None:
        """Bring the servers up, say who can sign in, and run until a signal or an exit."""
        bind = options["bind"]
        with terminal.answering({"json": False}) as answer:
            answer.say(f"Console and API: http://{bind}")
            answer.say(who_can_sign_in())
            if not Subject.objects.exists():
                answer.say("No data yet: run make demo, or manage.py ingest_catalogue and ingest.")
            answer.say(f"Database: {'embedded' if places.is_embedded() else 'DATABASE_URL'}")
            answer.say("Ctrl-C stops it.")
        # Forked processes must not share this one's connection.
        connection.close()
        sys.exit(run(bind))


def address() -> str:
    """Where the web process listens: on this machine alone, unless the environment says more."""
    return os.environ.get("EXPUNGE_BIND") or f"127.0.0.1:{os.environ.get('PORT') or DEFAULT_PORT}"


def who_can_sign_in() -> str:
    """The demo's accounts, and where their passwords are. Never the passwords: this is logged."""
    path = Path(settings.EXPUNGE_VAR) / "demo" / "users.json"
    if not path.exists():
        return "Make an account to sign in with: manage.py create_user NAME --role officer"
    names = " and ".join(json.loads(path.read_text()))
    return f"Sign in as {names}; their passwords are in {path}"


def run(bind: str) -> int:
    """Run the Procfile's processes until one ends, whose exit code this is, or a signal comes."""
    path = [str(settings.ROOT / "platform"), str(settings.ROOT), os.environ.get("PYTHONPATH", "")]
    environment = {
        **os.environ,
        "EXPUNGE_BIND": bind,
        "PYTHONPATH": os.pathsep.join(filter(None, path)),
        # gunicorn and celery of this very environment, whether or not it is activated.
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
        "PYTHONUNBUFFERED": "1",
    }
    manager = Manager()
    for name, command in parse_procfile((settings.ROOT / "Procfile").read_text()).processes.items():
        # exec: a signal then reaches the process itself, and not only the shell around it.
        manager.add_process(name, f"exec {command}", env=environment, cwd=str(settings.ROOT))
    manager.loop()
    returncode: int = manager.returncode or 0
    # A signal is how one asks it to end, and so no failure.
    return 0 if returncode in ENDED_BY_SIGNAL else returncode
