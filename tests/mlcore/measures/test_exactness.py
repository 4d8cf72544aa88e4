"""What proves the engine exact, and what a late slice saves."""

import pytest

from mlcore import partition, samples
from mlcore.benchmark.measures import moved, slices, twin
from mlcore.ensemble import Ensemble

TWIN = {"histories": 6, "own_histories": 1, "people": 8, "events": 4}
SLICES = {"late_slices": 1, "late_share": 0.4, "requests_from_late": 0.9, "requests": 8}


def test_every_history_has_its_twin(setting, quiet):
    told = twin.measure(setting(**TWIN), quiet)

    assert told["equal"] == told["histories"] == 7
    assert (told["own_equal"], told["own_histories"]) == (1, 1)


def test_an_engine_that_forgets_nothing_is_found_out(setting, quiet, monkeypatch):
    monkeypatch.setattr(Ensemble, "erase", lambda engine, gone: None)

    told = twin.measure(setting(**TWIN), quiet)

    assert told["equal"] < told["histories"]


def test_a_keyed_partition_moves_nobody_and_a_fitted_one_does(setting, quiet):
    told = moved.measure(setting(trials=2, deleted=[1, 4]), quiet)["rows"]

    by = {(row["partition"], row["deleted"]): row for row in told}
    assert by["user", 1]["moved"] == by["user", 4]["touched"] == 0
    assert by["semantic", 4]["moved"] > 0
    assert by["user", 4]["others"] == 32 * 2 - 4 * 2


def test_likely_leavers_in_late_slices_cost_less(setting, quiet):
    told = slices.measure(setting(**SLICES), quiet)

    plain, late = told["rows"]
    assert late["expected"] < plain["expected"]
    assert late["measured"]["value"] < plain["measured"]["value"]
    assert told["requests"] > 0


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_the_expected_cost_is_the_mean_over_who_may_ask(setting, share):
    made = setting(**{**SLICES, "requests_from_late": share})
    is_late = slices.leaver(0.4)
    costs = [cost(made, who) for who in made.people if is_late(who) == bool(share)]

    expected = slices.expected(made, made.recipe, is_late)

    assert expected == pytest.approx(sum(costs) / len(costs))


def cost(made, gone) -> int:
    """Samples that are left in the later slices of the person's shard, counted one by one."""
    places = {
        who: partition.place(who, [one.item for one in told], made.recipe, key=made.key)
        for who, told in made.people.items()
    }
    return sum(
        len(samples.split(made.people[who], made.recipe).train)
        for who, (shard, slice_) in places.items()
        if who != gone and shard == places[gone][0] and slice_ >= places[gone][1]
    )
