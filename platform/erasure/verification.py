"""What must hold before a request is closed, checked against what is stored."""

from collections.abc import Iterable

from erasure.models import DeletionRequest
from registry import storage
from registry.models import AdapterVersion, Artefact, Release
from registry.services import adapters, live

KEY = 32


def check(request: DeletionRequest) -> dict[str, bool]:
    """Each claim about an erased request, and whether it holds.

    1. records_absent: no erased record key is in the committed list of any live adapter, or of
       any that it was trained from.
    2. lists_committed: each of those lists is the one whose root its manifest names.
    3. adapters_fresh: what serves is at full strength on the data as it is now.
    4. old_destroyed: every adapter that is neither live nor an ancestor of one is unreadable.
    5. states_destroyed: every cached state that belongs to nobody any more is unreadable.
    6. files_removed: no file of a destroyed artefact is left in the store.

    With nothing live there is nothing to be absent from: the first three hold of themselves.
    """
    release = Release.objects.select_related("recipe").filter(is_live=True).first()
    chain = live_chain(release) if release else []
    erased = {bytes(key) for key in request.records.values_list("key", flat=True)}
    lists = [(adapter, record_list(adapter)) for adapter in chain]
    return {
        "records_absent": not any(erased & set(keys) for _, keys in lists),
        "lists_committed": all(_is_committed(adapter, keys) for adapter, keys in lists),
        "adapters_fresh": release is None or live.is_current(release.recipe),
        "old_destroyed": not _readable_others(chain),
        "states_destroyed": not Artefact.objects.filter(
            kind=Artefact.Kind.TRUNK, trunk_state=None, destroyed_at=None
        ).exists(),
        "files_removed": not any(
            storage.path_of(pk).exists()
            for pk in Artefact.objects.exclude(destroyed_at=None).values_list("pk", flat=True)
        ),
    }


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
    data = storage.get(adapter.records)
    return [data[i : i + KEY] for i in range(0, len(data), KEY)]


def found_in_live(erased: Iterable[bytes], release: Release) -> int:
    """How many of these record keys stand in a list of what serves."""
    wanted = set(erased)
    return sum(len(wanted & set(record_list(adapter))) for adapter in live_chain(release))


def _is_committed(adapter: AdapterVersion, keys: list[bytes]) -> bool:
    committed: dict[str, str] = adapter.named["records"]
    return committed == {"root": adapters.records_root(keys), "count": str(len(keys))}


def _readable_others(chain: list[AdapterVersion]) -> bool:
    kept = [adapter.weights_id for adapter in chain]
    readable = Artefact.objects.filter(kind=Artefact.Kind.ADAPTER, destroyed_at=None)
    return readable.exclude(pk__in=kept).exists()
