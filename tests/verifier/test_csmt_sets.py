"""Committed sets are built in one pass, as the recursive definition says, and read strictly."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier import csmt
from verifier.csmt import EMPTY
from verifier.sets import HEADER, MAGIC, BadSet, CommittedSet

KEYS = st.binary(min_size=32, max_size=32)
# Few bits that differ, anywhere in the key: chains of every length.
CHAINS = st.sets(st.integers(0, 255), max_size=3).map(
    lambda bits: sum(1 << bit for bit in bits).to_bytes(32, "big")
)
SETS = st.dictionaries(KEYS, KEYS, max_size=60) | st.dictionaries(CHAINS, KEYS, max_size=60)


def defined(rows: list[tuple[bytes, bytes]], depth: int = 0) -> bytes:
    """build(S, d), word for word."""
    if not rows:
        return hashlib.sha256(b"\x02empty").digest()
    if len(rows) == 1:
        return hashlib.sha256(b"\x00" + rows[0][0] + rows[0][1]).digest()
    halves = ([], [])
    for row in rows:
        halves[row[0][depth // 8] >> (7 - depth % 8) & 1].append(row)
    left, right = (defined(half, depth + 1) for half in halves)
    return hashlib.sha256(b"\x01" + left + right).digest()


def numbered(count: int) -> list[tuple[bytes, bytes]]:
    digests = [hashlib.sha256(each.to_bytes(4, "big")).digest() for each in range(2 * count)]
    return list(zip(digests[:count], digests[count:], strict=True))


@given(items=SETS)
def test_the_root_is_that_of_the_definition(items):
    assert CommittedSet.of(items.items()).root == defined(list(items.items()))


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 255, 256, 257, 5_000])
def test_the_root_is_that_of_the_definition_at_every_size(count):
    rows = numbered(count)
    tree = CommittedSet.of(rows)

    assert len(tree) == count
    assert tree.root == defined(rows)


@given(items=SETS, missing=KEYS | CHAINS)
def test_every_key_is_proven_present_and_every_other_absent(items, missing):
    tree = CommittedSet.of(items.items())

    for key, value in items.items():
        assert tree.get(key) == value
        csmt.verify_present(root=tree.root, key=key, value=value, proof=tree.prove(key))
    if missing not in items:
        assert tree.get(missing) is None
        csmt.verify_absent(root=tree.root, key=missing, proof=tree.prove(missing))


def test_an_empty_set_holds_nothing():
    tree = CommittedSet.of([])

    assert tree.root == EMPTY
    assert tree.get(bytes(32)) is None
    csmt.verify_absent(root=EMPTY, key=bytes(32), proof=tree.prove(bytes(32)))


def test_keys_that_differ_in_the_last_bit_have_a_path_of_256_steps():
    even, odd = bytes(32), bytes(31) + b"\x01"
    tree = CommittedSet.of([(odd, bytes(32)), (even, bytes(32))])

    proof = tree.prove(even)

    assert len(csmt.Proof.decode(proof).siblings) == 256
    csmt.verify_present(root=tree.root, key=even, value=bytes(32), proof=proof)


def test_a_proof_from_a_large_set_fits_in_a_kilobyte():
    rows = numbered(50_000)
    tree = CommittedSet.of(rows)
    asked = [hashlib.sha256(key).digest() for key, _ in rows[:2_000]]

    present = [tree.prove(key) for key, _ in rows[:2_000]]
    absent = [tree.prove(key) for key in asked]

    assert max(map(len, [*present, *absent])) <= 1_000


def test_the_order_in_which_items_come_is_not_committed():
    rows = numbered(100)

    assert CommittedSet.of(rows).root == CommittedSet.of(rows[::-1]).root


@pytest.mark.parametrize("again", [0, 1])
def test_a_key_comes_once(again):
    """With the same value, too: how often a record was there is part of its value."""
    rows = numbered(5)

    with pytest.raises(BadSet, match="is not above the one before it"):
        CommittedSet.of([*rows, (rows[2][0], rows[2 + again][1])])


def test_rows_out_of_order_are_no_set():
    (a, b), (c, d) = sorted(numbered(2))

    with pytest.raises(BadSet, match="row 1 is not above"):
        CommittedSet(c + d + a + b)


def test_keys_and_values_have_32_octets():
    with pytest.raises(BadSet, match="64 octets"):
        CommittedSet(bytes(65))
    for key, value in [(bytes(31), bytes(33)), (bytes(33), bytes(31)), (b"", bytes(64))]:
        with pytest.raises(BadSet, match="not 32 octets"):
            CommittedSet.of([(key, value)])
    with pytest.raises(BadSet, match="not 32 octets"):
        CommittedSet.of(numbered(3)).prove(bytes(31))


@given(items=SETS)
def test_a_set_is_read_as_it_was_written(items):
    tree = CommittedSet.of(items.items())
    again = CommittedSet.decode(tree.encode())

    assert (again.root, len(again)) == (tree.root, len(tree))
    assert again.encode() == tree.encode()


@given(items=SETS, data=st.data())
def test_no_byte_of_a_set_file_can_be_changed(items, data):
    """It's no set any more, or it has another root."""
    tree = CommittedSet.of(items.items())
    raw = bytearray(tree.encode())
    at = data.draw(st.integers(0, len(raw) - 1))

    raw[at] ^= data.draw(st.integers(1, 255))

    try:
        other = CommittedSet.decode(bytes(raw))
    except BadSet:
        return
    assert other.root != tree.root


@pytest.mark.parametrize(
    "bend",
    [
        lambda raw: raw + b"\x00",
        lambda raw: raw + bytes(64),
        lambda raw: raw[:-1],
        lambda raw: raw[:-64],
        lambda raw: raw[: HEADER - 1],
        lambda raw: b"",
        lambda raw: MAGIC[:-1] + b"\x01" + raw[len(MAGIC) :],
    ],
)
def test_a_bent_set_file_is_refused(bend):
    raw = CommittedSet.of(numbered(3)).encode()

    with pytest.raises(BadSet, match=r"^set file: "):
        CommittedSet.decode(bend(raw))
