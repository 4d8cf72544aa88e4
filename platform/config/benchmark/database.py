"""A database of the benchmark's own, with the log's schema and its triggers, and a log key."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
from django.core.management import call_command
from django.db import connection
from django.test.utils import override_settings
from psycopg import sql


@contextmanager
def own() -> Iterator[None]:
    """Make a database beside the configured one, on its server; drop it at the end.

    Within, ``connection`` leads to it, and heads are signed by a key of its own, asked of no
    witness and published nowhere but in a folder that goes too.
    """
    configured = connection.settings_dict["NAME"]
    name = f"expunge_benchmark_{os.getpid()}"
    _administer(sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'"), name)
    try:
        _lead_to(name)
        with (
            TemporaryDirectory() as folder,
            override_settings(
                EXPUNGE_LOG_KEYS=Path(folder) / "keys",
                EXPUNGE_STORE=Path(folder) / "store",
                EXPUNGE_WITNESSES="",
            ),
        ):
            call_command("migrate", "ledger", verbosity=0, interactive=False)
            yield
    finally:
        _lead_to(configured)
        _administer(sql.SQL("DROP DATABASE {} WITH (FORCE)"), name)


def _lead_to(name: str) -> None:
    connection.close()
    connection.settings_dict["NAME"] = name


def _administer(statement: sql.SQL, name: str) -> None:
    settings = connection.settings_dict
    with psycopg.connect(
        host=settings["HOST"] or None,
        port=settings["PORT"] or None,
        user=settings["USER"] or None,
        password=settings["PASSWORD"] or None,
        dbname="postgres",
        autocommit=True,
    ) as admin:
        admin.execute(statement.format(sql.Identifier(name)))
