"""The jobs of quality: the rows are what the protocol says, and ours is the engine itself."""

from pathlib import Path

import pytest

from mlcore import partition
from mlcore.benchmark import data, jobs, plan, scores, trainings
from mlcore.benchmark.config import Config
from mlcore.benchmark.display import Lines
from mlcore.benchmark.world import World
from mlcore.ensemble import Ensemble


@pytest.fixture
def world(config: Config, assets: Path, books: Path, tmp_path: Path) -> World:
    config.data["bookcrossing"] = {
        "subjects": 6, "test_rows": 5, "panel": 4, "neighbours": 2, "anchors": False,
    }  # type: ignore[index]  # fmt: skip
    return World(
        config,
        assets=assets,
        work=tmp_path / "work",
        folders={"movielens": assets / "ml-100k", "bookcrossing": books},
    )


def run(world: World, pattern: str) -> dict:
    planned = jobs.chosen(plan.jobs(world), pattern)
    jobs.run(planned, world.work, Lines())
    return jobs.results(planned, world.work)


def test_our_system_scores_as_the_engine_in_memory_does(world):
    name = scores.name("movielens", 1, "ours", 4, 2)
    made = run(world, name)[name]["result"]
    held, dealt = world.data["movielens"], world.dealt("movielens", 1)

    recipe = world.recipe("movielens", 1, shards=4, slices=2)
    key = data.key("partition", 1)
    engine = Ensemble(world.base, recipe, key=key)
    people = {who: held.interactions(who, seed=1) for who in held.train}
    engine.fit(people)
    planned = {job.name: job for job in plan.jobs(world)}
    job = planned[trainings.name("movielens", 1, scores.training_of("ours", 4, 2))]
    trained = trainings.trained(world, job)

    serving = engine.adapters()
    assert {*trained.adapters} == {*serving}
    for shard, (_, b) in trained.adapters.items():
        assert all(b[path].equal(serving[shard][path]) for path in b)
    assert len(made["scores"]) == len(dealt.test)


def test_the_test_rows_are_the_same_under_every_seed_and_the_shards_are_not(world):
    first, second = world.dealt("movielens", 1), world.dealt("movielens", 2)

    assert [row.sample.prompt for row in first.test] == [row.sample.prompt for row in second.test]
    assert [row.subject for row in first.train] == [row.subject for row in second.train]
    keys = [data.key("partition", seed) for seed in (1, 2)]
    shards = [
        [partition.placement(row.subject, key=key, shards=4, slices=1) for row in first.train]
        for key in keys
    ]
    assert shards[0] != shards[1]


def test_no_training_row_of_movies_reads_what_validates_or_tests(world):
    held, dealt = world.data["movielens"], world.dealt("movielens", 1)
    hidden = {
        one.order_key
        for who in held.train
        for one in sorted(held.interactions(who, seed=1), key=lambda one: one.at)[-2:]
    }

    assert dealt.train
    assert not any(hidden & {*row.closure} for row in dealt.train)
    assert not any(hidden & {one.order_key for one in told} for told in dealt.ratings.values())


def test_readers_of_books_do_one_thing_each_with_their_last(world):
    held, dealt = world.data["bookcrossing"], world.dealt("bookcrossing", 1)

    train, panel, test = (
        {row.subject for row in rows} for rows in (dealt.train, dealt.panel, dealt.test)
    )
    assert (len(train), len(panel), len(test)) == (6, 4, 5)
    assert not train & panel
    assert all(who.startswith("valid-") for who in train | panel)
    assert all(who.startswith("test-") for who in test)
    for row in dealt.train:
        last = max(held.interactions(row.subject, seed=1), key=lambda one: one.at)
        assert row.sample.order_key == last.order_key
        assert row.sample.label == (last.value > 0)


def test_an_adapter_that_was_finished_before_a_kill_is_not_trained_again(world):
    training = scores.training_of("ours", 4, 2)
    name = trainings.name("movielens", 1, training)
    run(world, name)
    planned = {job.name: job for job in plan.jobs(world)}
    folder = world.work / "adapters" / planned[name].digest
    before = {path.name: path.stat().st_mtime_ns for path in folder.glob("[0-9]*.safetensors")}
    lost = min(before)
    whole = (folder / lost).read_bytes()
    (folder / lost).unlink()
    jobs.file(planned[name], world.work).unlink()

    run(world, name)

    after = {path.name: path.stat().st_mtime_ns for path in folder.glob("[0-9]*.safetensors")}
    assert {name for name in before if after[name] != before[name]} == {lost}
    tensors = (folder / lost).read_bytes()[-64:]
    assert tensors == whole[-64:]


def test_systems_that_differ_in_aggregation_alone_share_their_adapters(world):
    names = [job.name for job in plan.jobs(world)]

    assert len(names) == len({*names})
    assert scores.training_of("apa_d", 4, 2) == scores.training_of("apa_nd", 4, 2)
    assert scores.training_of("ours", 4, 2) == scores.training_of("ours_uniform", 4, 2)
    assert scores.training_of("ours", 4, 2) != scores.training_of("ours_no_slices", 4, 2)
    assert scores.training_of("retrain_frozen_a", 4, 2)[2:] == (1, 1)
