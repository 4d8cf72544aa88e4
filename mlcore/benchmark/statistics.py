"""Confidence intervals by the paired bootstrap: of a mean over seeds of AUC, and of a difference.

A resample draws test rows and seeds with replacement, the same for both systems (Efron and
Tibshirani 1993). The interval is of percentiles, 95 %.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from mlcore.evaluation import auc

Floats = NDArray[np.float64]


class Unpaired(ValueError):
    """Two systems were not tested on the same rows under the same seeds."""


@dataclass(frozen=True)
class Interval:
    """A figure and its 95 % interval."""

    value: float
    low: float
    high: float

    def json(self) -> dict[str, object]:
        """``{"value", "ci95": [low, high]}``."""
        return {"value": self.value, "ci95": [self.low, self.high]}


def mean_auc(scores: Mapping[int, Sequence[float]], labels: Sequence[bool]) -> float:
    """The mean over seeds of the AUC.

    Raises:
        ValueError: if a class is missing, or the lengths differ.
    """
    each = [auc(told, labels) for told in scores.values()]
    if None in each:
        raise ValueError("the test rows hold one class only")
    return fmean(value for value in each if value is not None)


def compare(
    ours: Mapping[int, Sequence[float]],
    theirs: Mapping[int, Sequence[float]] | None,
    labels: Sequence[bool],
    *,
    resamples: int,
    seed: int = 0,
) -> Interval:
    """The mean AUC over seeds less theirs; ours alone if ``theirs`` is None.

    Resamples that drew one class only say nothing, and are left out.

    Args:
        ours: seed to a score for each test row; the same rows under every seed.

    Raises:
        Unpaired: if theirs has other seeds, or a number of scores is not that of the labels.
    """
    seeds = sorted(ours)
    if theirs is not None and sorted(theirs) != seeds:
        raise Unpaired("the systems were run under different seeds")
    every = [*ours.values(), *(theirs or {}).values()]
    if any(len(told) != len(labels) for told in every):
        raise Unpaired("the systems were tested on different rows")
    generator = np.random.default_rng(seed)
    n = len(labels)
    counts = generator.multinomial(n, np.full(n, 1 / n), size=resamples).astype(np.float64)
    drawn = generator.integers(len(seeds), size=(resamples, len(seeds)))
    value, spread = mean_auc(ours, labels), _means(ours, labels, counts, drawn)
    if theirs is not None:
        value -= mean_auc(theirs, labels)
        spread = spread - _means(theirs, labels, counts, drawn)
    low, high = np.percentile(spread[np.isfinite(spread)], [2.5, 97.5]).tolist()
    return Interval(value, low, high)


def resampled_auc(scores: Sequence[float], labels: Sequence[bool], counts: Floats) -> Floats:
    """The AUC ``(R,)`` of R resamples at once; not a number where a class is missing.

    Args:
        counts: ``(R, n)``, how often each row was drawn.
    """
    _, group = np.unique(np.asarray(scores, dtype=np.float64), return_inverse=True)
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    sorted_counts = counts[:, order]
    liked = np.asarray(labels, dtype=bool)[order]
    # (R, groups of equal scores): how many of each class a resample has there.
    positives = np.add.reduceat(np.where(liked, sorted_counts, 0.0), starts, axis=1)
    negatives = np.add.reduceat(np.where(liked, 0.0, sorted_counts), starts, axis=1)
    below = np.cumsum(negatives, axis=1) - negatives
    pairs = positives.sum(axis=1) * negatives.sum(axis=1)
    outranked = (positives * (below + negatives / 2)).sum(axis=1)
    ranked: Floats = np.divide(outranked, pairs, out=np.full(len(counts), np.nan), where=pairs > 0)
    return ranked


def _means(
    scores: Mapping[int, Sequence[float]],
    labels: Sequence[bool],
    counts: Floats,
    drawn: NDArray[np.int64],
) -> Floats:
    """The mean ``(R,)`` of each resample's AUC over the seeds it drew."""
    each = np.stack([resampled_auc(scores[seed], labels, counts) for seed in sorted(scores)])
    means: Floats = np.take_along_axis(each.T, drawn, axis=1).mean(axis=1)
    return means
