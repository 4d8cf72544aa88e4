"""Anchors: a public vote of every item of the catalogue for one shard.

A semantic partition counts them (``partition.place``). They are fitted on titles alone, so what
anybody did moves none of them. Nothing here loads torch but ``fit``.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from mlcore import manifest

if TYPE_CHECKING:
    from mlcore.base_model import Base

FORMAT: Final = "expunge/anchors/v1"
KEYS: Final = {"format", "shards", "votes"}
MOST_SHARDS: Final = 4096  # a recipe's
ROUNDS: Final = 100  # it settles in about twenty; what has not by then stops where it is
# Decoders park attention on a prompt's first token; this makes it the same one for every title.
LEAD: Final = "Title: "


class BadAnchors(ValueError):
    """These are no anchors, or none can be fitted; the message is one sentence."""


@dataclass(frozen=True)
class Anchors:
    """Which shard, in ``range(shards)``, each item votes for, by the item's id."""

    shards: int
    votes: Mapping[str, int]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the file, 64 hexadecimal digits: what a recipe calls these anchors."""
        return hashlib.sha256(to_bytes(self)).hexdigest()


def to_bytes(anchors: Anchors) -> bytes:
    """The file: RFC 8785 JSON, so equal anchors are equal bytes."""
    return manifest.canonical(
        {"format": FORMAT, "shards": anchors.shards, "votes": dict(anchors.votes)}
    )


def from_bytes(data: bytes) -> Anchors:
    """Read what ``to_bytes`` wrote.

    Raises:
        BadAnchors: naming the key, for anything else, were it only a space too many.
    """
    try:
        given: Any = json.loads(data)
    except (ValueError, RecursionError):
        raise BadAnchors("anchors: not JSON.") from None
    if not isinstance(given, dict) or given.keys() != KEYS or given["format"] != FORMAT:
        raise BadAnchors(f"anchors: not of the format {FORMAT}.")
    shards, votes = given["shards"], given["votes"]
    if type(shards) is not int or not 1 <= shards <= MOST_SHARDS:
        raise BadAnchors(f"anchors: shards must be a whole number from 1 to {MOST_SHARDS}.")
    if not isinstance(votes, dict) or not votes:
        raise BadAnchors("anchors: votes must be an object that names an item.")
    if not all(type(vote) is int and 0 <= vote < shards for vote in votes.values()):
        raise BadAnchors(f"anchors: votes must be whole numbers from 0 to {shards - 1}.")
    anchors = Anchors(shards, votes)
    try:
        is_canonical = to_bytes(anchors) == data
    except ValueError:  # a lone surrogate, or what JSON cannot hold
        is_canonical = False
    if not is_canonical:
        raise BadAnchors("anchors: not in canonical form (RFC 8785).")
    return anchors


def fit(
    base: "Base",
    catalogue: Mapping[str, str],
    *,
    shards: int,
    seed: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Anchors:
    """Anchors by what the base model makes of the titles.

    Args:
        catalogue: title by item id; its order decides nothing.
        shards: as many clusters, of sizes that differ by one at most.
        seed: draws the first centres.
        progress: told how many titles were read, and of how many.

    Raises:
        BadAnchors: for more shards than items, or for a title that the base cannot read.
    """
    items = sorted(catalogue)
    if not 1 <= shards <= min(len(items), MOST_SHARDS):
        raise BadAnchors(f"anchors: shards must be from 1 to the {len(items)} items there are.")
    rows = []
    for item in items:
        rows.append(embed(base, catalogue[item]))
        progress(len(rows), len(items))
    votes = cluster(np.stack(rows), shards=shards, seed=seed)
    return Anchors(shards, dict(zip(items, votes, strict=True)))


def embed(base: "Base", title: str) -> NDArray[np.float64]:
    """The direction ``(D,)`` of what enters the last block, alone and so without padding.

    Raises:
        BadAnchors: if the title is longer than the base attends to.
    """
    from mlcore import base_model, trunk

    try:
        state = trunk.state(base, LEAD + title, depth=1)
    except base_model.PromptTooLong as error:
        raise BadAnchors(f"anchors: a title cannot be read: {error}.") from None
    row: NDArray[np.float64] = trunk.embed(state).double().cpu().numpy()
    return row


def cluster(rows: NDArray[np.float64], *, shards: int, seed: int) -> list[int]:
    """Balanced spherical k-means of rows ``(N, D)``: the cluster of each, in the order given.

    Lloyd's rounds over centred rows, from k-means++ (Arthur and Vassilvitskii, 2007), with the
    greedy walk of arXiv 2404.10327 in each: all pairs of a row and a centre by their distance, a
    row to the first centre that has room.
    """
    # A language model's embeddings share one large direction, which tells no titles apart.
    points = _unit(rows - rows.mean(axis=0))
    centres = _spread(points, shards, np.random.Generator(np.random.PCG64(seed)))
    chosen: list[int] = []
    for _ in range(ROUNDS):
        before, chosen = chosen, _assign(points, centres)
        if chosen == before:
            break
        members = np.array(chosen)
        centres = _unit(np.stack([points[members == k].sum(axis=0) for k in range(shards)]))
    return chosen


def _spread(
    points: NDArray[np.float64], count: int, chance: np.random.Generator
) -> NDArray[np.float64]:
    """First centres ``(count, D)``: points drawn with odds of their distance to those before."""
    picked = [int(chance.integers(len(points)))]
    while len(picked) < count:
        odds = _distances(points, points[picked]).min(axis=1)
        odds[picked] = 0.0
        # Points that coincide have no odds left; then any that was not picked will do.
        odds = (
            odds if odds.sum() > 0 else np.isin(np.arange(len(points)), picked, invert=True) * 1.0
        )
        picked.append(int(chance.choice(len(points), p=odds / odds.sum())))
    return points[picked]


def _assign(points: NDArray[np.float64], centres: NDArray[np.float64]) -> list[int]:
    count, shards = len(points), len(centres)
    least, larger = divmod(count, shards)  # so many clusters hold one more than the least
    sizes, chosen = [0] * shards, [-1] * count
    order = np.argsort(_distances(points, centres), axis=None, kind="stable")
    for i, k in zip(*(axis.tolist() for axis in np.divmod(order, shards)), strict=True):
        has_room = sizes[k] < least or (sizes[k] == least and larger > 0)
        if chosen[i] < 0 and has_room:
            larger -= sizes[k] == least
            sizes[k] += 1
            chosen[i] = k
    return chosen


def _distances(points: NDArray[np.float64], centres: NDArray[np.float64]) -> NDArray[np.float64]:
    # einsum without BLAS: the same bits with any number of threads.
    cosines: NDArray[np.float64] = np.einsum("nd,kd->nk", points, centres)
    return np.maximum(1.0 - cosines, 0.0)


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    lengths = np.sqrt((rows * rows).sum(axis=1, keepdims=True))
    unit: NDArray[np.float64] = rows / np.maximum(lengths, np.finfo(np.float64).tiny)
    return unit
