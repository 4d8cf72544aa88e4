"""Rows of made-up people, as a system gets them."""

import pytest

from mlcore import blocks, rows, trunk
from mlcore.base_model import Base
from mlcore.baselines.training import train_shard
from mlcore.recipe import Recipe
from mlcore.rows import Owned, Row
from tests.mlcore.conftest import person

PEOPLE = tuple(f"person {i}" for i in range(12))


def told(names=PEOPLE):
    """Subject to what it thought of what: the ratings that a partition may be fitted on."""
    return {name: person(name, 8) for name in names}


def row(base: Base, recipe: Recipe, one: Owned) -> Row:
    state = trunk.state(base, one.sample.prompt, depth=recipe.depth)
    top = base.model.model.layers[base.layers - recipe.depth :]
    hidden = base.model.model.norm(blocks.run(base.model, top, state[None]))[0, -1]
    return Row(one.subject, one.item, one.sample, one.closure, state, hidden.float())


def all_rows(base, recipe, people) -> tuple[list[Row], list[Row]]:
    """Training rows and validation rows of these people."""
    splits = [rows.owned(name, heard, recipe) for name, heard in people.items()]
    return (
        [row(base, recipe, one) for split in splits for one in split.train],
        [row(base, recipe, split.validation) for split in splits],
    )


@pytest.fixture(scope="session")
def people():
    return told()


@pytest.fixture(scope="session")
def train(base, tiny, people):
    return all_rows(base, tiny, people)[0]


@pytest.fixture(scope="session")
def panel(base, tiny, people):
    return all_rows(base, tiny, people)[1]


def fit(base, recipe, some, *, shard=0, learning_rate=0.02):
    """The A and B of a shard of these rows."""
    steps = train_shard(base, recipe, some, shard=shard, learning_rate=learning_rate)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value
