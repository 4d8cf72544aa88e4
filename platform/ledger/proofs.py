"""Proofs about the log, read from its tiles: what the verifier's functions check.

The work is O(log n) in the part of the log that full tiles cover.
"""

from uuid import UUID

from ledger import publishing, tiles
from ledger.models import Entry, SequencerState
from verifier import merkle, notes, tlog


class NotPublic(LookupError):
    """The event is not under the public checkpoint, or not yet."""


def receipt(event_id: UUID) -> str:
    """A receipt that an event is in the public log, for ``verifier.tlog`` to check offline.

    Returns:
        The text of a ``.tlog-proof`` file: the event's place, the hashes that lead to the public
        checkpoint, and that checkpoint with all its signatures.

    Raises:
        NotPublic: the event has no place yet, or no checkpoint that covers it is public.
    """
    index = Entry.objects.filter(event_id=event_id).values_list("index", flat=True).first()
    note = publishing.published()
    size = 0 if note is None else notes.Checkpoint.parse(notes.signed_by(note)[0]).size
    if note is None or index is None or index >= size:
        raise NotPublic(f"event {event_id} is not under a public checkpoint yet")
    return tlog.Receipt(index, tuple(inclusion(index, size)), note).text()


def inclusion(index: int, size: int) -> list[bytes]:
    """Show that entry ``index`` is in the log of the first ``size`` entries.

    Returns:
        The audit path of RFC 6962 section 2.1.1: 32-octet hashes, from the leaf upwards.

    Raises:
        merkle.NotProven: the log of that size has no such entry, or has not come that far.
    """
    path = merkle.inclusion_path(index, size)
    _check(size)
    return tiles.subtrees(path)


def consistency(first: int, second: int) -> list[bytes]:
    """Show that the log at ``second`` entries extends the log at ``first``: RFC 6962 section 2.1.2.

    Raises:
        merkle.NotProven: ``first`` is 0 or the larger one, or the log has not come that far.
    """
    path = merkle.consistency_path(first, second)
    _check(second)
    return tiles.subtrees(path)


def _check(size: int) -> None:
    state = SequencerState.objects.first()
    reached = state.next_index if state else 0
    if size > reached:
        raise merkle.NotProven(f"the log has {reached} entries, not {size}")
