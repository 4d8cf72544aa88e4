"""Scoring throughput: the adaptive mix of K adapters against one adapter, on the same rows.

Twice: from prompts, as new candidates are scored, and from trunk states that are there already,
which leaves nothing but the adapted blocks and the mix.
"""

from collections.abc import Sequence
from statistics import median
from time import perf_counter
from typing import Any, Final

import torch
from torch import Tensor

from mlcore import samples, trunk
from mlcore.benchmark.measures import _bootstrap, _engines
from mlcore.benchmark.setting import Progress, Setting
from mlcore.benchmark.tables import Rule
from mlcore.lora import Top, Weights, common_a, top_of

KEYS: Final[dict[str, Rule]] = {
    "rows": (1, 1_000_000),
    "batch_size": (1, 65_536),
    "repeats": (2, 10_000),
}
# The trunk takes a hundred times as long as the rest, so it is run in fewer turns.
WHOLE_EVERY: Final = 3


def measure(setting: Setting, progress: Progress) -> dict[str, Any]:
    """Rows a second of both, in turns; the mix's includes making the weights.

    One adapter is a plain pass: no panel, no weights, the same batches of rows of like length.
    """
    size = setting.table["batch_size"]
    engine = _engines.fitted(setting, progress)
    prompts = _prompts(setting)
    states = [setting.store.state(prompt) for prompt in prompts]
    mix = engine.scorer()
    top, a = top_of(setting.base, setting.recipe), common_a(setting.base, setting.recipe)
    b = engine.adapters()[min(engine.adapters())]

    def fresh() -> list[Tensor]:
        return [trunk.state_of(setting.base, setting.recipe, prompt) for prompt in prompts[:size]]

    ours, single, ours_whole, single_whole = [], [], [], []
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
        if turn % WHOLE_EVERY == 1:
            start = perf_counter()
            _one(top, a, b, fresh(), size)
            middle = perf_counter()
            mix.score(fresh(), batch_size=size)
            single_whole.append(middle - start)
            ours_whole.append(perf_counter() - middle)
        progress("throughput", turn, setting.table["repeats"])
    return {
        "single": len(states) / median(single),
        "ours": len(states) / median(ours),
        "ratio": _bootstrap.ratio_of_medians(single, ours),
        "from_prompts": {
            "single": min(size, len(prompts)) / median(single_whole),
            "ours": min(size, len(prompts)) / median(ours_whole),
            "ratio": _bootstrap.ratio_of_medians(single_whole, ours_whole),
        },
        "batch_size": size,
        "rows": len(states),
        "seconds": {"single": single, "ours": ours},
    }


def _prompts(setting: Setting) -> list[str]:
    """What people are tested on, or, if that is too little, again from the first."""
    splits = [samples.split(told, setting.recipe) for told in setting.people.values()]
    prompts = [split.test.prompt for split in splits if split.test]
    return [prompts[i % len(prompts)] for i in range(setting.table["rows"])]


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
