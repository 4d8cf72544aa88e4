"""What left the house before an erasure, and cannot be made unreadable: copies of adapters."""

from collections.abc import Collection, Iterator

from evidence import entries
from evidence.entries import Placed
from ledger.kinds import Kind
from registry import records
from registry.models import AdapterVersion, Release


def holding(keys: Collection[bytes]) -> list[Placed]:
    """The exports of releases that were trained on one of these records.

    Of superseded ones too: what was exported of them is where it was.
    """
    exports = entries.of_kind(Release, Kind.RELEASE_EXPORTED)
    return [each for each in exports if _held(each, keys)]


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
