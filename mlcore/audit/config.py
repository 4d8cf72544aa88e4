"""What an audit does and what it takes to pass, fixed in a file before anything is trained."""

import dataclasses
import math
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mlcore import recipe as recipes
from mlcore.recipe import Recipe


@dataclass(frozen=True, kw_only=True)
class Config:
    """Sizes and thresholds. An AUC is an attack's: 0.5 is guessing, 1 is certainty."""

    seed: int  # draws who plays which part, the canaries and the bootstrap
    retained: int  # people who train and stay
    erased: int  # people who train and are erased
    held_out: int  # people of the same crowd who never train
    shadows: int  # shadow ensembles; 0 leaves the likelihood ratio out
    fixed_variance: bool  # one variance for all samples: right for few shadows
    canaries: int  # made-up people who are planted; 0 leaves them out
    copies: int  # how often each is planted, under other names
    candidates: int  # made-up people who are not, among whom a planted one is ranked
    resamples: int  # of the bootstrap
    false_positives: tuple[float, ...]  # rates at which the rate of true positives is told
    loss_threshold: float  # nats: a sample of a smaller loss is called a member
    seen_auc: float  # what the whole confidence interval must exceed before the erasure
    left_auc: float  # how far from 0.5 an attack may be after it, beyond chance
    seen_bits: float  # exposure above chance that canaries must show before
    left_bits: float  # exposure above chance that they may show after, beyond chance


class BadConfig(ValueError):
    """The file does not describe an audit; the message is one sentence that names the key."""


def load(path: Path) -> tuple[Config, Recipe]:
    """Read a TOML file with exactly the keys of ``Config``, and a recipe in its table ``recipe``.

    Raises:
        BadConfig: for a key that is unknown, missing, of the wrong type or out of range.
        BadRecipe: the same, for the recipe.
        FileNotFoundError: if there is no such file.
    """
    try:
        given = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadConfig(f"{path.name} is not TOML: {error}.") from error
    table = given.pop("recipe", None)
    if not isinstance(table, dict):
        raise BadConfig(f"{path.name}: the table recipe is missing.")
    return of_table(given, path.name), recipes.of_table(table, f"{path.name}: recipe")


def of_table(given: Mapping[str, object], where: str) -> Config:
    """The configuration that a TOML table holds; ``where`` begins a sentence on what is wrong.

    Raises:
        BadConfig: as ``load`` does.
    """
    if unknown := sorted(given.keys() - RULES.keys()):
        raise BadConfig(f"{where}: {unknown[0]} is not a key of an audit.")
    values: dict[str, Any] = {}
    for key, (read, wanted) in RULES.items():
        if key not in given:
            raise BadConfig(f"{where}: {key} is missing.")
        values[key] = read(given[key])
        if values[key] is None:
            raise BadConfig(f"{where}: {key} must be {wanted}, not {given[key]!r}.")
    return Config(**values)


def as_json(config: Config) -> dict[str, Any]:
    """The configuration as JSON holds it."""
    return dataclasses.asdict(config) | {"false_positives": list(config.false_positives)}


# A reader gives the value, or None for one that is not allowed.
_Rule = tuple[Callable[[object], Any], str]


def _whole(low: int, high: int, *, even: bool = False) -> _Rule:
    def read(value: object) -> int | None:
        # bool is an int to Python, not to a reader of the file.
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            return None
        return None if even and value % 2 else value

    return read, f"{'an even' if even else 'a whole'} number from {low} to {high}"


def _shadows(value: object) -> int | None:
    count: int | None = _whole(0, 1024, even=True)[0](value)
    return None if count == 2 else count


def _real(low: float, high: float) -> _Rule:
    def read(value: object) -> float | None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        return float(value) if math.isfinite(value) and low <= value <= high else None

    return read, f"a number from {low:g} to {high:g}"


def _yes_or_no(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _rates(value: object) -> tuple[float, ...] | None:
    if not isinstance(value, list) or not value:
        return None
    rates = [_real(0, 1)[0](rate) for rate in value]
    return None if None in rates or rates != sorted(set(rates)) else tuple(rates)


RULES: Final[dict[str, _Rule]] = {
    "seed": _whole(0, 2**32 - 1),
    "retained": _whole(1, 1_000_000),
    # With one person there is nothing to resample, and no interval.
    "erased": _whole(2, 1_000_000),
    "held_out": _whole(2, 1_000_000),
    # A person is in half of the shadows, and a variance needs two of each kind.
    "shadows": (_shadows, "0 or an even number from 4 to 1024"),
    "fixed_variance": (_yes_or_no, "true or false"),
    "canaries": _whole(0, 100_000),
    "copies": _whole(1, 1000),
    "candidates": _whole(1, 1_000_000),
    "resamples": _whole(100, 1_000_000),
    "false_positives": (_rates, "a list of ascending rates from 0 to 1"),
    "loss_threshold": _real(0, 100),
    "seen_auc": _real(0.5, 1),
    "left_auc": _real(0, 0.5),
    "seen_bits": _real(0, 64),
    "left_bits": _real(0, 64),
}
