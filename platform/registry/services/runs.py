"""The queue: planning runs, leasing them, and taking them back from workers that fell silent."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from ledger import log
from ledger.kinds import Kind
from registry.models import AdapterVersion, Recipe, Slice, TrainingRun
from registry.services import live, places

State = TrainingRun.State

# What a run that failed for good is told by: a failure is the name of a class, for programs.
WHY: Final = {
    "BadRecipe": "the base model does not have what the recipe adapts",
    "BaseChanged": "the base model is not the one that the recipe was registered with",
    "BaseMissing": "the base model is not on the worker's machine",
    "LossNotFinite": "a loss or a weight was infinite or not a number",
    "MixedEnvironments": "adapters were trained by different code or on different machines",
    "PromptTooLong": "a prompt has more tokens than the base model attends to",
    "UnsupportedBase": "the base model cannot be opened",
    "worker-lost": "every worker that took it fell silent",
}


class LeaseLost(Exception):
    """This worker no longer owns the run: its data changed, or its lease ran out."""


def fresh_adapters(recipe: Recipe) -> QuerySet[AdapterVersion]:
    """The adapters that saw exactly the data that their slices have now."""
    now = Slice.objects.filter(
        recipe=OuterRef("recipe"), shard=OuterRef("shard"), slice=OuterRef("slice")
    )
    return AdapterVersion.objects.filter(
        Exists(now.filter(epoch=OuterRef("epoch"))), recipe=recipe, weights__destroyed_at=None
    )


def stale_slices(recipe: Recipe) -> list[Slice]:
    """The slices that have no adapter for the data that they have now."""
    made = AdapterVersion.objects.filter(
        recipe=OuterRef("recipe"),
        shard=OuterRef("shard"),
        slice=OuterRef("slice"),
        epoch=OuterRef("epoch"),
        weights__destroyed_at=None,
    )
    stale = Slice.objects.filter(~Exists(made), recipe=recipe)
    return list(stale.order_by("shard", "slice"))


@transaction.atomic(durable=True)
def plan(*, recipe: Recipe, actor: str, at: datetime, retry: bool = False) -> int:
    """Queue a run for every slice that is stale, or for the release once none is.

    Safe to call at any time: a slice has at most one open run, by a unique index. What failed
    for good on this very data is left alone unless `retry` asks for it.

    Returns:
        How many runs are now open.
    """
    # What is open first: a run that ends in between leaves its slice fresh, and is not made anew.
    opened = recipe.runs.filter(state__in=TrainingRun.OPEN)
    failed = recipe.runs.filter(state=State.FAILED) if not retry else recipe.runs.none()
    there = set(opened.values_list("kind", "shard", "slice"))
    hopeless = set(failed.values_list("kind", "shard", "slice", "epoch"))
    stale = stale_slices(recipe)
    wanted = [
        TrainingRun(
            kind=TrainingRun.Kind.ADAPTER,
            recipe=recipe,
            shard=row.shard,
            slice=row.slice,
            epoch=row.epoch,
            created_at=at,
        )
        for row in stale
    ]
    if not stale and not live.is_current(recipe):
        epoch = sum(recipe.slices.values_list("epoch", flat=True))
        wanted = [
            TrainingRun(kind=TrainingRun.Kind.RELEASE, recipe=recipe, epoch=epoch, created_at=at)
        ]
    missing = [
        run
        for run in wanted
        if (run.kind, run.shard, run.slice) not in there
        and (run.kind, run.shard, run.slice, run.epoch) not in hopeless
    ]
    TrainingRun.objects.bulk_create(missing, ignore_conflicts=True)
    for run in TrainingRun.objects.filter(pk__in=[run.pk for run in missing]):
        facts = {"kind": run.kind, "recipe": recipe.digest, **_named(run)}
        log.append(Kind.RUN_SCHEDULED, actor=actor, on=run, at=at, facts=facts)
    return opened.count()


def _named(run: TrainingRun) -> dict[str, str]:
    if run.kind == TrainingRun.Kind.RELEASE:
        return {"epoch": str(run.epoch)}
    return {"shard": str(run.shard), "slice": str(run.slice), "epoch": str(run.epoch)}


def broken(recipe: Recipe) -> TrainingRun | None:
    """A run that failed for good on the data as it is now, and waits for a person.

    Runs of other slices may still be open, and those of the slices behind it wait for it.
    """
    if live.is_current(recipe):
        return None
    here = Slice.objects.filter(
        recipe=OuterRef("recipe"),
        shard=OuterRef("shard"),
        slice=OuterRef("slice"),
        epoch=OuterRef("epoch"),
    )
    total = sum(recipe.slices.values_list("epoch", flat=True))
    failed = recipe.runs.filter(
        Q(Exists(here), kind=TrainingRun.Kind.ADAPTER)
        | Q(kind=TrainingRun.Kind.RELEASE, epoch=total),
        state=State.FAILED,
    )
    again = set(
        recipe.runs.filter(state__in=TrainingRun.OPEN).values_list("kind", "shard", "slice")
    )
    made = set(fresh_adapters(recipe).values_list("shard", "slice"))
    for run in failed.order_by("-ended_at"):
        if (run.kind, run.shard, run.slice) not in again and (run.shard, run.slice) not in made:
            return run
    return None


def why(run: TrainingRun) -> str:
    """Which run failed, and why, as the first half of a sentence."""
    return f"{run} failed: {WHY.get(run.failure, 'an error of the platform')} ({run.failure})"


def ready(recipe: Recipe | None = None) -> QuerySet[TrainingRun]:
    """The waiting runs that can start: the slice before is fresh, or all of them are."""
    before = Slice.objects.filter(
        recipe=OuterRef("recipe"), shard=OuterRef("shard"), slice=OuterRef("slice") - 1
    )
    made = AdapterVersion.objects.filter(
        recipe=OuterRef("recipe"),
        shard=OuterRef("shard"),
        slice=OuterRef("slice"),
        epoch=OuterRef("epoch"),
        weights__destroyed_at=None,
    )
    unfinished = TrainingRun.objects.filter(
        recipe=OuterRef("recipe"), kind=TrainingRun.Kind.ADAPTER, state__in=TrainingRun.OPEN
    )
    runs = TrainingRun.objects.filter(
        Q(kind=TrainingRun.Kind.ADAPTER, slice=0)
        | Q(Exists(before.filter(Exists(made))), kind=TrainingRun.Kind.ADAPTER)
        | Q(~Exists(unfinished), kind=TrainingRun.Kind.RELEASE),
        state=State.WAITING,
    )
    runs = runs.filter(recipe=recipe) if recipe else runs
    return runs.order_by("shard", "slice", "created_at")


@transaction.atomic(durable=True)
def claim(*, run_id: UUID | None, worker: UUID, at: datetime) -> TrainingRun | None:
    """Lease a run that can start: this one, or the first. None if another worker has it."""
    runs = ready().filter(pk=run_id) if run_id else ready()
    run = runs.select_for_update(skip_locked=True, of=("self",)).first()
    if run is None:
        return None
    TrainingRun.objects.filter(pk=run.pk).update(
        state=State.RUNNING,
        worker=worker,
        leased_until=at + timedelta(seconds=settings.EXPUNGE_LEASE_SECONDS),
        beat_at=at,
        attempt=F("attempt") + 1,
        started_at=at,
        phase="starting",
        done=0,
        total=0,
    )
    run.refresh_from_db()
    facts = {"attempt": str(run.attempt), "worker": str(worker), **_named(run)}
    log.append(Kind.RUN_STARTED, actor=f"worker:{worker}", on=run, at=at, facts=facts)
    return run


def beat(
    *, run: TrainingRun, worker: UUID, phase: str, done: int, total: int, at: datetime
) -> None:
    """Show progress and keep the lease.

    Raises:
        LeaseLost: the run is another's by now, or nobody's.
    """
    beaten = TrainingRun.objects.filter(pk=run.pk, worker=worker, state=State.RUNNING).update(
        phase=phase,
        done=done,
        total=total,
        beat_at=at,
        leased_until=at + timedelta(seconds=settings.EXPUNGE_LEASE_SECONDS),
    )
    if not beaten:
        raise LeaseLost(f"{run}: leased by nobody or another")


def end(*, run: TrainingRun, worker: UUID, at: datetime) -> None:
    """Close a run that is done, inside the transaction that stores what it made.

    Raises:
        LeaseLost: so that nothing of an overtaken run is kept.
    """
    ended = TrainingRun.objects.filter(pk=run.pk, worker=worker, state=State.RUNNING).update(
        state=State.DONE, worker=None, leased_until=None, ended_at=at, done=F("total")
    )
    if not ended:
        raise LeaseLost(f"{run}: leased by nobody or another")


@transaction.atomic(durable=True)
def give_back(*, run: TrainingRun, worker: UUID, at: datetime) -> None:
    """End a run that this worker found overtaken, if it still holds it."""
    held = TrainingRun.objects.select_for_update().filter(pk=run.pk, worker=worker).first()
    if held is not None:
        places.overtake(held, actor=f"worker:{worker}", at=at)


@transaction.atomic(durable=True)
def give_up(*, run: TrainingRun, worker: UUID, failure: str, is_final: bool, at: datetime) -> None:
    """Record that an attempt failed; the run waits for another, or for a person after too many.

    `failure` is a class of error, never its text: an exception may quote what it was given.
    """
    held = TrainingRun.objects.select_for_update().filter(pk=run.pk, worker=worker).first()
    if held is None:
        return
    final = is_final or held.attempt >= settings.EXPUNGE_MAX_ATTEMPTS
    _release(held, State.FAILED if final else State.WAITING, failure=failure, at=at)
    facts = {"failure": failure, "attempt": str(held.attempt)}
    log.append(Kind.RUN_FAILED, actor=f"worker:{worker}", on=run, at=at, facts=facts)


@transaction.atomic(durable=True)
def reap(*, actor: str, at: datetime) -> int:
    """Take back the runs whose worker has stopped beating."""
    silent = TrainingRun.objects.select_for_update(skip_locked=True).filter(
        state=State.RUNNING, leased_until__lt=at
    )
    for run in (found := list(silent)):
        final = run.attempt >= settings.EXPUNGE_MAX_ATTEMPTS
        _release(run, State.FAILED if final else State.WAITING, failure="worker-lost", at=at)
        log.append(Kind.RUN_LOST, actor=actor, on=run, at=at, facts={"attempt": str(run.attempt)})
    return len(found)


def _release(run: TrainingRun, state: TrainingRun.State, *, failure: str, at: datetime) -> None:
    ended = at if state == State.FAILED else None
    TrainingRun.objects.filter(pk=run.pk).update(
        state=state, worker=None, leased_until=None, failure=failure, ended_at=ended
    )
