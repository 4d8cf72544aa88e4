"""A log with its own key for each test, and events to put in it."""

from datetime import UTC, datetime

import pytest
from django.db import connection, transaction

from ledger import heads, log, sequencer
from ledger.kinds import Kind

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TABLES = (
    "ledger_outbox",
    "ledger_sequencerstate",
    "ledger_entry",
    "ledger_tile",
    "ledger_treehead",
    "ledger_headtimestamp",
)


@pytest.fixture(autouse=True)
def keys(settings, tmp_path):
    """A log key of this test's own."""
    settings.EXPUNGE_LOG_KEYS = tmp_path / "keys"
    return settings.EXPUNGE_LOG_KEYS


@pytest.fixture
def write():
    """Write so many events to the outbox, each in its own transaction; return their ids."""

    def events(count, *, on="registry.TrainingRun:1"):
        found = []
        for number in range(count):
            with transaction.atomic():
                facts = {"number": str(number)}
                found.append(
                    log.append(Kind.RUN_STARTED, actor="test", on=on, at=NOON, facts=facts)
                )
        return found

    return events


@pytest.fixture
def logged(write):
    """Write so many events, place them, and sign the head."""

    def events(count):
        found = write(count)
        sequencer.drain_all()
        heads.sign(at=NOON)
        return found

    return events


@pytest.fixture
def superuser(db):
    """SQL as somebody whom no trigger stops; undone when the test ends."""

    def execute(sql, *params):
        with connection.cursor() as cursor:
            # A table whose deferred triggers wait for the commit cannot be altered.
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
            for table in TABLES:
                cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            cursor.execute(sql, params)

    return execute
