"""What a measure is given: a base, a recipe, people, and their rows kept on disk."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlcore.base_model import Base
from mlcore.benchmark.store import Store
from mlcore.recipe import Recipe
from mlcore.samples import Interaction

# What is being done, how much of it is done, and of how much.
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Setting:
    """One measurement's inputs.

    ``people`` hold all their interactions, by subject, ordered under the keys of ``seed``.
    ``catalogue`` is item to title. ``key`` is the partition's. ``table`` is the measure's own
    table of the configuration, already checked. ``work`` is a folder that outlives the run.
    """

    base: Base
    recipe: Recipe
    people: Mapping[str, Sequence[Interaction]]
    catalogue: Mapping[str, str]
    key: bytes
    store: Store
    table: Mapping[str, Any]
    seed: int
    work: Path
    assets: Path
