"""Committed sets by their definition, and by every way to show what is not so."""

import hashlib
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier import csmt
from verifier.csmt import EMPTY, Ends, Proof
from verifier.merkle import NotProven
from verifier.sets import CommittedSet

KEYS = st.binary(min_size=32, max_size=32)
# Keys that begin alike as well, for paths that are longer than chance makes them.
ALIKE = st.builds(
    lambda head, tail: bytes(32 - len(tail)) + tail if head else tail.ljust(32, b"\0"),
    st.booleans(),
    st.binary(min_size=1, max_size=3),
)
SETS = st.dictionaries(KEYS | ALIKE, KEYS, max_size=40)


def turned(octets: bytes, bit: int) -> bytes:
    """The octets, with one bit of them turned."""
    size = len(octets)
    return (int.from_bytes(octets, "big") ^ 1 << (8 * size - 1 - bit)).to_bytes(size, "big")


@pytest.fixture(scope="module")
def hundred():
    keys = [hashlib.sha256(bytes([each])).digest() for each in range(100)]
    return CommittedSet.of((key, hashlib.sha256(key).digest()) for key in keys)


def proof_of(*, ends, siblings=(), other=b"") -> bytes:
    return Proof(ends, siblings, other).encode()


def test_the_three_kinds_of_hash_are_apart():
    """Otherwise an inner node could be shown as a leaf, or a leaf as nothing."""
    a, b = b"a" * 32, b"b" * 32

    assert hashlib.sha256(b"\x02empty").digest() == EMPTY
    assert csmt.leaf_hash(a, b) == hashlib.sha256(b"\x00" + a + b).digest()
    assert csmt.node_hash(a, b) == hashlib.sha256(b"\x01" + a + b).digest()


def test_value_is_pinned():
    """Changing this hash changes every root: it needs a new version, not a new expectation."""
    record = UUID("00112233-4455-4677-8899-aabbccddeeff")
    octets = bytes.fromhex("00112233445546778899aabbccddeeff0000000300000002")

    value = csmt.value_of(record, shard=3, multiplicity=2)

    assert value == hashlib.sha256(b"expunge/val/v1" + octets).digest()
    assert value.hex() == "6efc8a81a31ce5ad65a37b9e619630239344aefd3f6a37bda686b45cea8873eb"


@pytest.mark.parametrize(
    "numbers",
    [
        {"shard": -1, "multiplicity": 1},
        {"shard": 2**32, "multiplicity": 1},
        {"shard": 0, "multiplicity": 0},
        {"shard": 0, "multiplicity": 2**32},
        {"shard": True, "multiplicity": 1},
        {"shard": 0, "multiplicity": 1.0},
    ],
)
def test_no_value_says_an_impossible_number(numbers):
    with pytest.raises(ValueError, match="is not a whole number"):
        csmt.value_of(UUID(int=0), **numbers)


@given(items=SETS, asked=KEYS | ALIKE, value=KEYS, data=st.data())
def test_no_key_is_both_present_and_absent(items, asked, value, data):
    tree = CommittedSet.of(items.items())
    key = data.draw(st.sampled_from([asked, *items]))
    proof = tree.prove(key)

    if key in items:
        csmt.verify_present(root=tree.root, key=key, value=items[key], proof=proof)
        with pytest.raises(NotProven):
            csmt.verify_absent(root=tree.root, key=key, proof=proof)
    else:
        csmt.verify_absent(root=tree.root, key=key, proof=proof)
        with pytest.raises(NotProven):
            csmt.verify_present(root=tree.root, key=key, value=value, proof=proof)


@given(items=SETS, key=KEYS | ALIKE, data=st.data())
def test_no_byte_of_a_proof_can_be_changed(items, key, data):
    tree = CommittedSet.of(items.items())
    proof = bytearray(tree.prove(key))
    at = data.draw(st.integers(0, len(proof) - 1))

    proof[at] ^= data.draw(st.integers(1, 255))

    with pytest.raises(NotProven):
        csmt.verify_absent(root=tree.root, key=key, proof=bytes(proof))
    with pytest.raises(NotProven):
        csmt.verify_present(
            root=tree.root, key=key, value=items.get(key, bytes(32)), proof=bytes(proof)
        )


@given(items=SETS.filter(bool), data=st.data(), bit=st.integers(0, 255))
def test_a_presence_holds_for_no_other_key_value_or_root(items, data, bit):
    tree = CommittedSet.of(items.items())
    key = data.draw(st.sampled_from(sorted(items)))
    honest = {"root": tree.root, "key": key, "value": items[key]}
    proof = tree.prove(key)

    for name in honest:
        with pytest.raises(NotProven):
            csmt.verify_present(**{**honest, name: turned(honest[name], bit)}, proof=proof)


@given(items=SETS, key=KEYS, bit=st.integers(0, 255))
def test_an_absence_holds_for_no_other_root(items, key, bit):
    tree = CommittedSet.of(items.items())

    with pytest.raises(NotProven):
        csmt.verify_absent(root=turned(tree.root, bit), key=key, proof=tree.prove(key))


@given(raw=st.binary(max_size=200) | st.binary(max_size=100).map(lambda tail: b"\x01\x01" + tail))
def test_what_can_be_read_is_written_the_same_way(raw):
    try:
        proof = Proof.decode(raw)
    except NotProven:
        return
    assert proof.encode() == raw


@given(items=SETS, key=KEYS | ALIKE)
def test_a_proof_is_read_as_it_was_written(items, key):
    proof = CommittedSet.of(items.items()).prove(key)

    assert Proof.decode(proof).encode() == proof
    assert csmt.from_text(csmt.to_text(proof)) == proof


def test_the_terminal_is_never_the_target(hundred):
    """zk-kit 417: whoever may name the key's own leaf can show every key absent."""
    key = hundred.encode()[24:56]
    here = Proof.decode(hundred.prove(key))
    forged = replace(here, ends=Ends.OTHER, other=key + hundred.get(key))

    with pytest.raises(NotProven, match=r"^claim: the other leaf is the key's own"):
        csmt.verify_absent(root=hundred.root, key=key, proof=forged.encode())


def test_a_presence_is_refused_as_an_absence_for_what_it_is(hundred):
    key = hundred.encode()[24:56]

    with pytest.raises(NotProven, match=r"^claim: the path ends at the key"):
        csmt.verify_absent(root=hundred.root, key=key, proof=hundred.prove(key))


def test_a_leaf_where_its_key_does_not_lead_shows_nothing():
    """A builder can put any leaf anywhere; the key's own leaf would stand there."""
    hidden, value = b"\x00" * 32, b"v" * 32
    stray, beside = b"\xff" * 32, csmt.leaf_hash(b"\x80" * 32, value)
    root = csmt.node_hash(csmt.leaf_hash(stray, value), beside)
    forged = proof_of(ends=Ends.OTHER, siblings=[beside], other=stray + value)

    with pytest.raises(NotProven, match=r"^claim: the other leaf is not on the key's path"):
        csmt.verify_absent(root=root, key=hidden, proof=forged)


@pytest.mark.parametrize("bit", [0, 1, 7, 8, 100, 254, 255])
def test_every_bit_of_the_prefix_counts(bit):
    """All bits above the leaf must be the key's, the last of 256 too."""
    key, value = b"\x5a" * 32, b"v" * 32
    other = turned(key, bit)
    siblings = [hashlib.sha256(bytes([each])).digest() for each in range(bit + 1)]
    hash_ = csmt.leaf_hash(other, value)
    for depth in range(bit, -1, -1):
        one = key[depth // 8] >> (7 - depth % 8) & 1
        pair = (siblings[depth], hash_) if one else (hash_, siblings[depth])
        hash_ = csmt.node_hash(*pair)
    forged = proof_of(ends=Ends.OTHER, siblings=siblings, other=other + value)

    with pytest.raises(NotProven, match="not on the key's path"):
        csmt.verify_absent(root=hash_, key=key, proof=forged)


def test_a_set_has_one_tree():
    """A leaf below which the tree goes on would give the same set another root."""
    with pytest.raises(NotProven, match="goes on where nothing branches"):
        Proof(Ends.ITSELF, [EMPTY])
    with pytest.raises(NotProven, match="goes on where nothing branches"):
        Proof(Ends.NOTHING, [bytes(32), EMPTY])


def test_no_path_is_made_that_no_tree_has():
    with pytest.raises(NotProven, match="more than 256"):
        Proof(Ends.ITSELF, [bytes(32)] * 257)
    with pytest.raises(NotProven, match="not 32 octets"):
        Proof(Ends.ITSELF, [bytes(31)])
    with pytest.raises(NotProven, match="other leaf"):
        Proof(Ends.OTHER, [], bytes(63))
    with pytest.raises(NotProven, match="other leaf"):
        Proof(Ends.NOTHING, [], bytes(64))


@pytest.mark.parametrize("claim", [b"", bytes(31), bytes(33), bytearray(32), "0" * 32, None])
def test_a_claim_has_32_octets(hundred, claim):
    honest = {"root": hundred.root, "key": bytes(32), "value": bytes(32)}

    for name in honest:
        with pytest.raises(NotProven, match=f"^claim: the {name} is not 32 octets"):
            csmt.verify_present(**{**honest, name: claim}, proof=b"")
    with pytest.raises(NotProven, match=r"^claim: the key is not"):
        csmt.verify_absent(root=hundred.root, key=claim, proof=b"")


@pytest.mark.parametrize("raw", [None, "AQAAAA==", bytearray(b"\x01\0\0\0")])
def test_a_proof_is_octets(raw):
    with pytest.raises(NotProven, match=r"^encoding: not a proof"):
        csmt.verify_absent(root=EMPTY, key=bytes(32), proof=raw)
