"""What serves now, and whether it is what the data says it should be."""

from django.db.models import QuerySet

from registry.models import Recipe, Release, ReleaseAdapter, Slice


class NothingLive(LookupError):
    """No release is live yet."""


def release() -> Release:
    """The live release.

    Raises:
        NothingLive: nothing was ever trained.
    """
    found = Release.objects.select_related("recipe", "index").filter(is_live=True).first()
    if found is None:
        raise NothingLive("no release is live yet; run train")
    return found


def members(of: Release) -> QuerySet[ReleaseAdapter]:
    """The adapters of a release by shard, with their files."""
    return of.members.select_related("adapter__weights", "adapter__recipe").order_by("shard")


def epochs(recipe: Recipe) -> dict[str, str]:
    """The epoch of every slice, by name; two equal answers mean the same data."""
    rows = Slice.objects.filter(recipe=recipe).values_list("shard", "slice", "epoch")
    return {f"{shard}.{slice_}": str(epoch) for shard, slice_, epoch in rows}


def is_current(recipe: Recipe) -> bool:
    """Whether the live release is of this recipe, at full strength, on the data as it is now."""
    return Release.objects.filter(
        is_live=True, recipe=recipe, kind=Release.Kind.FULL, epochs=epochs(recipe)
    ).exists()


def describe(of: Release) -> dict[str, object]:
    """A release as people and programs compare it: ids, digests, and one digest over them."""
    return {
        "release": of.pk,
        "kind": of.kind,
        "recipe": of.recipe.name,
        "recipe_digest": of.recipe.digest,
        "adapters": {
            str(member.shard): {
                "digest": member.adapter.digest,
                "slice": member.adapter.slice,
                "samples": member.adapter.cumulative_samples,
            }
            for member in members(of)
        },
        "index_digest": of.index_digest,
        "panel_rows": of.panel_rows,
        "live_digest": of.live_digest,
    }
