"""Hashes of any part of the log, from tiles where they are full and from entries at the right edge.

What is read is O(log n) hashes a tile deep: at most one tile's width of rows on each level.
"""

from ledger.models import Entry, Tile
from verifier import merkle
from verifier.merkle import CompactRange

HEIGHT = 8
WIDTH = 1 << HEIGHT


class EntriesMissing(LookupError):
    """The log does not hold what its size says it holds."""


def compact_range(size: int) -> CompactRange:
    """The tree of the first ``size`` entries, ready to grow."""
    return CompactRange(size, [_perfect(*each) for each in merkle.perfect_subtrees(0, size)])


def root_at(size: int) -> bytes:
    """The root that the log had at ``size`` entries. Raises EntriesMissing if it is shorter."""
    return compact_range(size).root()


def subtree(start: int, end: int) -> bytes:
    """The hash over entries ``[start, end)``; one of RFC 6962's subtrees."""
    parts = merkle.perfect_subtrees(start, end)
    return CompactRange(end - start, [_perfect(*each) for each in parts]).root()


def write_full(before: int, after: int) -> None:
    """Store every tile that became full as the log grew from ``before`` to ``after`` entries."""
    level, step = 0, WIDTH
    while step <= after:
        first, last = before // step, after // step
        # One at a time: a level's tiles are made of the level below, which is stored by now.
        for n in range(first, last):
            Tile.objects.create(level=level, n=n, hashes=b"".join(nodes(level, n * WIDTH, WIDTH)))
        level, step = level + 1, step * WIDTH


def nodes(level: int, start: int, count: int) -> list[bytes]:
    """Neighbouring hashes of one level, all within one tile: each is the root of a tile below.

    Raises EntriesMissing if the log does not go as far.
    """
    n, offset = divmod(start, WIDTH)
    stored = Tile.objects.filter(level=level, n=n).values_list("hashes", flat=True).first()
    if stored is not None:
        return _cut(stored)[offset : offset + count]
    stop = start + count
    if level == 0:
        rows = Entry.objects.filter(index__gte=start, index__lt=stop).order_by("index")
        found = [bytes(leaf) for leaf in rows.values_list("leaf_hash", flat=True)]
    else:
        below = Tile.objects.filter(level=level - 1, n__gte=start, n__lt=stop).order_by("n")
        found = [merkle.root_of(_cut(each)) for each in below.values_list("hashes", flat=True)]
    if len(found) != count:
        raise EntriesMissing(f"level {level}: {len(found)} of {count} hashes from {start} on")
    return found


def _perfect(start: int, height: int) -> bytes:
    """The root of the ``2**height`` entries from ``start`` on."""
    level, above = divmod(height, HEIGHT)
    return merkle.root_of(nodes(level, start >> (HEIGHT * level), 1 << above))


def _cut(hashes: bytes | memoryview) -> list[bytes]:
    raw = bytes(hashes)
    return [raw[at : at + merkle.SIZE] for at in range(0, len(raw), merkle.SIZE)]
