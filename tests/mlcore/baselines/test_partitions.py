"""Where the compared systems put each sample, and what an erasure moves."""

import dataclasses
import math
from collections import Counter

import pytest
import torch

from mlcore.baselines import clusters
from mlcore.baselines.partitions import CannotPartition, Moved, assign, difference, moved

METHODS = ("random", "user", "semantic", "receraser", "grapheraser")
BALANCED = {"semantic": 1.0, "receraser": 1.2, "grapheraser": 1.0}


@pytest.mark.parametrize("method", METHODS)
def test_the_order_in_which_rows_arrive_decides_nothing(method, train, people):
    there = assign(method, train, shards=3, seed=5, ratings=people)
    back = assign(method, train[::-1], shards=3, seed=5, ratings=dict(reversed([*people.items()])))

    assert back == there[::-1]
    assert {*there} <= {0, 1, 2}


def test_rows_that_look_the_same_are_told_apart_by_key(train, people):
    alike = [dataclasses.replace(row, hidden=train[0].hidden) for row in train]

    there = assign("semantic", alike, shards=3, seed=5, ratings=people)
    back = assign("semantic", alike[::-1], shards=3, seed=5, ratings=people)

    assert back == there[::-1]


@pytest.mark.parametrize("method", METHODS)
def test_another_seed_is_another_partition(method, train, people):
    made = [assign(method, train, shards=3, seed=seed, ratings=people) for seed in range(4)]

    assert len({tuple(one) for one in made}) > 1


@pytest.mark.parametrize("method", BALANCED)
@pytest.mark.parametrize("shards", [2, 3, 5, 24])
def test_no_shard_outgrows_its_cap(method, shards, train, people):
    sizes = Counter(assign(method, train, shards=shards, seed=5, ratings=people))

    assert sizes.total() == len(train)
    assert max(sizes.values()) <= math.ceil(BALANCED[method] * len(train) / shards)


def test_apas_shards_are_the_capped_walk_over_its_clusters(train, people):
    """The paper's, slowly: of all sample-centre pairs the nearest, while there is room."""
    order = sorted(train, key=lambda row: row.sample.order_key)
    hidden = torch.stack([row.hidden.double() for row in order])
    keys = [row.sample.order_key for row in order]
    centres = clusters.kmeans(hidden, keys, 3, seed=5)
    expected: dict[bytes, int] = {}
    pairs = sorted(
        (1 - (h @ c / h.norm() / c.norm()).item(), i, k)
        for i, h in enumerate(hidden)
        for k, c in enumerate(centres)
    )
    for _, i, k in pairs:
        if keys[i] not in expected and [*expected.values()].count(k) < math.ceil(len(train) / 3):
            expected[keys[i]] = k

    made = assign("semantic", train, shards=3, seed=5, ratings=people)

    assert {row.sample.order_key: k for row, k in zip(train, made, strict=True)} == expected


def test_a_user_is_in_one_shard_and_a_random_one_in_several(train, people):
    by_user = assign("user", train, shards=3, seed=5, ratings=people)
    random = assign("random", train, shards=3, seed=5, ratings=people)

    def spread(made):
        return len({(row.subject, shard) for row, shard in zip(train, made, strict=True)})

    assert spread(by_user) == len(people)
    assert spread(random) > len(people)


def test_retraining_has_one_shard(train, people):
    assert assign("all", train, shards=7, seed=5, ratings=people) == [0] * len(train)


@pytest.mark.parametrize("method", ["random", "user"])
def test_a_keyed_partition_moves_nobody(method, train, people):
    for name in people:
        done = moved(method, train, [name], shards=3, seed=5, ratings=people)

        assert (done.rows, done.shards) == (0, 0)
        assert done.others == len(train) - 2


@pytest.mark.parametrize("method", BALANCED)
def test_a_fitted_partition_moves_others(method, train, people):
    done = [moved(method, train, [name], shards=3, seed=5, ratings=people) for name in people]

    assert sum(one.rows for one in done) > 0
    assert max(one.shards for one in done) > 1
    assert all(0 <= one.rows <= one.others for one in done)


def test_shards_that_only_change_their_name_move_nobody():
    done = difference([0, 0, 1, 2, 2, 2], [2, 2, 0, 1, 1, 1], shards=3)

    assert done == Moved(rows=0, others=6, shards=0)


def test_what_moved_is_counted_with_both_its_shards():
    """Renamed, and of the largest shard one row goes to the smallest."""
    done = difference([0, 0, 1, 2, 2, 2], [2, 2, 0, 1, 1, 0], shards=3)

    assert done == Moved(rows=1, others=6, shards=2)


@pytest.mark.parametrize("method", METHODS)
def test_more_shards_than_rows_is_one_sentence(method, train, people):
    with pytest.raises(CannotPartition, match=r"^4 rows cannot fill 5 shards\.$"):
        assign(method, train[:4], shards=5, seed=5, ratings=people)
    with pytest.raises(CannotPartition, match=r"^0 rows"):
        assign(method, [], shards=1, seed=5, ratings=people)


def test_an_unknown_partition_is_one_sentence(train, people):
    with pytest.raises(CannotPartition, match=r"^there is no partition 'best'\.$"):
        assign("best", train, shards=2, seed=5, ratings=people)


@pytest.mark.parametrize("method", ["receraser", "grapheraser"])
def test_a_row_without_a_rating_is_refused_and_not_named(method, train, people):
    stranger = dataclasses.replace(train[0], subject="a stranger")

    with pytest.raises(CannotPartition, match="in none of the ratings") as error:
        assign(method, [stranger, *train], shards=2, seed=5, ratings=people)
    assert "stranger" not in str(error.value)
    with pytest.raises(CannotPartition, match="in none of the ratings"):
        assign(method, train, shards=2, seed=5, ratings={})
