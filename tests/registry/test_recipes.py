"""Going from one recipe to another and back: nothing old serves, and nothing old is kept."""

import shutil

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from corpus import vault
from mlcore import recipe
from mlcore.recipe import BadRecipe
from registry import bases, storage, work
from registry.models import AdapterVersion, Recipe, ShardMembership, TrainingRun
from registry.services import live, recipes, runs
from tests import environment, worlds
from tests.corpus import tables
from tests.registry.conftest import FIRST_OF_0, PEOPLE, SECOND_OF_0
from tests.worlds import Row, World, rows_of
from verifier import strict

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def other(tmp_path, settings):
    """A second recipe: the tiny one with another seed."""
    tiny = (settings.EXPUNGE_RECIPES / "tiny.toml").read_text()
    path = tmp_path / "other.toml"
    path.write_text(tiny.replace('name = "tiny"', 'name = "other"').replace("seed = 7", "seed = 8"))
    return str(path)


def readable() -> set[str]:
    """The recipes that have an adapter which can be read."""
    found = AdapterVersion.objects.filter(weights__destroyed_at=None)
    return set(found.values_list("recipe__name", flat=True))


def test_another_recipe_takes_over_and_the_first_one_is_destroyed(trained, other):
    first = live.release()

    second = trained.train(other)

    assert second.recipe.name == "other"
    assert second.live_digest != first.live_digest
    assert readable() == {"other"}
    assert Recipe.objects.get(is_current=True).name == "other"


def test_going_back_to_a_recipe_trains_it_again_to_the_same_bits(trained, other):
    first = live.release()
    trained.train(other)

    back = trained.train("tiny")

    assert back.pk != first.pk
    assert back.live_digest == first.live_digest
    assert readable() == {"tiny"}


def test_what_is_registered_is_the_recipe_to_the_last_bit(world, tmp_path, settings):
    path = worlds.recipe_of(tmp_path, settings, temperature=1e16, mix_scale=1.0, weight_decay=1e-9)

    row = worlds.training.choose(path, actor="test")

    row.refresh_from_db()
    assert recipe.digest(row.plain, row.base_digest) == row.digest


def test_a_base_that_has_moved_is_found_where_the_recipe_now_says(world, tmp_path, settings):
    shutil.copytree(bases.folder_of("tiny"), tmp_path / "here")
    before = world.train(worlds.recipe_of(tmp_path, settings, base=str(tmp_path / "here")))
    (tmp_path / "here").rename(tmp_path / "there")

    there = worlds.recipe_of(tmp_path, settings, base=str(tmp_path / "there"))
    world.erase(FIRST_OF_0)
    after = world.train(there)

    assert after.recipe == before.recipe
    assert after.kind == "full"


def test_a_recipe_that_was_left_before_it_was_live_does_not_come_back_by_itself(world, other):
    left = worlds.training.choose("tiny", actor="test")
    while runs.stale_slices(left):
        runs.plan(recipe=left, actor="test", at=timezone.now())
        work.work_once()
    runs.plan(recipe=left, actor="test", at=timezone.now())
    assert left.runs.filter(kind=TrainingRun.Kind.RELEASE, state="waiting").exists()

    wanted = world.train(other)
    while work.work_once():
        pass

    assert live.release() == wanted
    assert not left.runs.filter(state__in=TrainingRun.OPEN).exists()


def test_a_worker_of_a_recipe_that_was_left_cannot_put_it_live(world, other, monkeypatch):
    left = worlds.training.choose("tiny", actor="test")
    while runs.stale_slices(left):
        runs.plan(recipe=left, actor="test", at=timezone.now())
        work.work_once()
    runs.plan(recipe=left, actor="test", at=timezone.now())
    put_live = work.releases.put_live

    def late(**kwargs):
        monkeypatch.setattr(work.releases, "put_live", put_live)
        world.train(other)
        return put_live(**kwargs)

    monkeypatch.setattr(work.releases, "put_live", late)

    work.work_once()

    assert live.release().recipe.name == "other"
    assert readable() == {"other"}


def test_an_erasure_reaches_what_another_recipe_made_of_the_person(
    trained, other, tmp_path, settings
):
    halfway = worlds.training.choose(other, actor="test")
    while len(runs.stale_slices(halfway)) > 1:
        runs.plan(recipe=halfway, actor="test", at=timezone.now())
        work.work_once()
    place = ShardMembership.objects.get(recipe=halfway, subject=vault.find(FIRST_OF_0))
    doomed = AdapterVersion.objects.filter(
        recipe=halfway, shard=place.shard, slice__gte=place.slice
    )
    assert doomed.count() >= 1

    trained.erase(FIRST_OF_0)

    for adapter in doomed.select_related("weights"):
        with pytest.raises(storage.Destroyed):
            storage.get(adapter.weights)
    ours = live.describe(trained.train(other))
    twin = World(tmp_path / "twin", settings)
    twin.ingest([row for p in PEOPLE if p != FIRST_OF_0 for row in rows_of(p)])
    assert ours["live_digest"] == live.describe(twin.train(other))["live_digest"]


def test_a_recipe_seen_first_after_an_erasure_never_sees_the_person(trained, other):
    trained.erase(SECOND_OF_0)

    trained.train(other)

    with pytest.raises(vault.NobodyFound):
        vault.find(SECOND_OF_0)
    assert ShardMembership.objects.count() == 2 * (len(PEOPLE) - 1)


def test_the_database_allows_one_current_recipe(trained, other):
    worlds.training.choose(other, actor="test")

    with pytest.raises(IntegrityError, match="one_current_recipe"), transaction.atomic():
        Recipe.objects.update(is_current=True)


def test_a_recipe_that_is_not_there_changes_nothing(trained):
    before = tables.state()

    with pytest.raises(BadRecipe, match=r"--recipe: there is no such file, and the names are "):
        worlds.training.choose("no-such-recipe", actor="test")

    assert tables.changed(before) == set()


def test_a_recipe_that_no_certificate_can_hold_is_not_taken(empty, tmp_path, settings):
    empty.ingest([Row(f"person-{number}", "m1", 5, 1000) for number in range(100)])
    many = worlds.recipe_of(tmp_path, settings, shards=100, slices=91)

    with pytest.raises(BadRecipe, match="shards times slices must be at most 9000"):
        worlds.training.choose(many, actor="test")

    assert recipes.MOST_SLICES < strict.MOST_ITEMS - 2


@pytest.mark.parametrize(
    ("line", "broken", "message"),
    [
        ("shards = 3", "shards = 0", "shards must be a whole number from 1 to 800"),
        ("rank = 4", "", "rank is missing"),
        ("rank = 4", "rank = 4\nmood = 1", "mood is not a key"),
        ('base = "tiny"', 'base = "/nowhere/at/all"', "is not here; run make setup"),
        ("seed = 7", "seed = ", "not TOML"),
    ],
)
def test_a_broken_recipe_is_named_by_its_key_and_changes_nothing(
    trained, tmp_path, settings, line, broken, message
):
    path = tmp_path / "broken.toml"
    path.write_text((settings.EXPUNGE_RECIPES / "tiny.toml").read_text().replace(line, broken))
    before = tables.state()

    with pytest.raises(Exception, match=message) as caught:
        worlds.training.choose(str(path), actor="test")

    assert type(caught.value).__name__ in {"BadRecipe", "BaseMissing"}
    assert tables.changed(before) == set()


@pytest.mark.parametrize(
    ("line", "key"),
    [("depth = 50", "depth"), ('target_modules = ["zz_proj"]', "target_modules")],
)
def test_a_recipe_that_its_base_does_not_fit_never_becomes_current(trained, tmp_path, line, key):
    tiny = (environment.ROOT / "recipes" / "tiny.toml").read_text().splitlines()
    bad = tmp_path / "bad.toml"
    bad.write_text("\n".join(line if each.startswith(f"{key} =") else each for each in tiny))

    with pytest.raises(BadRecipe, match=key):
        worlds.training.choose(str(bad), actor="test")

    assert Recipe.objects.get().is_current
    assert not TrainingRun.objects.filter(state__in=TrainingRun.OPEN).exists()
