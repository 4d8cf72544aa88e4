"""The engine in memory: an erasure serves nothing that saw it, and a restoration is a twin."""

import dataclasses

import pytest

from mlcore import anchors, samples
from mlcore.ensemble import Ensemble, NotHere
from mlcore.recipe import BadRecipe
from mlcore.training import LossNotFinite
from tests.mlcore.conftest import crowd, interaction, person

KEY = b"partition key of the tests"
PEOPLE = tuple(f"person {i}" for i in range(12))


def fitted(base, recipe, people) -> Ensemble:
    made = Ensemble(base, recipe, key=KEY)
    made.fit(people)
    return made


def test_a_restored_engine_is_its_twin(base, tiny):
    engine = fitted(base, tiny, crowd(*PEOPLE))
    before = engine.digest()

    fallback = engine.erase({"person 3": None})
    restored = engine.restore()

    assert restored.slices == fallback.slices
    assert engine.digest() != before
    assert engine.digest() == fitted(base, tiny, crowd(*(set(PEOPLE) - {"person 3"}))).digest()


def test_more_shards_than_people_is_refused(base, tiny):
    with pytest.raises(BadRecipe, match="shards is 3, but there are only 2 people"):
        fitted(base, tiny, crowd("ada", "bob"))


def test_whoever_is_not_held_cannot_be_erased(base, tiny):
    engine = fitted(base, tiny, crowd(*PEOPLE))
    before = engine.digest()

    with pytest.raises(NotHere, match="a person who"):
        engine.erase({"person 3": None, "nobody": None})
    with pytest.raises(NotHere, match="an interaction"):
        engine.erase({"person 3": None, "person 4": [person("person 5")[0].order_key]})

    assert engine.digest() == before


def test_nothing_that_learnt_from_the_erased_serves(base, tiny):
    """The slices before the erased person's are the twin's own, and all that is left of a shard."""
    engine = fitted(base, tiny, crowd(*PEOPLE))
    twins = fitted(base, tiny, crowd(*(set(PEOPLE) - {"person 3"})))
    clean = {one.digest for one in twins._checkpoints.values()}

    fallback = engine.erase({"person 3": None})

    assert {one.digest for one in engine._serving().values()} <= clean
    assert fallback.slices
    assert {*fallback.silent} == {*range(tiny.shards)} - engine.adapters().keys()
    assert len(engine.scorer().score([])) == 0


def test_what_was_learnt_before_an_addition_is_erased_too(base, tiny):
    """The samples of today say less than the checkpoint that is still to be trained anew knows."""
    everyone = crowd(*PEOPLE)
    later = person("person 3", 40)[6:]
    engine = fitted(base, tiny, everyone)
    place = engine._people["person 3"].place
    learnt = samples.used(everyone["person 3"], tiny)
    engine.add({"person 3": later})
    now = {one.order_key for one in samples.used([*everyone["person 3"], *later], tiny)}
    (old, *_) = [one.order_key for one in learnt if one.order_key not in now]

    engine.erase({"person 3": [old]})

    assert all(held < place or held[0] != place[0] for held in engine._checkpoints)


def test_requests_that_meet_are_trained_once(base, tiny):
    one_shard = dataclasses.replace(tiny, shards=1, slices=2, panel=0)
    everyone = crowd(*PEOPLE)
    engine = fitted(base, one_shard, everyone)
    gone = PEOPLE[:5]
    first = min(engine._people[name].place[1] for name in gone)

    for name in gone:
        engine.erase({name: None})
    restored = engine.restore()

    left = {name: engine._people[name] for name in PEOPLE[5:]}
    assert restored.slices == tuple((0, slice_) for slice_ in range(first, 2))
    assert restored.samples == sum(
        len(person.train) for person in left.values() if person.place[1] >= first
    )
    assert engine.restore().samples == engine.restore().steps == 0


def test_only_the_columns_that_changed_are_computed_again(base, tiny):
    everyone = crowd(*PEOPLE)
    engine = fitted(base, dataclasses.replace(tiny, panel=3), everyone)
    on_panel = {held.rank for held, _ in engine._panel()}
    gone = next(name for name, held in engine._people.items() if held.rank not in on_panel)

    engine.erase({gone: None})
    restored = engine.restore()

    assert restored.errors == 3 * len(restored.slices)


def test_whoever_leaves_the_panel_makes_room_for_the_next(base, tiny):
    engine = fitted(base, dataclasses.replace(tiny, panel=3), crowd(*PEOPLE))
    gone = next(name for name, held in engine._people.items() if held is engine._panel()[0][0])
    sample = engine._people[gone].validation

    engine.erase({gone: None})

    assert all(sample not in one.errors for one in engine._checkpoints.values())
    assert len(engine._panel()) == 3
    assert len(engine.scorer()._index.embeddings) == 2


def test_a_loss_that_is_not_finite_leaves_what_served(base, tiny, monkeypatch):
    engine = fitted(base, tiny, crowd(*PEOPLE))
    engine.erase({"person 3": None})
    before = engine.digest()
    wild = dataclasses.replace(tiny, learning_rate=3e37, epochs=8)
    monkeypatch.setattr(engine, "_chain", dataclasses.replace(engine._chain, recipe=wild))

    with pytest.raises(LossNotFinite):
        engine.restore()
    assert engine.digest() == before
    with pytest.raises(LossNotFinite):
        engine.fit(crowd(*PEOPLE[:5]))
    assert engine.digest() == before

    monkeypatch.undo()
    engine.restore()
    twin = fitted(base, tiny, crowd(*(set(PEOPLE) - {"person 3"})))
    assert engine.digest() == twin.digest()


def test_a_fork_forgets_and_learns_alone(base, tiny):
    engine = fitted(base, tiny, crowd(*PEOPLE))
    before, stored = engine.digest(), engine.bytes_stored()

    fork = engine.fork()
    fork.erase(dict.fromkeys(PEOPLE[:4]))
    fork.restore()

    assert engine.digest() == before != fork.digest()
    assert engine.bytes_stored() == stored


def test_everyone_can_be_erased(base, tiny):
    engine = fitted(base, tiny, crowd(*PEOPLE))

    engine.erase(dict.fromkeys(PEOPLE))
    engine.restore()

    assert engine.adapters() == {}
    assert engine.bytes_stored()["states"] == engine.bytes_stored()["checkpoints"] == 0
    assert len(engine.scorer().score([])) == 0


def test_a_kept_slice_is_another_when_anything_it_consumed_is(base, tiny, tmp_path):
    """Its samples, its recipe, or the checkpoint that it started from."""
    recipe = dataclasses.replace(tiny, shards=1, slices=2)

    def names(recipe, people) -> set[str]:
        Ensemble(base, recipe, key=KEY).fit(people, kept=tmp_path)
        return {file.stem for file in tmp_path.iterdir()}

    whole = names(recipe, crowd(*PEOPLE))
    places = fitted(base, recipe, crowd(*PEOPLE))._people
    early = next(name for name in PEOPLE if places[name].place == (0, 0))
    without_one = names(recipe, crowd(*(set(PEOPLE) - {early})))
    later = names(dataclasses.replace(recipe, learning_rate=0.01), crowd(*PEOPLE))

    assert [len(whole), len(without_one), len(later)] == [2, 4, 6]


def test_who_moves_is_forgotten_where_they_were(base, tiny):
    """The erased items are in no sample, but they had decided where the samples train."""
    votes = anchors.Anchors(3, {str(i): (0, 0, 0, 0, 0, 1, 1, 1, 1, 2)[i] for i in range(10)})
    recipe = dataclasses.replace(tiny, partition="semantic", anchors=votes.digest)
    ada = [interaction("ada", item=i, value=1 + i % 5, day=i) for i in range(10)]
    assert samples.split(ada, recipe).train == samples.split(ada[2:], recipe).train

    def made(people) -> Ensemble:
        engine = Ensemble(base, recipe, key=KEY, anchors=votes)
        engine.fit(people)
        return engine

    engine = made({**crowd(*PEOPLE), "ada": ada})
    before = engine._people["ada"].place
    engine.erase({"ada": [one.order_key for one in ada[:2]]})
    held = {*engine._checkpoints}
    engine.restore()

    assert (before[0], engine._people["ada"].place[0]) == (0, 1)
    assert not {(0, slice_) for slice_ in range(before[1], recipe.slices)} & held
    assert engine.digest() == made({**crowd(*PEOPLE), "ada": ada[2:]}).digest()


def test_anchors_that_are_not_the_recipes_are_refused(base, tiny):
    votes = anchors.Anchors(3, {"1": 0})

    with pytest.raises(BadRecipe, match="anchors must be the digest"):
        Ensemble(base, tiny, key=KEY, anchors=votes)


def test_an_adapter_of_a_shard_starts_from_the_slice_before(base, tiny):
    """Passed on where a slice has nobody, else trained further: never from the erased."""
    engine = fitted(base, dataclasses.replace(tiny, shards=1, slices=2), crowd(*PEOPLE))
    last = [name for name, held in engine._people.items() if held.place == (0, 1)]
    first = engine._checkpoints[0, 0]

    engine.erase(dict.fromkeys(last))
    restored = engine.restore()

    assert restored.slices == ()
    assert engine._checkpoints[0, 1] is engine._checkpoints[0, 0] is first
