"""Training the stale slices of every shard, each from the checkpoint of the slice before."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlcore import adapters, determinism, manifest, recipe
from mlcore.base_model import Base
from mlcore.ensemble import checkpoints
from mlcore.ensemble.checkpoints import Checkpoint
from mlcore.ensemble.people import Person, Place, Progress
from mlcore.lora import Weights
from mlcore.recipe import Recipe
from mlcore.samples import Sample
from mlcore.training import TrainSample, train_slice

Rows = Sequence[tuple[Person, Sample]]


@dataclass(frozen=True)
class Chain:
    """What all slices are trained with; ``a`` is the frozen A of every shard."""

    base: Base
    recipe: Recipe
    a: Weights

    def train(
        self,
        stale: Mapping[int, int],
        held: Mapping[Place, Checkpoint],
        rows: Callable[[Place], Rows],
        *,
        kept: Path | None,
        progress: Progress,
    ) -> tuple[dict[Place, Checkpoint], int]:
        """All checkpoints, the stale ones made anew, and how many optimiser steps that took.

        Args:
            stale: shard to its first stale slice; those after it are stale too.
            rows: the training samples of a place, by order key, with their states loaded.
            kept: a folder of slices that were trained before, or None to train them all.

        Raises:
            LossNotFinite: with ``held`` as it was.
        """
        slices = range(self.recipe.slices)
        fresh = {
            place: one for place, one in held.items() if place[1] < stale.get(place[0], slices.stop)
        }
        steps = 0
        for shard, first in sorted(stale.items()):
            for slice_ in slices[first:]:
                before = fresh.get((shard, slice_ - 1))
                if own := rows((shard, slice_)):
                    b, more = self._slice((shard, slice_), before, own, kept, progress)
                    fresh[shard, slice_] = checkpoints.of(self.a, b)
                    steps += more
                elif before:
                    fresh[shard, slice_] = before
        return fresh, steps

    def _slice(
        self,
        place: Place,
        before: Checkpoint | None,
        rows: Rows,
        kept: Path | None,
        progress: Progress,
    ) -> tuple[Weights, int]:
        file = kept / f"{self._name(place, before, rows)}.safetensors" if kept else None
        if file and file.exists():
            return adapters.from_bytes(file.read_bytes())[1], 0
        shard, slice_ = place
        loop = train_slice(
            self.base,
            self.recipe,
            shard=shard,
            slice_=slice_,
            start=before.b if before else None,
            samples=[
                TrainSample(sample.order_key, person.states[sample.prompt], sample.label)
                for person, sample in rows
            ],
        )
        steps = 0
        try:
            while True:
                step = next(loop)
                steps = step.done
                progress(f"shard {shard}, slice {slice_}", step.done, step.total)
        except StopIteration as end:
            b: Weights = end.value
        if file:
            file.parent.mkdir(parents=True, exist_ok=True)
            draft = file.with_suffix(".tmp")
            draft.write_bytes(adapters.to_bytes(self.a, b))
            draft.rename(file)
        return b, steps

    def _name(self, place: Place, before: Checkpoint | None, rows: Rows) -> str:
        """A name that covers all that the slice consumes."""
        return manifest.digest(
            {
                "format": "expunge/kept-slice/v1",
                "environment": determinism.environment(),
                "recipe": recipe.digest(self.recipe, self.base.digest),
                "place": [str(number) for number in place],
                "parent": before.digest if before else None,
                "rows": [
                    [
                        sample.order_key.hex(),
                        hashlib.sha256(sample.prompt.encode()).hexdigest(),
                        sample.label,
                    ]
                    for _, sample in rows
                ],
            }
        )
