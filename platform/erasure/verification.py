"""What must hold before a request is closed, checked against what is stored."""

from collections.abc import Iterable
from hashlib import sha256

from django.db.models import Exists, OuterRef

from erasure.models import DeletionRequest
from ledger import log
from ledger.kinds import Kind
from registry import records, storage
from registry.models import AdapterVersion, Artefact, PanelError, Release, Slice
from registry.services import live
from verifier import merkle
from verifier.sets import CommittedSet


def check(request: DeletionRequest) -> dict[str, bool]:
    """Each claim about an erased request, and whether it holds.

    1. records_as_logged: the ticket lists the records that the erasing transaction logged.
    2. live_as_logged: the bytes that serve are those whose digest was logged when they went live.
    3. records_absent: no erased record key is in the committed list of any live adapter, or of
       any that it was trained from.
    4. lists_committed: each of those lists is the one whose root its manifest names, and the
       manifest, which names the weights too, is the one that was logged when it was trained.
    5. adapters_fresh: what serves is at full strength on the data as it is now.
    6. old_destroyed: every adapter that is neither live, nor an ancestor of one that is, nor of the
       data of its slice as it is now, is unreadable, and nothing measured of it is kept.
    7. states_destroyed: every cached state that belongs to nobody any more is unreadable.
    8. files_removed: no file of a destroyed artefact is left in the store.

    With nothing live there is nothing to be absent from, and what is said of it holds of itself. A
    list that cannot be read proves nothing: what is said of it does not hold.
    """
    release = Release.objects.select_related("recipe").filter(is_live=True).first()
    chain = live_chain(release) if release else []
    erased = {bytes(key) for key in request.records.values_list("key", flat=True)}
    sets = [(adapter, _readable_set(adapter)) for adapter in chain]
    checks = {
        "records_as_logged": _are_as_logged(request, erased),
        "live_as_logged": release is None or live.is_as_logged(release),
        "records_absent": all(
            held is not None and not any(key in held for key in erased) for _, held in sets
        ),
        "lists_committed": all(_is_committed(adapter, held) for adapter, held in sets),
        "old_destroyed": not _readable_others(chain)
        and not PanelError.objects.exclude(adapter__weights__destroyed_at=None).exists(),
        "states_destroyed": not Artefact.objects.filter(
            kind=Artefact.Kind.TRUNK, trunk_state=None, destroyed_at=None
        ).exists(),
        "files_removed": not any(
            storage.path_of(pk).exists()
            for pk in Artefact.objects.exclude(destroyed_at=None).values_list("pk", flat=True)
        ),
    }
    # Last: if it holds, nothing that was looked at before it was of older data.
    checks["adapters_fresh"] = release is None or live.is_current(release.recipe)
    return checks


def _are_as_logged(request: DeletionRequest, keys: set[bytes]) -> bool:
    root = merkle.root_over(sorted(keys)).hex()
    return any(
        event.kind == Kind.ERASURE_APPLIED
        and (event.facts["records_root"], event.facts["interactions"]) == (root, str(len(keys)))
        for event in log.history(request)
    )


def live_chain(release: Release) -> list[AdapterVersion]:
    """The live adapters and every adapter that they were trained from."""
    chain = []
    for member in live.members(release):
        version: AdapterVersion | None = member.adapter
        while version is not None:
            chain.append(version)
            version = version.parent
    return chain


def record_list(adapter: AdapterVersion) -> list[bytes]:
    """The record keys that an adapter's slice consumed, as they were stored with it."""
    return records.stored(adapter.records).keys()


def _readable_set(adapter: AdapterVersion) -> CommittedSet | None:
    try:
        return records.stored(adapter.records)
    except (storage.Corrupt, storage.Destroyed):
        return None


def found_in_live(erased: Iterable[bytes], release: Release) -> int:
    """How many of these record keys stand in a list of what serves."""
    wanted = set(erased)
    return sum(len(wanted & set(record_list(adapter))) for adapter in live_chain(release))


def _is_committed(adapter: AdapterVersion, held: CommittedSet | None) -> bool:
    if held is None:
        return False
    named = adapter.named
    return (
        named["records"] == {"root": held.root.hex(), "count": str(len(held))}
        and named["output"] == adapter.digest == adapter.weights.digest
        and _is_logged(adapter)
    )


def _is_logged(adapter: AdapterVersion) -> bool:
    digest = sha256(bytes(adapter.manifest)).hexdigest()
    return any(
        event.kind == Kind.ADAPTER_TRAINED and event.facts["manifest"] == digest
        for event in log.history(adapter)
    )


def _readable_others(chain: list[AdapterVersion]) -> bool:
    kept = [adapter.weights_id for adapter in chain]
    fresh = Slice.objects.filter(
        recipe=OuterRef("adapter__recipe"),
        shard=OuterRef("adapter__shard"),
        slice=OuterRef("adapter__slice"),
        epoch=OuterRef("adapter__epoch"),
    )
    readable = Artefact.objects.filter(kind=Artefact.Kind.ADAPTER, destroyed_at=None)
    return readable.exclude(pk__in=kept).exclude(Exists(fresh)).exists()
