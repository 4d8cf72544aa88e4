"""A recipe: every constant that decides what is trained and how it is scored.

Immutable and content-addressed. Two recipes with the same digest give the same bits from the
same data, in the same environment.
"""

import dataclasses
import math
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

from mlcore import manifest

FORMAT: Final = "expunge/recipe/v1"
TEMPLATES: Final = ("book", "movie")  # their texts are in prompts.py
DTYPES: Final = ("float32", "float64", "bfloat16")
PARTITIONS: Final = ("keyed", "semantic")  # what decides a subject's shard: partition.py
TRUNK_DTYPES: Final = ("", *DTYPES, "int8")  # "" is the dtype of the top


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
    # Below, what recipes may leave out: at its default a key is no part of the canonical form, so
    # that a recipe of before the key keeps its digest.
    partition: str = "keyed"
    anchors: str = ""  # SHA-256 of the anchors that a semantic partition votes with
    late_slices: int = 0  # the last of the slices, kept for likely leavers
    bucket: int = 1  # batches among which rows are sorted by length
    trunk_dtype: str = ""
    base_sha256: str = ""  # the base's digest, where the recipe insists on one

    def canonical(self) -> dict[str, object]:
        """What decides the result, in strings and integers; floats as Python's shortest repr.

        Leaves out the name, the base (a path decides nothing, its digest does) and what is at
        its default.
        """
        fields: dict[str, object] = {"format": FORMAT}
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.name in {"name", "base", "base_sha256"} or value == field.default:
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
    # A plain ValueError for a number of thousands of digits, the other for too deep a nesting.
    except (ValueError, RecursionError) as error:
        raise BadRecipe(f"{path.name} is not TOML: {error}.") from error
    return of_table(given, path.name)


def of_table(given: Mapping[str, object], where: str) -> Recipe:
    """The recipe that a TOML table holds; ``where`` begins the sentence that says what is wrong.

    Raises:
        BadRecipe: as ``load`` does.
    """
    if unknown := sorted(given.keys() - RULES.keys()):
        raise BadRecipe(f"{where}: {unknown[0]} is not a key of a recipe.")
    values: dict[str, Any] = {}
    for key, (read, is_allowed, wanted) in RULES.items():
        if key not in given:
            if key in OPTIONAL:
                continue
            raise BadRecipe(f"{where}: {key} is missing.")
        value = read(given[key])
        if value is None or not is_allowed(value):
            raise BadRecipe(f"{where}: {key} must be {wanted}, not {given[key]!r}.")
        values[key] = value
    recipe = Recipe(**values)
    if reason := contradiction(recipe):
        raise BadRecipe(f"{where}: {reason}")
    return recipe


def contradiction(recipe: Recipe) -> str | None:
    """One sentence on keys that are each allowed and together make no sense, or None."""
    if (recipe.partition == "semantic") != bool(recipe.anchors):
        return "a semantic partition needs anchors, and a keyed one has none."
    if recipe.late_slices >= recipe.slices:
        return "late_slices must be fewer than slices."
    return None


# One reader for each type: the value, or None for a value of another type.


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _whole(value: object) -> int | None:
    # bool is an int to Python, not to a reader of the file.
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _real(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        real = float(value)
    except OverflowError:  # a whole number that no float holds
        return None
    return real if math.isfinite(real) else None


def _names(value: object) -> tuple[str, ...] | None:
    if not isinstance(value, list) or not all(isinstance(name, str) and name for name in value):
        return None
    return tuple(value)


def _is_decimal(text: str) -> bool:
    """Whether it is one whose canonical form says all of it: a longer one would be rounded."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        return False
    return value.is_finite() and len(value.as_tuple().digits) <= 28 and abs(value.adjusted()) <= 28


def _is_name(text: str) -> bool:
    return 0 < len(text) <= 100 and text.isprintable()


_Rule = tuple[Callable[[object], Any], Callable[[Any], bool], str]


def _between(low: int, high: int) -> _Rule:
    return _whole, lambda value: low <= value <= high, f"a whole number from {low} to {high}"


def _one_of(names: tuple[str, ...]) -> _Rule:
    return _text, names.__contains__, f"one of {', '.join(filter(None, names))}"


_DIGEST: Final[_Rule] = (
    _text,
    lambda text: re.fullmatch("([0-9a-f]{64})?", text) is not None,
    "a SHA-256 in hexadecimal",
)
_POSITIVE: Final[_Rule] = (_real, lambda value: value > 0, "a positive number")
_NOT_NEGATIVE: Final[_Rule] = (_real, lambda value: value >= 0, "a number that is not negative")

# A switch names the adapter of every shard in one entry of the log, which holds 65,535 octets.
MOST_SHARDS: Final = 800

RULES: Final[dict[str, _Rule]] = {
    "name": (_text, _is_name, "a printable name of at most 100 characters"),
    "base": (_text, bool, "the name or the folder of a base model"),
    "template": _one_of(TEMPLATES),
    "history": _between(1, 1000),
    "min_history": _between(0, 1000),
    "like_above": (_text, _is_decimal, "a decimal number in quotes of at most 28 digits"),
    "targets": _between(0, 1_000_000),
    "shards": _between(1, MOST_SHARDS),
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
    # Beyond it a step cannot be told from infinity in float32.
    "learning_rate": (_real, lambda value: 0 < value <= 1e37, "a positive number up to 1e37"),
    "weight_decay": _NOT_NEGATIVE,
    "panel": _between(0, 1_000_000),
    "neighbours": _between(1, 1_000_000),
    "temperature": _NOT_NEGATIVE,
    "mix_scale": _POSITIVE,
    "threads": _between(1, 1024),
    "dtype": _one_of(DTYPES),
    "partition": _one_of(PARTITIONS),
    "anchors": _DIGEST,
    "late_slices": _between(0, 4095),
    "bucket": _between(1, 1000),
    "trunk_dtype": _one_of(TRUNK_DTYPES),
    "base_sha256": _DIGEST,
}
OPTIONAL: Final = {
    field.name for field in dataclasses.fields(Recipe) if field.default is not dataclasses.MISSING
}
