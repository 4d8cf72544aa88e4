"""Engines to measure on: fitted once a run, and tiny ones where the model decides nothing."""

import dataclasses
from random import Random

from mlcore import base_model
from mlcore.base_model import Base
from mlcore.benchmark.setting import Progress, Setting
from mlcore.ensemble import Ensemble
from mlcore.recipe import Recipe


def fitted(setting: Setting, progress: Progress) -> Ensemble:
    """The engine on all people of the setting; trained slices are kept for the next measure."""
    engine = Ensemble(setting.base, setting.recipe, key=setting.key)
    kept = setting.work / "slices"
    engine.fit(setting.people, states=setting.store.state, kept=kept, progress=progress)
    return engine


def tiny(setting: Setting, **changes: object) -> tuple[Base, Recipe]:
    """A tiny random base, and the setting's recipe for it: for what holds with any model."""
    folder = setting.work / "tiny"
    base_model.make_tiny(folder, seed=1)
    # The same threads: they are a setting of the process.
    base = base_model.open_base(folder, dtype="float32", threads=setting.recipe.threads)
    small = {"depth": 2, "rank": 4, "alpha": 8, "dtype": "float32", "trunk_dtype": "", "epochs": 1}
    names = ("q_proj", "v_proj")
    recipe = dataclasses.replace(
        setting.recipe,
        **{**small, "target_modules": names, **changes},  # type: ignore[arg-type]
    )
    return base, recipe


def anyone(setting: Setting, count: int, what: str) -> list[str]:
    """So many different subjects, any as likely as any other, at most half of all there are."""
    names = sorted(setting.people)
    return Random(f"{setting.seed}/{what}").sample(names, min(count, len(names) // 2))
