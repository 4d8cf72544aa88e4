"""Training one slice of one shard: B alone, under the frozen A, for a fixed number of steps.

The result is a pure function of the recipe, the base, the shard, the slice, the B it starts from
and the samples in their order. No validation data is read, nothing stops early.
"""

import hashlib
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name for it)
from torch import Tensor

from mlcore import determinism
from mlcore.base_model import Base
from mlcore.lora import Weights, common_a, no_b, top_of
from mlcore.recipe import Recipe


@dataclass(frozen=True)
class TrainSample:
    """A training row: where it comes in the order, its trunk state ``(T, D)``, its label."""

    order_key: bytes
    state: Tensor
    label: bool


@dataclass(frozen=True)
class Step:
    """One optimiser step: how many are done, of how many, and its batch's mean loss."""

    done: int
    total: int
    loss: float


class LossNotFinite(ArithmeticError):
    """A batch's loss, or a weight after its step, was infinite or not a number.

    Nothing after it means anything.
    """


class NotInOrder(ValueError):
    """The samples are not in the order of their keys."""


def train_slice(
    base: Base,
    recipe: Recipe,
    *,
    shard: int,
    slice_: int,
    start: Weights | None,
    samples: Sequence[TrainSample],
) -> Generator[Step, None, Weights]:
    """Train B from ``start``, the slice before's, or from zeros, and return it, on the CPU.

    A generator: it yields after each step, and the caller decides what that means. The loss is
    binary cross-entropy on the difference of the two answers' logits, -log P(label) when the
    model may only say Yes or No. TALLRec's is the language model's: cross-entropy over the whole
    vocabulary, which also teaches not to say anything else; nothing else is ever read here.
    The optimiser (AdamW) is fresh. With no samples the start is returned unchanged.

    Raises:
        NotInOrder: unless the samples come by order key.
        LossNotFinite: when a loss is, with nothing of the step applied, or when the step left a
            weight that is.
        BadWeights: if ``start`` does not fit the recipe.
    """
    determinism.settle(recipe.threads)
    if any(left.order_key > right.order_key for left, right in pairwise(samples)):
        raise NotInOrder(f"the samples of shard {shard}, slice {slice_} are not in order")
    top = top_of(base, recipe)
    a = common_a(base, recipe)
    b = {path: tensor.detach().clone() for path, tensor in (start or no_b(base, recipe)).items()}
    b = {path: tensor.to(base.device).requires_grad_() for path, tensor in b.items()}
    optimizer = torch.optim.AdamW(
        b.values(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
    )
    plan = [
        batch
        for epoch in range(recipe.epochs)
        for batch in batches(recipe, visits(recipe.seed, shard, slice_, epoch, samples), samples)
    ]
    for done, batch in enumerate(plan, start=1):
        rows = [samples[i] for i in batch]
        logits = top.answers([row.state for row in rows], a, b)
        labels = torch.tensor([row.label for row in rows], device=base.device)
        loss = loss_of(logits, labels)
        value = loss.item()
        if not loss.isfinite():
            raise LossNotFinite(f"shard {shard}, slice {slice_}: step {done} has loss {value}")
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        # Only the next loss would tell, and the last step has none.
        if not all(tensor.isfinite().all() for tensor in b.values()):
            raise LossNotFinite(f"shard {shard}, slice {slice_}: step {done} broke the weights")
        yield Step(done, len(plan), value)
    return {path: tensor.detach().cpu() for path, tensor in b.items()}


def loss_of(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean binary cross-entropy, a scalar, of logits ``(B, 2)`` (Yes, No) and labels ``(B,)``."""
    difference = logits[:, 0] - logits[:, 1]
    return F.binary_cross_entropy_with_logits(difference, labels.to(difference.dtype))


def visits(
    seed: int, shard: int, slice_: int, epoch: int, samples: Sequence[TrainSample]
) -> list[int]:
    """The positions of the samples in the order in which an epoch visits them.

    By the SHA-256 of seed, shard, slice, epoch and order key: a permutation of its own every
    epoch, in which taking one sample away moves no two others past each other.
    """
    prefix = f"{seed}/{shard}/{slice_}/{epoch}/".encode()
    keys = [hashlib.sha256(prefix + sample.order_key).digest() for sample in samples]
    return sorted(range(len(samples)), key=lambda i: (keys[i], i))


def batches(
    recipe: Recipe, order: Sequence[int], samples: Sequence[TrainSample]
) -> list[list[int]]:
    """An epoch's visits cut into batches, of rows of like length if the recipe has a bucket.

    A batch is padded to its longest row. So the visits are cut into windows of ``bucket`` batches,
    and a window's rows are sorted by length, those of equal length by visit, before they are cut
    into batches. Within a batch, and among the batches of a window, the earlier visit goes first:
    the optimiser meets short and long batches in no order. It all follows from the samples and
    their keys.

    Args:
        order: positions in ``samples``, as ``visits`` gives them.
    """
    cut: list[list[int]] = []
    for start in range(0, len(order), recipe.bucket * recipe.batch_size):
        window = order[start : start + recipe.bucket * recipe.batch_size]
        ranks = sorted(range(len(window)), key=lambda rank: len(samples[window[rank]].state))
        chunks = [
            sorted(ranks[i : i + recipe.batch_size])
            for i in range(0, len(ranks), recipe.batch_size)
        ]
        cut += [[window[rank] for rank in chunk] for chunk in sorted(chunks)]
    return cut
