"""Our engine's systems: the engine as it is, and with one thing at a time taken away."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from mlcore.baselines.systems import SYSTEMS


@dataclass(frozen=True)
class Ours:
    """One of our systems; all are exact.

    ``aggregation`` is ``adaptive`` (weights from the panel, the lambda of the recipe), ``uniform``
    (equal weights, the same lambda) or ``mean`` (adaptive weights that sum to 1, lambda = 1).
    """

    name: str
    label: str
    partition: str
    aggregation: str
    is_split: bool = True  # into K shards, else K = S = 1
    is_sliced: bool = True


OURS: Final[Mapping[str, Ours]] = MappingProxyType(
    {
        one.name: one
        for one in (
            Ours("ours", "Expunge", "keyed", "adaptive"),
            Ours("ours_uniform", "Expunge, equal weights", "keyed", "uniform"),
            Ours("ours_mean", "Expunge, lambda = 1", "keyed", "mean"),
            Ours("ours_no_slices", "Expunge, no slices", "keyed", "adaptive", is_sliced=False),
            Ours("ours_semantic_public", "Expunge, public anchors", "semantic", "adaptive"),
            Ours("retrain_frozen_a", "Retrain, frozen A", "keyed", "mean", is_split=False),
        )
    }
)


def everyone() -> tuple[str, ...]:
    """The names of all systems, in the order of the tables."""
    return ("retrain", *(name for name in OURS), *(name for name in SYSTEMS if name != "retrain"))


def label(name: str) -> str:
    """What the tables call a system."""
    return OURS[name].label if name in OURS else SYSTEMS[name].label


def is_exact(name: str) -> bool:
    """Whether erasing ends where a run that never saw the data would."""
    return name in OURS or SYSTEMS[name].is_exact
