"""What may leave the house, and the event that says that it did."""

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256

from django.db import transaction

from ledger import log
from ledger.kinds import Kind
from registry.models import AdapterVersion, Release
from registry.services import live, releases, runs


class CannotExport(Exception):
    """The live release is not to be exported, or not to that folder."""


def members(release: Release) -> Mapping[int, AdapterVersion]:
    """The adapters of a release by shard, if all of it may be exported now.

    Raises:
        CannotExport: it has none, it is no longer live, or one is destroyed or of older data.
    """
    chosen = {member.shard: member.adapter for member in live.members(release)}
    if not chosen:
        raise CannotExport(f"{release} has no adapters, the base model answers alone; run train")
    fresh = runs.fresh_adapters(release.recipe).filter(served_in__release=release).count()
    is_live = Release.objects.filter(pk=release.pk, is_live=True).exists()
    if not is_live or fresh != len(chosen):
        raise CannotExport(f"the data has changed since {release} went live; run train first")
    return chosen


@transaction.atomic(durable=True)
def note(*, release: Release, merged: str, document: bytes, actor: str, at: datetime) -> None:
    """Log that a release was exported, if it still may be.

    Called when everything is written and nothing is to be seen yet. Whoever erases takes turns
    with this: an erasure that went first is refused here, one that comes after finds the event.

    Args:
        merged: digest of the merged adapter.
        document: the bytes of `release.json`, which names every file by its digest.

    Raises:
        CannotExport: something was erased or changed since the release was read.
    """
    releases.take_turns()
    facts = {
        "kind": release.kind,
        "live": release.live_digest,
        "adapters": {str(shard): adapter.digest for shard, adapter in members(release).items()},
        "merged": merged,
        "document": sha256(document).hexdigest(),
    }
    log.append(Kind.RELEASE_EXPORTED, actor=actor, on=release, at=at, facts=facts)
