"""From rows to samples: one consistent snapshot of what one slice, or the panel, consumes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from uuid import UUID

from django.db import connection, transaction
from django.db.models import QuerySet

from corpus import canonical, vault
from corpus.models import Interaction, Subject
from mlcore.samples import Interaction as PlainInteraction
from mlcore.samples import Sample, Split, split, used
from registry import records
from registry.models import Recipe, ShardMembership, Slice
from verifier import receipts
from verifier.sets import CommittedSet

Place = tuple[int, int]


@dataclass(frozen=True)
class Owned:
    """A sample, whose it is, and where that person trains."""

    subject: UUID
    place: Place
    sample: Sample


@dataclass(frozen=True)
class SliceData:
    """What one slice consumes: its samples by order key, and the set of the records behind them."""

    epoch: int
    samples: list[Owned]
    records: CommittedSet


@contextmanager
def snapshot() -> Iterator[None]:
    """One repeatable-read view of rows and epochs: a row and its epoch are of the same moment."""
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def of_slice(recipe: Recipe, *, shard: int, slice_: int) -> SliceData:
    """Read a slice. Call it inside `snapshot`."""
    epoch = Slice.objects.values_list("epoch", flat=True).get(
        recipe=recipe, shard=shard, slice=slice_
    )
    members = ShardMembership.objects.filter(recipe=recipe, shard=shard, slice=slice_)
    subjects = Subject.objects.filter(memberships__in=members)
    plain = recipe.plain
    samples, keys = [], []
    for subject, interactions in histories(subjects):
        samples += [
            Owned(subject, (shard, slice_), sample) for sample in split(interactions, plain).train
        ]
        keys += _record_keys(subject, used(interactions, plain))
    samples.sort(key=lambda owned: owned.sample.order_key)
    return SliceData(epoch=epoch, samples=samples, records=records.committed(keys, shard=shard))


def histories(
    subjects: QuerySet[Subject],
) -> Iterator[tuple[UUID, list[PlainInteraction]]]:
    """Each of these people's interactions, as the engine takes them, person by person by rank."""
    rows = (
        Interaction.objects.filter(subject__in=subjects)
        .order_by("subject__rank", "order_key")
        .values_list(
            "subject_id", "item__external_id", "item__title", "value", "at", "order_key", named=True
        )
    )
    # No server-side cursor: it would not survive a pooled connection, and a slice fits in memory.
    for subject, group in groupby(rows, key=attrgetter("subject_id")):
        yield (
            subject,
            [
                PlainInteraction(
                    item=row.item__external_id,
                    title=row.item__title,
                    value=row.value,
                    at=row.at,
                    order_key=bytes(row.order_key),
                )
                for row in group
            ],
        )


def _record_keys(subject_id: UUID, interactions: tuple[PlainInteraction, ...]) -> list[bytes]:
    if not interactions:
        return []
    subject = Subject(pk=subject_id)
    external, key = vault.external_id(subject), vault.subject_key(subject)
    return [
        receipts.record_key(
            key,
            canonical.interaction(subject=external, item=row.item, value=row.value, at=row.at),
        )
        for row in interactions
    ]


def splits(recipe: Recipe, *, batch: int = 200) -> Iterator[tuple[UUID, Place, Split]]:
    """Everyone's samples by rank, a few people at a time. Call it inside `snapshot`."""
    plain = recipe.plain
    ranked = list(
        ShardMembership.objects.filter(recipe=recipe)
        .order_by("subject__rank")
        .values_list("subject_id", "shard", "slice")
    )
    for start in range(0, len(ranked), batch):
        some = ranked[start : start + batch]
        places = {subject: (shard, slice_) for subject, shard, slice_ in some}
        for subject, interactions in histories(Subject.objects.filter(pk__in=list(places))):
            yield subject, places[subject], split(interactions, plain)


def panel(recipe: Recipe) -> list[Owned]:
    """The validation panel: the first people by rank who have a sample to validate on."""
    chosen: list[Owned] = []
    wanted = recipe.plain.panel
    for subject, place, parts in splits(recipe):
        if len(chosen) == wanted:
            break
        if parts.validation is not None:
            chosen.append(Owned(subject, place, parts.validation))
    return chosen


def held_out(recipe: Recipe) -> list[Owned]:
    """Everyone's last interaction: what quality is measured on, and nothing ever trains on."""
    return [
        Owned(subject, place, parts.test)
        for subject, place, parts in splits(recipe)
        if parts.test is not None
    ]


def epochs(recipe: Recipe) -> dict[Place, int]:
    """The epoch of every slice. Call it inside `snapshot`."""
    rows = Slice.objects.filter(recipe=recipe).values_list("shard", "slice", "epoch")
    return {(shard, slice_): epoch for shard, slice_, epoch in rows}
