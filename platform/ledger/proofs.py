"""Proofs about the log, read from its tiles: what the verifier's functions check.

The work is O(log n) in the part of the log that full tiles cover.
"""

from ledger import tiles
from ledger.models import SequencerState
from verifier import merkle


def inclusion(index: int, size: int) -> list[bytes]:
    """Show that entry ``index`` is in the log of the first ``size`` entries.

    Returns:
        The audit path of RFC 6962 section 2.1.1: 32-octet hashes, from the leaf upwards.

    Raises:
        merkle.NotProven: the log of that size has no such entry, or has not come that far.
    """
    path = merkle.inclusion_path(index, size)
    _check(size)
    return [tiles.subtree(*each) for each in path]


def consistency(first: int, second: int) -> list[bytes]:
    """Show that the log at ``second`` entries extends the log at ``first``: RFC 6962 section 2.1.2.

    Raises:
        merkle.NotProven: ``first`` is 0 or the larger one, or the log has not come that far.
    """
    path = merkle.consistency_path(first, second)
    _check(second)
    return [tiles.subtree(*each) for each in path]


def _check(size: int) -> None:
    state = SequencerState.objects.first()
    reached = state.next_index if state else 0
    if size > reached:
        raise merkle.NotProven(f"the log has {reached} entries, not {size}")
