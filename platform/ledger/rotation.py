"""One log key takes over from another: both sign for a while, then the old one signs no more.

Each step is an event with the public key, so auditors see it in the log itself. Steps are safe to
repeat, and a step that a crash cut short is ended by asking for it again: files come before the
event, as a key that the log names must not be lost. ADR 23 says why in this order.
"""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from ledger import earlier, log, memory, publishing, signing
from ledger.kinds import Kind
from ledger.models import Entry, SequencerState, TreeHead
from verifier import notes


class CannotRotate(RuntimeError):
    """The log's key cannot be rotated, or not yet."""


@transaction.atomic(durable=True)
def begin(*, actor: str, at: datetime) -> str:
    """Make a second key of the same origin; from now on each head is signed by both.

    Returns:
        The new verification key, for whoever noted the old one.

    Raises:
        CannotRotate: nothing was signed yet, or a rotation is under way.
        signing.BadLogKey: a key file cannot be used.
    """
    _lock()
    if not TreeHead.objects.exists():
        raise CannotRotate("the log has no signed head yet, so its key is as good as new")
    _, *following = signing.signers()
    if following and _is_logged(Kind.LOG_KEY_ADDED, following[0].vkey):
        raise CannotRotate("a rotation is under way; --finish ends it")
    _end_of_the_last(actor=actor, at=at)
    vkey, second = signing.make_next()
    signing.signers()
    signing.seconds()
    facts = {"key": vkey} | ({} if second is None else {"second": second})
    _append(Kind.LOG_KEY_ADDED, vkey, facts, actor=actor, at=at)
    return vkey


@transaction.atomic(durable=True)
def finish(*, actor: str, at: datetime) -> str:
    """Let the old key sign no more: its private half is gone, its public half stays known.

    It may have signed heads up to the newest one; of larger ones its signature counts for nothing.

    Returns:
        The verification key that is retired.

    Raises:
        CannotRotate: no rotation is under way, or no public head has shown the new key yet.
        signing.BadLogKey: a key file cannot be used.
    """
    _lock()
    signers = signing.signers()
    signing.seconds()
    if len(signers) == 1:
        ended = _end_of_the_last(actor=actor, at=at)
        if ended is None:
            raise CannotRotate("no rotation is under way; rotate_log_key begins one")
        return ended
    old, new = (each.vkey for each in signers)
    size = _last_signed(new)
    _check_shown(old, new)
    earlier.retire(old, size=size)
    signing.take_over()
    signing.signers()
    signing.seconds()
    _append_retired(old, size, actor=actor, at=at)
    return old


def _lock() -> None:
    # The signer's own lock: no head is signed while keys move.
    SequencerState.objects.select_for_update().first()


def _last_signed(new: str) -> int:
    """The size of the newest head, which is stored and remembered alike."""
    head = TreeHead.objects.order_by("-size").first()
    if head is None or head.note != memory.note():
        raise CannotRotate("the newest head is not stored yet; try again")
    if not notes.signed_by(head.note, new)[1]:
        raise CannotRotate("no head is signed by the new key yet; try again")
    return head.size


def _check_shown(old: str, new: str) -> None:
    """Readers who know the old key alone must have been able to see it vouch for the new one."""
    added = Entry.objects.filter(target=target(new)).order_by("index").first()
    public = publishing.published()
    if public is not None and added is not None:
        text, signed = notes.signed_by(public, old, new)
        if len(signed) == 2 and notes.Checkpoint.parse(text).size > added.index:
            return
    raise CannotRotate(
        "no public head that both keys signed covers the new key yet; sign and publish one first"
    )


def _end_of_the_last(*, actor: str, at: datetime) -> str | None:
    """Log the retirement that a crash left in the files alone; None if there is none."""
    for vkey, size in earlier.retired().items():
        if vkey not in signing.vkeys() and not _is_logged(Kind.LOG_KEY_RETIRED, vkey):
            _append_retired(vkey, size, actor=actor, at=at)
            return vkey
    return None


def _append_retired(vkey: str, size: int, *, actor: str, at: datetime) -> None:
    facts = {"key": vkey, "size": str(size)}
    _append(Kind.LOG_KEY_RETIRED, vkey, facts, actor=actor, at=at)


def _append(kind: Kind, vkey: str, facts: Mapping[str, str], *, actor: str, at: datetime) -> None:
    log.append(kind, actor=actor, on=target(vkey), at=at, facts=facts)


def _is_logged(kind: Kind, vkey: str) -> bool:
    return any((each.kind, each.facts["key"]) == (kind, vkey) for each in log.history(target(vkey)))


def target(vkey: str) -> str:
    """What the log calls a key: by its id, which is 4 octets, so whoever asks compares keys too."""
    return f"ledger.LogKey:{vkey.split('+', 2)[1]}"
