"""A baseline's shard trains both A and B, from an A of its own, and the same way every time."""

import dataclasses

import pytest
import torch

from mlcore import lora
from mlcore.baselines.training import own_a, train_shard
from mlcore.training import LossNotFinite
from tests.mlcore.baselines.conftest import all_rows, fit


def same(left, right):
    return all(torch.equal(left[path], right[path]) for path in left)


def test_training_twice_gives_the_same_bits_however_the_rows_arrive(base, tiny, train):
    torch.manual_seed(1)
    a, b = fit(base, tiny, train)
    torch.manual_seed(2)
    again_a, again_b = fit(base, tiny, train[::-1])

    assert same(a, again_a)
    assert same(b, again_b)


def test_both_a_and_b_are_trained(base, tiny, train):
    a, b = fit(base, tiny, train)

    start = own_a(base, tiny, 0)
    assert all(not torch.equal(a[path], start[path]) for path in start)
    assert all(tensor.any() for tensor in b.values())


def test_the_as_are_drawn_by_lora_and_differ_by_shard_and_seed(base, tiny):
    drawn = [
        own_a(base, tiny, 0),
        own_a(base, tiny, 1),
        own_a(base, dataclasses.replace(tiny, seed=8), 0),
        lora.common_a(base, tiny),
    ]

    for path in drawn[0]:
        assert len({tuple(a[path].flatten().tolist()) for a in drawn}) == 4
        bound = drawn[0][path].shape[1] ** -0.5
        assert bound / 2 < drawn[0][path].abs().max() <= bound


def test_training_lowers_the_loss_for_the_epochs_asked(base, tiny, train):
    steps = [*train_shard(base, tiny, train, shard=0, learning_rate=0.02, epochs=15)]

    assert [s.done for s in steps] == [*range(1, steps[0].total + 1)]
    assert steps[0].total == 15 * -(-len(train) // tiny.batch_size)
    assert sum(s.loss for s in steps[-6:]) < 0.8 * sum(s.loss for s in steps[:6])


def test_the_first_step_is_adamws_by_hand(base, tiny, train):
    """One batch, one step: a weight moves by the learning rate against its gradient's sign."""
    few = dataclasses.replace(tiny, batch_size=len(train), epochs=1)

    a, b = fit(base, few, train, learning_rate=1e-3)

    # B starts at zero, so A has no gradient yet: decay is none, and only B moves.
    assert same(a, own_a(base, few, 0))
    for tensor in b.values():
        assert tensor.abs().max() == pytest.approx(1e-3, rel=1e-3)


def test_a_shard_without_rows_is_the_base_alone(base, tiny):
    a, b = fit(base, tiny, [])

    assert same(a, own_a(base, tiny, 0))
    assert not any(tensor.any() for tensor in b.values())


def test_weights_that_are_not_finite_stop_the_training(base, tiny, train):
    """Such a decay turns every weight over, 1e15 times as large, at each step."""
    wild = dataclasses.replace(tiny, weight_decay=1.0)

    with pytest.raises(LossNotFinite, match="has loss"):
        fit(base, wild, train, learning_rate=1e15)


def test_a_last_step_that_breaks_the_weights_stops_the_training_too(base, tiny, train):
    """No loss comes after it that could tell."""
    one_step = dataclasses.replace(tiny, batch_size=len(train), epochs=1, weight_decay=1e20)

    with pytest.raises(LossNotFinite, match="shard 0: step 1 broke the weights"):
        fit(base, one_step, train, learning_rate=1e20)


def test_who_was_erased_leaves_no_trace_in_the_shard(base, tiny, people, train):
    had_seen = fit(base, tiny, train)
    retrained = fit(base, tiny, [row for row in train if row.subject != "person 3"])
    others = {name: heard for name, heard in people.items() if name != "person 3"}
    never_seen = fit(base, tiny, all_rows(base, tiny, others)[0])

    assert same(retrained[0], never_seen[0])
    assert same(retrained[1], never_seen[1])
    assert not same(had_seen[1], never_seen[1])
