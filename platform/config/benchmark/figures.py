"""Figures of repeats: their median, and how far they lie apart."""

from collections.abc import Sequence
from statistics import median
from time import perf_counter
from types import TracebackType
from typing import Any, Self


class Clock:
    """``with Clock() as clock``: then ``clock.seconds`` is how long it took."""

    seconds = 0.0

    def __enter__(self) -> Self:
        self._start = perf_counter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.seconds = perf_counter() - self._start


def spread(values: Sequence[float]) -> dict[str, Any]:
    """The median of repeats as ``value``, the least and the most as ``spread``, and all."""
    return {"value": median(values), "spread": [min(values), max(values)], "repeats": [*values]}


def quantile(values: Sequence[float], share: float) -> float:
    """The least of these values that so large a share of them does not exceed."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]
