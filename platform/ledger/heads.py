"""Sign the log's head: a step of its own, after commit, and only forwards.

What was signed last is known from two places: the newest tree head in the database, and the note
that the signer keeps beside its key. The log must extend both.
"""

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.db import transaction

from ledger import earlier, memory, publishing, signing, tiles
from ledger.models import SequencerState, TreeHead
from verifier import notes


class CannotSign(RuntimeError):
    """The log does not extend the head that was signed last: it was cut, restored or rewritten."""


def sign(*, at: datetime) -> TreeHead | None:
    """Sign the committed log, if it has grown since the last tree head, and publish it.

    Reads hashes, not bodies: ``verify`` does that. Durable, so that what it reads is committed.
    The note is kept beside the key before its row is inserted; if the process dies in between,
    the next call inserts that very note. What could not be published, the next call publishes.

    Returns:
        The newest head that was inserted, or None if there is nothing new.

    Raises:
        CannotSign: the log is shorter than the last head, or has another root at its size, or
            does not lead to the root in its state row, or that head is not this key's; or the head
            is signed, and cannot be published.
        signing.BadLogKey: the key file cannot be used.
    """
    head = _sign(at=at)
    try:
        publishing.publish()
    except publishing.CannotPublish as cannot:
        raise CannotSign(f"not published: {cannot}") from cannot
    return head


@transaction.atomic(durable=True)
def _sign(*, at: datetime) -> TreeHead | None:
    # The lock makes signers take turns, and keeps the sequencer still between the two reads.
    state = SequencerState.objects.select_for_update().first()
    size, root = (state.next_index, bytes(state.root)) if state else (0, b"")
    last, kept = TreeHead.objects.order_by("-size").first(), memory.note()
    if size == 0 and last is None and kept is None:
        return None

    signers = signing.signers()
    vkeys = [each.vkey for each in signers]
    stored = None if last is None else _stored(last, vkeys)
    signed = None if kept is None else _ours(kept, "log.head", vkeys)
    known = [each for each in (stored, signed) if each is not None]
    for each in known:
        _check_extends(each, size=size, root=root)

    head: TreeHead | None = None
    if last is not None and (signed is None or signed.size < last.size):
        # An installation from before there was a log.head, or one whose key folder was restored.
        memory.keep(last.note)
    elif kept is not None and signed is not None and (last is None or last.size < signed.size):
        head = _insert(signed, kept, at=at)
    if size == max((each.size for each in known), default=0):
        return head

    if _root_at(size) != root:
        raise CannotSign(f"the entries of size {size} do not lead to the log's root")
    checkpoint = notes.Checkpoint(settings.EXPUNGE_ORIGIN, size, root)
    note = notes.sign_note(checkpoint.text(), *signers)
    for cosigner in signing.seconds():
        note += cosigner.line(checkpoint.text(), at=int(at.timestamp()))
    memory.keep(note)
    return _insert(checkpoint, note, at=at)


def _insert(checkpoint: notes.Checkpoint, note: str, *, at: datetime) -> TreeHead:
    return TreeHead.objects.create(
        size=checkpoint.size, root=checkpoint.root, note=note, signed_at=at
    )


def _stored(last: TreeHead, vkeys: Sequence[str]) -> notes.Checkpoint:
    signed = _ours(last.note, f"the head of size {last.size}", vkeys)
    if (signed.size, signed.root) != (last.size, bytes(last.root)):
        raise CannotSign(f"the head of size {last.size} is not what was signed")
    return signed


def _ours(note: str, name: str, vkeys: Sequence[str]) -> notes.Checkpoint:
    try:
        return earlier.verified(note, *vkeys)
    except notes.BadNote as bad:
        raise CannotSign(f"{name} is not one of ours: {bad}") from bad


def _check_extends(signed: notes.Checkpoint, *, size: int, root: bytes) -> None:
    if size < signed.size:
        raise CannotSign(f"the log has {size} entries, and a head of size {signed.size} is signed")
    if (root if size == signed.size else _root_at(signed.size)) != signed.root:
        raise CannotSign(f"the log was rewritten below {signed.size}, which is signed")


def _root_at(size: int) -> bytes:
    try:
        return tiles.root_at(size)
    except tiles.EntriesMissing as missing:
        raise CannotSign(f"entries below {size} are missing: {missing}") from missing
