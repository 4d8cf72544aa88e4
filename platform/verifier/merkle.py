"""The log's Merkle tree: hashes, roots and proofs, as RFC 6962 section 2.1 defines them.

Pure functions over bytes. A tree of leaves ``D[0:n]`` splits at the largest power of two below
``n``; an odd node is carried up, never doubled. All hashes are 32 octets.
"""

import hashlib
from collections.abc import Iterable, Sequence

SIZE = 32
EMPTY = hashlib.sha256(b"").digest()


class NotProven(ValueError):
    """A proof does not show what it is said to show, or could not have been asked for."""


def leaf_hash(entry: bytes) -> bytes:
    """``SHA-256(0x00 || entry)``."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """``SHA-256(0x01 || left || right)``."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class CompactRange:
    """A tree that only grows, as the roots of its perfect subtrees: at most log2 n hashes.

    Args:
        size: how many leaves the tree has.
        hashes: the roots of ``perfect_subtrees(0, size)``, in that order.

    Raises:
        ValueError: the hashes are not as many as the size asks for, or not 32 octets each.
    """

    def __init__(self, size: int = 0, hashes: Sequence[bytes] = ()) -> None:
        _check_count("size", size)
        if len(hashes) != size.bit_count() or any(len(each) != SIZE for each in hashes):
            raise ValueError(f"a tree of {size} leaves has {size.bit_count()} perfect subtrees")
        self._size = size
        self._hashes = list(hashes)

    @property
    def size(self) -> int:
        """How many leaves have been appended."""
        return self._size

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash at the right."""
        if len(leaf) != SIZE:
            raise ValueError(f"a leaf hash has {SIZE} octets, not {len(leaf)}")
        carry, waiting = leaf, self._size
        while waiting & 1:
            carry = node_hash(self._hashes.pop(), carry)
            waiting >>= 1
        self._hashes.append(carry)
        self._size += 1

    def root(self) -> bytes:
        """The Merkle tree hash of the leaves so far."""
        if not self._hashes:
            return EMPTY
        *rest, root = self._hashes
        for left in reversed(rest):
            root = node_hash(left, root)
        return root


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The Merkle tree hash of these leaf hashes; of none, ``SHA-256("")``."""
    tree = CompactRange()
    for leaf in leaves:
        tree.append(leaf)
    return tree.root()


def root_over(entries: Iterable[bytes]) -> bytes:
    """The Merkle tree hash over these entries themselves, in this order."""
    return root_of([leaf_hash(entry) for entry in entries])


def perfect_subtrees(start: int, end: int) -> list[tuple[int, int]]:
    """Cut leaves ``[start, end)`` into perfect subtrees, largest first.

    Returns:
        ``(first leaf, height)`` of each. ``start`` must be a multiple of the largest one's width,
        as it is for every subtree of RFC 6962.
    """
    found = []
    while start < end:
        height = (end - start).bit_length() - 1
        if start % (1 << height):
            raise ValueError(f"[{start}, {end}) is not a subtree")
        found.append((start, height))
        start += 1 << height
    return found


def inclusion_path(index: int, size: int) -> list[tuple[int, int]]:
    """The subtrees whose hashes prove one leaf in a tree: RFC 6962 section 2.1.1.

    Returns:
        ``(start, end)`` of each subtree, from the leaf upwards.

    Raises:
        NotProven: the tree has no such leaf.
    """
    _check_index(index, size)
    path = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((start, middle))
            start = middle
    return path[::-1]


def consistency_path(first: int, second: int) -> list[tuple[int, int]]:
    """The subtrees whose hashes prove that one tree extends another: RFC 6962 section 2.1.2.

    Returns:
        ``(start, end)`` of each subtree, in the proof's order; none if the sizes are equal.

    Raises:
        NotProven: the first tree is empty, or the larger one.
    """
    _check_sizes(first, second)
    path = []
    start, end = 0, second
    while first != end:
        middle = start + _split(end - start)
        if first <= middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((start, middle))
            start = middle
    # A first tree that is itself a perfect left subtree is known to the verifier by its root.
    if start or (path and first & (first - 1)):
        path.append((start, end))
    return path[::-1]


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The audit path of one leaf, from the leaf upwards. Takes leaf hashes."""
    return [root_of(leaves[start:end]) for start, end in inclusion_path(index, len(leaves))]


def consistency_proof(leaves: Sequence[bytes], first: int) -> list[bytes]:
    """Show that the tree of these leaf hashes extends the tree of the first so many."""
    return [root_of(leaves[start:end]) for start, end in consistency_path(first, len(leaves))]


def verify_inclusion(
    *, leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Raise NotProven unless the leaf hash is at ``index`` of the tree with this size and root.

    RFC 9162 section 2.1.3.2.
    """
    _check_index(index, size)
    _check_hashes(leaf, root, *proof)
    path = inclusion_path(index, size)
    if len(path) != len(proof):
        raise NotProven(f"inclusion takes {len(path)} hashes, not {len(proof)}")
    found = leaf
    for (start, _), hash_ in zip(path, proof, strict=True):
        found = node_hash(found, hash_) if start > index else node_hash(hash_, found)
    if found != root:
        raise NotProven(f"leaf {index} is not in the tree of size {size}")


def verify_consistency(
    *, first: int, second: int, proof: Sequence[bytes], first_root: bytes, second_root: bytes
) -> None:
    """Raise NotProven unless the second tree begins with every leaf of the first, in order.

    RFC 9162 section 2.1.4.2. A first tree of size 0 is an error: everything extends nothing, so
    such a proof would show nothing.
    """
    _check_sizes(first, second)
    _check_hashes(first_root, second_root, *proof)
    path = consistency_path(first, second)
    if len(path) != len(proof):
        raise NotProven(f"consistency takes {len(path)} hashes, not {len(proof)}")
    known = list(zip(path, proof, strict=True))
    if not known or known[0][0][0] >= first:
        # All of the path lies to the right, so the first tree is a subtree of the second.
        old = new = first_root
    else:
        old = new = known.pop(0)[1]
    for (start, _), hash_ in known:
        if start < first:
            old, new = node_hash(hash_, old), node_hash(hash_, new)
        else:
            new = node_hash(new, hash_)
    if old != first_root:
        raise NotProven(f"the proof does not lead to the root of size {first}")
    if new != second_root:
        raise NotProven(f"the tree of size {second} does not extend the one of size {first}")


def _split(width: int) -> int:
    """The largest power of two below ``width``."""
    return 1 << ((width - 1).bit_length() - 1)


def _check_count(name: str, value: object) -> None:
    # True is an int to Python, and a forged size to us.
    if type(value) is not int or value < 0:
        raise NotProven(f"{name} is not a whole number: {value!r}")


def _check_index(index: int, size: int) -> None:
    _check_count("index", index)
    _check_count("size", size)
    if index >= size:
        raise NotProven(f"a tree of size {size} has no leaf {index}")


def _check_sizes(first: int, second: int) -> None:
    _check_count("first size", first)
    _check_count("second size", second)
    if first == 0:
        raise NotProven("consistency with an empty tree shows nothing")
    if first > second:
        raise NotProven(f"a tree of size {second} cannot extend one of size {first}")


def _check_hashes(*hashes: bytes) -> None:
    if any(not isinstance(each, bytes) or len(each) != SIZE for each in hashes):
        raise NotProven(f"a hash is not {SIZE} octets")
