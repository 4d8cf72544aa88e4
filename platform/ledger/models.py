"""The log's tables: events that wait, events with a place, full tiles, signed heads, their stamps.

``migrations/ledger`` holds what models cannot say from 0002 on: nothing here is ever rewritten, and
nothing leaves the outbox but into the log.
There are no foreign keys into or out of the log, and it holds no personal data.
"""

from typing import ClassVar

from django.db import models
from django.db.models import Func, Q
from django.db.models.functions import Now
from django.db.models.lookups import Exact, Range

# A C2SP entry bundle gives each entry's length in 16 bits.
LARGEST_BODY = 65_535
LONGEST_TARGET = 200
# A response with its chain of certificates has a few thousand octets.
LARGEST_TOKEN = 65_536


def octets(column: str) -> Func:
    """The length of a binary column."""
    return Func(column, function="octet_length", output_field=models.IntegerField())


class Outbox(models.Model):
    """An event that its transaction wrote, on its way into the log.

    ``id`` is an order to drain in, never a position: a rolled back transaction leaves a gap.
    """

    PERSONAL: ClassVar[set[str]] = set()
    RETAINED: ClassVar = {"id", "event_id", "target", "body", "enqueued_at"}

    event_id = models.UUIDField(unique=True)
    target = models.CharField(max_length=LONGEST_TARGET, db_index=True)
    body = models.BinaryField()
    enqueued_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name_plural = "outbox"
        constraints = [
            models.CheckConstraint(
                condition=Range(octets("body"), (1, LARGEST_BODY)),
                name="ledger_outbox_body_fits_an_entry",
            ),
        ]

    def __str__(self) -> str:
        return f"Waiting event {self.event_id}"


class SequencerState(models.Model):
    """How far the log goes. One row: its lock is what makes sequencers take turns."""

    PERSONAL: ClassVar[set[str]] = set()
    RETAINED: ClassVar = {"id", "next_index", "root"}

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    next_index = models.BigIntegerField()
    root = models.BinaryField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(id=1), name="ledger_state_is_one_row"),
            models.CheckConstraint(condition=Q(next_index__gte=0), name="ledger_state_counts_up"),
            models.CheckConstraint(
                condition=Exact(octets("root"), 32), name="ledger_state_root_is_a_hash"
            ),
        ]

    def __str__(self) -> str:
        return f"Log of {self.next_index} entries"


class Entry(models.Model):
    """An event at its place in the log: the bytes that were hashed, and their leaf hash."""

    PERSONAL: ClassVar[set[str]] = set()
    RETAINED: ClassVar = {"index", "event_id", "target", "leaf_hash", "body", "integrated_at"}

    index = models.BigIntegerField(primary_key=True)
    event_id = models.UUIDField(unique=True)
    target = models.CharField(max_length=LONGEST_TARGET)
    leaf_hash = models.BinaryField()
    body = models.BinaryField()
    integrated_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name_plural = "entries"
        indexes = [models.Index(fields=["target", "index"], name="ledger_entry_by_target")]
        constraints = [
            models.CheckConstraint(condition=Q(index__gte=0), name="ledger_entry_index_counts_up"),
            models.CheckConstraint(
                condition=Exact(octets("leaf_hash"), 32), name="ledger_entry_leaf_is_a_hash"
            ),
            models.CheckConstraint(
                condition=Range(octets("body"), (1, LARGEST_BODY)),
                name="ledger_entry_body_fits_an_entry",
            ),
        ]

    def __str__(self) -> str:
        return f"Entry {self.index}"


class Tile(models.Model):
    """256 neighbouring hashes of one level, as C2SP's tlog-tiles cuts them. Full ones only.

    Hash ``i`` of tile ``n`` at level ``l`` is the root of the ``256**l`` entries from
    ``(256 * n + i) * 256**l`` on.
    """

    PERSONAL: ClassVar[set[str]] = set()
    RETAINED: ClassVar = {"id", "level", "n", "hashes"}

    level = models.PositiveSmallIntegerField()
    n = models.BigIntegerField()
    hashes = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["level", "n"], name="ledger_tile_is_written_once"),
            models.CheckConstraint(
                condition=Q(level__lte=63, n__gte=0), name="ledger_tile_has_a_place"
            ),
            models.CheckConstraint(
                condition=Exact(octets("hashes"), 8192), name="ledger_tile_is_full"
            ),
        ]

    def __str__(self) -> str:
        return f"Tile {self.level}/{self.n}"


class TreeHead(models.Model):
    """A signed statement of the log's size and root; ``note`` holds the bytes that were signed."""

    PERSONAL: ClassVar[set[str]] = set()
    RETAINED: ClassVar = {"size", "root", "note", "signed_at"}

    size = models.BigIntegerField(primary_key=True)
    root = models.BinaryField()
    note = models.TextField()
    signed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(size__gte=1), name="ledger_head_is_of_something"),
            models.CheckConstraint(
                condition=Exact(octets("root"), 32), name="ledger_head_root_is_a_hash"
            ),
        ]

    def __str__(self) -> str:
        return f"Tree head of size {self.size}"


class HeadTimestamp(models.Model):
    """An authority's word that a tree head was there at a time: RFC 3161, over the head's note.

    ``token`` is the whole response, which holds the time too; ``stamped_at`` repeats it.
    """

    PERSONAL: ClassVar[set[str]] = set()
    RETAINED: ClassVar = {"head", "token", "stamped_at", "made_at"}

    # No constraint: it would have TRUNCATE refused by PostgreSQL's own words instead of the guard,
    # and rows of the log are never deleted. ``verify`` looks for each head.
    head = models.OneToOneField(
        TreeHead, models.DO_NOTHING, primary_key=True, db_constraint=False, related_name="timestamp"
    )
    token = models.BinaryField()
    stamped_at = models.DateTimeField()
    made_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Range(octets("token"), (1, LARGEST_TOKEN)),
                name="ledger_timestamp_token_is_one",
            ),
        ]

    def __str__(self) -> str:
        return f"Timestamp of the tree head of size {self.head_id}"
