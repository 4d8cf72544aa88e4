"""Training is exact: the adapters are a function of the data that remains, bit for bit."""

import dataclasses

import pytest
import torch

from mlcore import adapters, determinism, lora, samples, training, trunk
from mlcore.lora import Weights
from tests.mlcore.conftest import crowd, person, rows

PEOPLE = ("ada", "bob", "cyd", "dan", "eve")


def fit(base, recipe, train, *, start=None, shard=0, slice_=0) -> Weights:
    steps = training.train_slice(
        base, recipe, shard=shard, slice_=slice_, start=start, samples=train
    )
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def digest(base, recipe, b: Weights) -> str:
    return adapters.digest(adapters.to_bytes(lora.common_a(base, recipe), b))


@pytest.fixture(scope="module")
def train(base, tiny):
    return rows(base, tiny, crowd(*PEOPLE))


def test_training_twice_gives_the_same_bits(base, tiny, train):
    torch.manual_seed(1)
    once = fit(base, tiny, train)
    torch.manual_seed(2)
    again = fit(base, tiny, rows(base, tiny, crowd(*reversed(PEOPLE))))

    assert digest(base, tiny, once) == digest(base, tiny, again)


def test_training_moves_b_and_lowers_the_loss(base, tiny, train):
    many = dataclasses.replace(tiny, epochs=20)

    steps = [*training.train_slice(base, many, shard=0, slice_=0, start=None, samples=train)]

    assert sum(s.loss for s in steps[-3:]) < 0.8 * sum(s.loss for s in steps[:3])
    assert [s.done for s in steps] == [*range(1, steps[0].total + 1)]
    assert steps[0].total == 20 * -(-len(train) // many.batch_size)


def test_retraining_without_a_person_is_as_if_they_had_never_been(base, tiny, train):
    erased = {s.order_key for s in samples.split(person("cyd"), tiny).train}

    had_seen = fit(base, tiny, train)
    retrained = fit(base, tiny, [row for row in train if row.order_key not in erased])
    never_seen = fit(base, tiny, rows(base, tiny, crowd("ada", "bob", "dan", "eve")))

    assert erased
    assert digest(base, tiny, retrained) == digest(base, tiny, never_seen)
    assert digest(base, tiny, had_seen) != digest(base, tiny, never_seen)


def test_retraining_without_one_interaction_is_as_if_it_had_never_been(base, tiny):
    gone = person("cyd", 7)[3]
    whole = {**crowd("ada", "bob"), "cyd": person("cyd", 7)}
    partial = {**crowd("ada", "bob"), "cyd": [i for i in person("cyd", 7) if i != gone]}

    had_seen = fit(base, tiny, rows(base, tiny, whole))
    never_seen = fit(base, tiny, rows(base, tiny, partial))

    told = [s.prompt for s in samples.split(partial["cyd"], tiny).train]
    assert digest(base, tiny, had_seen) != digest(base, tiny, never_seen)
    assert not any(f"{gone.title};" in prompt or f"{gone.title}\n" in prompt for prompt in told)


def test_a_slice_restarts_from_the_checkpoint_before_it(base, tiny, train):
    first = fit(base, tiny, train[:5], slice_=0)
    kept = {path: tensor.clone() for path, tensor in first.items()}

    whole = fit(base, tiny, train[5:], start=first, slice_=1)
    data = adapters.to_bytes(lora.common_a(base, tiny), first)
    resumed = fit(base, tiny, train[5:], start=adapters.from_bytes(data)[1], slice_=1)

    assert digest(base, tiny, whole) == digest(base, tiny, resumed)
    assert all(torch.equal(first[path], kept[path]) for path in kept)


def test_a_warm_start_from_another_adapter_shows(base, tiny, train):
    contaminated = fit(base, tiny, train)

    clean = fit(base, tiny, train[:5])
    warm = fit(base, tiny, train[:5], start=contaminated)

    assert digest(base, tiny, clean) != digest(base, tiny, warm)


def test_samples_out_of_order_are_refused(base, tiny, train):
    with pytest.raises(training.NotInOrder, match="shard 3, slice 1"):
        fit(base, tiny, train[::-1], shard=3, slice_=1)


def test_another_order_of_the_same_samples_gives_other_bits(base, tiny, train):
    """Why the order is fixed by key: were it arrival's, an erasure could not be retraced."""
    keys = [row.order_key for row in train]
    backwards = [
        dataclasses.replace(row, order_key=key)
        for key, row in zip(keys, reversed(train), strict=True)
    ]

    assert digest(base, tiny, fit(base, tiny, train)) != digest(
        base, tiny, fit(base, tiny, backwards)
    )


@pytest.mark.parametrize("place", [{"shard": 1}, {"slice_": 1}])
def test_every_shard_and_slice_has_a_permutation_of_its_own(base, tiny, train, place):
    here = fit(base, tiny, train)
    there = fit(base, tiny, train, **place)

    assert digest(base, tiny, here) != digest(base, tiny, there)


def test_an_epochs_order_is_a_permutation_that_an_erasure_only_thins(train):
    whole = [train[i].order_key for i in training.visits(7, 0, 0, 1, train)]
    rest = [*train[:2], *train[3:]]
    thinned = [rest[i].order_key for i in training.visits(7, 0, 0, 1, rest)]

    assert sorted(whole) == [row.order_key for row in train]
    assert thinned == [key for key in whole if key != train[2].order_key]
    assert whole != [train[i].order_key for i in training.visits(7, 0, 0, 2, train)]


@pytest.mark.parametrize("bucket", [1, 2, 5, 100])
def test_batches_of_like_length_hold_every_row_once_an_epoch(tiny, bucket):
    recipe = dataclasses.replace(tiny, bucket=bucket, batch_size=4)
    told = of_lengths(range(3, 26))

    for epoch in range(3):
        order = training.visits(7, 0, 0, epoch, told)
        cut = training.batches(recipe, order, told)

        assert sorted(row for batch in cut for row in batch) == [*range(23)]
        assert sorted(len(batch) for batch in cut) == [3, 4, 4, 4, 4, 4]
        # Each window holds the rows that were visited in it, and those only.
        width = 4 * bucket
        for start in range(0, 23, width):
            batches = cut[start // 4 : (start + width) // 4]
            assert {i for batch in batches for i in batch} == {*order[start : start + width]}


def test_a_bucket_of_one_batch_is_the_visits_cut_up(tiny):
    told = of_lengths([5, 9, 5, 7, 1, 30, 2, 2, 8])
    order = training.visits(7, 0, 0, 0, told)

    assert training.batches(tiny, order, told) == [order[:4], order[4:8], order[8:]]


def test_a_bucket_pads_less(tiny):
    lengths = [40 + (i * 37) % 60 for i in range(64)]
    told = of_lengths(lengths)
    order = training.visits(7, 0, 0, 0, told)

    padding = [
        sum(
            max(lengths[i] for i in batch) * len(batch) - sum(lengths[i] for i in batch)
            for batch in training.batches(dataclasses.replace(tiny, bucket=b), order, told)
        )
        for b in (1, 4, 16)
    ]

    assert padding[0] > 2 * padding[1] > 4 * padding[2]


def test_long_batches_and_short_ones_come_in_no_order(tiny):
    told = of_lengths(range(1, 65))
    order = training.visits(7, 0, 0, 0, told)

    cut = training.batches(dataclasses.replace(tiny, bucket=16), order, told)

    longest = [max(batch) for batch in cut]
    assert longest not in (sorted(longest), sorted(longest, reverse=True))
    assert order[0] in cut[0]


def of_lengths(lengths):
    """Samples with nothing to learn from, of these lengths."""
    return [
        training.TrainSample(bytes([i]), torch.zeros(length, 2), label=False)
        for i, length in enumerate(lengths)
    ]


def test_batches_by_length_are_as_exact_as_any(base, tiny):
    """The twin of a bucketed recipe: whoever went, and however the rows came in."""
    bucketed = dataclasses.replace(tiny, bucket=3, batch_size=2)
    erased = {s.order_key for s in samples.split(person("cyd"), tiny).train}
    whole = rows(base, tiny, crowd(*PEOPLE))

    retrained = fit(base, bucketed, [row for row in whole if row.order_key not in erased])
    never_seen = fit(base, bucketed, rows(base, tiny, crowd("eve", "dan", "bob", "ada")))

    assert digest(base, tiny, retrained) == digest(base, tiny, never_seen)
    plain = dataclasses.replace(bucketed, bucket=1)
    assert digest(base, tiny, fit(base, bucketed, whole)) != digest(
        base, tiny, fit(base, plain, whole)
    )


def test_an_empty_slice_hands_on_what_it_got(base, tiny, train):
    first = fit(base, tiny, train[:4])

    assert digest(base, tiny, fit(base, tiny, [], start=first)) == digest(base, tiny, first)
    assert not any(tensor.any() for tensor in fit(base, tiny, []).values())


def test_a_loss_that_is_not_a_number_stops_the_run(base, tiny, train):
    broken = dataclasses.replace(train[0], state=train[0].state * float("nan"))

    with pytest.raises(training.LossNotFinite, match="shard 2, slice 1"):
        fit(base, tiny, [broken, *train[1:]], shard=2, slice_=1)


def test_weights_that_are_no_numbers_stop_the_run(base, tiny, train):
    """After the last step no loss would tell."""
    one_step = dataclasses.replace(
        tiny, epochs=1, batch_size=len(train), learning_rate=1e20, weight_decay=1e20
    )

    with pytest.raises(training.LossNotFinite, match="step 1 broke the weights"):
        fit(base, one_step, train)


def test_only_b_learns_and_the_base_stays_as_it_was(base, tiny, train):
    before = {name: tensor.clone() for name, tensor in base.model.state_dict().items()}

    fit(base, tiny, train)

    after = base.model.state_dict()
    assert after.keys() == before.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert not any(p.requires_grad or p.grad is not None for p in base.model.parameters())


def test_the_only_leaves_of_a_loss_are_the_bs(base, tiny, train):
    """No gradient is computed for A, for the base or for what enters the lowest adapted block."""
    a = lora.common_a(base, tiny)
    b = {path: tensor.requires_grad_() for path, tensor in lora.no_b(base, tiny).items()}
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t) or t, lambda t: t):
        logits = lora.top_of(base, tiny).answers([train[0].state], a, b)
        loss = training.loss_of(logits, torch.tensor([True]))

    assert leaves(loss) == {id(tensor) for tensor in b.values()}
    entering = train[0].state[None]
    assert not any(t.shape == entering.shape and torch.equal(t, entering) for t in kept)


def leaves(loss) -> set[int]:
    """The tensors that a backward pass from here would compute gradients for."""
    found, todo = set(), [loss.grad_fn]
    while todo:
        node = todo.pop()
        if hasattr(node, "variable"):
            found.add(id(node.variable))
        todo += [after for after, _ in node.next_functions if after is not None]
    return found


def test_the_common_a_depends_on_the_seed_and_the_module_alone(base, tiny):
    torch.manual_seed(5)
    a = lora.common_a(base, tiny)
    alone = lora.common_a(base, dataclasses.replace(tiny, depth=1, target_modules=("v_proj",)))

    assert all(torch.equal(a[path], tensor) for path, tensor in alone.items())
    assert len(alone) == 1
    first, second, *_ = a.values()
    assert not torch.equal(first, second)
    assert not torch.equal(first, next(iter(lora.common_a(base, reseeded(tiny)).values())))


def reseeded(recipe):
    return dataclasses.replace(recipe, seed=recipe.seed + 1)


def test_a_state_made_in_a_padded_batch_would_change_the_adapter(base, tiny):
    """Rule 7: this is what computing trunk states one at a time protects from."""
    people = crowd(*PEOPLE)
    prompts = [s for p in people.values() for s in samples.split(p, tiny).train]
    alone = rows(base, tiny, people)

    together = padded_trunk(base, [s.prompt for s in samples.in_order(prompts)], tiny.depth)
    batched = [
        dataclasses.replace(row, state=state) for row, state in zip(alone, together, strict=True)
    ]

    for one, other in zip(alone, batched, strict=True):
        torch.testing.assert_close(one.state, other.state, rtol=1e-3, atol=1e-4)
    assert any(
        not torch.equal(one.state, other.state) for one, other in zip(alone, batched, strict=True)
    )
    assert digest(base, tiny, fit(base, tiny, alone)) != digest(
        base, tiny, fit(base, tiny, batched)
    )


def padded_trunk(base, prompts, depth):
    """The tempting way: every state of a shard in one padded pass."""
    ids = [base.encode(prompt) for prompt in prompts]
    batch = torch.nn.utils.rnn.pad_sequence(ids, batch_first=True)
    with torch.inference_mode():
        hidden = base.model.model(batch, output_hidden_states=True).hidden_states
    x = hidden[base.layers - depth]
    return [x[i, : len(row)].clone() for i, row in enumerate(ids)]


def test_a_state_is_kept_under_all_that_it_consumed(base, tiny):
    def key(**other):
        facts = {"base": base.digest, "prompt": "p", "depth": 2, "dtype": "float32"}
        facts |= {"environment": "e"} | other
        return trunk.state_key(facts.pop("base"), facts.pop("prompt"), **facts)

    others = [
        key(base="b"),
        key(prompt="q"),
        key(depth=1),
        key(dtype="float64"),
        key(trunk_dtype="bfloat16"),
        key(trunk_dtype="int8"),
        key(environment="f"),
    ]

    assert len({key(), *others}) == 8
    assert key() == key()


def test_a_state_survives_being_kept(base):
    state = trunk.state(base, "Target: Fargo\nAnswer:", depth=1)

    assert torch.equal(trunk.from_bytes(trunk.to_bytes(state)), state)
    assert trunk.to_bytes(state) == trunk.to_bytes(state.clone())
    assert trunk.embed(state).norm().item() == pytest.approx(1)
    assert trunk.embed(state).shape == (base.hidden,)


def test_a_product_has_the_same_bits_wherever_its_numbers_lie():
    """Without MKL_CBWR this fails: a matrix-vector product reads other lanes first."""
    determinism.settle(1)
    generator = torch.Generator().manual_seed(0)
    matrix = torch.rand(90, 576, generator=generator)
    vector = torch.rand(576, generator=generator)

    results = set()
    for offset in range(16):
        room = torch.zeros(576 + 16)
        room[offset : offset + 576] = vector
        results.add((room[offset : offset + 576] @ matrix.T).numpy().tobytes())

    assert len(results) == 1
