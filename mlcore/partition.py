"""Where a person's samples train, and in which order: functions of that person alone.

The rules depend on their arguments only, so erasing one person never moves another. Changing
a rule moves everyone's data: it needs a migration.
"""

import hashlib
import hmac
from collections import Counter
from collections.abc import Iterable

from mlcore.anchors import Anchors
from mlcore.recipe import Recipe


def place(
    subject_id: str,
    items: Iterable[str],
    recipe: Recipe,
    *,
    key: bytes,
    anchors: Anchors | None = None,
    is_late: bool = False,
) -> tuple[int, int]:
    """The shard and the slice of a subject under a recipe.

    A keyed partition is ``placement``'s. In a semantic one every different item votes for its
    anchor's shard, or for a keyed hash of its id where it has none, and most votes decide; of
    shards with equally many, the subject's keyed hash chooses. Of ``recipe.slices`` the last
    ``recipe.late_slices`` are for likely leavers and the others for everybody else, so that most
    erasures retrain little.

    Args:
        items: ids of what the subject has left; their order and number of times decide nothing.
        anchors: those that the recipe names, for a semantic partition.
        is_late: whether the subject is a likely leaver.

    Raises:
        ValueError: if a semantic recipe's anchors are missing or for other shards.
    """
    mac = hmac.digest(key, subject_id.encode(), "sha256")
    draw, turn = int.from_bytes(mac[:8], "big"), int.from_bytes(mac[8:16], "big")
    if recipe.partition == "semantic":
        if anchors is None or anchors.shards != recipe.shards:
            raise ValueError(f"a semantic partition needs anchors for {recipe.shards} shards")
        shard = _voted(items, anchors, key=key, draw=draw)
    else:
        shard = draw % recipe.shards
    early = recipe.slices - recipe.late_slices
    if is_late and recipe.late_slices:
        return shard, early + turn % recipe.late_slices
    return shard, turn % early


def _voted(items: Iterable[str], anchors: Anchors, *, key: bytes, draw: int) -> int:
    votes = Counter(_vote(item, anchors, key=key) for item in set(items))
    most = max(votes.values(), default=0)
    tied = [shard for shard in range(anchors.shards) if votes[shard] == most]
    return tied[draw % len(tied)]


def _vote(item: str, anchors: Anchors, *, key: bytes) -> int:
    """The shard that an item votes for. One without an anchor came after they were fitted."""
    if item in anchors.votes:
        return anchors.votes[item]
    mac = hmac.digest(key, b"item\x00" + item.encode(), "sha256")
    return int.from_bytes(mac[:8], "big") % anchors.shards


def placement(subject_id: str, *, key: bytes, shards: int, slices: int) -> tuple[int, int]:
    """The shard in ``range(shards)`` and the slice in ``range(slices)`` of a subject.

    Both come from one HMAC-SHA256 (RFC 2104) of the id's UTF-8 bytes: its first eight bytes
    modulo ``shards``, the next eight modulo ``slices``, both big-endian.

    Raises:
        ValueError: unless both counts are positive.
    """
    if shards < 1 or slices < 1:
        raise ValueError(f"shards and slices must be positive, got {shards} and {slices}")
    mac = hmac.digest(key, subject_id.encode(), "sha256")
    return int.from_bytes(mac[:8], "big") % shards, int.from_bytes(mac[8:16], "big") % slices


def order_key(subject_id: str, interaction: bytes, *, key: bytes) -> bytes:
    """Thirty-two bytes that put an interaction, and the sample that targets it, in order.

    HMAC-SHA256 of the id's length (eight bytes, big-endian), the id's UTF-8 bytes and the
    interaction's canonical bytes. The length keeps ``("ab", b"c")`` apart from ``("a", b"bc")``.
    """
    name = subject_id.encode()
    message = len(name).to_bytes(8, "big") + name + interaction
    return hmac.new(key, message, hashlib.sha256).digest()
