"""Where people go is pinned, and nobody's neighbours decide it."""

import dataclasses
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore import partition
from mlcore.anchors import Anchors

KEY = b"0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("subject", "place"),
    [("ada", (1, 0)), ("bob", (0, 0)), ("Zoë", (2, 1)), ("", (2, 0))],
)
def test_placement_is_pinned(subject, place):
    """Changing these moves everyone's data: it needs a migration, not new expectations."""
    assert partition.placement(subject, key=KEY, shards=4, slices=2) == place


def test_order_key_is_pinned():
    """As OpenSSL computes it over eight bytes of length, the id and the record."""
    assert (
        partition.order_key("ada", b"record", key=KEY).hex()
        == "563e4a767940d63b286c096eb4091269a791484285ea22e00b83586c3c38eb19"
    )


@given(st.text(), st.integers(1, 64), st.integers(1, 8))
def test_everyone_has_a_place_that_exists(subject, shards, slices):
    shard, slice_ = partition.placement(subject, key=KEY, shards=shards, slices=slices)

    assert 0 <= shard < shards
    assert 0 <= slice_ < slices


def test_people_spread_over_every_shard_and_slice():
    places = [partition.placement(str(i), key=KEY, shards=4, slices=2) for i in range(4000)]

    # Five standard deviations around 500 people a place.
    assert all(390 < places.count((k, s)) < 610 for k in range(4) for s in range(2))


def test_another_key_puts_people_elsewhere():
    there = [partition.placement(str(i), key=b"k1", shards=16, slices=4) for i in range(50)]
    here = [partition.placement(str(i), key=b"k2", shards=16, slices=4) for i in range(50)]

    assert there != here


def test_an_id_and_a_record_cannot_trade_bytes():
    assert partition.order_key("ab", b"c", key=KEY) != partition.order_key("a", b"bc", key=KEY)


def test_no_shards_are_refused():
    with pytest.raises(ValueError, match="must be positive"):
        partition.placement("ada", key=KEY, shards=0, slices=1)


ITEMS = [f"m{i}" for i in range(30)]
ANCHORS = Anchors(4, {item: i % 4 for i, item in enumerate(ITEMS[:24])})
histories = st.lists(st.sampled_from(ITEMS), max_size=20)


@pytest.fixture(scope="module")
def keyed(tiny):
    return dataclasses.replace(tiny, shards=4, slices=4)


@pytest.fixture(scope="module")
def semantic(keyed):
    return dataclasses.replace(keyed, partition="semantic", anchors=ANCHORS.digest)


@given(st.text(), histories, st.booleans())
def test_a_keyed_recipe_places_by_the_id_alone(keyed, subject, items, is_late):
    place = partition.place(subject, items, keyed, key=KEY, is_late=is_late)

    assert place == partition.placement(subject, key=KEY, shards=4, slices=4)


def test_most_of_the_items_decide_a_semantic_shard(semantic):
    # m1, m5 and m9 vote for 1; m2 for 2.
    place = partition.place("ada", ["m1", "m2", "m5", "m9"], semantic, key=KEY, anchors=ANCHORS)

    assert place == (1, partition.placement("ada", key=KEY, shards=4, slices=4)[1])


def test_an_item_has_one_vote_however_often_it_was_rated(semantic):
    rated = ["m1", "m5", "m2", "m2", "m2"]

    assert partition.place("ada", rated, semantic, key=KEY, anchors=ANCHORS)[0] == 1


@given(st.text(), histories, st.randoms(use_true_random=False))
def test_the_order_of_items_decides_nothing(semantic, subject, items, chance: random.Random):
    shuffled = chance.sample(items, len(items))

    assert partition.place(subject, items, semantic, key=KEY, anchors=ANCHORS) == partition.place(
        subject, shuffled, semantic, key=KEY, anchors=ANCHORS
    )


@given(st.text(), histories)
def test_the_winner_has_as_many_votes_as_any_other_shard(semantic, subject, items):
    shard, _ = partition.place(subject, items, semantic, key=KEY, anchors=ANCHORS)

    def votes(shard):
        alone = [
            partition.place(subject, [i], semantic, key=KEY, anchors=ANCHORS) for i in set(items)
        ]
        return [there for there, _ in alone].count(shard)

    assert votes(shard) == max(votes(other) for other in range(4))


def test_without_items_the_id_decides(semantic):
    place = partition.place("ada", [], semantic, key=KEY, anchors=ANCHORS)

    assert place == partition.placement("ada", key=KEY, shards=4, slices=4)


def test_those_who_tie_are_spread_over_the_shards_that_they_tie_in(semantic):
    tied = {
        partition.place(str(i), ["m1", "m2"], semantic, key=KEY, anchors=ANCHORS)[0]
        for i in range(40)
    }

    assert tied == {1, 2}


def test_items_that_came_after_the_anchors_vote_by_their_own_id(semantic):
    late = [f"late-{i}" for i in range(200)]
    shards = [
        {partition.place(who, [item], semantic, key=KEY, anchors=ANCHORS)[0] for who in "abc"}
        for item in late
    ]

    assert all(len(shard) == 1 for shard in shards)
    assert set().union(*shards) == {0, 1, 2, 3}


@given(st.text(), st.booleans(), st.integers(0, 3))
def test_likely_leavers_have_the_last_slices_to_themselves(keyed, subject, is_late, kept):
    recipe = dataclasses.replace(keyed, late_slices=kept)

    shard, slice_ = partition.place(subject, [], recipe, key=KEY, is_late=is_late)

    assert shard == partition.placement(subject, key=KEY, shards=4, slices=4)[0]
    if kept:
        assert (slice_ >= 4 - kept) == is_late
    assert 0 <= slice_ < 4


def test_likely_leavers_fill_all_of_their_slices(keyed):
    recipe = dataclasses.replace(keyed, late_slices=2)
    places = [partition.place(str(i), [], recipe, key=KEY, is_late=i % 2 == 0) for i in range(80)]

    assert {slice_ for _, slice_ in places[::2]} == {2, 3}
    assert {slice_ for _, slice_ in places[1::2]} == {0, 1}


@pytest.mark.parametrize("anchors", [None, Anchors(3, {"m1": 0})])
def test_a_semantic_recipe_without_its_anchors_is_refused(semantic, anchors):
    with pytest.raises(ValueError, match="needs anchors for 4 shards"):
        partition.place("ada", ["m1"], semantic, key=KEY, anchors=anchors)
