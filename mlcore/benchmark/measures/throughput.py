"""Scoring throughput: the adaptive mix of K adapters against one adapter, on the same states."""

from collections.abc import Sequence
from statistics import median
from time import perf_counter
from typing import Any, Final

import torch
from torch import Tensor

from mlcore import samples
from mlcore.benchmark.measures import _bootstrap, _engines
from mlcore.benchmark.setting import Progress, Setting
from mlcore.benchmark.tables import Rule
from mlcore.lora import Top, Weights, common_a, top_of

KEYS: Final[dict[str, Rule]] = {
    "rows": (1, 1_000_000),
    "batch_size": (1, 65_536),
    "repeats": (2, 10_000),
}


def measure(setting: Setting, progress: Progress) -> dict[str, Any]:
    """Rows a second of both, in turns; the mix's includes making the weights.

    One adapter is a plain pass: no panel, no weights, the same batches of rows of like length.
    """
    size = setting.table["batch_size"]
    engine = _engines.fitted(setting, progress)
    states = _states(setting)
    mix = engine.scorer()
    top, a = top_of(setting.base, setting.recipe), common_a(setting.base, setting.recipe)
    b = engine.adapters()[min(engine.adapters())]
    ours, single = [], []
    for turn in range(setting.table["repeats"] + 1):
        start = perf_counter()
        _one(top, a, b, states, size)
        middle = perf_counter()
        mix.score(states, batch_size=size)
        end = perf_counter()
        # The first turn warms up.
        if turn:
            single.append(middle - start)
            ours.append(end - middle)
        progress("throughput", turn, setting.table["repeats"])
    return {
        "single": len(states) / median(single),
        "ours": len(states) / median(ours),
        "ratio": _bootstrap.ratio_of_medians(single, ours),
        "batch_size": size,
        "rows": len(states),
        "seconds": {"single": single, "ours": ours},
    }


def _states(setting: Setting) -> list[Tensor]:
    """Trunk states of what people are tested on, or, if these are too few, again from the first."""
    splits = [samples.split(told, setting.recipe) for told in setting.people.values()]
    prompts = [split.test.prompt for split in splits if split.test]
    wanted = setting.table["rows"]
    return [setting.store.state(prompts[i % len(prompts)]) for i in range(wanted)]


def _one(top: Top, a: Weights, b: Weights, states: Sequence[Tensor], size: int) -> list[float]:
    by_length = sorted(range(len(states)), key=lambda i: len(states[i]))
    scores = [0.0] * len(states)
    with torch.inference_mode():
        for start in range(0, len(states), size):
            batch = by_length[start : start + size]
            logits = top.answers([states[i] for i in batch], a, b)
            for i, score in zip(batch, torch.sigmoid(logits[:, 0] - logits[:, 1]), strict=True):
                scores[i] = score.item()
    return scores
