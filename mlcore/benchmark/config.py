"""The configuration of a run: which data, how much of it, which systems, how often.

A TOML file, read strictly. ``configs/`` holds those that ``--size`` names.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module, resources
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, Final

from mlcore import recipe as recipes
from mlcore.audit import config as audits
from mlcore.audit.config import Config as AuditConfig
from mlcore.benchmark import measures, ours, tables
from mlcore.benchmark.tables import BadConfig, Rule
from mlcore.recipe import BadRecipe, Recipe

DATA: Final = ("movielens", "bookcrossing")
COUNT: Final = (1, 1_000_000)
COUNT_OR_ALL: Final = (0, 1_000_000)

DATA_RULES: Final[dict[str, Rule]] = {
    "subjects": COUNT_OR_ALL,  # people who train; 0 is all
    "test_rows": COUNT_OR_ALL,
    "panel": COUNT,  # rows of the aggregation index
    "neighbours": COUNT,  # n: panel rows that a weight is made from
    "anchors": bool,  # whether every title is embedded, for ours_semantic_public
}
QUALITY_RULES: Final[dict[str, Rule]] = {
    "seeds": [(0, 2**32 - 1)],
    "ablation_seeds": (1, 1000),  # the first of the seeds; systems outside of main stop there
    "shards": (2, 4096),
    "slices": (1, 4096),
    "learning_rate_ab": (1e-8, 10.0),  # where A and B train; the recipe's is for B alone
    "temperature_paper": (0.0, 1e9),
}
GRID_RULES: Final[dict[str, Rule]] = {
    "seeds": [(0, 2**32 - 1)],
    "shards": [(2, 4096)],
    "slices": [(1, 4096)],
}
STATISTICS_RULES: Final[dict[str, Rule]] = {"resamples": (10, 100_000)}
# Every measure is made at a K and an S.
PLACE_RULES: Final[dict[str, Rule]] = {"shards": (2, 4096), "slices": (1, 4096)}
SECTIONS: Final = ("name", "recipe", "data", "quality", "grid", "statistics", "measures", "audit")


@dataclass(frozen=True)
class Config:
    """What a file says; the tables hold exactly the keys of the rules above."""

    name: str
    recipe: Recipe
    data: Mapping[str, Mapping[str, Any]]
    systems: tuple[str, ...]
    main: tuple[str, ...]  # those that run under every seed
    quality: Mapping[str, Any]
    grid: Mapping[str, Any]
    statistics: Mapping[str, Any]
    measures: Mapping[str, Mapping[str, Any]]
    audit: tuple[AuditConfig, Recipe] | None  # it has a recipe of its own


def sizes() -> list[str]:
    """What ``--size`` may name."""
    folder = resources.files("mlcore.benchmark") / "configs"
    return sorted(file.name[:-5] for file in folder.iterdir() if file.name.endswith(".toml"))


def of_size(size: str) -> Config:
    """The configuration of a size.

    Raises:
        BadConfig: if there is no such size.
    """
    if size not in sizes():
        raise BadConfig(f"size must be one of {', '.join(sizes())}, not {size!r}.")
    return load(Path(str(resources.files("mlcore.benchmark") / "configs" / f"{size}.toml")))


def load(path: Path) -> Config:
    """Read a configuration.

    Raises:
        BadConfig: for whatever is wrong with the file, its recipe included.
    """
    try:
        given = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise BadConfig(f"there is no file {path.name}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadConfig(f"{path.name} is not TOML: {error}.") from error
    where = path.name
    if unknown := sorted(given.keys() - {*SECTIONS}):
        raise BadConfig(f"{where}: {unknown[0]} is not a key of it.")
    optional = {"audit", "measures"}
    for key in SECTIONS:
        if key not in given and key not in optional:
            raise BadConfig(f"{where}: {key} is missing.")
    quality = dict(given["quality"])
    systems = _systems(quality, "systems", f"{where}: quality")
    main = _systems(quality, "main", f"{where}: quality")
    config = Config(
        name=_text(given["name"], f"{where}: name"),
        recipe=_recipe(given["recipe"], path),
        data=_data(given["data"], f"{where}: data"),
        systems=systems,
        main=main,
        quality=tables.read(quality, QUALITY_RULES, f"{where}: quality"),
        grid=tables.read(given["grid"], GRID_RULES, f"{where}: grid"),
        statistics=tables.read(given["statistics"], STATISTICS_RULES, f"{where}: statistics"),
        measures=_measures(given.get("measures", {}), f"{where}: measures"),
        audit=_audit(given["audit"], path) if "audit" in given else None,
    )
    return config


def _text(value: object, where: str) -> str:
    if not isinstance(value, str) or not value:
        raise BadConfig(f"{where} must be a text that is not empty.")
    return value


def _recipe(table: object, path: Path) -> Recipe:
    where = f"{path.name}: recipe"
    try:
        return recipes.of_table(_over_file(table, path, where), where)
    except BadRecipe as error:
        raise BadConfig(str(error)) from error


def _audit(table: object, path: Path) -> tuple[AuditConfig, Recipe]:
    where = f"{path.name}: audit"
    keys = _over_file(table, path, where)
    try:
        recipe = recipes.of_table(keys.pop("recipe", {}), f"{where}.recipe")
        return audits.of_table(keys, where), recipe
    except (BadRecipe, audits.BadConfig) as error:
        raise BadConfig(str(error)) from error


def _over_file(table: object, path: Path, where: str) -> dict[str, Any]:
    """The table's keys, over those of the ``file`` it may name, beside this one."""
    if not isinstance(table, Mapping):
        raise BadConfig(f"{where} must be a table.")
    keys = dict(table)
    if "file" not in keys:
        return keys
    file = path.parent / _text(keys.pop("file"), f"{where}: file")
    try:
        return {**tomllib.loads(file.read_text("utf-8")), **keys}
    except FileNotFoundError as error:
        raise BadConfig(f"{where}: there is no file {file.name}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadConfig(f"{where}: {file.name} is not TOML: {error}.") from error


def _data(given: object, where: str) -> dict[str, Mapping[str, Any]]:
    if not isinstance(given, Mapping) or "movielens" not in given:
        raise BadConfig(f"{where}: movielens is missing.")
    if unknown := sorted(given.keys() - {*DATA}):
        raise BadConfig(f"{where}: {unknown[0]} is not one of {', '.join(DATA)}.")
    return {
        name: tables.read(given[name], DATA_RULES, f"{where}.{name}")
        for name in DATA
        if name in given
    }


def _systems(quality: dict[str, Any], key: str, where: str) -> tuple[str, ...]:
    """Take a list of systems out of the table."""
    known, given = ours.everyone(), quality.pop(key, None)
    if given == ["all"]:
        return known
    if not isinstance(given, list) or not given:
        raise BadConfig(f'{where}: {key} must be a list of names, or ["all"].')
    for name in given:
        if name not in known:
            raise BadConfig(f"{where}: {key}: there is no system {name!r}.")
    if "retrain" not in given or "ours" not in given:
        raise BadConfig(f"{where}: {key} must name retrain and ours, which others are held to.")
    return tuple(name for name in known if name in given)


def _measures(given: object, where: str) -> dict[str, Mapping[str, Any]]:
    if not isinstance(given, Mapping):
        raise BadConfig(f"{where} must be a table.")
    names = sorted(module.name for module in iter_modules(measures.__path__))
    names = [name for name in names if not name.startswith("_")]
    if unknown := sorted(given.keys() - {*names}):
        raise BadConfig(f"{where}: {unknown[0]} is not one of {', '.join(names)}.")
    return {
        name: tables.read(given[name], {**PLACE_RULES, **_keys(name)}, f"{where}.{name}")
        for name in names
        if name in given
    }


def _keys(measure: str) -> Mapping[str, Rule]:
    keys: Mapping[str, Rule] = getattr(import_module(f"{measures.__name__}.{measure}"), "KEYS", {})
    return keys
