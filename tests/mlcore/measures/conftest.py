"""A setting on the tiny base: thirty-two people, two shards of two slices."""

import dataclasses
from typing import Any

import pytest

from mlcore.benchmark.setting import Setting
from mlcore.benchmark.store import Store
from tests.mlcore.conftest import person

NAMES = tuple(f"person {i}" for i in range(32))


@pytest.fixture
def setting(base, tiny, tmp_path):
    """Makes a setting with a measure's own table; ``changes`` are the recipe's."""

    def make(changes: dict[str, Any] | None = None, **table: Any) -> Setting:
        given = {"shards": 2, "slices": 2, "epochs": 1, "panel": 4, "mix_scale": 2.0}
        recipe = dataclasses.replace(tiny, **{**given, **(changes or {})})
        return Setting(
            base=base,
            recipe=recipe,
            people={name: person(name, 6) for name in NAMES},
            catalogue={str(i): f"Film {i}" for i in range(50)},
            key=b"partition key of the tests",
            store=Store(base, recipe, tmp_path / "states"),
            table=table,
            seed=3,
            work=tmp_path,
            assets=tmp_path,
        )

    return make


@pytest.fixture
def quiet():
    return lambda what, done, total: None
