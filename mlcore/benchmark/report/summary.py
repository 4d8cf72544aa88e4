"""The targets: what was wanted, what was measured, and whether the one meets the other."""

from collections.abc import Mapping
from typing import Any

from mlcore.benchmark.config import Config
from mlcore.benchmark.report import quality
from mlcore.benchmark.report.quality import Place, Scored


def figure(results: Mapping[str, Any], measure: str, *path: str) -> Any:
    """What a measure's result holds at a path of keys; None if any is not there."""
    value = results.get(f"measure/{measure}", {}).get("result")
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def summary(
    config: Config, results: Mapping[str, Any], found: Mapping[Place, Scored], command: str
) -> list[dict[str, Any]]:
    """One object a target: target, goal, value, ci95, met, command. Not run is not met."""

    def row(
        target: str, goal: str, is_met: bool, value: float | None, ci95: object
    ) -> dict[str, Any]:
        return {
            "target": target,
            "goal": goal,
            "value": value,
            "ci95": ci95,
            "met": is_met,
            "command": command,
        }

    def at_least(target: str, goal: float, told: Any, unit: str = "") -> dict[str, Any]:
        value, ci95 = _told(told)
        return row(target, f">= {goal:g}{unit}", value is not None and value >= goal, value, ci95)

    def above(target: str, other: str) -> dict[str, Any]:
        told = quality.difference(config, found, "movielens", "ours", other)
        value, ci95 = _told(told.json() if told else None)
        # An interval that holds 0 shows no difference, so it meets nothing.
        is_met = value is not None and value > 0 and (ci95 is None or ci95[0] > 0)
        return row(target, "> 0, and its interval", is_met, value, ci95)

    K, S = (config.measures.get("erasure", config.quality)[key] for key in ("shards", "slices"))
    place = f"K = {K}, S = {S}"
    erased = f"erase one subject, back to full quality, at {place}"
    versus = quality.difference(config, found, "movielens", "ours", "retrain")
    clean, clean_ci95 = _told(figure(results, "clean", "seconds"))
    histories, equal = figure(results, "twin", "histories"), figure(results, "twin", "equal")
    share = equal / histories if histories else None
    return [
        at_least(
            f"{erased}: times faster than retrain, same recipe, no caches",
            25,
            figure(results, "erasure", "ratios", "retrain", "one_subject"),
            "x",
        ),
        at_least(
            f"{erased}: times faster than retrain with LoRA on all blocks",
            40,
            figure(results, "erasure", "ratios", "retrain_all_blocks", "one_subject"),
            "x",
        ),
        at_least(
            f"{erased}: times faster than apa at the same K and depth",
            5,
            figure(results, "erasure", "ratios", "apa_top", "one_subject"),
            "x",
        ),
        at_least(
            f"{erased}: times faster than apa at the same K, LoRA on all blocks as published",
            5,
            figure(results, "erasure", "ratios", "apa", "one_subject"),
            "x",
        ),
        at_least("AUC minus retrain's, MovieLens", -0.01, versus.json() if versus else None),
        above("AUC minus sisa's, MovieLens", "sisa"),
        above("AUC minus apa (D)'s, MovieLens", "apa_d"),
        above("AUC minus apa (ND)'s, MovieLens", "apa_nd"),
        at_least(
            "scoring throughput, adaptive mix, to a single adapter's",
            0.9,
            figure(results, "throughput", "ratio"),
            "x",
        ),
        row(
            "time-to-clean of the engine in memory, seconds",
            "<= 1",
            clean is not None and clean <= 1,
            clean,
            clean_ci95,
        ),
        row(
            "share of random histories whose twin's digests are equal, of >= 200",
            "1.0 of >= 200",
            share == 1.0 and histories >= 200,
            share,
            None,
        ),
    ]


def _told(given: Any) -> tuple[float | None, Any]:
    """Value and interval of a figure, with or without one."""
    if isinstance(given, Mapping):
        return given.get("value"), given.get("ci95")
    return given, None
