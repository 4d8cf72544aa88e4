"""Hashes of any part of the log, from tiles where they are full and from entries at the right edge.

What is read is O(log n) hashes a tile deep: at most one tile's width of rows on each level. Each
tile is read once a question, and the full ones by one query.
"""

from collections.abc import Collection, Mapping, Sequence
from itertools import chain
from typing import Any

from django.db import connection

from ledger.models import Tile
from verifier import merkle
from verifier.merkle import CompactRange

# A tile's level and its number there.
Place = tuple[int, int]

HEIGHT = 8
WIDTH = 1 << HEIGHT

# Rows of these tiles, as level, number and octets.
FULL = """
SELECT level, n, hashes FROM ledger_tile
WHERE (level, n) IN (SELECT * FROM unnest(%s::int[], %s::bigint[]))
"""
# The tiles that a tile of the level above is made of. Not their 8 kB each, but who wrote the row
# and where it lies: whoever rewrites a tile leaves another version of the row.
BELOW = """
SELECT ledger_tile.level, ledger_tile.n, concat(ledger_tile.xmin, ledger_tile.ctid)
FROM unnest(%s::int[], %s::bigint[]) AS above (level, n)
JOIN ledger_tile ON ledger_tile.level = above.level
    AND ledger_tile.n BETWEEN 256 * above.n AND 256 * above.n + 255
"""
# By database, place and version of the row. Some 300 octets each: the edges of many sizes.
Version = tuple[str, Place, str]
remembered: dict[Version, bytes] = {}
MOST = 8192


# Not by the ORM, which takes longer over 255 rows than PostgreSQL.
LEAVES = "SELECT index, leaf_hash FROM ledger_entry WHERE index >= %s AND index < %s"


class EntriesMissing(LookupError):
    """The log does not hold what its size says it holds."""


def compact_range(size: int) -> CompactRange:
    """The tree of the first ``size`` entries, ready to grow."""
    return CompactRange(size, _roots(merkle.perfect_subtrees(0, size)))


def root_at(size: int) -> bytes:
    """The root that the log had at ``size`` entries. Raises EntriesMissing if it is shorter."""
    return compact_range(size).root()


def subtree(start: int, end: int) -> bytes:
    """The hash over entries ``[start, end)``; one of RFC 6962's subtrees."""
    return subtrees([(start, end)])[0]


def subtrees(path: Sequence[tuple[int, int]]) -> list[bytes]:
    """The hash over each ``[start, end)`` of a proof's path, in its order."""
    cut = [merkle.perfect_subtrees(start, end) for start, end in path]
    roots = iter(_roots([*chain(*cut)]))
    return [
        CompactRange(end - start, [next(roots) for _ in parts]).root()
        for (start, end), parts in zip(path, cut, strict=True)
    ]


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
    place = (level, start // WIDTH)
    return _nodes(_read({place}), level, start, count)


def _roots(parts: Sequence[tuple[int, int]]) -> list[bytes]:
    """The root of the ``2**height`` entries from ``start`` on, for each start and height."""
    wanted = []
    for start, height in parts:
        level, above = divmod(height, HEIGHT)
        wanted.append((level, start >> (HEIGHT * level), 1 << above))
    read = _read({(level, first // WIDTH) for level, first, _ in wanted})
    return [_perfect(_nodes(read, *each)) for each in wanted]


def _nodes(read: dict[Place, list[bytes]], level: int, start: int, count: int) -> list[bytes]:
    n, offset = divmod(start, WIDTH)
    found = read[level, n][offset : offset + count]
    if len(found) != count:
        raise EntriesMissing(f"level {level}: {len(found)} of {count} hashes from {start} on")
    return found


def _read(places: Collection[Place]) -> dict[Place, list[bytes]]:
    """The hashes of each of these tiles, as far as the log goes."""
    found = _rows(FULL, places)
    read = {(level, n): _cut(hashes) for level, n, hashes in found}
    edges = [place for place in places if place not in read]
    below = _rows(BELOW, [(level - 1, n) for level, n in edges if level])
    roots = _tile_roots({(level, n): str(version) for level, n, version in below})
    for level, n in edges:
        read[level, n] = _leaves(n) if level == 0 else _unbroken(roots, level - 1, n)
    return read


def _leaves(n: int) -> list[bytes]:
    """The entries' hashes that a tile of level 0 is being filled with."""
    first = n * WIDTH
    with connection.cursor() as cursor:
        cursor.execute(LEAVES, [first, first + WIDTH])
        found = {(0, index): leaf for index, leaf in cursor.fetchall()}
    return _unbroken(found, 0, n)


def _unbroken(found: Mapping[Place, bytes], level: int, n: int) -> list[bytes]:
    """What is there below a tile, from its first on and up to the first that is missing."""
    below = []
    for each in range(n * WIDTH, (n + 1) * WIDTH):
        if (level, each) not in found:
            break
        below.append(found[level, each])
    return below


def _tile_roots(versions: Mapping[Place, str]) -> dict[Place, bytes]:
    """The roots over full tiles, each of this version of its row.

    Every proof and every batch needs those along the right edge, up to 255 a level: so they are
    remembered. A tile that somebody rewrites is another version, and is read and hashed anew.
    """
    if len(remembered) > MOST:
        remembered.clear()
    database = str(connection.settings_dict["NAME"])
    keys = {place: (database, place, version) for place, version in versions.items()}
    unknown = [place for place, key in keys.items() if key not in remembered]
    for level, n, hashes in _rows(FULL, unknown):
        remembered[keys[level, n]] = _perfect(_cut(hashes))
    return {place: remembered[key] for place, key in keys.items() if key in remembered}


def _rows(query: str, places: Collection[Place]) -> list[tuple[int, int, Any]]:
    if not places:
        return []
    with connection.cursor() as cursor:
        cursor.execute(query, [[level for level, _ in places], [n for _, n in places]])
        rows: list[tuple[int, int, Any]] = cursor.fetchall()
    return rows


def _perfect(row: list[bytes]) -> bytes:
    """The root over as many hashes as a power of two: row by row, faster than leaf by leaf."""
    while len(row) > 1:
        row = [merkle.node_hash(*pair) for pair in zip(row[::2], row[1::2], strict=True)]
    return row[0]


def _cut(hashes: bytes | memoryview) -> list[bytes]:
    raw = bytes(hashes)
    return [raw[at : at + merkle.SIZE] for at in range(0, len(raw), merkle.SIZE)]
