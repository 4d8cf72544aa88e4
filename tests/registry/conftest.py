"""A world of nine people who fill every slice of the tiny recipe."""

import pytest

from tests import worlds
from tests.worlds import World, rows_of

PEOPLE = [f"person-{number}" for number in range(9)]
# Where the tests' partition key puts them under recipes/tiny.toml: shard, slice.
FIRST_OF_0, SECOND_OF_0, OTHER_SECOND_OF_0 = "person-7", "person-2", "person-3"
FIRST_OF_1, SECOND_OF_1 = "person-1", "person-8"
FIRST_OF_2 = "person-0"


@pytest.fixture
def empty(transactional_db, tmp_path, settings, monkeypatch):
    """A world with a catalogue and nobody in it; no worker hears its doorbell."""
    worlds.silence_the_doorbell(monkeypatch)
    return World(tmp_path / "world", settings)


@pytest.fixture
def world(empty):
    """A world whose nine people were ingested as one batch."""
    empty.ingest([row for person in PEOPLE for row in rows_of(person)])
    return empty


@pytest.fixture
def trained(world):
    """The same world, with a full release live."""
    world.train()
    return world
