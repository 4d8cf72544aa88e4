"""Committed sets: proof that a key is, or is not, among those that an artefact was made from.

A compact sparse Merkle tree (CSMT v1): the binary trie of 32-octet keys in which a subtree without
keys is EMPTY and a subtree of one key is its leaf. Every prefix of a key names one node, so no
tree, honestly built or not, shows a key both present and absent. Pure functions over bytes;
docs/vectors says the same for other languages.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Self
from uuid import UUID

from verifier import spelling
from verifier.merkle import SIZE, NotProven, node_hash

EMPTY: Final = hashlib.sha256(b"\x02empty").digest()
DEPTH: Final = 8 * SIZE
VERSION: Final = 1
LARGEST_COUNT: Final = 2**32 - 1


class Ends(IntEnum):
    """What stands where the path of a key ends."""

    NOTHING = 0  # no key begins like this: the key is absent
    OTHER = 1  # the leaf of another key: the key is absent
    ITSELF = 2  # the key's own leaf: it is present


def leaf_hash(key: bytes, value: bytes) -> bytes:
    """``SHA-256(0x00 || key || value)``, both of 32 octets."""
    return hashlib.sha256(b"\x00" + key + value).digest()


def value_of(record: UUID, *, shard: int, multiplicity: int) -> bytes:
    """What a training set says of one record: which row it is, where, and how often.

    Returns:
        ``SHA-256("expunge/val/v1" || record, 16 octets || shard || multiplicity)``, 32 octets. The
        numbers are big-endian in 4 octets, so that no two inputs have the same bytes.

    Raises:
        ValueError: a number is out of range; a record that is in the set is in it at least once.
    """
    for name, number, least in (("shard", shard, 0), ("multiplicity", multiplicity, 1)):
        if type(number) is not int or not least <= number <= LARGEST_COUNT:
            raise ValueError(f"{name} is not a whole number from {least}: {number!r}")
    numbers = shard.to_bytes(4, "big") + multiplicity.to_bytes(4, "big")
    return hashlib.sha256(b"expunge/val/v1" + record.bytes + numbers).digest()


@dataclass(frozen=True, slots=True)
class Proof:
    """The path from the root to where a key is, or would be.

    It holds nothing that is claimed: key, value and root come from whoever checks it.

    Args:
        ends: what stands there.
        siblings: the hash beside each step, from the root downwards; at most 256 of 32 octets.
        other: key and value of the other leaf, 64 octets; empty unless the path ends at one.

    Raises:
        NotProven: no tree has such a path.
    """

    ends: Ends
    siblings: Sequence[bytes]
    other: bytes = b""

    def __post_init__(self) -> None:
        if len(self.siblings) > DEPTH:
            raise NotProven(f"encoding: {len(self.siblings)} siblings, more than {DEPTH}")
        if any(len(each) != SIZE for each in self.siblings):
            raise NotProven(f"encoding: a sibling is not {SIZE} octets")
        if len(self.other) != (2 * SIZE if self.ends is Ends.OTHER else 0):
            raise NotProven("encoding: the other leaf is missing, or not asked for")
        # A subtree of one key is its leaf and a subtree of none is EMPTY, so what the path ends
        # at has company; without this, one set would have several trees and several roots.
        if self.siblings and self.siblings[-1] == EMPTY:
            raise NotProven("encoding: the path goes on where nothing branches")

    def encode(self) -> bytes:
        """The one spelling of this proof.

        Version, ending and number of siblings (1, 1 and 2 octets); one bit for each sibling, first
        bit highest, that is 1 unless it is EMPTY, filled up with zeros; the siblings that are not
        EMPTY; the other leaf.
        """
        depth = len(self.siblings)
        bits = 0
        for each in self.siblings:
            bits = bits << 1 | (each != EMPTY)
        octets = (depth + 7) // 8
        return b"".join(
            [
                bytes([VERSION, self.ends]),
                depth.to_bytes(2, "big"),
                (bits << -depth % 8).to_bytes(octets, "big"),
                *(each for each in self.siblings if each != EMPTY),
                self.other,
            ]
        )

    @classmethod
    def decode(cls, raw: bytes) -> Self:
        """Read an encoded proof.

        Raises:
            NotProven: it is not exactly what ``encode`` would write.
        """
        if not isinstance(raw, bytes) or len(raw) < 4 or raw[0] != VERSION:
            raise NotProven(f"encoding: not a proof of version {VERSION}")
        if raw[1] > Ends.ITSELF:
            raise NotProven(f"encoding: no path ends in {raw[1]}")
        ends, depth = Ends(raw[1]), int.from_bytes(raw[2:4], "big")
        if depth > DEPTH:
            raise NotProven(f"encoding: {depth} siblings, more than {DEPTH}")
        at = 4 + (depth + 7) // 8
        bits, spare = int.from_bytes(raw[4:at], "big"), -depth % 8
        if bits & ((1 << spare) - 1):
            raise NotProven("encoding: a bit is set beyond the last sibling")
        bits >>= spare
        length = at + SIZE * bits.bit_count() + (2 * SIZE if ends is Ends.OTHER else 0)
        if len(raw) != length:
            raise NotProven(f"encoding: {len(raw)} octets, not {length}")
        siblings = []
        for place in range(depth - 1, -1, -1):
            if not bits >> place & 1:
                siblings.append(EMPTY)
                continue
            siblings.append(raw[at : at + SIZE])
            at += SIZE
            if siblings[-1] == EMPTY:
                raise NotProven("encoding: EMPTY is spelt out")
        return cls(ends, tuple(siblings), raw[at:])


def to_text(proof: bytes) -> str:
    """An encoded proof as JSON carries it: standard base64 with padding."""
    return spelling.encode(proof)


def from_text(text: str) -> bytes:
    """Read base64, in the one spelling that encoding gives.

    Raises:
        NotProven: it is another spelling, or none.
    """
    try:
        return spelling.decode(text)
    except ValueError as bad:
        raise NotProven(f"text: {bad}") from None


def verify_present(*, root: bytes, key: bytes, value: bytes, proof: bytes) -> None:
    """Raise NotProven unless the set of this root holds the key, with this value.

    The first word of the message says what failed: ``claim``, ``encoding`` or ``root``.
    """
    _check_claim(root=root, key=key, value=value)
    path = Proof.decode(proof)
    if path.ends is not Ends.ITSELF:
        raise NotProven("claim: the path does not end at the key")
    _check_root(root, key, leaf_hash(key, value), path)


def verify_absent(*, root: bytes, key: bytes, proof: bytes) -> None:
    """Raise NotProven unless the set of this root does not hold the key, with whatever value.

    The first word of the message says what failed: ``claim``, ``encoding`` or ``root``.
    """
    _check_claim(root=root, key=key)
    path = Proof.decode(proof)
    if path.ends is Ends.ITSELF:
        raise NotProven("claim: the path ends at the key")
    if path.ends is Ends.NOTHING:
        _check_root(root, key, EMPTY, path)
        return
    other, value = path.other[:SIZE], path.other[SIZE:]
    if other == key:
        raise NotProven("claim: the other leaf is the key's own")
    # A leaf off its path says nothing of what stands on it.
    differing = int.from_bytes(key, "big") ^ int.from_bytes(other, "big")
    if differing >> (DEPTH - len(path.siblings)):
        raise NotProven("claim: the other leaf is not on the key's path")
    _check_root(root, key, leaf_hash(other, value), path)


def _check_claim(**claims: bytes) -> None:
    for name, claim in claims.items():
        if not isinstance(claim, bytes) or len(claim) != SIZE:
            raise NotProven(f"claim: the {name} is not {SIZE} octets")


def _check_root(root: bytes, key: bytes, hash_: bytes, path: Proof) -> None:
    """Climb from the end of the path by the bits of the key, most significant first."""
    # Bit d of the key says on which side of its node at depth d the path goes on.
    bits = int.from_bytes(key, "big") >> (DEPTH - len(path.siblings))
    for sibling in reversed(path.siblings):
        hash_ = node_hash(sibling, hash_) if bits & 1 else node_hash(hash_, sibling)
        bits >>= 1
    if hash_ != root:
        raise NotProven("root: the path does not lead to it")
