"""A recipe that cannot be met fails before any work; one that breaks in training breaks nothing."""

import json

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client
from django.utils import timezone

from mlcore import recipe as recipes
from mlcore.base_files import make_tiny
from registry import bench, tasks, work
from registry.models import AdapterVersion, Recipe, TrainingRun
from registry.services import live, runs
from tests import environment, worlds
from tests.corpus import tables
from tests.registry.conftest import FIRST_OF_0, FIRST_OF_1, PEOPLE, empty, trained, world
from tests.worlds import rows_of

__all__ = ["empty", "trained", "world"]

pytestmark = pytest.mark.django_db(transaction=True)

TINY = environment.ROOT / "recipes" / "tiny.toml"
State = TrainingRun.State
# Below, the tiny base's norms swallow even weights of 1e30, and the loss stays finite (measured).
WILD = 1e37


@pytest.fixture
def recipe(tmp_path):
    """The path of the tiny recipe with some keys changed; keys that it lacks are added."""

    def changed(**keys) -> str:
        lines = [line for line in TINY.read_text().splitlines() if line.split(" =")[0] not in keys]
        lines += [f"{key} = {json.dumps(value)}" for key, value in keys.items()]
        path = tmp_path / "changed.toml"
        path.write_text("\n".join(lines))
        return str(path)

    return changed


def trains(path: str, capsys) -> str:
    """The error of `train --recipe`, which is all that it says."""
    capsys.readouterr()
    with pytest.raises(CommandError) as caught:
        call_command("train", "--recipe", path, "--json")
    assert json.loads(capsys.readouterr().out) == {"error": str(caught.value)}
    assert caught.value.returncode == 1
    return str(caught.value)


CANNOT_BE_MET = [
    ({"shards": len(PEOPLE) + 1}, "shards must be at most 9, the number of people."),
    ({"depth": 4}, "depth must be at most 3, the blocks of tiny."),
    ({"template": "song"}, "template must be one of book, movie, not 'song'."),
    (
        {"target_modules": ["q_proj", "query"]},
        "target_modules does not fit tiny: block 1 has 0 linear modules query.",
    ),
    ({"base_sha256": "0" * 64}, "base_sha256 0000000000000000... is not the digest of tiny"),
    ({"partition": "semantic"}, "a semantic partition needs anchors, and a keyed one has none."),
    ({"anchors": "0" * 64}, "a semantic partition needs anchors, and a keyed one has none."),
    ({"late_slices": 2}, "late_slices must be fewer than slices."),
    ({"learning_rate": "nan"}, "learning_rate must be a positive number up to 1e37, not 'nan'."),
]


def test_a_recipe_that_cannot_be_met_is_one_sentence_and_leaves_nothing(
    trained, recipe, capsys, monkeypatch
):
    call_command("live")  # what this command writes into the log is there before
    before, rang = tables.state(), []
    monkeypatch.setattr(tasks, "call", lambda: rang.append(True))

    for keys, sentence in CANNOT_BE_MET:
        said = trains(recipe(**keys), capsys)

        assert sentence in said, keys
        assert "\n" not in said
        assert tables.changed(before) == set(), keys

    assert rang == []
    assert Recipe.objects.get().name == "tiny"


def test_the_people_are_counted_before_the_base_is_opened(world, recipe, capsys, monkeypatch):
    opened = []
    monkeypatch.setattr(bench, "open_base", lambda *key: opened.append(key))

    trains(recipe(shards=10), capsys)

    assert opened == []


def test_a_base_that_cannot_be_opened_is_one_sentence(trained, recipe, capsys, tmp_path):
    make_tiny(tmp_path / "torn", seed=3)
    (tmp_path / "torn" / "model.safetensors").write_bytes(b"not whole")
    (tmp_path / "bare").mkdir()
    call_command("live")
    before = tables.state()

    for folder in ("torn", "bare"):
        said = trains(recipe(base=str(tmp_path / folder)), capsys)

        assert said.startswith("base cannot be used: ")
        assert "\n" not in said
    assert tables.changed(before) == set()


def test_the_right_digest_of_the_base_is_accepted(world, recipe):
    digest = bench.base_of(recipes.load(TINY)).digest

    row = worlds.training.choose(recipe(base_sha256=digest), actor="test")

    assert (row.base_digest, row.plain.base_sha256) == (digest, digest)


def test_erasures_do_not_take_the_recipe_in_use_out_of_use(empty, recipe, capsys):
    for person in PEOPLE[:3]:
        empty.ingest(rows_of(person))
    empty.train()
    empty.erase(PEOPLE[0])

    assert empty.train().kind == "full"
    assert trains(recipe(seed=8), capsys) == "shards must be at most 2, the number of people."
    assert worlds.current().name == "tiny"


def test_no_worker_trains_a_recipe_that_its_base_does_not_fit(world):
    """Registered elsewhere, where nobody looked: the run ends for good at its first attempt."""
    row = worlds.training.choose("tiny", actor="test")
    Recipe.objects.filter(pk=row.pk).update(body={**row.body, "depth": 4})
    row.refresh_from_db()
    runs.plan(recipe=row, actor="test", at=timezone.now())
    first = runs.ready().first()

    tasks.work(run_id=str(first.pk))

    first.refresh_from_db()
    assert (first.state, first.failure, first.attempt) == (State.FAILED, "BadRecipe", 1)
    assert not AdapterVersion.objects.exists()
    assert runs.why(runs.broken(row)) == (
        "shard 0, slice 0 failed: the base model does not have what the recipe adapts (BadRecipe)"
    )


def said_by_live(capsys) -> str:
    capsys.readouterr()
    call_command("live")
    return capsys.readouterr().out


def test_a_loss_that_is_no_number_stops_the_run_and_not_the_release(trained, recipe, capsys):
    before, why = live.release(), "a loss or a weight was infinite or not a number (LossNotFinite)"

    said = trains(recipe(name="wild", learning_rate=WILD), capsys)

    assert said == f"shard 0, slice 0 failed: {why}; what was live before still is"
    assert live.release() == before
    assert live.digest_stored(before) == before.live_digest
    failed = TrainingRun.objects.get(state=State.FAILED)
    assert (failed.recipe.name, failed.failure, failed.attempt) == ("wild", "LossNotFinite", 1)
    assert not AdapterVersion.objects.filter(recipe=failed.recipe).exists()
    assert f"Training of shard 0, slice 0 failed: {why}" in said_by_live(capsys)
    call_command("score", "--history", "m5=5", "m6=1", "--candidates", "m1", "--json")
    assert 0 < json.loads(capsys.readouterr().out)["scores"]["m1"] < 1

    call_command("train", "--recipe", "tiny")

    assert live.release().live_digest == before.live_digest
    assert "failed" not in said_by_live(capsys)


def test_a_request_that_waits_for_such_a_training_says_why_and_recovers(trained, recipe, capsys):
    with pytest.raises(CommandError):
        call_command("train", "--recipe", recipe(name="wild", learning_rate=WILD))
    request = trained.erase(FIRST_OF_1)
    fallback = live.release()
    with pytest.raises(CommandError):
        call_command("train")
    client = Client()
    client.force_login(trained.officer)

    ticket = client.get(f"/requests/{request.number}/").content.decode()
    listed = client.get("/requests/").content.decode()

    assert live.release() == fallback
    for page in (ticket, listed):
        assert "infinite or not a number (LossNotFinite)" in page
        assert FIRST_OF_0 not in page
    assert "An engineer" in ticket
    assert TrainingRun.objects.filter(state__in=TrainingRun.OPEN).exists(), "others still wait"

    call_command("train", "--recipe", "tiny")

    request.refresh_from_db()
    assert request.state == "completed"
    assert "LossNotFinite" not in client.get("/requests/").content.decode()


def test_a_release_is_not_lost_to_a_recipe_whose_base_changed_under_it(trained, monkeypatch):
    trained.ingest(rows_of(FIRST_OF_0, count=9)[-1:])
    row = worlds.current()
    Recipe.objects.filter(pk=row.pk).update(base_digest="0" * 64)
    runs.plan(recipe=row, actor="test", at=timezone.now())

    run = work.work_once()

    assert (run.state, run.failure) == (State.FAILED, "BaseChanged")
    assert "not the one that the recipe was registered with" in runs.why(run)
