"""The dry run: what an erasure would reach and cost, in numbers alone."""

from collections.abc import Sequence
from statistics import median

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


def of(subject: Subject, items: Sequence[Item] | None) -> dict[str, str]:
    """What erasing this person, or these items of theirs, would do. All values are strings.

    The person's whole shard from their slice on is made again, whichever items are named: every
    sample of theirs trains there.
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
    behind = readable.filter(shard=place.shard, slice__gte=place.slice)
    seconds = readable.values_list("seconds", flat=True)
    retrain = plain.slices - place.slice
    owned = samples.histories(Subject.objects.filter(pk=subject.pk))
    plan |= {
        "training_samples": sum(len(split(interactions, plain).train) for _, interactions in owned),
        "shard": place.shard,
        "slice": place.slice,
        "slices_to_retrain": retrain,
        "slices_total": plain.shards * plain.slices,
        "adapters": behind.count(),
        "expected_seconds": round(median(seconds) * retrain) if seconds else 0,
    }
    return {name: str(value) for name, value in plan.items()}
