"""Whatever happens to an engine, once restored it is the one that never saw what went."""

import dataclasses
from functools import cache

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mlcore import trunk
from mlcore.anchors import Anchors
from mlcore.ensemble import Ensemble
from tests.mlcore.conftest import person

KEY = b"partition key of the tests"
NAMES = tuple(f"person {i}" for i in range(9))

# As good as fitted ones here: items 40 to 49 have none, and vote by a hash.
ANCHORS = Anchors(3, {str(item): item % 7 % 3 for item in range(40)})

RECIPES = {
    "one shard, one slice": {"shards": 1, "slices": 1},
    "shards and slices": {"shards": 2, "slices": 3},
    "buckets, no panel": {"shards": 2, "slices": 2, "bucket": 2, "panel": 0},
    "a short panel": {"shards": 3, "slices": 2, "panel": 3},
    "late slices": {"shards": 2, "slices": 3, "late_slices": 1},
    "semantic": {"shards": 3, "slices": 2, "partition": "semantic", "anchors": ANCHORS.digest},
}

# Who it happens to, by position among those who are held; the kind draws what exactly.
ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["erase", "erase some", "erase several", "add", "come back", "restore"]),
        st.integers(0, len(NAMES) - 1),
        st.integers(0, 6),
    ),
    min_size=1,
    max_size=5,
)


@settings(
    max_examples=5,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@pytest.mark.parametrize("changes", RECIPES.values(), ids=RECIPES.keys())
@given(actions=ACTIONS)
# What was trained on becomes a validation sample, of which a recipe without a panel keeps nothing.
@example(actions=[("erase some", 1, 3)])
def test_any_history_ends_as_the_twin(base, tiny, changes, actions):
    recipe = dataclasses.replace(tiny, epochs=1, **changes)

    @cache
    def state(prompt):
        return trunk.state_of(base, recipe, prompt)

    held = {name: person(name, 4 + i % 3) for i, name in enumerate(NAMES)}
    engine = made(base, recipe)
    engine.fit(held, states=state)
    for kind, who, which in actions:
        act(engine, held, kind, who, which)
    engine.restore()
    twin = made(base, recipe)
    twin.fit(held, states=state)

    queries = [state(f"Film {i}\nAnswer:") for i in range(3)]
    assert engine.digest() == twin.digest()
    assert engine.scorer().score(queries) == twin.scorer().score(queries)
    assert engine.bytes_stored() == twin.bytes_stored()


def made(base, recipe) -> Ensemble:
    anchors = ANCHORS if recipe.anchors else None
    return Ensemble(base, recipe, key=KEY, anchors=anchors, is_late=lambda name: name < "person 4")


def act(engine, held, kind, who, which) -> None:
    """Do it to the engine, and to the plain record of who holds what."""
    names = sorted(held)
    name = names[who % len(names)]
    if kind == "erase" and len(held) > engine.recipe.shards:
        engine.erase({name: None})
        del held[name]
    elif kind == "erase several" and len(held) > engine.recipe.shards + 2:
        other = names[(who + 1 + which % 2) % len(names)]
        keys = [held[other][0].order_key]
        engine.erase({name: None, other: keys})
        del held[name]
        held[other] = held[other][1:]
    elif kind == "erase some" and len(held[name]) > 1:
        gone = held[name][which % len(held[name])]
        engine.erase({name: [gone.order_key]})
        held[name] = [one for one in held[name] if one != gone]
    elif kind == "add":
        more = person(f"{name}", 12)[-1 - which :][:1]
        more = [one for one in more if one not in held[name]]
        engine.add({name: more})
        held[name] = [*held[name], *more]
    elif kind == "come back" and (away := [one for one in NAMES if one not in held]):
        engine.add({away[0]: person(away[0], 5)})
        held[away[0]] = person(away[0], 5)
    elif kind == "restore":
        engine.restore()
