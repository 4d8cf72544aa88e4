"""What left the house before an erasure, and cannot be made unreadable: copies of adapters."""

from collections.abc import Collection, Iterator
from functools import cache

from evidence import entries
from evidence.entries import Placed
from ledger.kinds import Kind
from registry import records
from registry.models import AdapterVersion, Release


def holding(keys: Collection[bytes], *, before: Placed) -> list[Placed]:
    """The exports, earlier than an entry, of adapters that were trained on one of these records.

    Of superseded ones too: what was exported of them is where it was. And of those that a restored
    database has lost: nobody here can say that they were not.
    """

    @cache
    def read_one(made: AdapterVersion) -> bool:
        held = records.stored(made.records)
        return any(key in held for key in keys)

    found = []
    for each in entries.of_kind(Release, Kind.RELEASE_EXPORTED):
        if each.index < before.index:
            # By weights and not by the release: one that was lost has its number taken again.
            digests = {*each.event.facts["adapters"].values()}
            known = list(AdapterVersion.objects.filter(digest__in=digests))
            is_lost = digests != {made.digest for made in known}
            if is_lost or any(read_one(made) for one in known for made in _with_parents(one)):
                found.append(each)
    return found


def _with_parents(made: AdapterVersion | None) -> Iterator[AdapterVersion]:
    while made is not None:
        yield made
        made = made.parent
