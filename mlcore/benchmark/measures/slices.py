"""What likely leavers in late slices save: samples retrained a request, with and without."""

import hashlib
from collections import Counter
from collections.abc import Callable
from random import Random
from statistics import fmean
from typing import Any, Final

from mlcore import partition, samples
from mlcore.benchmark.measures import _bootstrap, _engines
from mlcore.benchmark.setting import Progress, Setting
from mlcore.benchmark.tables import Rule
from mlcore.ensemble import Ensemble
from mlcore.recipe import Recipe

KEYS: Final[dict[str, Rule]] = {
    "late_slices": (1, 4095),
    "late_share": (0.001, 0.999),  # of the subjects
    "requests_from_late": (0.0, 1.0),  # of the requests
    "requests": (1, 100_000),
}


def measure(setting: Setting, progress: Progress) -> dict[str, Any]:
    """Expected by counting, measured by erasing and restoring one request after another.

    The attribute is made up: a public hash of the id stands for a region, say. How many samples
    are trained depends on no model, so a tiny one trains them.
    """
    table = setting.table
    base, plain = _engines.tiny(setting, panel=0)
    late = _engines.tiny(setting, panel=0, late_slices=table["late_slices"])[1]
    is_late = leaver(table["late_share"])
    requests = _requests(setting, is_late)
    rows = []
    for order, recipe in (("any", plain), ("likely leavers late", late)):
        engine = Ensemble(base, recipe, key=setting.key, is_late=is_late)
        engine.fit(setting.people, progress=progress)
        trained = []
        for done, name in enumerate(requests, start=1):
            engine.erase({name: None})
            trained.append(engine.restore().samples)
            progress(f"slices, {order}", done, len(requests))
        rows.append(
            {
                "order": order,
                "expected": expected(setting, recipe, is_late),
                "measured": _bootstrap.mean(trained),
            }
        )
    return {
        "late_share": table["late_share"],
        "requests_from_late": table["requests_from_late"],
        "requests": len(requests),
        "rows": rows,
    }


def leaver(share: float) -> Callable[[str], bool]:
    """A public attribute that so many of the subjects have, by a hash of the id."""

    def is_late(subject: str) -> bool:
        drawn = hashlib.sha256(b"attribute/" + subject.encode()).digest()
        return int.from_bytes(drawn[:6], "big") < share * 2**48

    return is_late


def expected(setting: Setting, recipe: Recipe, is_late: Callable[[str], bool]) -> float:
    """Samples that the first request retrains, in the mean over who may make it."""
    places, sizes = {}, Counter[tuple[int, int]]()
    own = {who: len(samples.split(told, recipe).train) for who, told in setting.people.items()}
    for who, told in setting.people.items():
        items = [one.item for one in told]
        place = partition.place(who, items, recipe, key=setting.key, is_late=is_late(who))
        places[who] = place
        sizes[place] += own[who]
    groups: dict[bool, list[int]] = {True: [], False: []}
    for who, (shard, slice_) in places.items():
        later = sum(sizes[shard, other] for other in range(slice_, recipe.slices))
        groups[is_late(who)].append(later - own[who] if own[who] else 0)
    share: float = setting.table["requests_from_late"]
    mean = {flag: fmean(costs) if costs else 0.0 for flag, costs in groups.items()}
    return share * mean[True] + (1 - share) * mean[False]


def _requests(setting: Setting, is_late: Callable[[str], bool]) -> list[str]:
    """Different people, in the order in which they leave; at most half of either group."""
    random = Random(f"{setting.seed}/slices")
    names = sorted(setting.people)
    random.shuffle(names)
    groups = {flag: [name for name in names if is_late(name) == flag] for flag in (True, False)}
    room = {flag: len(group) // 2 for flag, group in groups.items()}
    requests: list[str] = []
    while len(requests) < setting.table["requests"]:
        flag = random.random() < setting.table["requests_from_late"]
        if not room[flag]:
            break
        room[flag] -= 1
        requests.append(groups[flag].pop())
    return requests
