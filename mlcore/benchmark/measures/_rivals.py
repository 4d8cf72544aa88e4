"""What the same erasure costs without our engine: the steps it needs, times what a step takes."""

import dataclasses
import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from random import Random
from typing import Any, Final

from mlcore.baselines import costs, partitions
from mlcore.baselines.matching import best_matching
from mlcore.benchmark.measures._trainers import Timed, all_blocks, no_caches
from mlcore.benchmark.setting import Setting
from mlcore.recipe import Recipe
from mlcore.rows import Row, owned
from mlcore.samples import Interaction

Gone = Mapping[str, Collection[bytes] | None]  # None is all of a subject's

BASELINES: Final = ("retrain", "retrain_all_blocks", "apa_top", "apa", "apa_moved")
# Rows that a trainer goes round while its steps are timed: enough to be of all lengths.
MOST_ROWS: Final = 512


class Rivals:
    """The training rows, APA's partition of them, and two trainers without our caches.

    APA as published has LoRA on all blocks, so its steps are those of ``retrain_all_blocks``;
    ``apa_top``, whose quality is compared, has it where we have it, and the steps of ``retrain``.
    Making its partition anew is not counted.

    Args:
        turns: how many times ``cost`` will be asked.
    """

    def __init__(self, setting: Setting, *, turns: int) -> None:
        self._setting = setting
        self._recipe = setting.recipe
        self.rows = [row for who in sorted(setting.people) for row in self._rows(who)]
        self._assignment = self._assign(self.rows)
        self._steps = self._needed([len(self.rows)])
        count = setting.table["timed_steps"]
        some = Random(setting.seed).sample(self.rows, min(MOST_ROWS, len(self.rows)))
        own = self.rows if setting.table["whole"] else some
        self._own_count = math.ceil(self._steps / turns) if setting.table["whole"] else count
        self._own = Timed(no_caches(setting.base, self._lasting(turns * self._own_count, own), own))
        self._count = count
        self._all = Timed(all_blocks(setting.base, self._lasting(turns * count, some), some))

    def cost(self, gone: Gone, *, is_moved: bool) -> dict[str, dict[str, float]]:
        """Seconds and samples of each baseline, with this turn's time of a step.

        Args:
            is_moved: whether to make APA's partition anew, too, which takes a while.
        """
        own, every = self._own.block(self._own_count), self._all.block(self._count)
        after = [row for row in self.rows if row.subject not in gone]
        for who, keys in gone.items():
            after += [] if keys is None else self._rows(who, keys)
        kept = self._kept(gone)
        told = {
            "retrain": self._price([len(after)], own),
            "retrain_all_blocks": self._price([len(after)], every),
            "apa_top": self._price(kept, own),
            "apa": self._price(kept, every),
        }
        if is_moved:
            told["apa_moved"] = self._price(self._moved(after), every)
        return told

    def timed(self, name: str) -> dict[str, Any]:
        """How many steps were timed, and how many a retraining of everything has."""
        is_own = name in ("retrain", "apa_top")
        return {
            "timed_steps": (self._own if is_own else self._all).done,
            "steps": self._steps,
            "whole": name == "retrain" and self._setting.table["whole"],
        }

    def _kept(self, gone: Gone) -> list[int]:
        """What is left in the shards that hold any of it, the others staying where they are."""
        erased = {
            key
            for who, keys in gone.items()
            for key in (keys or [one.order_key for one in self._setting.people[who]])
        }
        touched = costs.touched(self.rows, self._assignment, erased)
        left = Counter(
            shard
            for row, shard in zip(self.rows, self._assignment, strict=True)
            if row.sample.order_key not in erased
        )
        return [left[shard] for shard in touched]

    def _moved(self, after: Sequence[Row]) -> list[int]:
        """What is in the shards that are not what they were, once what is left is clustered."""
        shards = self._recipe.shards
        fresh = self._assign(after)
        was = {row.sample.order_key: k for row, k in zip(self.rows, self._assignment, strict=True)}
        stayed = [[0] * shards for _ in range(shards)]
        for row, shard in zip(after, fresh, strict=True):
            if row.sample.order_key in was:
                stayed[shard][was[row.sample.order_key]] += 1
        name = best_matching(stayed)
        named = [name[shard] for shard in fresh]
        stale = costs.stale(self.rows, self._assignment, after, named)
        sizes = Counter(named)
        return [sizes[shard] for shard in stale]

    def _price(self, sizes: Sequence[int], seconds_a_step: float) -> dict[str, float]:
        return {
            "seconds": self._needed(sizes) * seconds_a_step,
            "steps": self._needed(sizes),
            "samples_trained": self._recipe.epochs * sum(sizes),
        }

    def _needed(self, sizes: Sequence[int]) -> int:
        return self._recipe.epochs * sum(math.ceil(n / self._recipe.batch_size) for n in sizes)

    def _lasting(self, steps: int, rows: Sequence[Row]) -> Recipe:
        """The recipe with as many epochs as so many steps and the one before them take."""
        return dataclasses.replace(
            self._recipe,
            epochs=math.ceil((steps + 1) / math.ceil(len(rows) / self._recipe.batch_size)),
        )

    def _assign(self, rows: Sequence[Row]) -> list[int]:
        return partitions.assign(
            "semantic", rows, shards=self._recipe.shards, seed=self._setting.seed, ratings={}
        )

    def _rows(self, who: str, gone: Collection[bytes] = ()) -> list[Row]:
        left: list[Interaction] = [
            one for one in self._setting.people[who] if one.order_key not in gone
        ]
        return [self._setting.store.row(one) for one in owned(who, left, self._recipe).train]
