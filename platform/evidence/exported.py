"""What left the house before an erasure, and cannot be made unreadable: copies of adapters."""

from collections.abc import Collection, Iterator

from evidence import entries
from evidence.entries import Placed
from ledger.kinds import Kind
from registry import records
from registry.models import AdapterVersion, Release


def holding(keys: Collection[bytes], *, before: Placed) -> list[Placed]:
    """The exports, earlier than an entry, of releases that were trained on one of these records.

    Of superseded ones too: what was exported of them is where it was.
    """
    return [
        each
        for each in entries.of_kind(Release, Kind.RELEASE_EXPORTED)
        if each.index < before.index and _held(each, keys)
    ]


def _held(exported: Placed, keys: Collection[bytes]) -> bool:
    release = int(exported.event.target.partition(":")[2])
    for made in AdapterVersion.objects.filter(served_in__release=release):
        for each in _with_parents(made):
            held = records.stored(each.records)
            if any(key in held for key in keys):
                return True
    return False


def _with_parents(made: AdapterVersion | None) -> Iterator[AdapterVersion]:
    while made is not None:
        yield made
        made = made.parent
