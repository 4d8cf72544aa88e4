"""A recipe: every constant that decides what is trained and how it is scored.

Immutable and content-addressed. Two recipes with the same digest give the same bits from the
same data, in the same environment.
"""

import dataclasses
import math
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

from mlcore import manifest

FORMAT: Final = "expunge/recipe/v1"
TEMPLATES: Final = ("book", "movie")  # their texts are in prompts.py
DTYPES: Final = ("float32", "float64", "bfloat16")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides the result, and the name people know it by."""

    name: str
    base: str  # "smollm2", "tiny" or a folder's path
    template: str
    history: int  # H: interactions before a target that its prompt shows
    min_history: int
    like_above: str  # a decimal; a larger value is a like
    targets: int  # most recent training targets a subject; 0 is all
    shards: int  # K
    slices: int  # S
    depth: int  # m: top blocks that carry LoRA
    rank: int
    alpha: int
    target_modules: tuple[str, ...]
    seed: int
    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    panel: int  # rows of the aggregation index
    neighbours: int
    temperature: float
    mix_scale: float
    threads: int
    dtype: str

    def canonical(self) -> dict[str, object]:
        """What decides the result, in strings and integers; floats as Python's shortest repr.

        Leaves out the name, and the base: a path decides nothing, its digest does.
        """
        fields: dict[str, object] = {"format": FORMAT}
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.name in {"name", "base"}:
                continue
            if isinstance(value, tuple):
                value = sorted(value)
            fields[field.name] = repr(value) if isinstance(value, float) else value
        # "3" and "3.0" are the same bar.
        fields["like_above"] = str(Decimal(self.like_above).normalize())
        return fields


def digest(recipe: Recipe, base_digest: str) -> str:
    """SHA-256, in hexadecimal, of the RFC 8785 JSON of the recipe and its base model's digest."""
    return manifest.digest({**recipe.canonical(), "base": base_digest})


class BadRecipe(ValueError):
    """The file is not a recipe; the message is one sentence that names the key."""


def load(path: Path) -> Recipe:
    """Read a recipe from a TOML file with exactly the keys of ``Recipe``.

    Raises:
        BadRecipe: for a key that is unknown, missing, of the wrong type or out of range.
        FileNotFoundError: if there is no such file.
    """
    try:
        given = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadRecipe(f"{path.name} is not TOML: {error}.") from error
    if unknown := sorted(given.keys() - RULES.keys()):
        raise BadRecipe(f"{path.name}: {unknown[0]} is not a key of a recipe.")
    values: dict[str, Any] = {}
    for key, (read, is_allowed, wanted) in RULES.items():
        if key not in given:
            raise BadRecipe(f"{path.name}: {key} is missing.")
        value = read(given[key])
        if value is None or not is_allowed(value):
            raise BadRecipe(f"{path.name}: {key} must be {wanted}, not {given[key]!r}.")
        values[key] = value
    return Recipe(**values)


# One reader for each type: the value, or None for a value of another type.


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _whole(value: object) -> int | None:
    # bool is an int to Python, not to a reader of the file.
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _real(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def _names(value: object) -> tuple[str, ...] | None:
    if not isinstance(value, list) or not all(isinstance(name, str) and name for name in value):
        return None
    return tuple(value)


def _is_decimal(text: str) -> bool:
    try:
        return Decimal(text).is_finite()
    except InvalidOperation:
        return False


_Rule = tuple[Callable[[object], Any], Callable[[Any], bool], str]


def _between(low: int, high: int) -> _Rule:
    return _whole, lambda value: low <= value <= high, f"a whole number from {low} to {high}"


_POSITIVE: Final[_Rule] = (_real, lambda value: value > 0, "a positive number")
_NOT_NEGATIVE: Final[_Rule] = (_real, lambda value: value >= 0, "a number that is not negative")

RULES: Final[dict[str, _Rule]] = {
    "name": (_text, bool, "a name"),
    "base": (_text, bool, "the name or the folder of a base model"),
    "template": (_text, TEMPLATES.__contains__, f"one of {', '.join(TEMPLATES)}"),
    "history": _between(1, 1000),
    "min_history": _between(0, 1000),
    "like_above": (_text, _is_decimal, "a decimal number in quotes"),
    "targets": _between(0, 1_000_000),
    "shards": _between(1, 4096),
    "slices": _between(1, 4096),
    "depth": _between(1, 1000),
    "rank": _between(1, 1024),
    "alpha": _between(1, 65536),
    "target_modules": (
        _names,
        lambda names: 0 < len(names) == len(set(names)),
        "a list of different module names",
    ),
    "seed": _between(0, 2**32 - 1),
    "epochs": _between(1, 10_000),
    "batch_size": _between(1, 65536),
    "learning_rate": _POSITIVE,
    "weight_decay": _NOT_NEGATIVE,
    "panel": _between(0, 1_000_000),
    "neighbours": _between(1, 1_000_000),
    "temperature": _NOT_NEGATIVE,
    "mix_scale": _POSITIVE,
    "threads": _between(1, 1024),
    "dtype": (_text, DTYPES.__contains__, f"one of {', '.join(DTYPES)}"),
}
