"""RFC 6962 by its published vectors, by its recursive definition, and by every way to forge it."""

import hashlib
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier import merkle
from verifier.merkle import CompactRange, NotProven

# transparency-dev/merkle, proof/verify_test.go: eight entries, and the root after each.
ENTRIES = [
    bytes.fromhex(each)
    for each in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
LEAVES = [merkle.leaf_hash(each) for each in ENTRIES]
A = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
B = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
C = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
D = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
E = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
F = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
G = "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f"
INCLUSIONS = [
    (0, 1, []),
    (0, 8, [A, B, C]),
    (5, 8, [D, E, ROOTS[3]]),
    (2, 3, [ROOTS[1]]),
    (1, 5, [ROOTS[0], B, D]),
]
CONSISTENCIES = [
    (1, 1, []),
    (1, 8, [A, B, C]),
    (6, 8, [F, E, ROOTS[3]]),
    (2, 5, [B, D]),
    (6, 7, [F, G, ROOTS[3]]),
]


def unhex(proof: list[str]) -> list[bytes]:
    return [bytes.fromhex(each) for each in proof]


def leaves(size: int) -> list[bytes]:
    return [merkle.leaf_hash(str(each).encode()) for each in range(size)]


def defined(hashes: list[bytes]) -> bytes:
    """RFC 6962 section 2.1, word for word."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    return hashlib.sha256(b"\x01" + defined(hashes[:k]) + defined(hashes[k:])).digest()


@cache
def hundred() -> list[bytes]:
    return leaves(100)


def test_hashes_are_the_published_ones():
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert merkle.EMPTY.hex() == empty
    assert merkle.leaf_hash(b"").hex() == ROOTS[0]
    leaf = "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56"
    assert merkle.leaf_hash(b"L123456").hex() == leaf
    node = "aa217fe888e47007fa15edab33c2b492a722cb106c64667fc2b044444de66bbb"
    assert merkle.node_hash(b"N123", b"N456").hex() == node


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_the_published_ones(size):
    assert merkle.root_of(LEAVES[:size]).hex() == ROOTS[size - 1]


@pytest.mark.parametrize(("index", "size", "proof"), INCLUSIONS)
def test_inclusion_proofs_are_the_published_ones(index, size, proof):
    root = bytes.fromhex(ROOTS[size - 1])

    assert merkle.inclusion_proof(LEAVES[:size], index) == unhex(proof)
    merkle.verify_inclusion(
        leaf=LEAVES[index], index=index, size=size, proof=unhex(proof), root=root
    )


@pytest.mark.parametrize(("first", "second", "proof"), CONSISTENCIES)
def test_consistency_proofs_are_the_published_ones(first, second, proof):
    assert merkle.consistency_proof(LEAVES[:second], first) == unhex(proof)
    merkle.verify_consistency(
        first=first,
        second=second,
        proof=unhex(proof),
        first_root=bytes.fromhex(ROOTS[first - 1]),
        second_root=bytes.fromhex(ROOTS[second - 1]),
    )


@pytest.mark.parametrize("size", [0, 1, 2, 3, 7, 255, 256, 257, 511, 513, 65_535, 65_536, 65_537])
def test_a_tree_that_grows_has_the_root_of_the_definition(size):
    hashes = leaves(size)
    tree = CompactRange()

    for leaf in hashes:
        tree.append(leaf)

    assert tree.size == size
    assert tree.root() == defined(hashes)


@pytest.mark.parametrize("size", [0, 1, 5, 64, 99])
def test_a_tree_can_be_picked_up_where_it_was_left(size):
    parts = merkle.perfect_subtrees(0, size)
    tree = CompactRange(size, [merkle.root_of(hundred()[at : at + 2**h]) for at, h in parts])

    for leaf in hundred()[size:]:
        tree.append(leaf)

    assert tree.root() == defined(hundred())


def test_a_tree_cannot_be_picked_up_with_the_wrong_hashes():
    with pytest.raises(ValueError, match="2 perfect subtrees"):
        CompactRange(3, [merkle.EMPTY])
    with pytest.raises(ValueError, match="perfect subtrees"):
        CompactRange(1, [b"short"])
    with pytest.raises(ValueError, match="32 octets"):
        CompactRange().append(b"short")
    with pytest.raises(ValueError, match="not a subtree"):
        merkle.perfect_subtrees(1, 4)


def test_an_odd_leaf_is_not_doubled():
    """Otherwise two different logs share a root (CVE-2012-2459)."""
    one, two, three = hundred()[:3]

    assert merkle.root_of([one, two, three]) != merkle.root_of([one, two, three, three])


@given(size=st.integers(1, 100), data=st.data())
def test_every_proof_that_is_made_verifies(size, data):
    hashes = hundred()[:size]
    index = data.draw(st.integers(0, size - 1))

    merkle.verify_inclusion(
        leaf=hashes[index],
        index=index,
        size=size,
        proof=merkle.inclusion_proof(hashes, index),
        root=defined(hashes),
    )
    merkle.verify_consistency(
        first=index + 1,
        second=size,
        proof=merkle.consistency_proof(hashes, index + 1),
        first_root=defined(hashes[: index + 1]),
        second_root=defined(hashes),
    )


def flipped(data, hashes: list[bytes]) -> list[bytes]:
    """The hashes, with one bit of one of them turned."""
    which = data.draw(st.integers(0, len(hashes) - 1))
    bit = data.draw(st.integers(0, 255))
    changed = (int.from_bytes(hashes[which], "big") ^ (1 << bit)).to_bytes(32, "big")
    return [*hashes[:which], changed, *hashes[which + 1 :]]


@given(size=st.integers(1, 100), data=st.data())
def test_no_bit_of_an_inclusion_can_be_turned(size, data):
    hashes = hundred()[:size]
    index = data.draw(st.integers(0, size - 1))
    honest = [hashes[index], defined(hashes), *merkle.inclusion_proof(hashes, index)]

    leaf, root, *proof = flipped(data, honest)

    with pytest.raises(NotProven):
        merkle.verify_inclusion(leaf=leaf, index=index, size=size, proof=proof, root=root)


@given(second=st.integers(1, 100), data=st.data())
def test_no_bit_of_a_consistency_can_be_turned(second, data):
    hashes = hundred()[:second]
    first = data.draw(st.integers(1, second))
    proof = merkle.consistency_proof(hashes, first)
    honest = [defined(hashes[:first]), defined(hashes), *proof]

    old, new, *proof = flipped(data, honest)

    with pytest.raises(NotProven):
        merkle.verify_consistency(
            first=first, second=second, proof=proof, first_root=old, second_root=new
        )


@pytest.mark.parametrize(("index", "size", "proof"), INCLUSIONS)
def test_an_inclusion_proof_holds_for_no_other_place_size_or_length(index, size, proof):
    hashes, root = unhex(proof), bytes.fromhex(ROOTS[size - 1])
    forged = [
        (index + 1, size, hashes),
        (index - 1, size, hashes),
        (index ^ 2, size, hashes),
        (index, size * 2, hashes),
        (index, size // 2, hashes),
        (index, size, [*hashes, root]),
        (index, size, [root, *hashes]),
        (index, size, [*hashes, b""]),
        (index, size, [b"", *hashes]),
        (index, float(size), hashes),
        (index, True, hashes),  # a size only to Python
        *([(index, size, hashes[:-1]), (index, size, hashes[1:])] if hashes else []),
    ]

    for index_, size_, proof_ in forged:
        with pytest.raises(NotProven):
            merkle.verify_inclusion(
                leaf=LEAVES[index], index=index_, size=size_, proof=proof_, root=root
            )


@pytest.mark.parametrize(("first", "second", "proof"), CONSISTENCIES)
def test_a_consistency_proof_holds_for_no_other_sizes_roots_or_length(first, second, proof):
    hashes = unhex(proof)
    old, new = (bytes.fromhex(ROOTS[size - 1]) for size in (first, second))
    forged = [
        (first - 1, second, hashes, old, new),
        (first + 1, second, hashes, old, new),
        (first, second * 2, hashes, old, new),
        (first, second // 2, hashes, old, new),
        (first, second, hashes, b"root", new),
        (first, second, [*hashes, old], old, new),
        (first, second, [new, *hashes], old, new),
        (first, second, [b"", *hashes], old, new),
        *([(first, second, hashes[:-1], old, new)] if hashes else []),
        *([(first, second, hashes, new, old)] if hashes else []),
        *([(first, second, [hashes[0], *hashes], old, new)] if hashes else []),
    ]

    for first_, second_, proof_, old_, new_ in forged:
        with pytest.raises(NotProven):
            merkle.verify_consistency(
                first=first_, second=second_, proof=proof_, first_root=old_, second_root=new_
            )


@pytest.mark.parametrize("second", [0, 1, 8])
def test_consistency_from_an_empty_tree_is_an_error(second):
    root = bytes.fromhex(ROOTS[second - 1]) if second else merkle.EMPTY

    with pytest.raises(NotProven, match="empty tree"):
        merkle.verify_consistency(
            first=0, second=second, proof=[], first_root=merkle.EMPTY, second_root=root
        )
    with pytest.raises(NotProven, match="empty tree"):
        merkle.consistency_proof(LEAVES[:second], 0)


@pytest.mark.parametrize("index", [-1, 8, 2.0, True])
def test_no_proof_is_made_for_a_leaf_that_is_not_there(index):
    with pytest.raises(NotProven):
        merkle.inclusion_proof(LEAVES, index)
