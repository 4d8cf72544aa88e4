"""How well each system ranks: AUC over seeds, with intervals, from the scoring jobs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mlcore.benchmark import statistics
from mlcore.benchmark.config import Config
from mlcore.benchmark.ours import everyone
from mlcore.benchmark.statistics import Interval


@dataclass
class Scored:
    """One system on one data set: seed to its scores, and the rows' labels."""

    scores: dict[int, list[float]] = field(default_factory=dict)
    labels: list[bool] = field(default_factory=list)


@dataclass(frozen=True)
class Quality:
    """One row of a table. The differences are over the seeds that both systems have."""

    system: str
    seeds: int
    auc: Interval
    versus_retrain: Interval | None


Place = tuple[str, str, int, int]  # data set, system, K, S


def scored(results: Mapping[str, Any]) -> dict[Place, Scored]:
    """The scoring jobs' results, the seeds put together."""
    found: dict[Place, Scored] = {}
    for name, told in results.items():
        if name.startswith("score/"):
            one = told["result"]
            place = (name.split("/")[1], one["system"], one["shards"], one["slices"])
            entry = found.setdefault(place, Scored())
            entry.scores[one["seed"]] = one["scores"]
            entry.labels = one["labels"]
    return found


def main_table(config: Config, found: Mapping[Place, Scored], held: str) -> list[Quality]:
    """The systems at the configured K and S, in the order of the tables."""
    K, S = config.quality["shards"], config.quality["slices"]
    rows = []
    for system in everyone():
        # A system that is not sharded, or not sliced, has a K or S of its own.
        for place in ((held, system, K, S), (held, system, K, 1), (held, system, 1, 1)):
            if place in found:
                rows.append(_row(config, found, place))
                break
    return rows


def grid(config: Config, found: Mapping[Place, Scored]) -> dict[tuple[int, int], Quality]:
    """Ours on MovieLens, by K and S, under the grid's seeds."""
    rows = {}
    for K in config.grid["shards"]:
        for S in config.grid["slices"]:
            entry = found.get(("movielens", "ours", K, S))
            if entry and {*config.grid["seeds"]} <= entry.scores.keys():
                rows[K, S] = _row(
                    config, found, ("movielens", "ours", K, S), {*config.grid["seeds"]}
                )
    return rows


def difference(
    config: Config, found: Mapping[Place, Scored], held: str, one: str, other: str
) -> Interval | None:
    """AUC of one system less another's, both at the configured K and S."""
    rows = {row.system for row in main_table(config, found, held)}
    if not {one, other} <= rows:
        return None
    return _difference(config, _at(config, found, held, one), _at(config, found, held, other))


def _at(config: Config, found: Mapping[Place, Scored], held: str, system: str) -> Scored:
    K, S = config.quality["shards"], config.quality["slices"]
    places = ((held, system, K, S), (held, system, K, 1), (held, system, 1, 1))
    return next(found[place] for place in places if place in found)


def _row(
    config: Config,
    found: Mapping[Place, Scored],
    place: Place,
    seeds: set[int] | None = None,
) -> Quality:
    entry = found[place]
    told = {seed: entry.scores[seed] for seed in sorted(seeds or entry.scores)}
    retrain = found.get((place[0], "retrain", 1, 1))
    versus = None
    if retrain is not None and place[1] != "retrain":
        versus = _difference(config, Scored(told, entry.labels), retrain)
    return Quality(
        place[1],
        len(told),
        statistics.compare(told, None, entry.labels, resamples=config.statistics["resamples"]),
        versus,
    )


def _difference(config: Config, one: Scored, other: Scored) -> Interval | None:
    shared = sorted(one.scores.keys() & other.scores.keys())
    if not shared:
        return None
    return statistics.compare(
        {seed: one.scores[seed] for seed in shared},
        {seed: other.scores[seed] for seed in shared},
        one.labels,
        resamples=config.statistics["resamples"],
    )
