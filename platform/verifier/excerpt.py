"""Entries of the log that a bundle holds, each proven to be at its place under one signed head."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from verifier import merkle, strict
from verifier.checkpoints import Checkpoint
from verifier.strict import BadDocument, Json

LARGEST_ENTRY: Final = 65_535
MOST_OCTETS: Final = 1 << 28
MOST_ENTRIES: Final = 1_000_000
MOMENT: Final = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"
_MEMBERS: Final = ("actor", "at", "eventId", "facts", "target", "type", "v")


@dataclass(frozen=True)
class Entry:
    """One event with its place in the log. Its facts are strings, and lists and dicts of them."""

    index: int
    body: bytes = field(repr=False)
    type: str
    event_id: UUID
    target: str
    at: datetime
    facts: Mapping[str, Any] = field(repr=False)

    @property
    def second(self) -> datetime:
        """When it happened, to the second, downwards."""
        return self.at.replace(microsecond=0)

    @property
    def digest(self) -> str:
        """SHA-256 of its bytes."""
        return sha256(self.body).hexdigest()

    def fact(self, name: str) -> str:
        """A fact that is a string; of one that is not there, an empty one."""
        found = self.facts.get(name, "")
        return found if isinstance(found, str) else ""


class Excerpt:
    """Proven entries by position."""

    def __init__(self, entries: Mapping[int, Entry]) -> None:
        self._entries = entries

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        """Every entry, by position."""
        return iter(self._entries.values())

    def __contains__(self, index: int) -> bool:
        return index in self._entries

    def at(self, index: int) -> Entry | None:
        """The entry at a position, if it is here."""
        return self._entries.get(index)

    def of(self, type_: str, *, target: str | None = None) -> Iterator[Entry]:
        """The entries of a type, and about one thing if it is named, by position."""
        for entry in self._entries.values():
            if entry.type == type_ and target in (None, entry.target):
                yield entry


def parse(raw: bytes, *, head: Checkpoint) -> Excerpt:
    """Read ``log/entries.json``, and prove each entry under a head.

    Raises:
        BadDocument: it is not spelt as docs/bundle.md says, or one of its entries is none.
        merkle.NotProven: an entry is not at its place in the log of that head.
    """
    listed = strict.items(strict.loads(raw, most=MOST_OCTETS), "entries", most=MOST_ENTRIES)
    entries: dict[int, Entry] = {}
    events: set[UUID] = set()
    last = -1
    for each in listed:
        fields = strict.members(each, "entry", ("entry", "index", "proof"))
        index = strict.number(fields["index"], "entry: index")
        if index <= last:
            raise BadDocument("entries: not in the order of their places")
        last = index
        body = strict.octets(fields["entry"], "entry")
        hashes = strict.items(fields["proof"], "entry: proof")
        proof = [strict.octets(one, "entry: proof") for one in hashes]
        merkle.verify_inclusion(
            leaf=merkle.leaf_hash(body), index=index, size=head.size, proof=proof, root=head.root
        )
        entries[index] = entry = _entry(index, body)
        if entry.event_id in events:
            raise BadDocument("entries: two of one event")
        events.add(entry.event_id)
    return Excerpt(entries)


def _entry(index: int, body: bytes) -> Entry:
    found = strict.loads(body, most=LARGEST_ENTRY)
    fields = strict.members(found, f"entry {index}", _MEMBERS)
    _check(found, index)
    strict.exactly(fields["v"], f"entry {index}: version", "1")
    facts = fields["facts"]
    if not isinstance(facts, dict):
        raise BadDocument(f"entry {index}: its facts are no object")
    return Entry(
        index=index,
        body=body,
        type=strict.text(fields["type"], f"entry {index}: type"),
        event_id=UUID(strict.text(fields["eventId"], f"entry {index}: event", pattern=strict.UUID)),
        target=str(fields["target"]),
        at=_moment(fields["at"], f"entry {index}: at"),
        facts=facts,
    )


def _check(value: Json, index: int) -> None:
    """Refuse what a log never holds: anything but strings, lists and objects."""
    match value:
        case str():
            if "\0" in value:
                raise BadDocument(f"entry {index}: holds U+0000")
        case list():
            for each in value:
                _check(each, index)
        case dict():
            for name, each in value.items():
                _check(name, index)
                _check(each, index)
        case _:
            raise BadDocument(f"entry {index}: holds something else than strings")


def _moment(value: Json, where: str) -> datetime:
    if not isinstance(value, str) or not re.fullmatch(MOMENT, value, re.ASCII):
        raise BadDocument(f"{where}: not a time in microseconds")
    try:
        return datetime.strptime(value, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    except ValueError:
        raise BadDocument(f"{where}: not a time") from None
