"""Training one shard as the papers do: A and B both, from an A of the shard's own."""

import dataclasses
import hashlib
from collections.abc import Generator, Sequence

import torch

from mlcore import determinism
from mlcore.base_model import Base
from mlcore.lora import Weights, common_a, no_b, top_of
from mlcore.recipe import Recipe
from mlcore.rows import Row
from mlcore.training import LossNotFinite, Step, TrainSample, batches, loss_of, visits


def train_shard(
    base: Base,
    recipe: Recipe,
    rows: Sequence[Row],
    *,
    shard: int,
    learning_rate: float,
    epochs: int | None = None,
) -> Generator[Step, None, tuple[Weights, Weights]]:
    """Train A and B on the rows and return both on the CPU.

    The visits, the batches, the loss and AdamW are the engine's, so the order in which the rows
    are given decides nothing. What differs is that A is trained too, and drawn for the shard
    alone (LoRA's Kaiming initialisation, from the recipe's seed and the shard). With no rows, A
    as drawn and a B of zeros: the base alone.

    A generator: it yields after each step.

    Args:
        learning_rate: A and B together want less than B alone, so not the recipe's.
        epochs: the recipe's, if None.

    Raises:
        LossNotFinite: when a batch's loss, or a weight after its step, is infinite or no number.
    """
    determinism.settle(recipe.threads)
    samples = [TrainSample(row.sample.order_key, row.state, row.sample.label) for row in rows]
    top = top_of(base, recipe)
    a, b = own_a(base, recipe, shard), no_b(base, recipe)
    parameters = [tensor.requires_grad_() for tensor in (*a.values(), *b.values())]
    optimizer = torch.optim.AdamW(parameters, lr=learning_rate, weight_decay=recipe.weight_decay)
    plan = [
        batch
        for epoch in range(recipe.epochs if epochs is None else epochs)
        for batch in batches(recipe, visits(recipe.seed, shard, 0, epoch, samples), samples)
    ]
    for done, batch in enumerate(plan, start=1):
        logits = top.answers([samples[i].state for i in batch], a, b)
        labels = torch.tensor([samples[i].label for i in batch], device=base.device)
        loss = loss_of(logits, labels)
        value = loss.item()
        if not loss.isfinite():
            raise LossNotFinite(f"shard {shard}: step {done} has loss {value}")
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        # Only the next loss would tell, and the last step has none.
        if not all(tensor.isfinite().all() for tensor in parameters):
            raise LossNotFinite(f"shard {shard}: step {done} broke the weights")
        yield Step(done, len(plan), value)
    return _kept(a), _kept(b)


def own_a(base: Base, recipe: Recipe, shard: int) -> Weights:
    """The A that a shard starts from: module path to ``(r, in)``, like no other shard's."""
    seed = hashlib.sha256(f"{recipe.seed}/shard {shard}".encode()).digest()
    return common_a(base, dataclasses.replace(recipe, seed=int.from_bytes(seed[:4], "big")))


def _kept(weights: Weights) -> Weights:
    return {path: tensor.detach().cpu() for path, tensor in weights.items()}
