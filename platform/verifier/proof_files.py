"""Proofs of many keys in one file: that a set lacks all of them, or had some of them."""

from collections.abc import Iterator, Sequence
from typing import Final

from verifier.merkle import SIZE
from verifier.sets import CommittedSet

LENGTH: Final = 2
NUMBER: Final = 4


class BadProofs(ValueError):
    """A file of proofs is malformed, or has another number of them."""


def absent(held: CommittedSet, keys: Sequence[bytes]) -> bytes:
    """For each key in order: the proof's length, in 2 octets, and the proof from the set."""
    return b"".join(_framed(held.prove(key)) for key in keys)


def present(held: CommittedSet, keys: Sequence[bytes]) -> bytes:
    """For each key that is there, in order: its number in 4 octets, its value, and the proof."""
    found = []
    for number, key in enumerate(keys):
        value = held.get(key)
        if value is not None:
            found += [number.to_bytes(NUMBER, "big"), value, _framed(held.prove(key))]
    return b"".join(found)


def read_absent(raw: bytes, count: int) -> Iterator[bytes]:
    """The proofs of ``count`` keys, in order.

    Raises:
        BadProofs: the file has fewer of them, or more octets.
    """
    at = 0
    for _ in range(count):
        proof, at = _proof(raw, at)
        yield proof
    if at != len(raw):
        raise BadProofs("proofs: more than there are keys")


def read_present(raw: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Number, value and proof of each key, by ascending number.

    Raises:
        BadProofs: the file ends within one, or the numbers do not ascend.
    """
    at, last = 0, -1
    while at < len(raw):
        start = at + NUMBER + SIZE
        number, value = int.from_bytes(raw[at : at + NUMBER], "big"), raw[at + NUMBER : start]
        proof, at = _proof(raw, start)
        if number <= last:
            raise BadProofs("proofs: not in the order of the keys")
        last = number
        yield number, value, proof


def _framed(proof: bytes) -> bytes:
    return len(proof).to_bytes(LENGTH, "big") + proof


def _proof(raw: bytes, at: int) -> tuple[bytes, int]:
    start = at + LENGTH
    end = start + int.from_bytes(raw[at:start], "big")
    if start > len(raw) or end > len(raw):
        raise BadProofs("proofs: ends within one")
    return raw[start:end], end
