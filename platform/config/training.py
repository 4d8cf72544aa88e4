"""`train`, as commands and the demo share it: choose a recipe, train, settle the requests."""

import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

import mlcore.recipe
from config import provision
from erasure import services as erasure
from mlcore.recipe import BadRecipe
from registry import driver
from registry.models import Recipe
from registry.services import anchoring, live, recipes

DEFAULT = "smollm2"


def choose(name: str | None, *, actor: str) -> Recipe:
    """The recipe of this name or path, made current; without a name the current one.

    Raises:
        BadRecipe: no such recipe, or one that cannot be read or met.
        registry.bench.BaseMissing: its base model is not here.
    """
    if name is None:
        try:
            return recipes.current()
        except recipes.NoRecipe:
            name = DEFAULT
    wanted = mlcore.recipe.load(_path_of(name))
    recipes.check_people(wanted)
    anchoring.check(wanted)
    plain = provide(name)
    from registry import bench  # torch, which a recipe that cannot be met need not wait for

    base = bench.check(plain)
    return recipes.use(recipe=plain, base_digest=base.digest, actor=actor, at=timezone.now())


def provide(name: str) -> mlcore.recipe.Recipe:
    """Read a recipe, and fetch its base model if it is the one that we know where to get.

    Raises:
        BadRecipe: no such recipe, or one that cannot be read.
    """
    plain = mlcore.recipe.load(_path_of(name))
    if plain.base == "smollm2":
        provision.smollm2()
    return plain


def _path_of(name: str) -> Path:
    known = Path(settings.EXPUNGE_RECIPES) / f"{name}.toml"
    try:
        path = known if known.exists() else Path(name).expanduser()
        is_there = path.is_file() and os.access(path, os.R_OK)
    except (OSError, RuntimeError):  # a name that is too long, a home of nobody
        is_there = False
    if not is_there:
        there = ", ".join(sorted(p.stem for p in Path(settings.EXPUNGE_RECIPES).glob("*.toml")))
        raise BadRecipe(f"--recipe: there is no such file, and the names are {there}")
    return path


def train(
    recipe: Recipe,
    *,
    actor: str,
    on_runs: driver.OnRuns,
    patience: float = driver.PATIENCE_SECONDS,
) -> dict[str, Any]:
    """Bring the live release up to date, then take the waiting requests as far as they can go."""
    release = driver.bring_up_to_date(
        recipe=recipe, actor=actor, on_runs=on_runs, patience=patience
    )
    settled = erasure.settle(actor=actor, at=timezone.now(), retry=True)
    numbers = sorted({request.number for request in settled})
    return live.describe(release) | {"settled": numbers}
