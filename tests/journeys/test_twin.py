"""The axiom: what serves is a pure function of the data that remains, bit for bit.

One world ingests everything and then erases; its twin never saw the erased data. Whatever
happened in between, their live digests are equal.
"""

from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corpus import vault
from mlcore import base_model
from mlcore.anchors import fit
from registry import bases, work
from registry.services import live, runs
from tests import worlds
from tests.worlds import Row, World, rows_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

PEOPLE = [f"person-{number}" for number in range(9)]

steps = st.one_of(
    st.tuples(st.just("ingest"), st.sampled_from(PEOPLE), st.integers(1, 8)),
    st.tuples(st.just("erase"), st.sampled_from(PEOPLE), st.just(0)),
    st.tuples(st.just("erase items"), st.sampled_from(PEOPLE), st.integers(1, 3)),
    st.tuples(st.just("train"), st.just(""), st.just(0)),
    st.tuples(st.just("work once"), st.just(""), st.integers(1, 3)),
    st.tuples(st.just("lose a worker"), st.just(""), st.just(0)),
    st.tuples(st.just("erase while training"), st.sampled_from(PEOPLE), st.just(0)),
    st.tuples(st.just("mark"), st.sampled_from(PEOPLE), st.integers(0, 1)),
)


class History:
    """Lives through steps, and knows which rows should remain."""

    def __init__(self, world: World, django_settings, monkeypatch, recipe: str = "tiny") -> None:
        self.world, self.recipe = world, recipe
        self.leavers: dict[str, bool] = {}
        self.settings, self.monkeypatch = django_settings, monkeypatch
        self.ahead = {person: rows_of(person, count=12) for person in PEOPLE}
        self.remaining: dict[str, list[Row]] = {person: [] for person in PEOPLE}

    def begin(self) -> None:
        first = [row for person in PEOPLE for row in self.take(person, 7)]
        self.world.ingest(first)

    def take(self, person: str, count: int) -> list[Row]:
        rows, self.ahead[person] = self.ahead[person][:count], self.ahead[person][count:]
        self.remaining[person] += rows
        return rows

    def forget(self, person: str, count: int) -> list[str] | None:
        held = self.remaining[person]
        if not count:
            self.remaining[person] = []
            self.leavers.pop(person, None)
            return None
        gone = held[:: max(1, len(held) // count)][:count]
        self.remaining[person] = [row for row in held if row not in gone]
        return [row.item for row in gone]

    def live_through(self, step: tuple[str, str, int]) -> None:
        what, person, count = step
        if what == "ingest":
            self.world.ingest(self.take(person, count))
        elif what == "train":
            self.world.train(self.recipe)
        elif what == "work once":
            recipe = worlds.training.choose(self.recipe, actor="test")
            runs.plan(recipe=recipe, actor="test", at=timezone.now())
            for _ in range(count):
                work.work_once()
        elif what == "lose a worker":
            self.world.lose_a_worker(self.recipe)
        elif what == "mark" and self.remaining[person]:
            self.leavers[person] = bool(count)
            self.world.mark({person: bool(count)})
        elif self.remaining[person]:
            if what == "erase while training":
                worlds.overtaken_by(
                    lambda: self.world.erase(person), self.settings, self.monkeypatch
                )
                self.live_through(("work once", "", 1))
                self.monkeypatch.undo()
                if self.world_still_has(person):
                    self.world.erase(person)
                self.forget(person, 0)
            else:
                self.world.erase(person, self.forget(person, count))

    def world_still_has(self, person: str) -> bool:
        try:
            vault.find(person)
        except vault.NobodyFound:
            return False
        return True

    def twin(self, folder) -> World:
        world = World(folder, self.settings)
        world.ingest([row for person in reversed(PEOPLE) for row in self.remaining[person]])
        world.mark({person: is_late for person, is_late in self.leavers.items() if is_late})
        return world


@pytest.fixture(scope="module")
def anchors():
    """Public anchors for most of the catalogue; the rest came later."""
    base = base_model.open_base(bases.folder_of("tiny"), dtype="float32", threads=1)
    return fit(base, {item: worlds.title_of(item) for item in worlds.ITEMS[:34]}, shards=3, seed=1)


@pytest.fixture(params=["keyed", "semantic", "late"])
def recipe(request, anchors, tmp_path, settings):
    """The ways of placing people."""
    if request.param == "keyed":
        return "tiny"
    if request.param == "late":
        return worlds.recipe_of(tmp_path, settings, late_slices=1)
    return worlds.recipe_of(tmp_path, settings, anchors=anchors)


@settings(
    print_blob=True,
    max_examples=7,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    derandomize=True,
)
@given(story=st.lists(steps, min_size=2, max_size=7))
def test_the_live_state_is_that_of_a_twin_that_never_saw_the_erased_data(
    story, recipe, tmp_path, settings, monkeypatch
):
    history = History(World(tmp_path / "a", settings), settings, monkeypatch, recipe)
    history.begin()
    for step in story:
        history.live_through(step)
        assert not worlds.contaminated()
    ours = live.describe(history.world.train(recipe))

    twin = live.describe(history.twin(tmp_path / "b").train(recipe))

    assert ours["live_digest"] == twin["live_digest"]
    assert ours["adapters"] == twin["adapters"]


def test_a_late_worker_cannot_bring_an_erased_person_back(tmp_path, settings, monkeypatch):
    history = History(World(tmp_path / "a", settings), settings, monkeypatch)
    history.begin()
    person = PEOPLE[0]
    worlds.overtaken_by(lambda: history.world.erase(person), settings, monkeypatch)
    recipe = worlds.training.choose("tiny", actor="test")
    runs.plan(recipe=recipe, actor="test", at=timezone.now())
    while history.world_still_has(person):
        run = work.work_once()
        assert run is not None
    history.forget(person, 0)

    ours = live.describe(history.world.train())

    assert ours["live_digest"] == live.describe(history.twin(tmp_path / "b").train())["live_digest"]


def test_a_worker_that_died_leaves_its_run_to_another(tmp_path, settings, monkeypatch):
    history = History(World(tmp_path / "a", settings), settings, monkeypatch)
    history.begin()
    history.world.lose_a_worker()
    later = timezone.now() + timedelta(seconds=1)
    assert runs.reap(actor="test", at=later) == 0

    ours = live.describe(history.world.train())

    assert ours["live_digest"] == live.describe(history.twin(tmp_path / "b").train())["live_digest"]


def test_an_item_rated_again_differently_leaves_no_old_label_in_the_panel(tmp_path, settings):
    # The same film is the validation target before and after: the same prompt, another label.
    def rated(values):
        items = ["m1", "m2", "m1", "m2", "m1", "m2", "m1", "m2", "m1", "m2", "m1", "m2"]
        return [
            Row("ada", item, value, 1000 + n)
            for n, (item, value) in enumerate(zip(items, values, strict=False))
        ]

    others = [row for person in PEOPLE for row in rows_of(person)]
    first, later = rated([5] * 8), rated([5] * 9 + [5, 1, 5])[8:]
    world = World(tmp_path / "a", settings)
    world.ingest([*others, *first])
    world.train()
    world.ingest(later)
    ours = live.describe(world.train())

    twin = World(tmp_path / "b", settings)
    twin.ingest([*others, *first, *later])

    assert ours["live_digest"] == live.describe(twin.train())["live_digest"]
