"""A trained slice becomes an adapter version, if its data has not changed meanwhile."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from ledger import log
from ledger.kinds import Kind
from mlcore import manifest
from registry import code, storage
from registry.models import AdapterVersion, Artefact, Slice, TrainingRun
from registry.services import runs
from registry.services.runs import LeaseLost
from verifier.sets import CommittedSet


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What a worker made of one slice."""

    weights: bytes
    records: CommittedSet
    samples: int
    epoch: int
    committed: UUID  # the event that names the records' root
    parent: AdapterVersion | None
    environment: dict[str, str]
    started_at: datetime
    seconds: float


@transaction.atomic(durable=True)
def commit(
    *, run: TrainingRun, worker: UUID, records: CommittedSet, epoch: int, at: datetime
) -> UUID:
    """Log what a run is about to train on, before it does.

    Returns:
        The event's id: the adapter will name it.

    Raises:
        LeaseLost: the run is another's by now, or nobody's.
    """
    held = TrainingRun.objects.filter(pk=run.pk, worker=worker, state=TrainingRun.State.RUNNING)
    if not held.exists():
        raise LeaseLost(f"{run}: leased by nobody or another")
    facts = {
        "recipe": run.recipe.digest,
        "shard": str(run.shard),
        "slice": str(run.slice),
        "epoch": str(epoch),
        "root": records.root.hex(),
        "count": str(len(records)),
        "code": code.digest(),
    }
    actor = f"worker:{worker}"
    return log.append(Kind.TRAINING_SET_COMMITTED, actor=actor, on=run, at=at, facts=facts)


@transaction.atomic(durable=True)
def promote(*, run: TrainingRun, worker: UUID, trained: Trained, at: datetime) -> AdapterVersion:
    """Store an adapter with its manifest, and close the run.

    Compares epochs under the slice's lock, not times: a run that began before a removal and ends
    after it has a late date but an early epoch.

    Raises:
        LeaseLost: the run was overtaken; nothing is kept.
    """
    shard, slice_ = run.shard, run.slice
    assert shard is not None
    assert slice_ is not None
    locked = Slice.objects.select_for_update().get(recipe=run.recipe, shard=shard, slice=slice_)
    if locked.epoch != trained.epoch:
        raise LeaseLost(f"{run}: its data changed")
    runs.end(run=run, worker=worker, at=at)
    weights = storage.put(Artefact.Kind.ADAPTER, trained.weights, at=at)
    parent = trained.parent
    body = manifest.adapter_manifest(
        recipe_digest=run.recipe.digest,
        base_digest=run.recipe.base_digest,
        environment=trained.environment,
        shard=shard,
        slice_=slice_,
        parent=parent.digest if parent else None,
        records_root=trained.records.root.hex(),
        records=len(trained.records),
        samples=trained.samples,
        output=weights.digest,
        epoch=trained.epoch,
    )
    adapter = AdapterVersion.objects.create(
        recipe=run.recipe,
        shard=shard,
        slice=slice_,
        epoch=trained.epoch,
        parent=parent,
        weights=weights,
        records=storage.put(Artefact.Kind.RECORDS, trained.records.encode(), at=at),
        set_event=trained.committed,
        manifest=manifest.canonical(body),
        manifest_digest=manifest.digest(body),
        digest=weights.digest,
        samples=trained.samples,
        cumulative_samples=trained.samples + (parent.cumulative_samples if parent else 0),
        seconds=trained.seconds,
        started_at=trained.started_at,
        trained_at=at,
    )
    facts = {
        "shard": str(shard),
        "slice": str(slice_),
        "epoch": str(trained.epoch),
        "digest": adapter.digest,
        "manifest": adapter.manifest_digest,
        "run": str(run.pk),
        "set": str(trained.committed),
    }
    log.append(Kind.ADAPTER_TRAINED, actor=f"worker:{worker}", on=adapter, at=at, facts=facts)
    return adapter
