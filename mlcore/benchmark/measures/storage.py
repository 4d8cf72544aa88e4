"""Bytes stored by K and S: adapters, checkpoints, the index, the trunk states."""

import dataclasses
from typing import Any, Final

import torch

from mlcore import adapters, aggregation
from mlcore.aggregation import Index
from mlcore.benchmark.setting import Progress, Setting
from mlcore.benchmark.tables import Rule
from mlcore.ensemble import panel
from mlcore.ensemble.people import Register, nobody
from mlcore.lora import Weights, common_a, no_b
from mlcore.recipe import Recipe

KEYS: Final[dict[str, Rule]] = {"grid_shards": [(1, 4096)], "grid_slices": [(1, 4096)]}


def measure(setting: Setting, progress: Progress) -> dict[str, Any]:
    """One row a K and S.

    What is stored has the same size whatever was trained, so nothing is: the files are made of
    weights of zeros. ``adapters`` and ``independent_a`` are tensors, with A once or in each;
    ``checkpoints`` are PEFT files, which all hold their A.
    """
    grid = [
        (shards, slices)
        for shards in setting.table["grid_shards"]
        for slices in setting.table["grid_slices"]
    ]
    rows = []
    for done, (shards, slices) in enumerate(grid, start=1):
        recipe = dataclasses.replace(setting.recipe, shards=shards, slices=slices)
        rows.append({"shards": shards, "slices": slices, **stored(setting, recipe)})
        progress("storage", done, len(grid))
    return {"rows": rows}


def stored(setting: Setting, recipe: Recipe) -> dict[str, int]:
    """Bytes of all that an engine of this recipe stores for the setting's people."""
    register = Register(recipe, key=setting.key, anchors=None, is_late=nobody)
    people = [register.person(who, told) for who, told in setting.people.items()]
    filled = {person.place for person in people if person.train}
    serving = tuple(sorted({shard for shard, _ in filled}))
    chosen = panel.chosen(people, recipe.panel)
    rows = len(chosen)
    index = Index(serving, torch.zeros(rows, setting.base.hidden), torch.zeros(rows, len(serving)))
    told = [sample for person in people for sample in person.train]
    states = [setting.store.state(one.prompt) for one in (*told, *(one for _, one in chosen))]
    a, b = common_a(setting.base, recipe), no_b(setting.base, recipe)
    return {
        "adapters": _bytes(a) + len(serving) * _bytes(b),
        "independent_a": len(serving) * (_bytes(a) + _bytes(b)),
        "checkpoints": len(filled) * len(adapters.to_bytes(a, b)),
        "index": len(aggregation.to_bytes(index)),
        "states": sum(state.numel() * state.element_size() for state in states),
    }


def _bytes(weights: Weights) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in weights.values())
