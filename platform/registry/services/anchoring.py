"""The anchors of semantic recipes: from the assets into the database, and from there to whom asks.

A placement must not depend on a file that may be gone when somebody is erased.
"""

import hashlib
from errno import EISDIR
from functools import lru_cache
from os import strerror
from pathlib import Path

from django.conf import settings

import mlcore.recipe
from mlcore import anchors
from mlcore.anchors import Anchors, BadAnchors
from mlcore.recipe import BadRecipe
from registry.models import AnchorFile


class AnchorsChanged(Exception):
    """The anchors in the database are not those that the recipe names; nobody is placed by them."""


def path_of(digest: str) -> Path:
    """Where anchors lie among the assets."""
    return Path(settings.EXPUNGE_ASSETS) / "anchors" / f"{digest}.json"


def write(path: Path, data: bytes) -> None:
    """Write a file of anchors beside its place, then rename it: what is there is complete.

    Raises:
        OSError: it cannot be written; nothing is left of it.
    """
    path = path.absolute()
    if path.is_dir():
        raise IsADirectoryError(EISDIR, strerror(EISDIR), str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.draft")
    try:
        draft.write_bytes(data)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def check(recipe: mlcore.recipe.Recipe) -> bytes:
    """The file of the anchors that a recipe names: from the database, or from the assets.

    Empty for a recipe that names none.

    Raises:
        BadRecipe: they are in neither, are others, or are for other shards.
    """
    if not recipe.anchors:
        return b""
    name = f"anchors {recipe.anchors[:16]}..."
    kept = AnchorFile.objects.filter(digest=recipe.anchors).values_list("body", flat=True).first()
    try:
        data = bytes(kept) if kept is not None else path_of(recipe.anchors).read_bytes()
    except OSError:
        raise BadRecipe(f"{name} are not among the assets; fit_anchors makes them.") from None
    if hashlib.sha256(data).hexdigest() != recipe.anchors:
        raise BadRecipe(f"{name} are not what the file of that name in the assets holds.")
    try:
        found = anchors.from_bytes(data)
    except BadAnchors as error:
        raise BadRecipe(str(error)) from None
    if found.shards != recipe.shards:
        raise BadRecipe(f"{name} are for {found.shards} shards, and not for {recipe.shards}.")
    return data


def keep(recipe: mlcore.recipe.Recipe) -> None:
    """Take the anchors that a recipe names into the database, inside the caller's transaction.

    Raises:
        BadRecipe: as ``check`` does.
    """
    if data := check(recipe):
        AnchorFile.objects.get_or_create(digest=recipe.anchors, defaults={"body": data})


def of(recipe: mlcore.recipe.Recipe) -> Anchors | None:
    """The anchors that a registered recipe votes with; None for a keyed one.

    Raises:
        AnchorsChanged: the database holds others.
    """
    return _read(recipe.anchors) if recipe.anchors else None


@lru_cache(maxsize=4)
def _read(digest: str) -> Anchors:
    data = bytes(AnchorFile.objects.values_list("body", flat=True).get(digest=digest))
    if hashlib.sha256(data).hexdigest() != digest:
        raise AnchorsChanged("the anchors in the database are not those that the recipe names")
    return anchors.from_bytes(data)
