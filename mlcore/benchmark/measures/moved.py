"""What an erasure moves: other people's samples that change their shard, by partition."""

from random import Random
from statistics import fmean
from typing import Any, Final

from mlcore.baselines import partitions
from mlcore.benchmark.setting import Progress, Setting
from mlcore.benchmark.tables import Rule
from mlcore.rows import owned

KEYS: Final[dict[str, Rule]] = {"trials": (1, 10_000), "deleted": [(1, 100_000)]}


def measure(setting: Setting, progress: Progress) -> dict[str, Any]:
    """One row a partition and number of subjects that go; ``user`` is ours."""
    people = dict(sorted(setting.people.items()))
    splits = {who: owned(who, told, setting.recipe) for who, told in people.items()}
    rows = [setting.store.row(one) for split in splits.values() for one in split.train]
    # What validates and tests is no part of any fit.
    ratings = {
        who: sorted(told, key=lambda one: (one.at, one.item, one.order_key))[:-2]
        for who, told in people.items()
    }
    names = [who for who, split in splits.items() if split.train]
    trials = setting.table["trials"]
    plan = [
        (partition, deleted)
        for partition in partitions.PARTITIONS
        if partition != "all"
        for deleted in setting.table["deleted"]
        if deleted <= len(names) // 2
    ]
    told = []
    for place, (partition, deleted) in enumerate(plan):
        found = []
        for trial in range(trials):
            gone = Random(f"{setting.seed}/{deleted}/{trial}").sample(names, deleted)
            found.append(
                partitions.moved(
                    partition,
                    rows,
                    gone,
                    shards=setting.recipe.shards,
                    seed=setting.seed,
                    ratings=ratings,
                )
            )
            progress("moved", place * trials + trial + 1, len(plan) * trials)
        told.append(
            {
                "partition": partition,
                "deleted": deleted,
                "trials": trials,
                "others": fmean(one.others for one in found),
                "moved": fmean(one.rows for one in found),
                "touched": fmean(one.shards for one in found),
                "share_touching_all": fmean(one.shards == setting.recipe.shards for one in found),
            }
        )
    return {"rows": told}
