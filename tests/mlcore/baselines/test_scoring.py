"""Every aggregation is its definition, computed slowly with merged matrices in float64."""

import pytest
import torch

from mlcore import lora
from mlcore.baselines import scoring
from mlcore.baselines.scoring import CannotAggregate, Ensemble
from mlcore.baselines.training import own_a
from tests.mlcore.baselines.conftest import all_rows
from tests.mlcore.test_adapters import random_b
from tests.mlcore.test_scoring import merged_score

SHARDS = (0, 2, 5)
MIXED = ("similarity", "argmax", "adaptive_d", "adaptive_nd")


@pytest.fixture(scope="module")
def everyone(exact_base, tiny, people):
    return all_rows(exact_base, tiny, people)


@pytest.fixture(scope="module")
def adapters(exact_base, tiny):
    return {k: (own_a(exact_base, tiny, k), random_b(exact_base, tiny, k)) for k in SHARDS}


def ensemble(base, recipe, adapters, everyone, **options):
    rows, panel = everyone
    middles = scoring.centres(rows, [SHARDS[i % 3] for i in range(len(rows))])
    options = {"panel": panel, "neighbours": 4, "temperature": 20.0, "centres": middles} | options
    return Ensemble(base, recipe, adapters=adapters, **options)


@pytest.fixture(scope="module")
def three(exact_base, tiny, adapters, everyone):
    return ensemble(exact_base, tiny, adapters, everyone)


def alone(base, recipe, adapters, row):
    """P(like) by each adapter, from merged matrices."""
    return [merged_score(base, recipe, a, b, row.state) for a, b in adapters.values()]


def by_hand(base, recipe, adapters, row, w, *, is_decomposed):
    """P(like) with one merged matrix: (sum w B)(sum w A), or sum w B A."""
    if is_decomposed:
        paths = adapters[0][0]
        a = {p: sum(x * adapters[k][0][p] for x, k in zip(w, SHARDS, strict=True)) for p in paths}
        b = {p: sum(x * adapters[k][1][p] for x, k in zip(w, SHARDS, strict=True)) for p in paths}
        return merged_score(base, recipe, a, b, row.state)
    # merged_score multiplies b by a, so the product goes in whole, with an identity beside it.
    b = {
        path: sum(
            x * adapters[k][1][path] @ adapters[k][0][path] for x, k in zip(w, SHARDS, strict=True)
        )
        for path in adapters[0][0]
    }
    a = {path: torch.eye(product.shape[1]).double() for path, product in b.items()}
    return merged_score(base, recipe, a, b, row.state)


def test_uniform_is_the_mean_of_the_single_scores(exact_base, tiny, adapters, everyone, three):
    rows = everyone[0][:9]

    for row, score in zip(rows, three.score(rows, "uniform"), strict=True):
        assert score == pytest.approx(sum(alone(exact_base, tiny, adapters, row)) / 3, rel=1e-9)


def test_adaptive_weights_are_the_softmax_of_the_nearest_errors(
    exact_base, tiny, adapters, everyone, three
):
    rows, panel = everyone
    errors = [
        [1 - p if seen.sample.label else p for p in alone(exact_base, tiny, adapters, seen)]
        for seen in panel
    ]
    for row, w in zip(rows[:6], three.adaptive_weights(rows[:6]), strict=True):
        similar = [torch.cosine_similarity(row.hidden, seen.hidden, dim=0) for seen in panel]
        nearest = sorted(range(len(panel)), key=lambda i: -similar[i])[:4]
        mean = torch.tensor([sum(errors[i][k] for i in nearest) / 4 for k in range(3)])

        assert torch.allclose(w.float(), torch.softmax(-20 * mean, dim=0), atol=1e-5)


@pytest.mark.parametrize("aggregation", ["adaptive_d", "adaptive_nd"])
def test_stacked_adapters_score_as_merged_ones(
    aggregation, exact_base, tiny, adapters, everyone, three
):
    rows = everyone[0][:7]
    scores = three.score(rows, aggregation)

    for row, w, score in zip(rows, three.adaptive_weights(rows), scores, strict=True):
        expected = by_hand(
            exact_base, tiny, adapters, row, w.tolist(), is_decomposed=aggregation == "adaptive_d"
        )
        assert score == pytest.approx(expected, rel=1e-9)


def test_argmax_is_the_heaviest_adapter_alone(exact_base, tiny, adapters, everyone, three):
    rows = everyone[0][:7]
    scores = three.score(rows, "argmax")

    for row, w, score in zip(rows, three.adaptive_weights(rows), scores, strict=True):
        each = alone(exact_base, tiny, adapters, row)
        assert score == pytest.approx(each[w.tolist().index(max(w.tolist()))], rel=1e-9)


def test_similarity_weighs_by_the_cosine_to_the_shards_centre(
    exact_base, tiny, adapters, everyone, three
):
    rows, _ = everyone
    middles = [torch.stack([r.hidden.double() for r in rows[i::3]]).mean(0) for i in range(3)]
    scores = three.score(rows[:7], "similarity")

    for row, score in zip(rows[:7], scores, strict=True):
        cosines = [torch.cosine_similarity(row.hidden.double(), c, dim=0) for c in middles]
        w = torch.softmax(20 * torch.stack(cosines), dim=0).tolist()
        expected = by_hand(exact_base, tiny, adapters, row, w, is_decomposed=False)
        assert score == pytest.approx(expected, rel=1e-9)


def test_d_is_nd_when_a_is_shared(exact_base, tiny, everyone):
    common = lora.common_a(exact_base, tiny)
    shared = {k: (common, random_b(exact_base, tiny, k)) for k in SHARDS}
    both = ensemble(exact_base, tiny, shared, everyone)
    rows = everyone[0]

    assert both.score(rows, "adaptive_d") == pytest.approx(
        both.score(rows, "adaptive_nd"), rel=1e-9
    )


def test_d_is_not_nd_when_each_has_its_own_a(everyone, three):
    rows = everyone[0]
    d, nd = (three.score(rows, f"adaptive_{form}") for form in ("d", "nd"))

    assert max(abs(x - y) for x, y in zip(d, nd, strict=True)) > 1e-3


def test_a_temperature_of_a_thousand_is_nearly_a_choice(exact_base, tiny, adapters, everyone):
    sharp = ensemble(exact_base, tiny, adapters, everyone, temperature=scoring.TEMPERATURE)
    rows = everyone[0]

    assert sharp.adaptive_weights(rows).max(dim=1).values.median() > 0.99


@pytest.mark.parametrize("aggregation", ["uniform", *MIXED])
def test_a_score_does_not_depend_on_who_shares_the_batch(aggregation, everyone, three):
    rows = everyone[0]
    together = three.score(rows, aggregation, batch_size=5)

    assert together == pytest.approx([three.score([row], aggregation)[0] for row in rows], rel=1e-9)


@pytest.mark.parametrize("aggregation", ["uniform", *MIXED])
def test_a_single_adapter_is_itself_by_any_aggregation(
    aggregation, exact_base, tiny, adapters, everyone
):
    one = ensemble(exact_base, tiny, {0: adapters[0]}, everyone)
    row = everyone[0][0]

    assert one.score([row], aggregation) == pytest.approx(
        alone(exact_base, tiny, {0: adapters[0]}, row), rel=1e-9
    )


def test_without_a_panel_the_adapters_count_alike(exact_base, tiny, adapters, everyone):
    blind = ensemble(exact_base, tiny, adapters, everyone, panel=[])

    assert torch.allclose(
        blind.adaptive_weights(everyone[0]), torch.tensor(1 / 3, dtype=torch.float64)
    )


def test_what_cannot_be_aggregated_is_one_sentence(exact_base, tiny, adapters, everyone, three):
    rows = everyone[0]

    with pytest.raises(CannotAggregate, match=r"^there is no aggregation 'best'\.$"):
        three.score(rows, "best")
    with pytest.raises(CannotAggregate, match=r"^there are no adapters to aggregate\.$"):
        ensemble(exact_base, tiny, {}, everyone)
    with pytest.raises(CannotAggregate, match=r"^similarity needs the shards' centres\.$"):
        ensemble(exact_base, tiny, adapters, everyone, centres=None).score(rows, "similarity")
