"""Twins: after a random history, an engine that is given only what remains has the same digests."""

import dataclasses
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, Final

from mlcore import determinism
from mlcore.anchors import Anchors
from mlcore.base_model import Base
from mlcore.benchmark.measures import _engines
from mlcore.benchmark.setting import Progress, Setting
from mlcore.benchmark.tables import Rule
from mlcore.ensemble import Ensemble
from mlcore.recipe import Recipe
from mlcore.samples import Interaction

KEYS: Final[dict[str, Rule]] = {
    "histories": (1, 100_000),  # on a tiny random base
    "own_histories": (0, 100_000),  # on the setting's own
    "people": (4, 100_000),
    "events": (1, 1000),  # the most of a history
}
People = Mapping[str, Sequence[Interaction]]


def measure(setting: Setting, progress: Progress) -> dict[str, Any]:
    """How many of the histories ended with equal digests of all adapters and of the index.

    Each draws its people, its partition, K, S, bucket and late slices, and its events: whole and
    partial erasures, alone or several at once, arrivals, and restorations in between.
    """
    table = setting.table
    base, recipe = _engines.tiny(setting, history=3, panel=4)
    told = _equal(setting, base, recipe, table["histories"], "tiny", progress)
    own = {"histories": 0, "equal": 0, "events": 0}
    if table["own_histories"]:
        short = dataclasses.replace(setting.recipe, epochs=1, panel=2)
        own = _equal(setting, setting.base, short, table["own_histories"], "own", progress)
    return {
        "histories": told["histories"] + own["histories"],
        "equal": told["equal"] + own["equal"],
        "events": told["events"] + own["events"],
        "own_histories": own["histories"],
        "own_equal": own["equal"],
        "code": determinism.CODE_VERSION,
    }


def _equal(
    setting: Setting, base: Base, recipe: Recipe, histories: int, what: str, progress: Progress
) -> dict[str, int]:
    told = {"histories": histories, "equal": 0, "events": 0}
    for number in range(histories):
        random = Random(f"{setting.seed}/twin/{what}/{number}")
        slices = random.randint(1, 3)
        shards = random.randint(1, 3)
        anchors = _anchors(setting, shards, random)
        own = dataclasses.replace(
            recipe,
            shards=shards,
            partition="semantic" if anchors else "keyed",
            anchors=anchors.digest if anchors else "",
            slices=slices,
            bucket=random.randint(1, 2),
            late_slices=random.randrange(slices),
        )
        engine = _engine(setting, base, own, anchors)
        held, events = lived(setting, engine, random)
        twin = _engine(setting, base, own, anchors)
        twin.fit(held)
        told["equal"] += engine.digest() == twin.digest()
        told["events"] += events
        progress(f"twins, {what}", number + 1, histories)
    return told


def lived(setting: Setting, engine: Ensemble, random: Random) -> tuple[People, int]:
    """Live through a random history, restored at its end; what was left, and how many events."""
    recipe = engine.recipe
    some = random.sample(sorted(setting.people), setting.table["people"])
    # The latest few of each: a history's length decides how long this takes, and nothing else.
    held = {who: _latest(setting.people[who], recipe.min_history + 4) for who in some}
    away = {who: held.pop(who) for who in some[: len(some) // 4]}
    engine.fit(held)
    events = random.randint(1, setting.table["events"])
    for _ in range(events):
        kind = random.choice(("erase", "erase some", "arrive", "restore"))
        if kind == "erase" and len(held) > recipe.shards + 1:
            gone = random.sample(sorted(held), random.randint(1, len(held) - recipe.shards - 1))
            engine.erase(dict.fromkeys(gone))
            away |= {who: held.pop(who) for who in gone}
        elif kind == "erase some":
            who = random.choice(sorted(held))
            keep = random.randint(1, len(held[who]))
            left = random.sample(held[who], keep)
            keys = {one.order_key for one in held[who]} - {one.order_key for one in left}
            engine.erase({who: keys})
            held[who] = left
        elif kind == "arrive" and away:
            who = random.choice(sorted(away))
            held[who] = away.pop(who)
            engine.add({who: held[who]})
        elif kind == "restore":
            engine.restore()
    engine.restore()
    return held, events


def _engine(setting: Setting, base: Base, recipe: Recipe, anchors: Anchors | None) -> Ensemble:
    def is_late(who: str) -> bool:
        return sum(who.encode()) % 3 == 0

    return Ensemble(base, recipe, key=setting.key, anchors=anchors, is_late=is_late)


def _anchors(setting: Setting, shards: int, random: Random) -> Anchors | None:
    """Public anchors for every other history: any will do, as long as nothing moves them."""
    if random.random() < 0.5:
        return None
    return Anchors(shards, {item: random.randrange(shards) for item in sorted(setting.catalogue)})


def _latest(interactions: Sequence[Interaction], count: int) -> list[Interaction]:
    return sorted(interactions, key=lambda one: (one.at, one.item, one.order_key))[-count:]
