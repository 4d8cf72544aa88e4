"""What the jobs of one run share: the base, the data sets, and rows that are made once."""

import dataclasses
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Final

from mlcore import base_model, determinism, quantised, rows, samples
from mlcore.base_model import Base, UnsupportedBase
from mlcore.benchmark import data
from mlcore.benchmark.config import Config
from mlcore.benchmark.data import Data
from mlcore.benchmark.store import Store
from mlcore.benchmark.tables import BadConfig
from mlcore.lora import NoSuchModule, common_a
from mlcore.quantised import CannotNarrow
from mlcore.recipe import Recipe
from mlcore.rows import Owned, Row
from mlcore.samples import Interaction, Sample

# Keys of a recipe that no adapter depends on.
SCORING_ONLY: Final = ("neighbours", "temperature", "mix_scale")


@dataclass(frozen=True)
class Dealt:
    """The rows of a data set under a seed; ``test`` is the same under all, in the same order."""

    train: tuple[Owned, ...]
    panel: tuple[Owned, ...]
    test: tuple[Owned, ...]
    ratings: Mapping[str, Sequence[Interaction]]  # subject to its training interactions


class World:
    """Everything that is opened once for a run.

    Args:
        folders: data set to folder; one that is not here is left out.

    Raises:
        BadConfig: if the base or a data set is missing, or too small for the configuration.
    """

    def __init__(self, config: Config, *, assets: Path, work: Path, folders: Mapping[str, Path]):
        self.config = config
        self.assets = assets
        self.work = work
        self.folders = folders
        self.data: dict[str, Data] = {
            name: data.READERS[name](folders[name], part)
            for name, part in config.data.items()
            if name in folders
        }
        # The rows themselves: the same configuration over other files is another run.
        self._told = {
            name: hashlib.sha256(repr(held).encode()).hexdigest()
            for name, held in self.data.items()
        }
        self.base = _open(config.recipe, assets)
        for name in self.data:
            self._check(name)
        self.environment = determinism.environment()
        self.store = Store(self.base, config.recipe, work / "states")
        self.dealt = cache(self._dealt)
        for name in self.data:
            self._check_rows(name)

    def recipe(self, name: str, seed: int, *, shards: int, slices: int, **more: Any) -> Recipe:
        """The run's recipe for a data set, a seed, K and S; ``more`` overrides."""
        part = self.config.data[name]
        return dataclasses.replace(
            self.config.recipe,
            seed=seed,
            shards=shards,
            slices=slices,
            panel=part["panel"],
            neighbours=part["neighbours"],
            **data.TELLS[name],
            **more,
        )

    def identity(self, name: str, recipe: Recipe, *, scoring: bool = True) -> dict[str, Any]:
        """All that decides what is computed from a data set under a recipe."""
        canonical = recipe.canonical()
        if not scoring:
            canonical = {key: canonical[key] for key in canonical if key not in SCORING_ONLY}
        return {
            "data": {
                "name": name,
                "sha256": self._told[name],
                "panel": self.config.data[name]["panel"],
            },
            "recipe": canonical,
            "base": self.base.digest,
            "environment": self.environment,
        }

    def opened(self, recipe: Recipe) -> Base:
        """Another recipe's base, or the run's own where it is the same.

        Raises:
            BadConfig: if it is missing.
        """
        same = ("base", "dtype", "threads")
        if all(getattr(recipe, name) == getattr(self.config.recipe, name) for name in same):
            return self.base
        base = _open(recipe, self.assets)
        # Opening settles torch on the other's threads, which decide bits.
        determinism.settle(self.config.recipe.threads)
        return base

    def row(self, owned: Owned) -> Row:
        """A row with what the untuned model makes of it."""
        return self.store.row(owned)

    def _dealt(self, name: str, seed: int) -> Dealt:
        held = self.data[name]
        recipe = self.recipe(name, seed, shards=1, slices=1)
        everyone = {
            subject: held.interactions(subject, seed=seed)
            for subject in dict.fromkeys((*held.train, *held.panel, *held.test))
        }
        if not held.leave_last:
            lasts = {who: _last(who, told, recipe) for who, told in everyone.items()}
            return Dealt(
                train=tuple(row for who in held.train if (row := lasts[who])),
                panel=tuple(row for who in held.panel if (row := lasts[who])),
                test=tuple(row for who in held.test if (row := lasts[who])),
                ratings={who: everyone[who] for who in held.train},
            )
        splits = {who: rows.owned(who, told, recipe) for who, told in everyone.items()}
        lots = sorted(held.train, key=lambda who: _lot(who, seed))
        validated = [row for who in lots if (row := splits[who].validation)]
        return Dealt(
            train=tuple(row for who in held.train for row in splits[who].train),
            panel=tuple(validated[: recipe.panel]),
            test=tuple(row for who in held.test if (row := splits[who].test)),
            ratings={who: _but_two(everyone[who]) for who in held.train},
        )

    def _check(self, name: str) -> None:
        shards = max(
            self.config.quality["shards"],
            *self.config.grid["shards"],
            *(table["shards"] for table in self.config.measures.values()),
        )
        if shards > len(self.data[name].train):
            raise BadConfig(
                f"data.{name}: {len(self.data[name].train)} subjects cannot fill {shards} shards."
            )
        if self.config.recipe.depth > self.base.layers:
            raise BadConfig(f"recipe: depth exceeds the model's {self.base.layers} blocks.")
        try:
            common_a(self.base, self.config.recipe)
            quantised.check(self.base.model, self.config.recipe.trunk_dtype)
        except (NoSuchModule, CannotNarrow) as error:
            raise BadConfig(f"recipe: {error}.") from error

    def _check_rows(self, name: str) -> None:
        dealt = self.dealt(name, self.config.quality["seeds"][0])
        if not dealt.train:
            raise BadConfig(f"data.{name}: nobody has a sample to train on.")
        if len({one.sample.label for one in dealt.test}) < 2:
            raise BadConfig(
                f"data.{name}: the test rows hold one class only, so no AUC can be had."
            )


def _open(recipe: Recipe, assets: Path) -> Base:
    folder = assets / recipe.base
    if not folder.is_dir():
        raise BadConfig(
            f"the base model {recipe.base} is not in the assets; make setup fetches it."
        )
    try:
        base = base_model.open_base(folder, dtype=recipe.dtype, threads=recipe.threads)
    except UnsupportedBase as error:
        raise BadConfig(f"{error}.") from error
    if recipe.base_sha256 not in ("", base.digest):
        raise BadConfig(f"recipe: base_sha256 is not the digest of {recipe.base}.")
    return base


def _last(subject: str, interactions: Sequence[Interaction], recipe: Recipe) -> Owned | None:
    """The row whose target is the last interaction; None with too little before it."""
    timeline = sorted(interactions, key=lambda one: (one.at, one.item, one.order_key))
    target, before = timeline[-1], timeline[:-1]
    if len(before) < recipe.min_history:
        return None
    sample = Sample(
        target.order_key,
        samples.candidate_prompt(before, target.title, recipe),
        target.value > Decimal(recipe.like_above),
    )
    closure = tuple(one.order_key for one in timeline[-recipe.history - 1 :])
    return Owned(subject, target.item, sample, closure)


def _but_two(interactions: Sequence[Interaction]) -> tuple[Interaction, ...]:
    """All but the last two, which validate and test."""
    return tuple(sorted(interactions, key=lambda one: (one.at, one.item, one.order_key))[:-2])


def _lot(subject: str, seed: int) -> bytes:
    return hmac.digest(data.key("order", seed), subject.encode(), "sha256")
