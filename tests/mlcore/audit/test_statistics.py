"""The attacks' statistics against their definitions, written slowly."""

import itertools
import math
import random
import statistics as plain

import pytest

from mlcore.audit import lira, statistics
from mlcore.audit.lira import Seen


def crowd(seed: int, people: int, *, shift: float = 0.0) -> list[list[float]]:
    """A score a sample, of people with one to four samples; rounded, so that some tie."""
    drawn = random.Random(seed)
    return [
        [round(drawn.gauss(shift, 1), 1) for _ in range(drawn.randint(1, 4))] for _ in range(people)
    ]


def flat(people: list[list[float]]) -> list[float]:
    return [score for person in people for score in person]


MEMBERS = crowd(1, 12, shift=0.7)
OTHERS = crowd(2, 15)


def test_the_auc_counts_every_pair_of_samples() -> None:
    pairs = [*itertools.product(flat(MEMBERS), flat(OTHERS))]
    won = sum(1.0 if m > o else 0.5 if m == o else 0.0 for m, o in pairs)
    found = statistics.auc(MEMBERS, OTHERS, resamples=100, seed=1)
    assert found.value == won / len(pairs)


def test_a_bootstrap_draws_people_and_is_drawn_once() -> None:
    found = statistics.auc(MEMBERS, OTHERS, resamples=20_000, seed=1)
    drawn = random.Random(5)
    slow = sorted(
        statistics.auc(
            drawn.choices(MEMBERS, k=len(MEMBERS)),
            drawn.choices(OTHERS, k=len(OTHERS)),
            resamples=100,
            seed=0,
        ).value
        for _ in range(2_000)
    )
    assert found.low == pytest.approx(slow[50], abs=0.02)
    assert found.high == pytest.approx(slow[1950], abs=0.02)
    assert found == statistics.auc(MEMBERS, OTHERS, resamples=20_000, seed=1)


def test_people_whose_samples_are_alike_are_no_more_certain_than_one_sample_each() -> None:
    members, others = [[1.0], [3.0], [5.0]], [[2.0], [4.0], [0.0]]
    once = statistics.auc(members, others, resamples=1000, seed=1)
    copied = statistics.auc(
        [m * 9 for m in members], [o * 9 for o in others], resamples=1000, seed=1
    )
    assert (copied.low, copied.high) == (once.low, once.high)


@pytest.mark.parametrize("rate", [0.0, 0.01, 0.05, 0.29, 1.0])
def test_true_positives_are_the_most_that_any_limit_finds(rate: float) -> None:
    ours, theirs = flat(MEMBERS), flat(OTHERS)
    best = max(
        sum(score >= limit for score in ours) / len(ours)
        for limit in [*ours, *theirs, math.inf]
        if sum(score >= limit for score in theirs) <= round(rate * len(theirs), 9)
    )
    assert statistics.true_positives(MEMBERS, OTHERS, false_positives=rate) == best


def test_a_rate_that_binary_numbers_miss_allows_what_it_says() -> None:
    members, others = [[28.5]], [[float(i)] for i in range(100)]  # 71 others score higher
    assert statistics.true_positives(members, others, false_positives=0.71) == 1.0
    assert statistics.true_positives([[70.5]], others, false_positives=0.29) == 1.0


def test_the_corners_of_the_roc_hold_the_auc() -> None:
    points = statistics.roc(MEMBERS, OTHERS)
    area = sum((x - u) * (y + v) / 2 for (u, v), (x, y) in itertools.pairwise(points))
    auc = statistics.auc(MEMBERS, OTHERS, resamples=100, seed=1).value
    assert area == pytest.approx(auc, abs=1e-12)
    assert (points[0], points[-1]) == ((0.0, 0.0), (1.0, 1.0))


def test_the_advantage_is_true_minus_false_positives_of_a_limit_given_before() -> None:
    members, others = [[0.9, 0.1], [0.8]], [[0.2], [0.7]]
    assert statistics.advantage(members, others, limit=0.5) == 2 / 3 - 1 / 2


def test_exposure_is_the_rank_in_bits() -> None:
    others = [float(i) for i in range(1, 8)]
    assert statistics.exposure(0.5, others) == 3.0  # first of eight
    assert statistics.exposure(9.0, others) == 0.0  # last of eight
    assert statistics.exposure(1.5, others) == 2.0


def test_candidates_whose_rank_is_any_have_the_exposure_of_chance() -> None:
    others = [float(i) for i in range(7)]
    all_ranks = [statistics.exposure(rank - 0.5, others) for rank in range(8)]
    assert statistics.chance_exposure(7) == pytest.approx(plain.fmean(all_ranks), abs=1e-12)


def test_a_confidence_is_the_logit_also_where_it_rounds() -> None:
    assert lira.confidence(0.8) == pytest.approx(math.log(4), abs=1e-12)
    assert lira.confidence(1.0) == -lira.confidence(0.0)
    assert math.isfinite(lira.confidence(1.0))
    assert lira.loss(0.0) < math.inf
    assert lira.loss(0.25) == pytest.approx(math.log(4), abs=1e-12)


SEEN = [
    Seen(inside=(2.0, 3.0, 4.0), outside=(0.0, 1.0, -1.0)),
    Seen(inside=(1.0, 1.5, 5.0), outside=(0.5, 1.0, 3.0)),
]
CONFIDENCES = [2.5, -0.5]


def density(x: float, samples: tuple[float, ...], deviation: float) -> float:
    return plain.NormalDist(plain.fmean(samples), deviation).pdf(x)


@pytest.mark.parametrize("fixed", [True, False])
def test_online_is_the_ratio_of_two_densities(fixed: bool) -> None:
    def deviation(kind: str, one: Seen) -> float:
        variances = [plain.pvariance(getattr(each, kind)) for each in SEEN]
        return math.sqrt(plain.fmean(variances) if fixed else plain.pvariance(getattr(one, kind)))

    slow = [
        math.log(density(x, one.inside, deviation("inside", one)))
        - math.log(density(x, one.outside, deviation("outside", one)))
        for x, one in zip(CONFIDENCES, SEEN, strict=True)
    ]
    assert lira.online(CONFIDENCES, SEEN, fixed=fixed) == pytest.approx(slow, abs=1e-9)


def test_offline_looks_at_models_that_trained_without_only() -> None:
    found = lira.offline(CONFIDENCES, SEEN, fixed=False)
    slow = [
        plain.NormalDist(plain.fmean(one.outside), plain.pstdev(one.outside)).cdf(x)
        for x, one in zip(CONFIDENCES, SEEN, strict=True)
    ]
    assert [plain.NormalDist().cdf(x) for x in found] == pytest.approx(slow, abs=1e-9)
    blind = [Seen(inside=(), outside=one.outside) for one in SEEN]
    assert lira.offline(CONFIDENCES, blind, fixed=False) == found


def test_shadows_that_agree_entirely_divide_by_no_zero() -> None:
    alike = [Seen(inside=(1.0, 1.0), outside=(1.0, 1.0))]
    assert lira.online([1.0], alike, fixed=False) == [0.0]
    assert lira.offline([1.0], alike, fixed=True) == [0.0]


def test_a_person_is_in_exactly_half_of_the_shadows() -> None:
    drawn = [lira.halves(str(person), 8, seed=1) for person in range(200)]
    assert {len(half) for half in drawn} == {4}
    members = [sum(shadow in half for half in drawn) for shadow in range(8)]
    assert min(members) > 60, "shadows differ in size by more than chance"


def test_what_the_draw_of_people_explains_is_no_sight_of_a_model() -> None:
    """People who look like members to any model lift both AUCs, and not the difference."""
    model = (MEMBERS, OTHERS)
    same = statistics.auc_above(model, model, resamples=200, seed=1)
    alone = statistics.auc(*model, resamples=200, seed=1)
    assert alone.low > 0.5
    assert (same.value, same.low, same.high) == (0.0, 0.0, 0.0)

    surer = ([[score + 3 for score in person] for person in MEMBERS], OTHERS)
    more = statistics.auc_above(surer, model, resamples=200, seed=1)
    assert more.low > 0
    assert more.value == pytest.approx(
        statistics.auc(*surer, resamples=2, seed=1).value - alone.value
    )
