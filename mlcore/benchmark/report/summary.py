"""The targets: what was wanted, what was measured, and whether the one meets the other."""

from collections.abc import Mapping
from typing import Any, Final

from mlcore.benchmark.config import Config
from mlcore.benchmark.report import quality
from mlcore.benchmark.report.quality import Place, Scored

# Which baseline, how many times faster the target is, and what its row calls it.
FASTER: Final = (
    ("retrain", 25, "retrain, same recipe, no caches"),
    ("retrain_all_blocks", 40, "retrain with LoRA on all blocks"),
    ("apa_top", 5, "apa at the same K and depth"),
    ("apa", 5, "apa at the same K, LoRA on all blocks as published"),
)


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

    def versus(system: str, other: str) -> Any:
        told = quality.difference(config, found, "movielens", system, other)
        return told.json() if told else None

    def auc(system: str, place: str) -> list[dict[str, Any]]:
        least = [
            at_least(f"AUC minus {label}'s, MovieLens, {place}", -0.01, versus(system, other))
            for other, label in (
                ("retrain", "retrain"),
                ("retrain_frozen_a", "retrain with our frozen A"),
            )
        ]
        rivals = (("sisa", "sisa"), ("apa_d", "apa (D)"), ("apa_nd", "apa (ND)"))
        return least + [
            above(f"AUC minus {label}'s, MovieLens, {place}", versus(system, other))
            for other, label in rivals
        ]

    def above(target: str, told: Any) -> dict[str, Any]:
        value, ci95 = _told(told)
        # An interval that holds 0 shows no difference, so it meets nothing.
        is_met = value is not None and value > 0 and (ci95 is None or ci95[0] > 0)
        return row(target, "> 0, and its interval", is_met, value, ci95)

    def faster(measure: str) -> list[dict[str, Any]]:
        table = config.measures.get(measure, config.quality)
        place = f"K = {table['shards']}, S = {table['slices']}"
        return [
            at_least(
                f"erase one subject, back to full quality, at {place}: times faster than {than}",
                goal,
                figure(results, measure, "ratios", baseline, "one_subject"),
                "x",
            )
            for baseline, goal, than in FASTER
        ]

    clean, clean_ci95 = _told(figure(results, "clean", "seconds"))
    histories, equal = figure(results, "twin", "histories"), figure(results, "twin", "equal")
    share = equal / histories if histories else None
    K, S = (config.quality[key] for key in ("shards", "slices"))
    return [
        *faster("erasure"),
        *auc("ours", f"K = {K}, S = {S}"),
        *(faster("unsliced") if "unsliced" in config.measures else []),
        *(auc("ours_no_slices", f"K = {K}, S = 1") if "ours_no_slices" in config.main else []),
        at_least(
            "scoring throughput from prompts, adaptive mix, to a single adapter's",
            0.9,
            figure(results, "throughput", "from_prompts", "ratio"),
            "x",
        ),
        at_least(
            "scoring throughput from cached trunk states, adaptive mix, to a single adapter's",
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
