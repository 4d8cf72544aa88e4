"""Which shard each sample trains in, by every method that is compared.

The rows may come in any order: they are sorted by key first, so arrival decides nothing. What an
erasure still moves is the method's own doing, and ``moved`` counts it.
"""

import hashlib
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from mlcore import partition as keyed
from mlcore.baselines import clusters, factors
from mlcore.baselines.factors import Embedded
from mlcore.baselines.matching import best_matching
from mlcore.rows import Row
from mlcore.samples import Interaction

Ratings = Mapping[str, Sequence[Interaction]]

PARTITIONS: Final = ("all", "random", "user", "semantic", "receraser", "grapheraser")
# RecEraser's code lets a shard outgrow its share by a fifth.
RECERASER_ROOM: Final = 1.2


class CannotPartition(ValueError):
    """The rows cannot be divided so; the message is one sentence."""


def assign(
    partition: str, rows: Sequence[Row], *, shards: int, seed: int, ratings: Ratings
) -> list[int]:
    """The shard of each row, in the order given; a shard may stay empty.

    - ``all``: one shard, whatever ``shards`` says.
    - ``random`` (SISA): by the keyed hash of the target interaction, so fixed when it is ingested.
      A shuffle of the whole, SISA's wording, would move the others at every erasure.
    - ``user``: by the keyed hash of the subject, our engine's own rule.
    - ``semantic`` (APA): k-means of ``row.hidden`` by the cosine, then the capped walk over all
      (sample, centre) pairs, nearest first, with cap ceil(N / K).
    - ``receraser``: InBP, balanced k-means of the target interactions; the distance is the
      product of the user's and the item's, each from a matrix factorisation of ``ratings``.
    - ``grapheraser``: BEKM, balanced k-means of the embedded graph of ``ratings``. The graph's
      edges are what is divided here: a sample's is its target interaction, both ends side by
      side. Its other method, BLPA, labels nodes, and says nothing of an edge between two labels.
      Which of the two the APA paper ran is not known to us.

    Args:
        ratings: subject to its training interactions; only the last two methods look at them.

    Raises:
        CannotPartition: for an unknown name, fewer rows than shards, or a row whose subject or
            item has no rating where the method needs one.
    """
    if partition not in PARTITIONS:
        raise CannotPartition(f"there is no partition {partition!r}.")
    if partition == "all":
        return [0] * len(rows)
    if not 1 <= shards <= len(rows):
        raise CannotPartition(f"{len(rows)} rows cannot fill {shards} shards.")
    if partition in KEYED:
        names = [KEYED[partition](row) for row in rows]
        return [keyed.placement(name, key=_key(seed), shards=shards, slices=1)[0] for name in names]
    order = sorted(range(len(rows)), key=lambda i: rows[i].sample.order_key)
    made = FITTED[partition]([rows[i] for i in order], shards, seed, ratings)
    assignment = [0] * len(rows)
    for i, shard in zip(order, made, strict=True):
        assignment[i] = shard
    return assignment


@dataclass(frozen=True)
class Moved:
    """What an erasure moves: ``rows`` of ``others`` that remain, and the ``shards`` it touched.

    A shard is touched when its samples are not what they were less the erased ones.
    """

    rows: int
    others: int
    shards: int


def moved(
    partition: str,
    rows: Sequence[Row],
    gone: Collection[str],
    *,
    shards: int,
    seed: int,
    ratings: Ratings,
) -> Moved:
    """Erase these subjects, partition what remains afresh, and count who else changed shard.

    The new shards are called after old ones in the way that moves the fewest.

    Raises:
        CannotPartition: as ``assign``, for the rows before or after.
    """
    before = assign(partition, rows, shards=shards, seed=seed, ratings=ratings)
    left = [
        (row, shard) for row, shard in zip(rows, before, strict=True) if row.subject not in gone
    ]
    after = assign(
        partition,
        [row for row, _ in left],
        shards=shards,
        seed=seed,
        ratings={name: told for name, told in ratings.items() if name not in gone},
    )
    return difference([shard for _, shard in left], after, shards=shards)


def difference(before: Sequence[int], after: Sequence[int], *, shards: int) -> Moved:
    """What moved between two partitions of the same rows, whatever the shards are called."""
    stayed = [[0] * shards for _ in range(shards)]
    for old, new in zip(before, after, strict=True):
        stayed[new][old] += 1
    name = best_matching(stayed)
    away = [(old, name[new]) for old, new in zip(before, after, strict=True) if old != name[new]]
    return Moved(len(away), len(before), len({shard for pair in away for shard in pair}))


def _semantic(rows: Sequence[Row], shards: int, seed: int, ratings: Ratings) -> list[int]:
    points = torch.stack([row.hidden for row in rows]).to("cpu", torch.float64)
    centres = clusters.kmeans(points, _keys(rows), shards, seed=seed)
    return clusters.walk(clusters.cosine(points, centres), math.ceil(len(rows) / shards))


def _receraser(rows: Sequence[Row], shards: int, seed: int, ratings: Ratings) -> list[int]:
    points = _edges(rows, factors.factorised(_pairs(rows, ratings), seed=seed))
    centres = points[clusters.drawn(_keys(rows), shards, seed=seed)]
    cap = math.ceil(RECERASER_ROOM * len(rows) / shards)
    return clusters.balanced(points, centres, cap, _by_both_ends)


def _grapheraser(rows: Sequence[Row], shards: int, seed: int, ratings: Ratings) -> list[int]:
    points = _edges(rows, factors.propagated(_pairs(rows, ratings), seed=seed))
    centres = points[clusters.drawn(_keys(rows), shards, seed=seed)]
    cap = math.ceil(len(rows) / shards)
    return clusters.balanced(points, centres, cap, clusters.squared)


def _by_both_ends(points: Tensor, centres: Tensor) -> Tensor:
    """The users' distance times the items', squared: the same order as theirs."""
    width = factors.WIDTH
    users = clusters.squared(points[:, :width], centres[:, :width])
    return users * clusters.squared(points[:, width:], centres[:, width:])


def _edges(rows: Sequence[Row], embedded: Embedded) -> Tensor:
    """``(N, 2 WIDTH)``: each row's user and target item, side by side."""
    return torch.stack(
        [torch.cat([embedded.users[row.subject], embedded.items[row.item]]) for row in rows]
    )


def _pairs(rows: Sequence[Row], ratings: Ratings) -> set[tuple[str, str]]:
    """Who interacted with what, the rows' subjects and items among them."""
    pairs = {(subject, one.item) for subject, told in ratings.items() for one in told}
    users, items = {user for user, _ in pairs}, {item for _, item in pairs}
    if any(row.subject not in users or row.item not in items for row in rows):
        raise CannotPartition("a row's subject or item is in none of the ratings.")
    return pairs


def _keys(rows: Sequence[Row]) -> list[bytes]:
    return [row.sample.order_key for row in rows]


def _key(seed: int) -> bytes:
    return hashlib.sha256(str(seed).encode()).digest()


_Fit = Callable[[Sequence[Row], int, int, Ratings], list[int]]

KEYED: Final[Mapping[str, Callable[[Row], str]]] = {
    "random": lambda row: row.sample.order_key.hex(),
    "user": lambda row: row.subject,
}
FITTED: Final[Mapping[str, _Fit]] = {
    "semantic": _semantic,
    "receraser": _receraser,
    "grapheraser": _grapheraser,
}
