"""Trainers without our caches, a step at a time, so that their steps can be timed between ours."""

import dataclasses
from collections.abc import Generator, Iterator, Sequence
from time import perf_counter

import torch
from torch import nn

from mlcore import blocks, trunk
from mlcore.base_model import Base
from mlcore.baselines.training import train_shard
from mlcore.lora import common_a, no_b, top_of
from mlcore.recipe import Recipe
from mlcore.rows import Row
from mlcore.training import TrainSample, batches, loss_of, visits


def no_caches(base: Base, recipe: Recipe, rows: Sequence[Row]) -> Generator[None]:
    """Our recipe by an ordinary trainer: every step runs the whole model on a padded batch.

    The blocks below the adapters run without autograd; tokens are made beforehand.
    """
    told = sorted(rows, key=lambda row: row.sample.order_key)
    samples = [
        TrainSample(row.sample.order_key, base.encode(row.sample.prompt), row.sample.label)
        for row in told
    ]
    top, a = top_of(base, recipe), common_a(base, recipe)
    b = {path: tensor.requires_grad_() for path, tensor in no_b(base, recipe).items()}
    optimizer = torch.optim.AdamW(
        b.values(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
    )
    below = base.model.model.layers[: base.layers - recipe.depth]
    for epoch in range(recipe.epochs):
        for batch in batches(recipe, visits(recipe.seed, 0, 0, epoch, samples), samples):
            ids = [samples[i].state for i in batch]
            with torch.no_grad():
                padded = nn.utils.rnn.pad_sequence(ids, batch_first=True)
                x = blocks.run(base.model, below, blocks.enter(base.model, padded))
            states = [row[: len(own)] for row, own in zip(x, ids, strict=True)]
            labels = torch.tensor([samples[i].label for i in batch], device=base.device)
            loss = loss_of(top.answers(states, a, b), labels)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            yield


def all_blocks(base: Base, recipe: Recipe, rows: Sequence[Row]) -> Iterator[object]:
    """The published recipe: A and B in every block, so nothing of a pass can be kept."""
    whole = dataclasses.replace(recipe, depth=base.layers, trunk_dtype="")
    bare = [
        dataclasses.replace(row, state=trunk.state_of(base, whole, row.sample.prompt))
        for row in rows
    ]
    return train_shard(base, whole, bare, shard=0, learning_rate=recipe.learning_rate / 10)


class Timed:
    """A trainer whose steps are timed, in blocks, after one that warms up."""

    def __init__(self, steps: Iterator[object]) -> None:
        self._steps = steps
        self.done = 0
        next(steps)

    def block(self, count: int) -> float:
        """Seconds a step, over the next ``count`` steps; the trainer must have so many left."""
        start = perf_counter()
        for _ in range(count):
            next(self._steps)
        self.done += count
        return (perf_counter() - start) / count
