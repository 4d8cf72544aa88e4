"""What a worker keeps at hand between runs: the base model, opened once a process."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from django.conf import settings

import mlcore.recipe
from mlcore import base_model, devices, quantised
from mlcore.base_model import Base, UnsupportedBase
from mlcore.lora import NoSuchModule, Weights, common_a
from mlcore.recipe import BadRecipe
from registry import bases
from registry.models import Recipe


class BaseChanged(Exception):
    """The base model on this machine is not the one that the recipe was registered with."""


@dataclass(frozen=True)
class Bench:
    """A recipe with its base model and the frozen A that all its adapters share."""

    recipe: Recipe
    plain: mlcore.recipe.Recipe
    base: Base
    a: Weights


@lru_cache(maxsize=1)
def open_base(folder: Path, dtype: str, threads: int) -> Base:
    """Open a base model, or hand out the one that is open: loading takes seconds."""
    device_map = devices.read(settings.EXPUNGE_DEVICE_MAP)
    return base_model.open_base(folder, dtype=dtype, threads=threads, device_map=device_map)


def base_of(plain: mlcore.recipe.Recipe) -> Base:
    """The base model that a recipe names.

    Raises:
        registry.bases.BaseMissing: it is not on this machine.
    """
    return open_base(bases.folder_of(plain.base), plain.dtype, plain.threads)


def check(plain: mlcore.recipe.Recipe) -> Base:
    """Open a recipe's base, and see that it has what the recipe adapts, before anything else.

    Raises:
        registry.bases.BaseMissing: it is not on this machine.
        mlcore.recipe.BadRecipe: naming the key that the base does not allow.
    """
    try:
        base = base_of(plain)
    except UnsupportedBase as error:
        raise BadRecipe(f"base cannot be used: {error}.") from None
    base_model.insist(plain, base.digest)
    _a_of(plain, base)
    try:
        quantised.check(base.model, plain.trunk_dtype)
    except quantised.CannotNarrow as error:
        raise BadRecipe(f"trunk_dtype cannot be {plain.trunk_dtype}: {error}.") from None
    return base


def _a_of(plain: mlcore.recipe.Recipe, base: Base) -> Weights:
    """The A of a recipe, where its base has the modules that it adapts."""
    if plain.depth > base.layers:
        raise BadRecipe(f"depth must be at most {base.layers}, the blocks of {plain.base}.")
    try:
        return common_a(base, plain)
    except NoSuchModule as error:
        raise BadRecipe(f"target_modules does not fit {plain.base}: {error}.") from None


def bench_of(recipe: Recipe) -> Bench:
    """All that a run of this recipe needs.

    Raises:
        registry.bases.BaseMissing: the base is not on this machine.
        BaseChanged: its digest is not the registered one.
        mlcore.recipe.BadRecipe: the base does not have what the recipe adapts.
    """
    plain = recipe.plain
    base = base_of(plain)
    if base.digest != recipe.base_digest:
        raise BaseChanged(f"the base model {plain.base} is not the one {recipe} was made with")
    return Bench(recipe, plain, base, _a_of(plain, base))
