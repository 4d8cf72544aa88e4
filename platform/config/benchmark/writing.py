"""Ways to write the same events: through the log, and by plain statements into a plain table."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from django.db import connection, transaction

from ledger import log
from ledger.kinds import Kind
from ledger.log import NewEvent, Row

# The outbox without what makes it one: its columns and its indexes, no checks and no triggers.
PLAIN: Final = """
CREATE TABLE plain (LIKE ledger_outbox INCLUDING DEFAULTS INCLUDING IDENTITY INCLUDING INDEXES)
"""
INSERT: Final = "INSERT INTO plain (event_id, target, body) VALUES (%s, %s, %s)"
COPY: Final = "COPY plain (event_id, target, body) FROM STDIN (FORMAT BINARY)"
AT: Final = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def event(number: int) -> NewEvent:
    """An event like those that training writes; some 290 octets."""
    facts = {"recipe": f"{number:064x}", "shard": "3", "slice": "1", "epoch": "4"}
    target = f"registry.TrainingRun:{number}"
    return NewEvent(kind=Kind.RUN_STARTED, actor="worker:gpu-0", on=target, at=AT, facts=facts)


@transaction.atomic
def append(batch: Sequence[NewEvent]) -> None:
    """By the log's one door, one by one."""
    for each in batch:
        log.append(each.kind, actor=each.actor, on=each.on, at=each.at, facts=each.facts)


@transaction.atomic
def append_all(batch: Sequence[NewEvent]) -> None:
    """By the log's one door, at once."""
    log.append_all(batch)


@transaction.atomic
def insert(batch: Sequence[Row]) -> None:
    """Into a plain table, a statement a row; the rows were made before."""
    with connection.cursor() as cursor:
        for each in batch:
            cursor.execute(INSERT, each)


@transaction.atomic
def copy(batch: Sequence[Row]) -> None:
    """Into a plain table, at once; the rows were made before."""
    with connection.cursor() as cursor, cursor.copy(COPY) as stream:
        stream.set_types(["uuid", "varchar", "bytea"])
        for each in batch:
            stream.write_row(each)


LOGGED: Final[Mapping[str, Callable[[Sequence[NewEvent]], None]]] = {
    "append_all": append_all,
    "append": append,
}
UNLOGGED: Final[Mapping[str, Callable[[Sequence[Row]], None]]] = {"insert": insert, "copy": copy}
