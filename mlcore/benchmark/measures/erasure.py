"""What an erasure costs, until everything that serves is at full quality again.

Ours takes turns with the others in one process. They take too long to be run whole for each
erasure, so real optimiser steps are timed, in each turn, and multiplied by the steps they need.
"""

from collections.abc import Mapping, Sequence
from random import Random
from statistics import fmean
from time import perf_counter
from typing import Any, Final

from mlcore import samples
from mlcore.benchmark.measures import _bootstrap, _engines
from mlcore.benchmark.measures._rivals import BASELINES, Gone, Rivals
from mlcore.benchmark.setting import Progress, Setting
from mlcore.benchmark.tables import Rule
from mlcore.ensemble import Ensemble

KEYS: Final[dict[str, Rule]] = {
    "subjects": (1, 10_000),  # trials of one subject, and of one interaction
    "batches": (0, 1000),  # trials of 10 and of 100 subjects at once
    "timed_steps": (1, 100_000),  # of each trainer, in each trial
    "whole": bool,  # run the retraining with our recipe to its end, between the trials
    "moved": (0, 10_000),  # trials for which the semantic partition is made anew
}


def measure(setting: Setting, progress: Progress) -> dict[str, Any]:
    """Seconds and samples to erase, ours and the baselines', and the ratios with intervals.

    Every trial erases from everyone, ours as the others'. One interaction is one that training
    consumed.
    """
    engine = _engines.fitted(setting, progress)
    plan = _plan(setting)
    rivals = Rivals(setting, turns=len(plan))
    # What is paid once a process, not once an erasure.
    warm = engine.fork()
    warm.erase(plan[0][1])
    warm.restore()
    trials: dict[str, list[dict[str, Any]]] = {}
    for done, (what, gone) in enumerate(plan):
        progress("erasure", done, len(plan))
        ours = _erase(engine.fork(), gone)
        is_moved = len(trials.get(what, [])) < setting.table["moved"]
        told = {"ours": ours, **rivals.cost(gone, is_moved=is_moved)}
        trials.setdefault(what, []).append(told)
    progress("erasure", len(plan), len(plan))
    return {
        "training_rows": len(rivals.rows),
        "ours": {
            what: {**_summary(each, "ours"), **_phases(each)} for what, each in trials.items()
        },
        "baselines": {
            name: {
                "seconds": {what: _summary(each, name)["seconds"] for what, each in held.items()},
                "samples_trained": {
                    what: _summary(each, name)["samples_trained"] for what, each in held.items()
                },
                **rivals.timed(name),
            }
            for name in BASELINES
            if (held := _of(trials, name))
        },
        "ratios": {
            name: {what: _ratio(each, name) for what, each in held.items()}
            for name in BASELINES
            if (held := _of(trials, name))
        },
        "trials": trials,
    }


def _plan(setting: Setting) -> list[tuple[str, Gone]]:
    """What is erased, in the order of the trials: the kinds take turns."""
    singles = _engines.anyone(setting, setting.table["subjects"], "erasure")
    able = [who for who in singles if samples.used(setting.people[who], setting.recipe)]
    plan: list[tuple[str, Gone]] = []
    for who in able:
        consumed = samples.used(setting.people[who], setting.recipe)
        one = Random(f"{setting.seed}/{who}").choice(consumed)
        plan += [("one_subject", {who: None}), ("one_interaction", {who: [one.order_key]})]
    for count in (10, 100):
        for trial in range(setting.table["batches"]):
            several = _engines.anyone(setting, count, f"erasure/{trial}")
            if len(several) == count:
                plan.append((f"subjects_{count}", dict.fromkeys(several)))
    return plan


def _erase(engine: Ensemble, gone: Gone) -> dict[str, Any]:
    start = perf_counter()
    engine.erase(gone)
    restored = engine.restore()
    engine.scorer()
    seconds = perf_counter() - start
    return {
        "seconds": seconds,
        "samples_trained": restored.samples * engine.recipe.epochs,
        "slices": len(restored.slices),
        "steps": restored.steps,
        "states": restored.states,
        "errors": restored.errors,
        "phases": dict(restored.seconds),
    }


Trials = Sequence[Mapping[str, Any]]


def _of(trials: Mapping[str, Trials], name: str) -> dict[str, Trials]:
    """The trials in which a baseline was priced."""
    held = {what: [one for one in each if name in one] for what, each in trials.items()}
    return {what: each for what, each in held.items() if each}


def _summary(trials: Trials, name: str) -> dict[str, Any]:
    return {
        "seconds": _bootstrap.mean([one[name]["seconds"] for one in trials]),
        "samples_trained": fmean(one[name]["samples_trained"] for one in trials),
        "trials": len(trials),
    }


def _phases(trials: Trials) -> dict[str, Any]:
    """Where our seconds went, and after how many quality was whole again.

    What follows then prepares the next erasure's fallback; ``seconds`` count it, too.
    """
    names = trials[0]["ours"]["phases"]
    whole = [one["ours"]["seconds"] - one["ours"]["phases"]["fallbacks"] for one in trials]
    return {
        "phases": {name: fmean(one["ours"]["phases"][name] for one in trials) for name in names},
        "whole_quality": _bootstrap.mean(whole),
    }


def _ratio(trials: Trials, name: str) -> dict[str, Any]:
    theirs = [one[name]["seconds"] for one in trials]
    return _bootstrap.ratio(theirs, [one["ours"]["seconds"] for one in trials])
