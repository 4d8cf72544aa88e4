"""Means and ratios of repeated measurements, with 95 % intervals by the bootstrap."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

RESAMPLES: Final = 2000


def mean(values: Sequence[float]) -> dict[str, Any]:
    """The mean and the interval of percentiles (Efron and Tibshirani 1993), None for one value."""
    return ratio(values, [1.0] * len(values))


def ratio(over: Sequence[float], under: Sequence[float]) -> dict[str, Any]:
    """The ratio of the means of pairs that were measured in turn; a resample keeps the pairs."""
    top, bottom = np.asarray(over, dtype=np.float64), np.asarray(under, dtype=np.float64)
    value = float(top.mean() / bottom.mean())
    if len(top) < 2:
        return {"value": value, "ci95": None}
    draws = np.random.default_rng(0).integers(len(top), size=(RESAMPLES, len(top)))
    spread = top[draws].mean(axis=1) / bottom[draws].mean(axis=1)
    return {"value": value, "ci95": np.percentile(spread, [2.5, 97.5]).tolist()}


def ratio_of_medians(over: Sequence[float], under: Sequence[float]) -> dict[str, Any]:
    """The same of medians, which a neighbour's load on the machine moves less."""
    top, bottom = np.asarray(over), np.asarray(under)
    draws = np.random.default_rng(0).integers(len(top), size=(RESAMPLES, len(top)))
    spread = np.median(top[draws], axis=1) / np.median(bottom[draws], axis=1)
    return {
        "value": float(np.median(top) / np.median(bottom)),
        "ci95": np.percentile(spread, [2.5, 97.5]).tolist(),
    }
