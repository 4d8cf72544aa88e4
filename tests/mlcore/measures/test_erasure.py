"""What an erasure costs: the samples counted are those that a plain count finds."""

import json
import math

import pytest

from mlcore import partition, samples
from mlcore.baselines import partitions
from mlcore.benchmark.measures import erasure
from mlcore.benchmark.measures._rivals import BASELINES
from mlcore.rows import owned

TABLE = {"subjects": 3, "batches": 1, "timed_steps": 2, "whole": False, "moved": 2}


@pytest.fixture
def measured(setting, quiet):
    made = setting(**TABLE)
    return made, erasure.measure(made, quiet)


def test_the_result_is_json_of_finite_figures(measured):
    _, told = measured

    assert json.loads(json.dumps(told, allow_nan=False)) == told
    assert {*told["ours"]} == {"one_subject", "one_interaction", "subjects_10"}
    assert {*told["ratios"]} == {*BASELINES}
    assert all(one["value"] > 0 for each in told["ratios"].values() for one in each.values())


def test_the_phases_are_parts_of_the_whole(measured):
    for told in measured[1]["ours"].values():
        seconds, phases = told["seconds"]["value"], told["phases"]
        assert {*phases} == {"trunk", "training", "panel", "fallbacks"}
        assert sum(phases.values()) <= seconds
        assert told["whole_quality"]["value"] == pytest.approx(seconds - phases["fallbacks"])


def test_ours_trains_the_later_slices_of_the_shard_and_nothing_else(setting, quiet):
    """In every trial from everyone, as the others are priced: not from what earlier ones left."""
    made = setting(**{**TABLE, "subjects": 6})
    places = {who: place(made, who) for who in made.people}
    expected = [
        made.recipe.epochs
        * sum(
            len(samples.split(made.people[who], made.recipe).train)
            for who, (shard, slice_) in places.items()
            if who != gone and shard == places[gone][0] and slice_ >= places[gone][1]
        )
        for what, (gone, *_) in erasure._plan(made)
        if what == "one_subject"
    ]

    told = erasure.measure(made, quiet)

    assert [one["ours"]["samples_trained"] for one in told["trials"]["one_subject"]] == expected


def test_retraining_trains_everyone_who_is_left(measured):
    made, told = measured
    a_person = len(samples.split(next(iter(made.people.values())), made.recipe).train)
    everyone = a_person * len(made.people)

    trained = told["baselines"]["retrain"]["samples_trained"]

    assert told["training_rows"] == everyone
    assert trained["one_subject"] == (everyone - a_person) * made.recipe.epochs
    assert trained["subjects_10"] == (everyone - 10 * a_person) * made.recipe.epochs
    assert told["baselines"]["retrain_all_blocks"]["samples_trained"] == trained
    steps = made.recipe.epochs * math.ceil(everyone / made.recipe.batch_size)
    assert told["baselines"]["retrain"]["steps"] == steps


def test_apa_retrains_each_shard_that_held_a_sample_of_the_person(setting, quiet):
    made = setting(**{**TABLE, "subjects": 1})
    (gone,) = dict(erasure._plan(made))["one_subject"]
    rows = [
        made.store.row(one)
        for who in sorted(made.people)
        for one in owned(who, made.people[who], made.recipe).train
    ]
    shards = partitions.assign("semantic", rows, shards=2, seed=made.seed, ratings={})
    pairs = [*zip(rows, shards, strict=True)]
    held = {shard for row, shard in pairs if row.subject == gone}
    left = sum(row.subject != gone and shard in held for row, shard in pairs)

    trained = erasure.measure(made, quiet)["baselines"]["apa"]["samples_trained"]

    assert trained["one_subject"] == left * made.recipe.epochs


def test_the_whole_run_times_every_step(setting, quiet):
    told = erasure.measure(setting(**{**TABLE, "whole": True}), quiet)["baselines"]

    assert told["retrain"]["whole"]
    assert told["retrain"]["timed_steps"] >= told["retrain"]["steps"]
    assert not told["retrain_all_blocks"]["whole"]


def place(made, who) -> tuple[int, int]:
    items = [one.item for one in made.people[who]]
    return partition.place(who, items, made.recipe, key=made.key)
