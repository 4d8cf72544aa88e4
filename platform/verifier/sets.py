"""A set of keys with values, its root, and its proofs: what csmt verifies is made here.

Kept as flat bytes, not as a tree of objects: the rows in the order of their keys, and one hash for
each pair of neighbours. 96 octets a key, in memory; 64 in a file, from which the rest is rebuilt.
Pure over bytes: opens no file, knows no database.
"""

from bisect import bisect_left
from collections.abc import Iterable
from hashlib import sha256
from typing import Final, Self

from verifier.csmt import DEPTH, EMPTY, Ends, Proof
from verifier.merkle import SIZE, node_hash

ROW: Final = 2 * SIZE
MAGIC: Final = b"expunge/set/v1\x00\x00"
HEADER: Final = len(MAGIC) + 8


class BadSet(ValueError):
    """Rows are no set: not of 64 octets, not in order, or a key twice; or a file is malformed."""


class CommittedSet:
    """Keys with values, immutable, under one root.

    Keys must be uniformly distributed (HMAC outputs): chosen ones could share long prefixes, and
    every shared bit is one more hash in a proof and in the building.

    Args:
        rows: 64 octets each, key and value, strictly ascending by key.

    Raises:
        BadSet: the rows are anything else.
    """

    def __init__(self, rows: bytes) -> None:
        if len(rows) % ROW:
            raise BadSet(f"a row has {ROW} octets, and {len(rows)} are no multiple of it")
        self._rows = rows
        self._branches = _branches(rows)
        self.root = self._subtree(0, len(self), 0)

    @classmethod
    def of(cls, items: Iterable[tuple[bytes, bytes]]) -> Self:
        """The set of these keys and values, 32 octets each, in any order.

        Raises:
            BadSet: one is not 32 octets, or a key comes twice, even with the same value: how often
                a record was there is part of its value.
        """
        rows = []
        for key, value in items:
            if len(key) != SIZE or len(value) != SIZE:
                raise BadSet(f"a key or a value is not {SIZE} octets")
            rows.append(key + value)
        rows.sort()
        return cls(b"".join(rows))

    @classmethod
    def decode(cls, raw: bytes) -> Self:
        """Rebuild a set from its file. Compare the root with the one you hold.

        Raises:
            BadSet: it is not exactly what ``encode`` would write.
        """
        if raw[: len(MAGIC)] != MAGIC or len(raw) < HEADER:
            raise BadSet("set file: does not begin like one")
        count = int.from_bytes(raw[len(MAGIC) : HEADER], "big")
        if len(raw) != HEADER + ROW * count:
            raise BadSet(f"set file: {len(raw)} octets, not those of {count} rows")
        return cls(raw[HEADER:])

    def encode(self) -> bytes:
        """The set as a file: 16 octets of magic, the count in 8, big-endian, and the rows."""
        return MAGIC + len(self).to_bytes(8, "big") + self._rows

    def __len__(self) -> int:
        return len(self._rows) // ROW

    def __contains__(self, key: bytes) -> bool:
        return self.get(key) is not None

    def keys(self) -> list[bytes]:
        """Every key, ascending."""
        return [self._key(at) for at in range(len(self))]

    def get(self, key: bytes) -> bytes | None:
        """The value of a key, 32 octets; None if the set does not hold it."""
        at = bisect_left(range(len(self)), key, key=self._key)
        row = self._row(at)
        return row[SIZE:] if row[:SIZE] == key else None

    def prove(self, key: bytes) -> bytes:
        """The encoded proof that the key is here, or that it is not, whichever is true.

        Takes O(log n) hashes and O(log² n) comparisons for keys that are uniformly distributed.

        Raises:
            BadSet: the key is not 32 octets.
        """
        if len(key) != SIZE:
            raise BadSet(f"a key is not {SIZE} octets")
        number = int.from_bytes(key, "big")
        low, high = 0, len(self)
        siblings: list[bytes] = []
        while high - low > 1:
            depth = len(siblings)
            middle = self._middle(low, high, depth)
            if number >> (DEPTH - 1 - depth) & 1:
                siblings.append(self._subtree(low, middle, depth + 1))
                low = middle
            else:
                siblings.append(self._subtree(middle, high, depth + 1))
                high = middle
        row = self._row(low) if low < high else b""
        if not row:
            return Proof(Ends.NOTHING, siblings).encode()
        if row[:SIZE] == key:
            return Proof(Ends.ITSELF, siblings).encode()
        return Proof(Ends.OTHER, siblings, row).encode()

    def _row(self, at: int) -> bytes:
        return self._rows[ROW * at : ROW * (at + 1)]

    def _key(self, at: int) -> bytes:
        return self._rows[ROW * at : ROW * at + SIZE]

    def _number(self, at: int) -> int:
        return int.from_bytes(self._key(at), "big")

    def _middle(self, low: int, high: int, depth: int) -> int:
        """The first of the rows ``[low, high)``, alike up to ``depth``, whose next bit is 1."""
        below = DEPTH - 1 - depth
        first = (self._number(low) >> below | 1) << below
        return bisect_left(range(high), first.to_bytes(SIZE, "big"), low, high, key=self._key)

    def _subtree(self, low: int, high: int, depth: int) -> bytes:
        """The hash of the node at ``depth`` under which are the rows ``[low, high)``."""
        if low == high:
            return EMPTY
        if high - low == 1:
            return sha256(b"\x00" + self._row(low)).digest()
        number = self._number(low)
        fork = DEPTH - (number ^ self._number(high - 1)).bit_length()
        at = SIZE * (self._middle(low, high, fork) - 1)
        return _lifted(bytes(self._branches[at : at + SIZE]), number, fork, depth)


def _branches(rows: bytes) -> bytearray:
    """The hash of the node that parts each row from the next one: 32 octets a pair.

    Neighbours part at the first bit in which they differ, and each branching node of the trie
    parts exactly one pair. One pass, with at most 256 branches open at a time.
    """
    count = len(rows) // ROW
    found = bytearray(SIZE * max(count - 1, 0))
    # The left half of every branch that still waits for its right half: depth, pair and hash.
    waiting: list[tuple[int, int, bytes]] = []
    number = int.from_bytes(rows[:SIZE], "big")
    following = number
    for index in range(count):
        start = ROW * index
        hash_ = sha256(b"\x00" + rows[start : start + ROW]).digest()
        # A leaf stands right below the deeper of the two branches beside it.
        depth = 0
        shared = -1
        if index + 1 < count:
            following = int.from_bytes(rows[start + ROW : start + ROW + SIZE], "big")
            if following <= number:
                raise BadSet(f"row {index + 1} is not above the one before it")
            shared = DEPTH - (number ^ following).bit_length()
        while waiting and waiting[-1][0] > shared:
            fork, pair, left = waiting.pop()
            if depth > fork + 1:
                hash_ = _lifted(hash_, number, depth, fork + 1)
            hash_ = sha256(b"\x01" + left + hash_).digest()
            found[SIZE * pair : SIZE * (pair + 1)] = hash_
            depth = fork
        if depth > shared + 1:
            hash_ = _lifted(hash_, number, depth, shared + 1)
        waiting.append((shared, index, hash_))
        number = following
    return found


def _lifted(hash_: bytes, number: int, below: int, above: int) -> bytes:
    """The node at depth ``above``, if on the key's way down to ``below`` nothing branches."""
    for depth in range(below - 1, above - 1, -1):
        if number >> (DEPTH - 1 - depth) & 1:
            hash_ = node_hash(EMPTY, hash_)
        else:
            hash_ = node_hash(hash_, EMPTY)
    return hash_
