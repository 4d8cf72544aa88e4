"""Clusters of bounded size: k-means, and the greedy walk that the balanced methods share.

Draws are keyed by what is drawn, not by its position, so that a sample which leaves takes no
other's draw along. What still moves then is the methods' own doing.
"""

import hashlib
import math
from collections.abc import Callable, Sequence
from typing import Final

import torch
from torch import Tensor

LLOYD_ROUNDS: Final = 100
# GraphEraser's code stops there; RecEraser's paper names no number.
BALANCED_ROUNDS: Final = 20


def uniform(seed: int, what: str, key: bytes) -> float:
    """A number in (0, 1] that looks random and follows from the arguments alone."""
    drawn = hashlib.sha256(f"{seed}/{what}/".encode() + key).digest()
    return (int.from_bytes(drawn[:6], "big") + 1) / 2**48


def drawn(keys: Sequence[bytes], count: int, *, seed: int) -> list[int]:
    """Positions of ``count`` keys, any subset as likely as any other."""
    order = sorted(range(len(keys)), key=lambda i: uniform(seed, "start", keys[i]))
    return order[:count]


def squared(points: Tensor, centres: Tensor) -> Tensor:
    """Squared Euclidean distances ``(N, K)`` of ``(N, D)`` and ``(K, D)``."""
    lengths = points.square().sum(1)[:, None] + centres.square().sum(1)
    return (lengths - 2 * points @ centres.T).clamp(min=0)


def cosine(points: Tensor, centres: Tensor) -> Tensor:
    """Cosine distances ``(N, K)``: 1 - the cosine of the angle."""
    return 1 - unit(points) @ unit(centres).T


def unit(points: Tensor) -> Tensor:
    """The same directions, ``(N, D)``, of length one."""
    return torch.nn.functional.normalize(points, dim=1)


def plus_plus(points: Tensor, keys: Sequence[bytes], count: int, *, seed: int) -> Tensor:
    """``count`` of the points to start k-means from (k-means++, Arthur and Vassilvitskii 2007).

    Each next one is drawn with a probability proportional to its squared distance D from the
    nearest drawn before. The smallest of E / D, with E exponential, is distributed so.
    """
    chosen = drawn(keys, 1, seed=seed)
    while len(chosen) < count:
        nearest = squared(points, points[chosen]).min(dim=1).values
        # Its own distance is rounding; where all points coincide, any other will do.
        nearest[chosen] = 0
        weights = nearest if nearest.any() else torch.ones_like(nearest)
        races = [
            -math.log(uniform(seed, str(len(chosen)), key)) / weight if weight > 0 else math.inf
            for key, weight in zip(keys, weights.tolist(), strict=True)
        ]
        chosen.append(min(range(len(races)), key=races.__getitem__))
    return points[chosen]


def kmeans(points: Tensor, keys: Sequence[bytes], count: int, *, seed: int) -> Tensor:
    """Centres ``(K, D)`` of unit length, by the cosine. A cluster that empties keeps its centre."""
    points = unit(points)
    centres = plus_plus(points, keys, count, seed=seed)
    before = None
    for _ in range(LLOYD_ROUNDS):
        nearest = (points @ centres.T).argmax(dim=1).tolist()
        if nearest == before:
            break
        centres, before = unit(means(points, nearest, centres)), nearest
    return centres


def means(points: Tensor, assignment: Sequence[int], centres: Tensor) -> Tensor:
    """The mean ``(K, D)`` of each cluster's points; of an empty one, the centre that it had."""
    shards = torch.tensor(assignment)
    made = centres.clone()
    for shard in range(len(centres)):
        if (members := shards == shard).any():
            made[shard] = points[members].mean(dim=0)
    return made


def walk(distances: Tensor, cap: int) -> list[int]:
    """The cluster of each point: all pairs, nearest first, while the cluster has fewer than cap.

    APA's assignment, and RecEraser's and GraphEraser's. Of equal distances the first point, then
    the first cluster, goes first.

    Args:
        distances: ``(N, K)``, with N at most K x ``cap``.
    """
    N, K = distances.shape
    assignment, sizes = [-1] * N, [0] * K
    for pair in torch.sort(distances.flatten(), stable=True).indices.tolist():
        point, cluster = divmod(pair, K)
        if assignment[point] < 0 and sizes[cluster] < cap:
            assignment[point] = cluster
            sizes[cluster] += 1
    return assignment


def balanced(
    points: Tensor, centres: Tensor, cap: int, distances: Callable[[Tensor, Tensor], Tensor]
) -> list[int]:
    """k-means whose every assignment is a capped ``walk``, until no centre moves."""
    assignment = walk(distances(points, centres), cap)
    for _ in range(BALANCED_ROUNDS):
        centres = means(points, assignment, centres)
        before, assignment = assignment, walk(distances(points, centres), cap)
        if assignment == before:
            break
    return assignment
