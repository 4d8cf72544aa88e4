"""Who trains where, and the counter that says which data a slice has now.

Locks are always taken in one order: people, then slices by recipe, shard and slice.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q

from ledger import log
from ledger.kinds import Kind
from mlcore import partition
from registry.models import Recipe, ShardMembership, Slice, TrainingRun

Place = tuple[int, int, int]  # recipe, shard, slice


def place(*, recipe: Recipe, people: Mapping[UUID, str]) -> None:
    """Give people their shard and slice: a keyed hash of their external id, and nothing else."""
    plain = recipe.plain
    ShardMembership.objects.bulk_create(
        (
            ShardMembership(recipe=recipe, subject_id=pk, shard=shard, slice=slice_)
            for pk, external in people.items()
            for shard, slice_ in [
                partition.placement(
                    external,
                    key=settings.EXPUNGE_PARTITION_KEY,
                    shards=plain.shards,
                    slices=plain.slices,
                )
            ]
        ),
        ignore_conflicts=True,
        batch_size=5000,
    )


def touched(subjects: Iterable[UUID]) -> set[Place]:
    """The places of these people, under every recipe."""
    memberships = ShardMembership.objects.filter(subject__in=list(subjects))
    return set(memberships.values_list("recipe", "shard", "slice").distinct())


def raise_epochs(places: Iterable[Place], *, actor: str, at: datetime) -> list[Slice]:
    """Note that the data of these places changed, inside the caller's transaction.

    Every slice from the changed one on gets a new epoch, under its row lock, and the runs that
    were open for it are overtaken.

    Returns:
        The slices whose adapters must be made again, in lock order.
    """
    first: dict[tuple[int, int], int] = {}
    for recipe, shard, slice_ in places:
        first[recipe, shard] = min(slice_, first.get((recipe, shard), slice_))
    if not first:
        return []
    behind = Q()
    for (recipe, shard), slice_ in first.items():
        behind |= Q(recipe=recipe, shard=shard, slice__gte=slice_)
    locked = list(
        Slice.objects.select_for_update().filter(behind).order_by("recipe", "shard", "slice")
    )
    Slice.objects.filter(pk__in=[row.pk for row in locked]).update(epoch=F("epoch") + 1)
    runs = TrainingRun.objects.filter(
        behind | Q(recipe__in={recipe for recipe, _ in first}, kind=TrainingRun.Kind.RELEASE),
        state__in=TrainingRun.OPEN,
    )
    for run in list(runs.select_for_update().order_by("pk")):
        overtake(run, actor=actor, at=at)
    return locked


@transaction.atomic(durable=True)
def renew(*, recipe: Recipe, actor: str, at: datetime) -> None:
    """Have every slice of a recipe trained again, in the environment of whoever trains now."""
    first = recipe.slices.filter(slice=0).values_list("recipe", "shard", "slice")
    raise_epochs(set(first), actor=actor, at=at)


def overtake(run: TrainingRun, *, actor: str, at: datetime) -> None:
    """End a run whose data has changed since it was planned; its worker will notice."""
    TrainingRun.objects.filter(pk=run.pk).update(
        state=TrainingRun.State.OBSOLETE, worker=None, leased_until=None, ended_at=at
    )
    log.append(Kind.RUN_OBSOLETE, actor=actor, on=run, at=at, facts={})
