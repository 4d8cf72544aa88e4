"""Anchors: public votes of items for shards, fitted on titles and on nothing else."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore import anchors
from mlcore.anchors import Anchors, BadAnchors

CATALOGUE = {f"m{i}": f"{kind} number {i}" for i in range(5) for kind in ["War"]} | {
    f"x{i}": f"zebra {'z' * i}" for i in range(6)
}


@pytest.fixture(scope="module")
def fitted(base) -> Anchors:
    return anchors.fit(base, CATALOGUE, shards=3, seed=1)


def test_every_item_votes_and_the_shards_have_as_many_items_but_for_one(fitted):
    sizes = np.bincount(list(fitted.votes.values()), minlength=3)

    assert fitted.votes.keys() == CATALOGUE.keys()
    assert sorted(sizes) == [3, 4, 4]


def test_the_order_of_the_catalogue_decides_nothing(base, fitted):
    backwards = dict(reversed(CATALOGUE.items()))

    assert anchors.to_bytes(anchors.fit(base, backwards, shards=3, seed=1)) == anchors.to_bytes(
        fitted
    )


def test_another_seed_may_end_in_other_anchors(base, fitted):
    others = [anchors.fit(base, CATALOGUE, shards=3, seed=seed) for seed in range(2, 6)]

    assert any(other.digest != fitted.digest for other in others)


def test_titles_alone_decide(base, fitted):
    renamed = {f"other-{item}": title for item, title in CATALOGUE.items()}

    votes = anchors.fit(base, renamed, shards=3, seed=1).votes

    assert {item.removeprefix("other-"): vote for item, vote in votes.items()} == fitted.votes


def test_rows_that_lie_apart_end_in_clusters_of_their_own():
    chance = np.random.default_rng(5)
    middles = np.eye(4, 8) * 10
    rows = np.concatenate([middles[k] + chance.normal(size=(6, 8)) * 0.1 for k in range(4)])

    found = anchors.cluster(rows, shards=4, seed=3)

    assert len({tuple(found[6 * k : 6 * k + 6]) for k in range(4)}) == 4
    assert all(len(set(found[6 * k : 6 * k + 6])) == 1 for k in range(4))


@given(st.integers(1, 12), st.integers(0, 30), st.integers(0, 5))
def test_clusters_are_balanced_whatever_the_rows_are(shards, more, seed):
    rows = np.random.default_rng(seed).normal(size=(shards + more, 4))
    rows[: shards // 2] = rows[0]  # some coincide

    sizes = np.bincount(anchors.cluster(rows, shards=shards, seed=seed), minlength=shards)

    assert sizes.max() - sizes.min() <= 1


def test_rows_that_all_coincide_are_clustered_too():
    assert sorted(anchors.cluster(np.ones((4, 3)), shards=2, seed=0)) == [0, 0, 1, 1]


def test_more_shards_than_items_are_refused(base):
    with pytest.raises(BadAnchors, match="shards must be from 1 to the 2 items there are"):
        anchors.fit(base, {"a": "A", "b": "B"}, shards=3, seed=0)


def test_a_title_that_the_base_cannot_read_is_refused(base):
    with pytest.raises(BadAnchors, match="a title cannot be read: a prompt of"):
        anchors.fit(base, {"a": "A" * 5000}, shards=1, seed=0)


def test_a_file_comes_back_as_it_was_written(fitted):
    again = anchors.from_bytes(anchors.to_bytes(fitted))

    assert again == fitted
    assert again.digest == fitted.digest


def test_the_file_is_pinned():
    """Recipes name anchors by this digest: other bytes would be other recipes."""
    some = Anchors(2, {"b": 1, "a": 0})

    assert anchors.to_bytes(some) == (
        b'{"format":"expunge/anchors/v1","shards":2,"votes":{"a":0,"b":1}}'
    )
    assert some.digest == "3cf5b607fa9d7e6980fbbef7a3896352b3dcefa47a179bb48020575acd407792"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\xff", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "not of the format"),
        (b'{"shards":2,"votes":{"a":0}}', "not of the format"),
        (b'{"format":"expunge/anchors/v2","shards":2,"votes":{"a":0}}', "not of the format"),
        (b'{"format":"expunge/anchors/v1","more":1,"shards":2,"votes":{"a":0}}', "format"),
        (b'{"format":"expunge/anchors/v1","shards":0,"votes":{"a":0}}', "shards must be"),
        (b'{"format":"expunge/anchors/v1","shards":true,"votes":{"a":0}}', "shards must be"),
        (b'{"format":"expunge/anchors/v1","shards":2,"votes":[]}', "votes must be an object"),
        (b'{"format":"expunge/anchors/v1","shards":2,"votes":{}}', "votes must be an object"),
        (b'{"format":"expunge/anchors/v1","shards":2,"votes":{"a":2}}', "from 0 to 1"),
        (b'{"format":"expunge/anchors/v1","shards":2,"votes":{"a":true}}', "from 0 to 1"),
        (b'{"format":"expunge/anchors/v1","shards":2,"votes":{"a":0.0}}', "from 0 to 1"),
        (b'{"format":"expunge/anchors/v1","shards":2,"votes":{"a":0}} ', "canonical"),
        (b'{"format":"expunge/anchors/v1","shards":2,"votes":{"b":0,"a":0}}', "canonical"),
        (b'{"format":"expunge/anchors/v1","shards":2,"votes":{"a":1,"a":0}}', "canonical"),
        (b'{"format":"expunge/anchors/v1","shards":2,"votes":{"\\ud800":0}}', "canonical"),
    ],
)
def test_what_is_not_a_file_of_anchors_is_refused(data, reason):
    with pytest.raises(BadAnchors, match=reason):
        anchors.from_bytes(data)


def test_reading_anchors_loads_no_torch():
    """An ingestion places people, and must not wait for it."""
    code = "import sys, mlcore.partition; sys.exit('torch' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
