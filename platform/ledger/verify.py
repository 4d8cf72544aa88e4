"""Check the whole log against itself and its signatures. Reads everything, changes nothing."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import sleep
from typing import Final

from django.conf import settings
from django.db import connection, transaction

from ledger import earlier, memory, signing, timestamps
from ledger.models import Entry, HeadTimestamp, SequencerState, Tile, TreeHead
from ledger.tiles import WIDTH
from verifier import merkle, notes

# Entries are committed a moment before they are signed, and a note is kept a moment before its
# head is stored: an honest log gets this many moments of so many seconds to be signed.
LOOKS: Final = 20
PAUSE: Final = 0.1
# The times beside entries and heads are clocks', under no hash. A clock may be set back by seconds;
# more than this between neighbours is somebody's doing.
CLOCK_STEP: Final = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a verification found: how much it read, and the first thing that was wrong."""

    ok: bool
    entries: int
    heads: int
    first_difference: str | None


class Differs(Exception):
    """The log is not what it should be; the message says where, in plain words."""


def verify(*, vkey: str | None = None) -> Report:
    """Recompute every hash of the log, in one pass and constant memory.

    Checks that positions have no gap, that each entry's hash, id and target are its body's, that
    tiles hold the entries' hashes, that every tree head is signed and has the root of the entries
    below it, that the state row has the last root, that the head which the signer remembers in
    ``log.head`` is among those stored, and that the newest head covers every entry. The times that
    the database and the signer noted go forwards; an event's own time is in its body, and hashed.
    Timestamps are checked against the configured certificates, if there are any.
    Events that wait in the outbox are no part of the log yet.

    Args:
        vkey: the verification key that the newest head must be signed with, as an auditor noted
            it down. Without one, those in ``log.pub`` are known. Heads below may be of any key
            that the log had then: their roots are those of the same entries.
    """
    # Remembered before the snapshot is taken: what is signed meanwhile is in neither.
    walk = _Walk(vkey, memory.note())
    difference: str | None = None
    # Inside a caller's transaction nothing changes by waiting.
    looks = 1 if connection.in_atomic_block else LOOKS
    for look in range(1, looks + 1):
        with _snapshot():
            if look == looks or _is_signed(walk.kept):
                try:
                    walk.run()
                except Differs as differs:
                    difference = str(differs)
                break
        sleep(PAUSE)
    return Report(
        ok=difference is None,
        entries=walk.tree.size,
        heads=walk.heads,
        first_difference=difference,
    )


@contextmanager
def _snapshot() -> Iterator[None]:
    """One state of the database for all queries; inside a transaction, the caller's."""
    nested = connection.in_atomic_block
    with transaction.atomic():
        if not nested:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def _is_signed(kept: str | None) -> bool:
    """Whether the newest head covers the log, and the remembered one is stored, at a glance."""
    state, last = SequencerState.objects.first(), TreeHead.objects.order_by("-size").first()
    covered = (state.next_index if state else 0) <= (last.size if last else 0)
    return covered and (kept is None or TreeHead.objects.filter(note=kept).exists())


def _now() -> datetime:
    """By the clock that gave the entries their times."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        (now,) = cursor.fetchone()
    assert isinstance(now, datetime)
    return now


def _is_back(later: datetime, earlier: datetime | None) -> bool:
    """Whether what should be the later time is clearly the earlier one."""
    return earlier is not None and later < earlier - CLOCK_STEP


class _Walk:
    """One pass over the entries, with tiles and heads checked where they end."""

    def __init__(self, noted: str | None, kept: str | None) -> None:
        self.noted = noted
        self.known = [*dict.fromkeys([*filter(None, [noted]), *signing.vkeys()])]
        self.kept = kept
        self.heads = 0
        self.covered = 0
        self.tree = merkle.CompactRange()
        # The hashes of each level's tile that is not full yet: fewer than 256 a level.
        self.edges: list[list[bytes]] = []
        self.tiles = 0
        self.placed_at: datetime | None = None
        self.signed_at: datetime | None = None

    def run(self) -> None:
        now = _now()
        heads = TreeHead.objects.order_by("size").iterator()
        head = next(heads, None)
        entries = Entry.objects.order_by("index")
        for entry in entries.iterator(chunk_size=1024):
            self._entry(entry, now)
            if head is not None and head.size == self.tree.size:
                following = next(heads, None)
                self._head(head, is_newest=following is None)
                head = following
        if head is not None:
            raise Differs(f"tree head {head.size}: the log ends after {self.tree.size} entries")
        self._end()

    def _entry(self, entry: Entry, now: datetime) -> None:
        here = self.tree.size
        if entry.index != here:
            raise Differs(f"entry {here}: missing, the next one is {entry.index}")
        if _is_back(entry.integrated_at, self.placed_at):
            raise Differs(f"entry {here}: its time is before that of entry {here - 1}")
        if _is_back(now, entry.integrated_at):
            raise Differs(f"entry {here}: its time has not come yet")
        self.placed_at = entry.integrated_at
        body = bytes(entry.body)
        leaf = merkle.leaf_hash(body)
        if leaf != bytes(entry.leaf_hash):
            raise Differs(f"entry {here}: its hash is not its body's")
        try:
            event = json.loads(body)
            said = (event["eventId"], event["target"])
        except (ValueError, TypeError, KeyError):
            raise Differs(f"entry {here}: its body is not an event") from None
        if said[0] != str(entry.event_id):
            raise Differs(f"entry {here}: its event id is not its body's")
        if said[1] != entry.target:
            raise Differs(f"entry {here}: its target is not its body's")
        self.tree.append(leaf)
        self._tile(0, leaf)

    def _tile(self, level: int, hash_: bytes) -> None:
        """Add a hash to a level; a tile that is full goes one level up as one hash."""
        if level == len(self.edges):
            self.edges.append([])
        edge = self.edges[level]
        edge.append(hash_)
        if len(edge) < WIDTH:
            return
        n = (self.tree.size - 1) // WIDTH ** (level + 1)
        stored = Tile.objects.filter(level=level, n=n).values_list("hashes", flat=True).first()
        if stored is None:
            raise Differs(f"tile {level}/{n}: missing, at entry {self.tree.size - 1}")
        if bytes(stored) != b"".join(edge):
            raise Differs(f"tile {level}/{n}: does not hold the entries' hashes")
        self.tiles += 1
        self.edges[level] = []
        self._tile(level + 1, merkle.root_of(edge))

    def _head(self, head: TreeHead, *, is_newest: bool) -> None:
        name = f"tree head {head.size}"
        signed = self._signed(head.note, name, is_newest=is_newest)
        if signed != notes.Checkpoint(settings.EXPUNGE_ORIGIN, head.size, bytes(head.root)):
            raise Differs(f"{name}: the signed text says something else")
        if signed.root != self.tree.root():
            raise Differs(f"{name}: its root is not that of the first {head.size} entries")
        if _is_back(head.signed_at, self.signed_at):
            raise Differs(f"{name}: its time is before that of tree head {self.covered}")
        self.signed_at = head.signed_at
        self.heads += 1
        self.covered = head.size

    def _signed(self, note: str, name: str, *, is_newest: bool) -> notes.Checkpoint:
        if not self.known:
            raise Differs(f"{name}: there is no verification key to check it with")
        try:
            if is_newest and self.noted is not None:
                notes.verify_note(note, self.noted)
            return earlier.verified(note, *self.known)
        except notes.BadNote as bad:
            raise Differs(f"{name}: {bad}") from bad

    def _remembered(self) -> None:
        """Every stored head is checked by now: one of them must be the signer's last."""
        if self.kept is None:
            return
        signed = self._signed(self.kept, "log.head", is_newest=True)
        stored = TreeHead.objects.filter(size=signed.size).first()
        if stored is None or bytes(stored.root) != signed.root:
            raise Differs(
                f"log.head: a head of size {signed.size} was signed here, "
                "and no tree head with its root is stored"
            )

    def _end(self) -> None:
        self._remembered()
        state = SequencerState.objects.first()
        size, root = (state.next_index, bytes(state.root)) if state else (0, merkle.EMPTY)
        if size != self.tree.size:
            raise Differs(f"state: says {size} entries, the log has {self.tree.size}")
        if root != self.tree.root():
            raise Differs(f"state: its root is not that of the {size} entries")
        if (stored := Tile.objects.count()) != self.tiles:
            raise Differs(f"tiles: {stored} are stored, the entries fill {self.tiles}")
        if self.covered < self.tree.size:
            raise Differs(f"entries from {self.covered} on are under no tree head")
        self._timestamps()

    def _timestamps(self) -> None:
        """Every stored head is checked by now; without certificates nothing can be said."""
        if not settings.EXPUNGE_TSA_CERTIFICATES:
            return
        notes_by_size = TreeHead.objects.values_list("note", flat=True)
        for kept in HeadTimestamp.objects.order_by("head_id").iterator():
            name = f"timestamp of tree head {kept.head_id}"
            note = notes_by_size.filter(size=kept.head_id).first()
            if note is None:
                raise Differs(f"{name}: there is no such head")
            try:
                stamped_at = timestamps.verified(bytes(kept.token), note)
            except timestamps.BadTimestamp as bad:
                raise Differs(f"{name}: {bad}") from bad
            if stamped_at != kept.stamped_at:
                raise Differs(f"{name}: its time is not the authority's")
