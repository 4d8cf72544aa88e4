"""The log's one door. An event goes in with the change it tells of, or not at all.

Nothing here reads the clock, waits for another writer, or knows positions: the sequencer gives
those out later.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID, uuid4

import rfc8785
from django.db import connection, models

from ledger.kinds import Kind
from ledger.models import LARGEST_BODY, LONGEST_TARGET, Entry, Outbox

VERSION: Final = "1"
# Not through the ORM: making a model and compiling its INSERT took longer than the database does.
INSERT: Final = "INSERT INTO ledger_outbox (event_id, target, body) VALUES (%s, %s, %s)"
COPY: Final = "COPY ledger_outbox (event_id, target, body) FROM STDIN (FORMAT BINARY)"
COLUMNS: Final = ["uuid", "varchar", "bytea"]
Row = tuple[UUID, str, bytes]


class NotInTransaction(RuntimeError):
    """An event would be written apart from its change."""


class NotLoggable(TypeError):
    """An event holds something that an entry cannot. The message names the place, not the value."""


@dataclass(frozen=True, kw_only=True)
class NewEvent:
    """An event that ``append_all`` is to write, as ``append`` takes one."""

    kind: Kind
    actor: str
    on: models.Model | str
    at: datetime
    facts: Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class LoggedEvent:
    """An event, read back. ``index`` and ``leaf_hash`` are None while it waits for its place."""

    event_id: UUID
    kind: Kind
    actor: str
    target: str
    at: datetime
    facts: dict[str, Any]
    index: int | None
    leaf_hash: bytes | None


def append(
    kind: Kind,
    *,
    actor: str,
    on: models.Model | str,
    at: datetime,
    facts: Mapping[str, object],
) -> UUID:
    """Put an event on its way into the log, as part of the caller's transaction.

    It exists if and only if the caller commits. ``facts`` holds strings, and lists and dicts of
    them: integers as strings, no floats, no names, no free text.

    Returns:
        The event's id; another event may carry it to say that it came after.

    Raises:
        NotInTransaction: there is no transaction for it to be part of.
        NotLoggable: a part of it cannot be written canonically, or it is too long.
    """
    row = _row(NewEvent(kind=kind, actor=actor, on=on, at=at, facts=facts))
    with connection.cursor() as cursor:
        cursor.execute(INSERT, row)
    return row[0]


def append_all(events: Iterable[NewEvent]) -> list[UUID]:
    """Append events in this order, in one round trip: what ``append`` does to each, or nothing.

    Returns:
        The events' ids.

    Raises:
        NotInTransaction, NotLoggable: as append does; nothing is sent then.
    """
    rows = [_row(event) for event in events]
    if rows:
        with connection.cursor() as cursor, cursor.copy(COPY) as copy:
            copy.set_types(COLUMNS)
            for row in rows:
                copy.write_row(row)
    return [event_id for event_id, _, _ in rows]


def history(target: models.Model | str) -> list[LoggedEvent]:
    """The events of one target: those with a place, in order, then those that wait for one."""
    name = name_of(target)
    # The outbox first: an event that gets its place between the two queries is then seen twice
    # and kept once, where the other way round it would be missed.
    outbox = [*Outbox.objects.filter(target=name).order_by("id").values_list("body", flat=True)]
    entries = Entry.objects.filter(target=name).order_by("index")
    placed = [
        parse(body, index=index, leaf_hash=bytes(leaf))
        for index, leaf, body in entries.values_list("index", "leaf_hash", "body")
    ]
    seen = {event.event_id for event in placed}
    return placed + [event for event in map(parse, outbox) if event.event_id not in seen]


def name_of(target: models.Model | str) -> str:
    """How the log names a thing: ``erasure.DeletionRequest:<pk>``, or the string that was given.

    Raises:
        NotLoggable: a model that is not saved yet, or a name that is empty or too long.
    """
    if isinstance(target, models.Model) and target.pk is None:
        raise NotLoggable(f"target: {target._meta.label} has no primary key yet")
    name = target if isinstance(target, str) else f"{target._meta.label}:{target.pk}"
    if not 0 < len(name) <= LONGEST_TARGET:
        raise NotLoggable(f"target: must have 1 to {LONGEST_TARGET} characters, has {len(name)}")
    return name


def body_of(
    kind: Kind,
    *,
    event_id: UUID,
    actor: str,
    target: str,
    at: datetime,
    facts: Mapping[str, object],
) -> bytes:
    """The bytes of an entry: RFC 8785 canonical JSON, as docs/log-format.md shows.

    Raises:
        NotLoggable: see append.
    """
    if at.tzinfo is None:
        raise NotLoggable("at: has no time zone")
    event: dict[str, Any] = {
        "v": VERSION,
        "type": Kind(kind).value,
        "eventId": str(event_id),
        "actor": actor,
        "target": target,
        "at": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "facts": dict(facts),
    }
    for key, value in event.items():
        _check(key, value)
    if not actor:
        raise NotLoggable("actor: is empty")
    body = _canonical(event)
    if len(body) > LARGEST_BODY:
        raise NotLoggable(f"{kind}: {len(body)} bytes, an entry holds {LARGEST_BODY}")
    return body


def _canonical(event: Mapping[str, Any]) -> bytes:
    """RFC 8785, of strings in lists and objects, as ``_check`` leaves nothing else.

    While all is ASCII, Python's own spelling with sorted members is the canonical one, in a third
    of the library's time: the orders of code points and of UTF-16 units part only above it.
    """
    spelt = json.dumps(event, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return spelt.encode() if spelt.isascii() else rfc8785.dumps(event)


def parse(
    body: bytes | memoryview, *, index: int | None = None, leaf_hash: bytes | None = None
) -> LoggedEvent:
    """Read an entry's bytes back."""
    event = json.loads(bytes(body))
    return LoggedEvent(
        event_id=UUID(event["eventId"]),
        kind=Kind(event["type"]),
        actor=event["actor"],
        target=event["target"],
        at=datetime.fromisoformat(event["at"]),
        facts=event["facts"],
        index=index,
        leaf_hash=leaf_hash,
    )


def _row(event: NewEvent) -> Row:
    if not connection.in_atomic_block:
        raise NotInTransaction(f"{event.kind} would be logged without its change")
    return row_of(event)


def row_of(event: NewEvent) -> Row:
    """What the outbox holds of an event: its id, its target and its body.

    Raises:
        NotLoggable: see append.
    """
    event_id, target = uuid4(), name_of(event.on)
    body = body_of(
        event.kind,
        event_id=event_id,
        actor=event.actor,
        target=target,
        at=event.at,
        facts=event.facts,
    )
    return event_id, target, body


def _check(place: str, value: object) -> None:
    """Refuse what two readers could write or read differently, or PostgreSQL cannot hold."""
    if isinstance(value, str):
        is_odd = not value.isascii() and any("\ud800" <= each <= "\udfff" for each in value)
        if is_odd or "\0" in value:
            raise NotLoggable(f"{place}: holds a character that is not text")
    elif isinstance(value, list):
        for number, each in enumerate(value):
            _check(f"{place}[{number}]", each)
    elif isinstance(value, dict):
        for key, each in value.items():
            if not isinstance(key, str):
                raise NotLoggable(f"{place}: has a key of type {type(key).__name__}, not str")
            _check(f"{place}.{key}", each)
            _check(f"{place}.<key>", key)
    else:
        kind = type(value).__name__
        raise NotLoggable(f"{place}: is {kind}; a log holds strings, and lists and dicts of them")
