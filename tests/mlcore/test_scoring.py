"""Aggregation and scoring: every row wears its own mix, in one pass, whoever shares its batch."""

import dataclasses

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mlcore import aggregation, index_file, lora, trunk
from mlcore.aggregation import Index
from mlcore.scoring import NotIndexed, Scorer
from tests.mlcore.test_adapters import random_b

PROMPTS = [f"Liked: Film {i}\nTarget: Film {i * i}{'!' * i}\nAnswer:" for i in range(9)]


@pytest.fixture(scope="module")
def states(exact_base, tiny):
    return [trunk.state(exact_base, prompt, depth=tiny.depth) for prompt in PROMPTS]


def index_of(states, shards: int, seed: int = 0) -> Index:
    generator = torch.Generator().manual_seed(seed)
    embeddings = torch.stack([trunk.embed(state) for state in states])
    return Index(
        tuple(range(shards)), embeddings, torch.rand(len(states), shards, generator=generator)
    )


@pytest.fixture(scope="module")
def release(exact_base, tiny, states):
    """A's, adapters and index of three shards."""
    a = lora.common_a(exact_base, tiny)
    adapters = {shard: random_b(exact_base, tiny, shard) for shard in range(3)}
    return a, adapters, index_of(states, 3)


def scorer(base, recipe, release, *, shards=(0, 1, 2)):
    a, adapters, index = release
    return Scorer(base, recipe, a=a, adapters={k: adapters[k] for k in shards}, index=index)


def merged_score(base, recipe, a, b, state) -> float:
    """P(like) from a top whose linear modules hold W + scale B A, as one matrix."""
    with torch.inference_mode():
        held = {path: linear.weight.clone() for path, linear in lora_targets(base, recipe)}
        for path, linear in lora_targets(base, recipe):
            linear.weight += recipe.alpha / recipe.rank * b[path] @ a[path]
        try:
            yes, no = lora.top_of(base, recipe).answers([state], a, {})[0]
        finally:
            for path, linear in lora_targets(base, recipe):
                linear.weight.copy_(held[path])
    return torch.sigmoid(yes - no).item()


def lora_targets(base, recipe):
    return lora.target_linears(base, recipe.depth, recipe.target_modules).items()


def test_a_mix_scores_what_its_merged_weights_would(exact_base, tiny, states, release):
    a, adapters, index = release
    w = aggregation.weights(
        index,
        torch.stack([trunk.embed(state) for state in states]),
        neighbours=tiny.neighbours,
        temperature=tiny.temperature,
    )

    scores = scorer(exact_base, tiny, release).score(states, batch_size=4)

    for row, state in enumerate(states):
        mixed = {
            path: tiny.mix_scale * sum(w[row, k] * adapters[k][path] for k in range(3))
            for path in a
        }
        expected = merged_score(exact_base, tiny, a, mixed, state)
        assert scores[row] == pytest.approx(expected, abs=1e-12)
    assert len({round(score, 6) for score in scores}) > 1


def test_a_score_does_not_depend_on_who_shares_the_batch(exact_base, tiny, states, release):
    one = scorer(exact_base, tiny, release)

    alone = [one.score([state])[0] for state in states]

    assert one.score(states, batch_size=9) == pytest.approx(alone, abs=1e-12)
    assert one.score(states[::-1], batch_size=2)[::-1] == pytest.approx(alone, abs=1e-12)


def test_a_single_adapter_scores_as_itself(exact_base, tiny, states, release):
    a, adapters, _ = release
    plain = dataclasses.replace(tiny, mix_scale=1.0)

    scores = scorer(exact_base, plain, release, shards=(1,)).score(states)

    for score, state in zip(scores, states, strict=True):
        assert score == pytest.approx(
            merged_score(exact_base, plain, a, adapters[1], state), abs=1e-12
        )


def test_without_adapters_the_base_answers(exact_base, tiny, states, release):
    scores = scorer(exact_base, tiny, release, shards=()).score(states)

    with torch.inference_mode():
        for prompt, score in zip(PROMPTS, scores, strict=True):
            logits = exact_base.model(exact_base.encode(prompt)[None], use_cache=False).logits
            yes, no = logits[0, -1, [exact_base.yes_id, exact_base.no_id]]
            assert score == pytest.approx(torch.sigmoid(yes - no).item(), abs=1e-12)


def test_a_shard_that_leaves_the_mix_takes_its_column_along(exact_base, tiny, states, release):
    a, adapters, index = release
    without = Index((0, 2), index.embeddings, index.errors[:, [0, 2]])

    left = scorer(exact_base, tiny, release, shards=(0, 2)).score(states)
    never = Scorer(
        exact_base, tiny, a=a, adapters={k: adapters[k] for k in (2, 0)}, index=without
    ).score(states)

    assert left == never


def test_an_adapter_that_is_not_indexed_cannot_serve(exact_base, tiny, release):
    a, adapters, index = release
    narrow = Index((0,), index.embeddings, index.errors[:, :1])

    with pytest.raises(NotIndexed, match=r"\[1, 2\]"):
        Scorer(exact_base, tiny, a=a, adapters=adapters, index=narrow)


@given(st.integers(1, 20), st.floats(0, 1000), st.permutations(range(9)))
def test_weights_sum_to_one_and_are_the_querys_own(neighbours, temperature, order):
    generator = torch.Generator().manual_seed(3)
    index = Index(
        (0, 1, 4), torch.randn(9, 8, generator=generator), torch.rand(9, 3, generator=generator)
    )
    queries = torch.randn(9, 8, generator=generator)

    w = aggregation.weights(index, queries, neighbours=neighbours, temperature=temperature)
    shuffled = aggregation.weights(
        index, queries[order], neighbours=neighbours, temperature=temperature
    )

    assert torch.allclose(w.sum(dim=1), torch.ones(9, dtype=w.dtype))
    assert torch.equal(shuffled, w[order])


def test_the_adapter_that_erred_less_nearby_weighs_more():
    """By hand: the query's nearest row says shard 0 errs 0.1 and shard 1 errs 0.3."""
    index = Index(
        (0, 1), torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([[0.1, 0.3], [0.9, 0.0]])
    )

    w = aggregation.weights(index, torch.tensor([[2.0, 1.0]]), neighbours=1, temperature=10.0)

    expected = 1 / (1 + torch.exp(torch.tensor(-2.0)))  # softmax of -1 and -3
    assert w[0, 0].item() == pytest.approx(expected.item(), abs=1e-6)


def test_equal_rows_count_in_the_panels_order():
    index = Index((0, 1), torch.ones(3, 2), torch.tensor([[0.0, 1.0], [1.0, 0.0], [1.0, 0.0]]))

    w = aggregation.weights(index, torch.ones(1, 2), neighbours=1, temperature=5.0)

    assert w[0, 0] > w[0, 1]


def test_an_empty_panel_trusts_all_alike():
    index = Index((0, 1, 2, 3), torch.empty(0, 8), torch.empty(0, 4))

    w = aggregation.weights(index, torch.randn(2, 8), neighbours=5, temperature=10.0)

    assert w.tolist() == [[0.25] * 4] * 2


def test_an_index_survives_its_bytes_and_its_digest_covers_all(states):
    index = index_of(states, 3)
    back = aggregation.from_bytes(aggregation.to_bytes(index))

    others = [
        index_of(states, 3, seed=1),
        index_of(states[:8], 3),
        Index((0, 1, 3), index.embeddings, index.errors),
        Index(index.shards, index.embeddings.flip(0), index.errors),
    ]

    assert aggregation.to_bytes(back) == aggregation.to_bytes(index)
    assert back.shards == index.shards
    assert aggregation.digest(index) not in {aggregation.digest(other) for other in others}


@pytest.mark.parametrize("rows", [0, 9])
def test_an_index_has_the_same_bytes_written_without_torch(states, rows):
    index = index_of(states, 3)
    index = Index((0, 1, 4), index.embeddings[:rows], index.errors[:rows])

    packed = index_file.pack(
        index.shards, [row.numpy().tobytes() for row in index.embeddings], index.errors.tolist()
    )

    assert index_file.row_count(packed) == rows
    back = aggregation.from_bytes(packed)
    assert (back.shards, back.errors.tolist()) == (index.shards, index.errors.tolist())
    # An empty panel has no width, so only a panel with rows has one form.
    assert not rows or packed == aggregation.to_bytes(index)


@pytest.mark.parametrize(
    ("shards", "embeddings", "errors"),
    [((0, 1), (3, 4), (3, 1)), ((1, 0), (3, 4), (3, 2)), ((0,), (3,), (3, 1))],
)
def test_an_index_whose_shapes_disagree_is_refused(shards, embeddings, errors):
    with pytest.raises(aggregation.BadIndex):
        Index(shards, torch.zeros(embeddings), torch.zeros(errors))


def test_a_panel_error_is_how_far_the_answer_is_from_the_label(base, tiny):
    a, b = lora.common_a(base, tiny), random_b(base, tiny, 1)
    state = trunk.state(base, PROMPTS[0], depth=tiny.depth)
    top = lora.top_of(base, tiny)
    single = Scorer(
        base,
        dataclasses.replace(tiny, mix_scale=1.0),
        a=a,
        adapters={0: b},
        index=Index((0,), torch.empty(0, base.hidden), torch.empty(0, 1)),
    )

    if_liked = aggregation.panel_error(top, a, b, state, True)
    if_not = aggregation.panel_error(top, a, b, state, False)

    assert if_liked == pytest.approx(1 - single.score([state])[0], abs=1e-6)
    assert if_liked + if_not == pytest.approx(1)
    assert aggregation.panel_error(top, a, b, state, True) == if_liked
