"""A tiny base model for the whole session, and makers of people."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from mlcore import base_model, partition, recipe, samples, trunk
from mlcore.base_model import Base
from mlcore.recipe import Recipe
from mlcore.samples import Interaction
from mlcore.training import TrainSample

ROOT = Path(__file__).resolve().parents[2]
KEY = b"order key of the tests"


@pytest.fixture(scope="session")
def tiny() -> Recipe:
    return recipe.load(ROOT / "recipes" / "tiny.toml")


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bases") / "tiny"
    base_model.make_tiny(folder, seed=1)
    return folder


@pytest.fixture(scope="session")
def base(folder: Path) -> Base:
    return base_model.open_base(folder, dtype="float32", threads=1)


@pytest.fixture(scope="session")
def exact_base(folder: Path) -> Base:
    """The same model in float64, where two ways to the same number agree to the last digits."""
    return base_model.open_base(folder, dtype="float64", threads=1)


def person(name: str, interactions: int = 6) -> list[Interaction]:
    """Someone whose interactions follow from the name alone."""
    seed = int.from_bytes(partition.order_key(name, b"seed", key=KEY)[:4], "big")
    return [
        interaction(name, item=(seed + 7 * i) % 50, value=1 + (seed >> i) % 5, day=i)
        for i in range(interactions)
    ]


def interaction(name: str, *, item: int, value: int, day: int) -> Interaction:
    record = f"{item}/{value}/{day}".encode()
    return Interaction(
        item=str(item),
        title=f"Film {item}",
        value=Decimal(value),
        at=datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=day),
        order_key=partition.order_key(name, record, key=KEY),
    )


def rows(base: Base, recipe: Recipe, people: dict[str, list[Interaction]]) -> list[TrainSample]:
    """What a slice of these people trains on."""
    train = [one for p in people.values() for one in samples.split(p, recipe).train]
    return [
        TrainSample(s.order_key, trunk.state(base, s.prompt, depth=recipe.depth), s.label)
        for s in samples.in_order(train)
    ]


def crowd(*names: str) -> dict[str, list[Interaction]]:
    return {name: person(name) for name in names}
