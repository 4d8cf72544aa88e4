"""Samples are a function of what a person still has, and never leak from the future."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore import samples
from mlcore.recipe import Recipe
from tests.mlcore.conftest import interaction, person


@st.composite
def lives(draw):
    """Interactions of one subject, with ties in time."""
    n = draw(st.integers(0, 12))
    days = draw(st.lists(st.integers(0, 5), min_size=n, max_size=n))
    values = draw(st.lists(st.integers(1, 5), min_size=n, max_size=n))
    return [
        interaction("ada", item=i, value=v, day=d)
        for i, (d, v) in enumerate(zip(days, values, strict=True))
    ]


@given(life=lives(), data=st.data())
def test_erasing_one_interaction_is_the_same_as_never_having_had_it(tiny, life, data):
    before = samples.split(life, tiny)
    gone = data.draw(st.sampled_from(life)) if life else None

    remaining = [one for one in life if one is not gone]
    never = [dataclasses.replace(one) for one in life if gone is None or one != gone]

    assert samples.split(remaining, tiny) == samples.split(data.draw(st.permutations(never)), tiny)
    assert samples.used(remaining, tiny) == samples.used(never, tiny)
    assert before == samples.split(life, tiny)


@given(life=lives(), data=st.data())
def test_arrival_order_decides_nothing(tiny, life, data):
    shuffled = data.draw(st.permutations(life))

    assert samples.split(shuffled, tiny) == samples.split(life, tiny)
    assert samples.used(shuffled, tiny) == samples.used(life, tiny)


@given(life=lives())
def test_no_training_sample_knows_a_later_target(tiny, life):
    split = samples.split(life, tiny)
    held_out = sorted(life, key=lambda one: (one.at, one.item))[-2:]

    for sample in split.train:
        for later in held_out:
            assert f"{later.title};" not in sample.prompt
            assert f"{later.title}\n" not in sample.prompt
    assert not {one.order_key for one in held_out} & {one.order_key for one in split.train}
    assert not set(held_out) & set(samples.used(life, tiny))


@given(life=lives())
def test_what_was_used_is_what_the_prompts_tell(tiny, life):
    prompts = [sample.prompt for sample in samples.split(life, tiny).train]
    told = {
        one
        for one in life
        for prompt in prompts
        if f"{one.title};" in prompt or f"{one.title}\n" in prompt
    }

    assert told == set(samples.used(life, tiny))
    keys = [one.order_key for one in samples.used(life, tiny)]
    assert keys == sorted(keys)


def test_the_last_two_interactions_are_the_test_and_the_validation(tiny):
    life = person("ada", 6)

    split = samples.split(life, tiny)

    assert split.test is not None
    assert split.validation is not None
    assert split.test.order_key == life[5].order_key
    assert split.validation.order_key == life[4].order_key
    assert [one.order_key for one in split.train] == [life[2].order_key, life[3].order_key]


def test_only_the_most_recent_targets_train(tiny: Recipe):
    life = person("ada", 9)

    few = samples.split(life, dataclasses.replace(tiny, targets=1))
    all_ = samples.split(life, dataclasses.replace(tiny, targets=0))

    assert [one.order_key for one in few.train] == [life[6].order_key]
    assert [one.order_key for one in all_.train] == [one.order_key for one in life[2:7]]


@pytest.mark.parametrize("n", [0, 1, 2])
def test_someone_with_too_little_history_has_no_samples(tiny, n):
    split = samples.split(person("ada", n), tiny)

    assert split == samples.Split((), None, None)
    assert samples.used(person("ada", n), tiny) == ()


def test_a_value_at_the_bar_is_not_a_like(tiny):
    life = [interaction("ada", item=i, value=v, day=i) for i, v in enumerate([3, 4, 3])]

    test = samples.split(life, tiny).test

    assert test is not None
    assert not test.label
    assert "Liked: Film 1\nDisliked: Film 0\nTarget: Film 2" in test.prompt


def test_a_shard_trains_in_the_order_of_keys(tiny):
    train = [*samples.split(person("ada"), tiny).train, *samples.split(person("bob"), tiny).train]

    ordered = samples.in_order(train)

    assert [s.order_key for s in ordered] == sorted(s.order_key for s in train)
    assert samples.in_order(reversed(train)) == ordered
