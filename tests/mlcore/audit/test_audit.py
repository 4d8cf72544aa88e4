"""The audit passes the engine, and fails an engine that only says it forgot."""

import dataclasses
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pytest

from mlcore import audit
from mlcore.audit import __main__ as command
from mlcore.audit import cast as casts
from mlcore.audit.cast import TooFewPeople
from mlcore.audit.config import Config
from mlcore.base_model import Base
from mlcore.ensemble import Ensemble, Fallback, Restored
from mlcore.recipe import Recipe
from mlcore.samples import split
from mlcore.scoring import Scorer
from tests.mlcore.conftest import KEY, crowd

PEOPLE = crowd(*(f"person-{number}" for number in range(60)))
CONFIG = Config(
    seed=1,
    retained=4,
    erased=16,
    held_out=16,
    shadows=4,
    fixed_variance=True,
    canaries=6,
    copies=2,
    candidates=20,
    resamples=500,
    false_positives=(0.01, 0.05),
    loss_threshold=0.3,
    seen_auc=0.5,
    left_auc=0.25,
    seen_bits=0.0,
    left_bits=2.0,
)


class Leaky(Ensemble):
    """Says that it erased, and goes on serving what it learnt."""

    def erase(self, gone: Mapping[str, Collection[bytes] | None]) -> Fallback:
        return Fallback((), ())


class Late(Ensemble):
    """Erases, and goes on serving what it learnt until it is retrained: then it is the twin."""

    served: Scorer | None = None

    def erase(self, gone: Mapping[str, Collection[bytes] | None]) -> Fallback:
        self.served = super().scorer()
        return super().erase(gone)

    def restore(self, **options: Any) -> Restored:
        self.served = None
        return super().restore(**options)

    def scorer(self) -> Scorer:
        return self.served or super().scorer()


def quiet(what: str, done: int, total: int) -> None:
    """Tell nobody."""


@pytest.fixture(scope="module")
def recipe(tiny: Recipe) -> Recipe:
    """One that learns by heart: one adapter over few people, of much room."""
    return dataclasses.replace(
        tiny,
        shards=1,
        slices=1,
        depth=1,
        rank=16,
        alpha=32,
        target_modules=("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj"),
        epochs=12,
        batch_size=8,
        learning_rate=0.01,
        mix_scale=1.0,
    )


@pytest.fixture(scope="module")
def exact(base: Base, recipe: Recipe) -> dict[str, Any]:
    return audit.run(CONFIG, base, recipe, PEOPLE, key=KEY, progress=quiet)


def test_after_an_erasure_the_engine_answers_as_its_twin(exact: dict[str, Any]) -> None:
    assert exact["identical"]
    assert exact["same_digest"]
    assert exact["largest_difference"] == 0.0
    for test in exact["tests"].values():
        assert test["arms"]["after"] == test["arms"]["twin"]
        assert "above_twin" in test["arms"]["before"]
    assert set(exact["tests"]) == {"population", "lira_online", "lira_offline", "canaries"}


def test_the_audit_passes_the_engine_for_it_saw_something_before(exact: dict[str, Any]) -> None:
    told = {name: (test["verdict"], test["says"]) for name, test in exact["tests"].items()}
    assert told["population"][0] == "passes", told
    assert "fails" not in {verdict for verdict, _ in told.values()}, told


def test_an_engine_that_keeps_what_it_learnt_fails(base: Base, recipe: Recipe) -> None:
    found = audit.run(
        dataclasses.replace(CONFIG, shadows=0),
        base,
        recipe,
        PEOPLE,
        key=KEY,
        progress=quiet,
        engine=lambda: Leaky(base, recipe, key=KEY),
    )
    assert found["verdict"] == "fails"
    assert not found["identical"]
    assert not found["same_digest"]
    assert found["largest_difference"] > 0
    for test in found["tests"].values():
        assert test["verdict"] == "fails"
        after, before = test["arms"]["after"], test["arms"]["before"]
        assert after == {key: before[key] for key in after}


def test_an_engine_that_serves_what_it_learnt_until_it_is_retrained_fails(
    base: Base, recipe: Recipe
) -> None:
    found = audit.run(
        dataclasses.replace(CONFIG, shadows=0),
        base,
        recipe,
        PEOPLE,
        key=KEY,
        progress=quiet,
        engine=lambda: Late(base, recipe, key=KEY),
    )
    assert found["identical"]
    assert found["verdict"] == "fails"
    for test in found["tests"].values():
        assert test["arms"]["fallback"] == test["arms"]["before"]
        assert test["verdict"] == "fails"


def test_a_test_that_sees_nothing_before_proves_nothing(base: Base, recipe: Recipe) -> None:
    blind = dataclasses.replace(CONFIG, shadows=0, canaries=0, seen_auc=1.0)
    found = audit.run(blind, base, recipe, PEOPLE, key=KEY, progress=quiet)
    assert found["identical"]
    assert found["verdict"] == "inconclusive"
    says = found["tests"]["population"]["says"]
    assert says == "the test sees nothing before: it proves nothing"


def test_the_result_is_json_and_names_nobody(exact: dict[str, Any]) -> None:
    told = json.dumps(exact, allow_nan=False)
    assert json.loads(told) == exact
    assert "person-" not in told
    assert "does not make that model private" in exact["not_promised"]


def test_what_an_adversary_with_both_models_learns_is_told_without_a_verdict(
    exact: dict[str, Any],
) -> None:
    for attack in exact["difference"].values():
        assert 0 <= attack["auc"]["value"] <= 1
        assert "verdict" not in attack


def test_the_same_audit_finds_the_same(base: Base, recipe: Recipe, exact: dict[str, Any]) -> None:
    again = audit.run(CONFIG, base, recipe, dict(reversed(PEOPLE.items())), key=KEY, progress=quiet)
    assert again == exact


def test_nobody_plays_two_parts(recipe: Recipe) -> None:
    cast = casts.draw(CONFIG, recipe, PEOPLE, key=KEY)
    parts = [set(part) for part in vars(cast).values()]
    assert [len(part) for part in parts] == [4, 16, 16, 12, 20]
    assert len(set().union(*parts)) == 68


def test_canaries_are_unlike_each_other_but_for_their_copies(recipe: Recipe) -> None:
    cast = casts.draw(CONFIG, recipe, PEOPLE, key=KEY)
    prompts = [
        tuple(sample.prompt for sample in split(history, recipe).train)
        for history in (cast.planted | cast.candidates).values()
    ]
    assert prompts[0:12:2] == prompts[1:12:2]
    assert len(set(prompts)) == 26
    likes = [s.label for h in cast.candidates.values() for s in split(h, recipe).train]
    assert 0.2 < sum(likes) / len(likes) < 0.8, "the coin is not fair"


def test_too_few_people_are_refused_before_anything_is_trained(base: Base, recipe: Recipe) -> None:
    def engine() -> Ensemble:
        raise AssertionError("something was trained")

    greedy = dataclasses.replace(CONFIG, held_out=41)
    with pytest.raises(TooFewPeople, match="take 61 people, and 60 have training samples"):
        audit.run(greedy, base, recipe, PEOPLE, key=KEY, progress=quiet, engine=engine)
    wide = dataclasses.replace(recipe, shards=5)
    with pytest.raises(TooFewPeople, match="retained is 4, fewer than the recipe's 5 shards"):
        audit.run(CONFIG, base, wide, PEOPLE, key=KEY, progress=quiet, engine=engine)


@pytest.mark.parametrize("argument", ["--config", "--out", "--data", "--assets"])
def test_a_path_of_the_wrong_kind_ends_with_two_before_anything_is_trained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], argument: str
) -> None:
    (tmp_path / "ml-100k.item").write_bytes(b"id\tt\ty\tg\n1\t\xe9\t1990\tDrama\n")
    given = ["--data", str(tmp_path), "--out", str(tmp_path / "found.json")]

    code = command.main([*given, argument, str(tmp_path)])

    assert code == 2
    assert capsys.readouterr().err.startswith("audit: ")
    assert [file.name for file in tmp_path.iterdir()] == ["ml-100k.item"]
