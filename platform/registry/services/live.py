"""What serves now, and whether it is what the data says it should be."""

from collections.abc import Mapping
from hashlib import sha256

from django.db.models import QuerySet

from ledger import log
from ledger.kinds import Kind
from mlcore import manifest
from registry import storage
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


def digest_of(*, recipe: Recipe, adapters: Mapping[int, str], index: str) -> str:
    """One digest over everything that serves: the recipe's, the adapters' by shard, the index's."""
    named = {str(shard): digest for shard, digest in sorted(adapters.items())}
    return manifest.digest({"recipe": recipe.digest, "adapters": named, "index": index})


def digest_stored(of: Release) -> str:
    """The digest over the bytes that serve, read from the store and not from what rows say.

    Raises:
        registry.storage.Corrupt, registry.storage.Destroyed: a file cannot be read.
    """
    adapters = {
        member.shard: sha256(storage.get(member.adapter.weights)).hexdigest()
        for member in members(of)
    }
    index = sha256(storage.get(of.index)).hexdigest()
    return digest_of(recipe=of.recipe, adapters=adapters, index=index)


def is_as_logged(of: Release) -> bool:
    """Whether the bytes that serve are those whose digest was logged when they went live."""
    try:
        stored = digest_stored(of)
    except (storage.Corrupt, storage.Destroyed):
        return False
    return any(
        event.kind == Kind.RELEASE_SWITCHED and event.facts["live"] == stored == of.live_digest
        for event in log.history(of)
    )


def describe(of: Release) -> dict[str, object]:
    """A release as people and programs compare it: ids, digests, and one digest over them.

    The live digest is computed from the bytes in the store.
    """
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
        "live_digest": digest_stored(of),
    }
