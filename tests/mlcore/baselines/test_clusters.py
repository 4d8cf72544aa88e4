"""The clusters are the published ones: checked against their definitions, slowly written."""

import itertools
import math
from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mlcore.baselines import clusters, factors
from mlcore.baselines.matching import best_matching


def points(count, *, seed=0, width=4):
    return torch.randn(
        count, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    )


def keys(count):
    return [bytes([i, 7]) for i in range(count)]


@given(st.integers(1, 30), st.integers(1, 6), st.integers(0, 9))
def test_the_walk_takes_the_nearest_pair_that_is_free(count, shards, seed):
    distances = torch.rand(count, shards, generator=torch.Generator().manual_seed(seed))
    cap = math.ceil(count / shards)

    expected: dict[int, int] = {}
    pairs = sorted(
        (distances[i, k].item(), i, k) for i, k in itertools.product(range(count), range(shards))
    )
    for _, i, k in pairs:
        if i not in expected and list(expected.values()).count(k) < cap:
            expected[i] = k

    assert clusters.walk(distances, cap) == [expected[i] for i in range(count)]


def test_of_equal_distances_the_first_point_and_cluster_go_first():
    assert clusters.walk(torch.zeros(5, 2), 3) == [0, 0, 0, 1, 1]


def test_kmeans_ends_where_no_centre_moves():
    data = clusters.unit(points(60))
    centres = clusters.kmeans(data, keys(60), 4, seed=3)

    nearest = clusters.cosine(data, centres).argmin(dim=1)
    for k in range(4):
        mean = data[nearest == k].mean(dim=0)
        assert torch.allclose(centres[k], mean / mean.norm())


def test_kmeans_looks_at_directions_only():
    data = points(40)
    scaled = data * torch.linspace(0.5, 9, 40, dtype=torch.float64)[:, None]

    assert torch.allclose(
        clusters.kmeans(data, keys(40), 3, seed=1), clusters.kmeans(scaled, keys(40), 3, seed=1)
    )


def test_kmeans_finds_clusters_that_are_there():
    corners = torch.eye(4, dtype=torch.float64).repeat_interleave(10, dim=0)
    data = corners + 0.05 * points(40)

    centres = clusters.kmeans(data, keys(40), 4, seed=0)

    assert sorted(centres.argmax(dim=1).tolist()) == [0, 1, 2, 3]


def test_starts_are_drawn_by_their_squared_distance():
    """Of three points on a line the far one is nine times as likely as the near one."""
    line = torch.tensor([[0.0], [1.0], [3.0]], dtype=torch.float64)
    second = Counter()
    for seed in range(4000):
        first, then = clusters.plus_plus(line, keys(3), 2, seed=seed).flatten().tolist()
        if first == 0:
            second[then] += 1

    assert second[0.0] == 0
    assert second[3.0] / second.total() == pytest.approx(0.9, abs=0.03)


def test_points_that_all_coincide_still_have_starts():
    same = torch.ones(5, 3, dtype=torch.float64)

    assert clusters.plus_plus(same, keys(5), 5, seed=0).shape == (5, 3)


def test_a_cluster_that_empties_keeps_its_centre():
    centres = torch.tensor([[0.0], [9.0]], dtype=torch.float64)

    made = clusters.means(torch.tensor([[1.0], [3.0]], dtype=torch.float64), [0, 0], centres)

    assert made.tolist() == [[2.0], [9.0]]


@given(st.integers(0, 40))
def test_balanced_clusters_hold_their_cap(seed):
    data = points(17, seed=seed)

    assignment = clusters.balanced(data, data[:4], 5, clusters.squared)

    assert max(Counter(assignment).values()) <= 5
    assert len(assignment) == 17
    assert min(assignment) >= 0


@given(st.integers(1, 5), st.integers(0, 1000))
def test_the_matching_is_the_best_of_all(n, seed):
    generator = torch.Generator().manual_seed(seed)
    gain = torch.randint(0, 6, (n, n), generator=generator).tolist()

    found = best_matching(gain)

    assert sorted(found) == [*range(n)]
    assert sum(gain[i][found[i]] for i in range(n)) == max(
        sum(gain[i][order[i]] for i in range(n)) for order in itertools.permutations(range(n))
    )


PAIRS = {(f"u{i}", f"i{j}") for i in range(9) for j in range(7) if (i * j + i) % 3 or i == j}


def test_a_factorisation_is_where_its_loss_is_least():
    """Nudging any vector makes weighted matrix factorisation's objective worse, or no better."""
    embedded = factors.factorised(PAIRS, seed=1)
    users, items = sorted(embedded.users), sorted(embedded.items)
    p = torch.stack([embedded.users[name] for name in users]).requires_grad_()
    q = torch.stack([embedded.items[name] for name in items]).requires_grad_()
    target = torch.tensor([[float((u, i) in PAIRS) for i in items] for u in users])
    weight = torch.where(target > 0, 1.0, factors.NEGATIVE)

    loss = (weight * (target - p @ q.T) ** 2).sum() + factors.RIDGE * (p**2).sum()
    loss = loss + factors.RIDGE * (q**2).sum()
    loss.backward()

    # The items were solved last, so their gradient is zero; the users' is nearly.
    assert q.grad.abs().max() < 1e-9
    assert loss < 0.3 * weight[target > 0].sum()


def test_the_graphs_embedding_is_its_leading_eigenspace():
    embedded = factors.propagated(PAIRS, seed=1)
    users, items = sorted(embedded.users), sorted(embedded.items)
    edges = torch.tensor([[float((u, i) in PAIRS) for i in items] for u in users]).double()
    normed = edges / edges.sum(1, keepdim=True).sqrt() / edges.sum(0).sqrt()
    q = torch.stack([embedded.items[name] for name in items])

    leading = torch.linalg.svd(normed).Vh[0]

    assert abs(q[:, 0] @ leading) == pytest.approx(1, abs=1e-6)
    assert torch.allclose(q[:, :7].T @ q[:, :7], torch.eye(7).double())


def test_an_item_that_leaves_takes_no_other_start_along():
    whole = factors._starts(["a", "b", "c"], 3)

    assert torch.equal(factors._starts(["a", "c"], 3), whole[[0, 2]])
