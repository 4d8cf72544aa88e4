"""What the rivals cluster by: embeddings of users and items, fitted on who interacted with what.

In float64, from starts that are keyed by the item, so the same interactions give the same numbers.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

WIDTH: Final = 16
ROUNDS: Final = 10
NEGATIVE: Final = 0.1  # the weight of a pair that did not interact, against 1
RIDGE: Final = 0.01


@dataclass(frozen=True)
class Embedded:
    """A vector ``(WIDTH,)`` for each user and each item."""

    users: Mapping[str, Tensor]
    items: Mapping[str, Tensor]


def factorised(pairs: Collection[tuple[str, str]], *, seed: int) -> Embedded:
    """Weighted matrix factorisation of the (user, item) pairs that interacted.

    RecEraser pretrains with it; this is Hu, Koren and Volinsky's (ICDM 2008), by alternating
    least squares: the product of two vectors is 1 for a pair that interacted and 0
    for the others, which weigh ``NEGATIVE``. What the rating was is not used, as in theirs.
    """
    users, items, edges = _graph(pairs)
    q = _starts(items, seed)
    for _ in range(ROUNDS):
        p = _least_squares(edges, q)
        q = _least_squares(edges.T, p)
    return _named(users, items, p, q)


def _least_squares(edges: Tensor, other: Tensor) -> Tensor:
    """The best vectors ``(n, WIDTH)`` of one side for those of the other, ``(m, WIDTH)``."""
    products = other[:, :, None] * other[:, None, :]  # (m, WIDTH, WIDTH)
    everyone = NEGATIVE * products.sum(dim=0) + RIDGE * torch.eye(WIDTH, dtype=other.dtype)
    own = (edges @ products.flatten(1)).reshape(-1, WIDTH, WIDTH)  # (n, WIDTH, WIDTH)
    solved: Tensor = torch.linalg.solve(everyone + (1 - NEGATIVE) * own, edges @ other)
    return solved


def propagated(pairs: Collection[tuple[str, str]], *, seed: int) -> Embedded:
    """Embeddings of the bipartite graph's nodes, by averaging over neighbours again and again.

    GraphEraser takes them from a graph neural network. Ours is the linear one that a
    recommender's graph has nothing else for, having no features: X <- norm(A) X, orthogonalised
    so that no two columns become the same. That is the leading eigenspace of the normalised
    adjacency.
    """
    users, items, edges = _graph(pairs)
    q = _orthogonal(_starts(items, seed))
    by_user = (edges @ torch.ones_like(q[:, :1])).rsqrt()  # (users, 1)
    by_item = (edges.T @ torch.ones_like(by_user)).rsqrt()
    for _ in range(ROUNDS):
        p = _orthogonal(by_user * (edges @ (by_item * q)))
        q = _orthogonal(by_item * (edges.T @ (by_user * p)))
    return _named(users, items, p, q)


def _orthogonal(x: Tensor) -> Tensor:
    """Columns of length one at right angles, as many as there are rows for; the rest are zero."""
    q, r = torch.linalg.qr(x)
    # A factor's sign is free; this one keeps the columns where they were.
    q = q * torch.where(r.diagonal() < 0, -1.0, 1.0)
    return torch.nn.functional.pad(q, (0, x.shape[1] - q.shape[1]))


def _graph(pairs: Collection[tuple[str, str]]) -> tuple[list[str], list[str], Tensor]:
    """Users and items in order, and a sparse ``(users, items)`` that is 1 where they interacted."""
    users = sorted({user for user, _ in pairs})
    items = sorted({item for _, item in pairs})
    user_at = {user: i for i, user in enumerate(users)}
    item_at = {item: i for i, item in enumerate(items)}
    at = [[user_at[user], item_at[item]] for user, item in sorted(set(pairs))]
    ones = torch.ones(len(at), dtype=torch.float64)
    shape = (len(users), len(items))
    edges = torch.sparse_coo_tensor(torch.tensor(at).T, ones, shape, check_invariants=True)
    return users, items, edges.coalesce()


def _starts(names: Sequence[str], seed: int) -> Tensor:
    """``(n, WIDTH)``, each row drawn from its own name."""
    rows = []
    for name in names:
        key = hashlib.sha256(f"{seed}/{name}".encode()).digest()
        generator = torch.Generator().manual_seed(int.from_bytes(key[:8], "big") >> 1)
        rows.append(torch.randn(WIDTH, generator=generator, dtype=torch.float64))
    return torch.stack(rows) / WIDTH**0.5


def _named(users: Sequence[str], items: Sequence[str], p: Tensor, q: Tensor) -> Embedded:
    return Embedded(dict(zip(users, p, strict=True)), dict(zip(items, q, strict=True)))
