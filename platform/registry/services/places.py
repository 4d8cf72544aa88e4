"""Who trains where, and the counter that says which data a slice has now.

Locks are always taken in one order: people, then slices by recipe, shard and slice.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q

from corpus import vault
from corpus.models import Interaction, Subject
from ledger import log
from ledger.kinds import Kind
from mlcore import partition
from registry.models import FormerMembership, Recipe, ShardMembership, Slice, TrainingRun
from registry.services import anchoring

Place = tuple[int, int, int]  # recipe, shard, slice
FEW = 5_000


def place(
    *, recipe: Recipe, people: Mapping[UUID, str], without: Collection[int] = ()
) -> set[Place]:
    """Give people the place that their data, and nobody else's, asks for now.

    The caller has locked them. Whoever moves leaves a note of where they trained: an adapter made
    there may be readable until the next release, and an erasure must reach it.

    Args:
        people: external ids by subject id.
        without: items that are about to be erased, and have no say.

    Returns:
        The places that somebody who was there before left or moved to.
    """
    changed: set[Place] = set()
    everyone = list(people.items())
    for start in range(0, len(everyone), FEW):
        some = dict(everyone[start : start + FEW])
        held = {
            each.subject_id: each
            for each in ShardMembership.objects.filter(recipe=recipe, subject__in=list(some))
        }
        fresh, former, moved = [], [], []
        for pk, (shard, slice_) in _asked_for(recipe, some, without).items():
            there = held.get(pk)
            if there is None:
                fresh.append(
                    ShardMembership(recipe=recipe, subject_id=pk, shard=shard, slice=slice_)
                )
            elif (there.shard, there.slice) != (shard, slice_):
                changed |= {(recipe.pk, there.shard, there.slice), (recipe.pk, shard, slice_)}
                former.append(
                    FormerMembership(
                        recipe=recipe, subject_id=pk, shard=there.shard, slice=there.slice
                    )
                )
                there.shard, there.slice = shard, slice_
                moved.append(there)
        ShardMembership.objects.bulk_create(fresh)
        FormerMembership.objects.bulk_create(former)
        ShardMembership.objects.bulk_update(moved, ["shard", "slice"])
    return changed


def _asked_for(
    recipe: Recipe, people: Mapping[UUID, str], without: Collection[int]
) -> dict[UUID, tuple[int, int]]:
    plain = recipe.plain
    anchors = anchoring.of(plain)
    items: dict[UUID, set[str]] = {pk: set() for pk in people}
    if anchors is not None:
        rows = Interaction.objects.filter(subject__in=list(people)).exclude(item__in=list(without))
        for pk, item in rows.values_list("subject_id", "item__external_id").distinct():
            items[pk].add(item)
    late = Subject.objects.filter(pk__in=list(people), is_likely_leaver=True)
    leavers = set(late.values_list("pk", flat=True)) if plain.late_slices else set()
    return {
        pk: partition.place(
            external,
            items[pk],
            plain,
            key=settings.EXPUNGE_PARTITION_KEY,
            anchors=anchors,
            is_late=pk in leavers,
        )
        for pk, external in people.items()
    }


def touched(subjects: Iterable[UUID]) -> set[Place]:
    """The places of these people, under every recipe."""
    memberships = ShardMembership.objects.filter(subject__in=list(subjects))
    return set(memberships.values_list("recipe", "shard", "slice").distinct())


def seen_in(subject: UUID) -> set[Place]:
    """Every place where an adapter that saw this person may be: theirs, and those they left."""
    former = FormerMembership.objects.filter(subject=subject)
    return touched([subject]) | set(former.values_list("recipe", "shard", "slice").distinct())


def reached(
    *, recipe: Recipe, subject: Subject, without: Collection[int] | None
) -> tuple[set[Place], set[Place]]:
    """The places that an erasure of these items, or of everything, would reach under a recipe.

    Returns:
        Those that may have seen the person; and those, with the one that the person would move to.
    """
    seen = {place for place in seen_in(subject.pk) if place[0] == recipe.pk}
    if without is None:
        return seen, seen
    people = {subject.pk: vault.external_id(subject)}
    moves_to = {(recipe.pk, *place) for place in _asked_for(recipe, people, without).values()}
    return seen, seen | moves_to


def is_behind(row: Slice, places: Iterable[Place]) -> bool:
    """Whether a slice is one of these places, or is trained from one."""
    return any(
        (row.recipe_id, row.shard) == (recipe, shard) and row.slice >= slice_
        for recipe, shard, slice_ in places
    )


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
