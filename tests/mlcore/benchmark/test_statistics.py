"""Intervals are those of the plain bootstrap, and an AUC is the definition's."""

import random
from statistics import fmean

import numpy as np
import pytest

from mlcore.benchmark import statistics
from mlcore.benchmark.statistics import Unpaired
from mlcore.evaluation import auc

SEEDS = (1, 2, 3)


def crowd(rows: int, *, lift: float, ties: bool = False) -> tuple[dict[int, list[float]], list]:
    """Scores under three seeds that favour what was liked by ``lift``, and the labels."""
    chance = random.Random(5)
    labels = [chance.random() < 0.4 for _ in range(rows)]
    scores = {seed: [chance.gauss(lift * label, 1) for label in labels] for seed in SEEDS}
    if ties:
        scores = {seed: [round(score) / 1 for score in told] for seed, told in scores.items()}
    return scores, labels


@pytest.mark.parametrize("ties", [False, True])
def test_a_resample_s_auc_is_that_of_its_rows_written_out(ties):
    scores, labels = crowd(40, lift=0.5, ties=ties)
    counts = np.random.default_rng(3).multinomial(40, np.full(40, 1 / 40), size=20)

    made = statistics.resampled_auc(scores[1], labels, counts.astype(float))

    for row, value in zip(counts, made, strict=True):
        drawn = [i for i, count in enumerate(row) for _ in range(count)]
        slow = auc([scores[1][i] for i in drawn], [labels[i] for i in drawn])
        assert value == pytest.approx(slow, abs=1e-12)


def test_a_resample_of_one_class_is_no_number():
    made = statistics.resampled_auc([0.1, 0.2], [False, True], np.array([[2.0, 0.0], [1.0, 1.0]]))

    assert np.isnan(made[0])
    assert made[1] == 1.0


def test_the_interval_is_that_of_a_plain_bootstrap():
    ours, labels = crowd(150, lift=0.8)
    chance = random.Random(9)
    theirs = {seed: [s + chance.gauss(0, 0.5) for s in told] for seed, told in ours.items()}
    made = statistics.compare(ours, theirs, labels, resamples=3000)

    spread = []
    for _ in range(1500):
        rows = [chance.randrange(150) for _ in labels]
        seeds = [chance.choice(SEEDS) for _ in SEEDS]
        told = [labels[i] for i in rows]
        spread.append(
            fmean(auc([ours[seed][i] for i in rows], told) for seed in seeds)
            - fmean(auc([theirs[seed][i] for i in rows], told) for seed in seeds)
        )
    low, high = np.percentile(spread, [2.5, 97.5])

    assert made.value == pytest.approx(
        statistics.mean_auc(ours, labels) - statistics.mean_auc(theirs, labels)
    )
    # Two bootstraps of a thousand and more agree to a tenth of the interval's width.
    assert made.low == pytest.approx(low, abs=0.1 * (high - low))
    assert made.high == pytest.approx(high, abs=0.1 * (high - low))


def test_a_system_differs_from_itself_by_nothing():
    ours, labels = crowd(50, lift=0.5)

    made = statistics.compare(ours, ours, labels, resamples=100)

    assert (made.value, made.low, made.high) == (0.0, 0.0, 0.0)


def test_pairing_makes_the_interval_of_a_difference_narrow():
    ours, labels = crowd(200, lift=0.5)
    theirs = {seed: [score + 0.01 * (i % 2) for i, score in enumerate(told)]
              for seed, told in ours.items()}  # fmt: skip

    alone = statistics.compare(ours, None, labels, resamples=500)
    paired = statistics.compare(ours, theirs, labels, resamples=500)

    assert paired.high - paired.low < (alone.high - alone.low) / 5


def test_what_does_not_pair_is_refused():
    ours, labels = crowd(30, lift=0.5)

    with pytest.raises(Unpaired, match="different seeds"):
        statistics.compare(ours, {1: ours[1]}, labels, resamples=10)
    with pytest.raises(Unpaired, match="different rows"):
        statistics.compare(ours, {**ours, 2: ours[2][:-1]}, labels, resamples=10)
    with pytest.raises(ValueError, match="one class"):
        statistics.compare(ours, None, [True] * 30, resamples=10)
