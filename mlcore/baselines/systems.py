"""The systems that are compared, by name: a partition of the samples and an aggregation.

Systems of one partition share their trained adapters; an aggregation trains nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

SISA: Final = "Bourtoule et al. 2021, arXiv 1912.03817"
APA: Final = "Hu et al. 2024, arXiv 2404.10327"
RECERASER: Final = "Chen et al. 2022, arXiv 2201.06820"
GRAPHERASER: Final = "Chen et al. 2022, arXiv 2103.14991"

# Why a partition's shards may hold traces of what was erased; "" where they hold none.
WHY_NOT: Final = MappingProxyType(
    {
        "all": "",
        # A sample's shard follows from the sample alone. It takes every shard that any sample of
        # the erased closure was in: see costs.touched.
        "random": "",
        "user": "",
        "semantic": "The clusters and their caps are fitted on the samples that are later erased, "
        "so an erasure moves others.",
        "receraser": "The factorisation and the balanced clusters are fitted on the interactions "
        "that are later erased, so an erasure moves others.",
        "grapheraser": "The graph's embedding and the balanced clusters are fitted on the "
        "interactions that are later erased, so an erasure moves others.",
    }
)


@dataclass(frozen=True)
class System:
    """One row of the comparison.

    ``is_exact`` says whether retraining every shard that held anything erased, with the panel's
    rows and the centres made anew from what remains, ends where a run that never saw it would.
    ``why_not`` is one sentence where it does not, else empty.
    """

    name: str
    label: str
    partition: str
    aggregation: str
    source: str
    is_exact: bool
    why_not: str


def _system(name: str, label: str, partition: str, aggregation: str, source: str) -> System:
    why_not = WHY_NOT[partition]
    return System(name, label, partition, aggregation, source, not why_not, why_not)


def _ablations() -> list[System]:
    partitions = {"random": "random shards", "user": "shards by user", "semantic": "semantic"}
    aggregations = {
        "uniform": "mean of outputs",
        "similarity": "weights by similarity",
        "argmax": "best adapter only",
        "adaptive_d": "adaptive (D)",
        "adaptive_nd": "adaptive (ND)",
    }
    return [
        _system(f"{partition}/{aggregation}", f"{what}, {how}", partition, aggregation, APA)
        for partition, what in partitions.items()
        for aggregation, how in aggregations.items()
    ]


SYSTEMS: Final[Mapping[str, System]] = MappingProxyType(
    {
        system.name: system
        for system in (
            _system("retrain", "Retrain", "all", "uniform", APA),
            _system("sisa", "SISA", "random", "uniform", SISA),
            _system("sisa_user", "SISA by user", "user", "uniform", SISA),
            _system("grapheraser", "GraphEraser", "grapheraser", "uniform", GRAPHERASER),
            _system("receraser", "RecEraser", "receraser", "uniform", RECERASER),
            _system("apa_d", "APA (D)", "semantic", "adaptive_d", APA),
            _system("apa_nd", "APA (ND)", "semantic", "adaptive_nd", APA),
            *_ablations(),
        )
    }
)
