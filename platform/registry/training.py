"""The bridge to the engine: from the rows of a slice to its adapter, and back for a replay."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils import timezone
from torch import Tensor

from mlcore import adapters, determinism
from mlcore.lora import Weights
from mlcore.training import TrainSample, train_slice
from registry import samples, states, storage
from registry.bench import Bench
from registry.models import AdapterVersion, TrainingRun
from registry.samples import SliceData
from registry.services import runs
from registry.services.adapters import Trained
from registry.services.runs import LeaseLost
from registry.states import Progress


@dataclass(frozen=True)
class Work:
    """What one run starts from: its rows, and the adapter of the slice before."""

    data: SliceData
    parent: AdapterVersion | None


def read(run: TrainingRun) -> Work:
    """Rows, epoch and parent, from one snapshot.

    Raises:
        LeaseLost: the data is no longer that of the plan, the slice before is stale, or this one
            is fresh already.
    """
    assert run.shard is not None
    assert run.slice is not None
    with samples.snapshot():
        data = samples.of_slice(run.recipe, shard=run.shard, slice_=run.slice)
        fresh = runs.fresh_adapters(run.recipe).filter(shard=run.shard)
        parent = fresh.select_related("weights").filter(slice=run.slice - 1).first()
        is_made = fresh.filter(slice=run.slice).exists()
    if data.epoch != run.epoch or (run.slice and parent is None):
        raise LeaseLost(f"{run}: its data changed")
    if is_made:
        raise LeaseLost(f"{run}: another run has made it")
    return Work(data=data, parent=parent)


def fit(
    bench: Bench,
    work: Work,
    *,
    shard: int,
    slice_: int,
    committed: UUID,
    progress: Progress,
    clock: Callable[[], datetime] = timezone.now,
) -> Trained:
    """Train one slice: trunk states from the cache or computed, then B from the parent's.

    Args:
        committed: the event that names the set of the records in ``work``.

    Raises:
        LeaseLost: somebody's data changed meanwhile.
        mlcore.training.LossNotFinite: the loss left the numbers.
    """
    started, started_at = time.monotonic(), clock()
    owned = work.data.samples
    trunk = states.load(
        bench.base,
        bench.recipe,
        owned,
        epochs={(shard, slice_): work.data.epoch},
        clock=clock,
        progress=progress,
    )
    start = adapters.from_bytes(storage.get(work.parent.weights))[1] if work.parent else None
    b = train(
        bench, shard=shard, slice_=slice_, start=start, work=work, trunk=trunk, progress=progress
    )
    return Trained(
        weights=adapters.to_bytes(bench.a, b),
        records=work.data.records,
        samples=len(owned),
        epoch=work.data.epoch,
        committed=committed,
        parent=work.parent,
        environment=determinism.environment(),
        started_at=started_at,
        seconds=time.monotonic() - started,
    )


def train(
    bench: Bench,
    *,
    shard: int,
    slice_: int,
    start: Weights | None,
    work: Work,
    trunk: list[Tensor],
    progress: Progress,
) -> Weights:
    """Run the engine to its end, telling each step."""
    rows = [
        TrainSample(order_key=each.sample.order_key, state=state, label=each.sample.label)
        for each, state in zip(work.data.samples, trunk, strict=True)
    ]
    steps = train_slice(
        bench.base, bench.plain, shard=shard, slice_=slice_, start=start, samples=rows
    )
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            result: Weights = end.value
            return result
        progress("training", step.done, step.total)
