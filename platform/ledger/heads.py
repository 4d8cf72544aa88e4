"""Sign the log's head: a step of its own, after commit, and only forwards."""

from datetime import datetime

from django.conf import settings
from django.db import transaction

from ledger import signing, tiles
from ledger.models import SequencerState, TreeHead
from verifier import notes


class CannotSign(RuntimeError):
    """The log does not extend the head that was signed last: it was cut, restored or rewritten."""


@transaction.atomic(durable=True)
def sign(*, at: datetime) -> TreeHead | None:
    """Sign the committed log, if it has grown since the last tree head.

    Reads hashes, not bodies: ``verify`` does that. Durable, so that what it reads is committed.

    Returns:
        The new head, or None if there is nothing new to sign.

    Raises:
        CannotSign: the log is shorter than the last head, or has another root at its size, or
            does not lead to the root in its state row, or that head is not this key's.
        signing.BadLogKey: the key file cannot be used.
    """
    # The lock makes signers take turns, and keeps the sequencer still between the two reads.
    state = SequencerState.objects.select_for_update().first()
    size, root = (state.next_index, bytes(state.root)) if state else (0, b"")
    last = TreeHead.objects.order_by("-size").first()
    if last is not None:
        _check_extends(last, size=size, root=root)
    if size == (last.size if last else 0):
        return None

    if _root_at(size) != root:
        raise CannotSign(f"the entries of size {size} do not lead to the log's root")
    signer = signing.signer()
    text = notes.Checkpoint(settings.EXPUNGE_ORIGIN, size, root).text()
    return TreeHead.objects.create(
        size=size, root=root, note=notes.sign_note(text, signer), signed_at=at
    )


def _check_extends(last: TreeHead, *, size: int, root: bytes) -> None:
    try:
        signed = notes.Checkpoint.parse(notes.verify_note(last.note, signing.signer().vkey))
    except notes.BadNote as bad:
        raise CannotSign(f"the head of size {last.size} is not one of ours: {bad}") from bad
    if (signed.size, signed.root) != (last.size, bytes(last.root)):
        raise CannotSign(f"the head of size {last.size} is not what was signed")
    if size < signed.size:
        raise CannotSign(f"the log has {size} entries, and a head of size {signed.size} is signed")
    if (root if size == signed.size else _root_at(signed.size)) != signed.root:
        raise CannotSign(f"the log was rewritten below {signed.size}, which is signed")


def _root_at(size: int) -> bytes:
    try:
        return tiles.root_at(size)
    except tiles.EntriesMissing as missing:
        raise CannotSign(f"entries below {size} are missing: {missing}") from missing
