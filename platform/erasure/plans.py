"""The dry run: what an erasure would reach and cost, in numbers alone."""

from collections.abc import Sequence
from statistics import median

from django.db.models import Q

from corpus.models import Interaction, Item, Subject
from mlcore.samples import split
from registry import samples
from registry.models import (
    AdapterVersion,
    PanelRow,
    Recipe,
    ShardMembership,
    TrunkState,
)
from registry.services import places


def of(subject: Subject, items: Sequence[Item] | None) -> dict[str, str]:
    """What erasing this person, or these items of theirs, would do. All values are strings.

    The person's whole shard from their slice on is made again, whichever items are named: every
    sample of theirs trains there. So is where they trained before, if it may still be read, and
    where they train without these items.
    """
    rows = Interaction.objects.filter(subject=subject)
    plan = {
        "interactions": (rows if items is None else rows.filter(item__in=items)).count(),
        "trunk_states": TrunkState.objects.filter(subject=subject).count(),
        "panel_rows": PanelRow.objects.filter(subject=subject).count(),
    }
    recipe = Recipe.objects.filter(is_current=True).first()
    if recipe is None:
        return {name: str(value) for name, value in plan.items()}
    place = ShardMembership.objects.get(recipe=recipe, subject=subject)
    plain = recipe.plain
    readable = AdapterVersion.objects.filter(recipe=recipe, weights__destroyed_at=None)
    gone = None if items is None else [item.pk for item in items]
    seen, stale = places.reached(recipe=recipe, subject=subject, without=gone)
    slices = list(recipe.slices.all())
    behind = Q()
    for row in slices:
        if places.is_behind(row, seen):
            behind |= Q(shard=row.shard, slice=row.slice)
    seconds = readable.values_list("seconds", flat=True)
    retrain = sum(places.is_behind(row, stale) for row in slices)
    owned = samples.histories(Subject.objects.filter(pk=subject.pk))
    plan |= {
        "training_samples": sum(len(split(interactions, plain).train) for _, interactions in owned),
        "shard": place.shard,
        "slice": place.slice,
        "slices_to_retrain": retrain,
        "slices_total": plain.shards * plain.slices,
        "adapters": readable.filter(behind).count(),
        "expected_seconds": round(median(seconds) * retrain) if seconds else 0,
    }
    return {name: str(value) for name, value in plan.items()}
