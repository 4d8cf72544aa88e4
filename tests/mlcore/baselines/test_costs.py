"""What an erasure has to retrain is what differs, no more and no less."""

import dataclasses

from mlcore import rows
from mlcore.baselines import costs, partitions
from tests.mlcore.conftest import person


def spread(train):
    """Every sample in a shard of its own."""
    return [*range(len(train))]


def test_an_interaction_reaches_its_own_sample_and_the_histories_after_it(tiny):
    recipe = dataclasses.replace(tiny, targets=0)
    heard = person("ada", 12)
    train = rows.owned("ada", heard, recipe).train
    gone = heard[5].order_key

    expected = {
        shard
        for shard, row in enumerate(train)
        if gone == row.sample.order_key
        or f"{heard[5].title};" in row.sample.prompt
        or f"{heard[5].title}\n" in row.sample.prompt
    }

    assert costs.touched(train, spread(train), [gone]) == expected
    assert len(expected) == recipe.history + 1
    assert costs.touched(train, spread(train), []) == set()


def test_a_subject_reaches_the_shards_of_its_samples(train):
    assignment = [i % 5 for i in range(len(train))]

    for name in {row.subject for row in train}:
        assert costs.reached(train, assignment, [name]) == {
            i % 5 for i, row in enumerate(train) if row.subject == name
        }


def test_what_is_stale_covers_what_is_touched_and_what_comes_in(tiny):
    """Two targets a person: when one is erased an older one comes in, that never met it."""
    heard = person("ada", 12)
    gone = heard[-3]
    before = rows.owned("ada", heard, tiny).train
    after = rows.owned("ada", [one for one in heard if one != gone], tiny).train

    def place(some):
        return [
            heard.index(next(i for i in heard if i.order_key == row.sample.order_key))
            for row in some
        ]

    stale = costs.stale(before, place(before), after, place(after))
    touched = costs.touched(before, place(before), [gone.order_key])

    assert touched == {9}
    assert stale == {9, 7}


def test_a_sample_that_moves_makes_both_its_shards_stale(train, people):
    assignment = partitions.assign("user", train, shards=3, seed=5, ratings=people)
    elsewhere = [(assignment[0] + 1) % 3, *assignment[1:]]

    assert costs.stale(train, assignment, train, assignment) == set()
    assert costs.stale(train, assignment, train, elsewhere) == {assignment[0], elsewhere[0]}
