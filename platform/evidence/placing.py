"""Waiting until what was logged has its place, under a signed head."""

import time
from typing import Final

from django.utils import timezone

from ledger import heads, publishing, sequencer
from ledger.models import Entry, Outbox, TreeHead

PATIENCE: Final = 30.0


class NotSequenced(RuntimeError):
    """No sequencer gave the events their places in time, or no witness cosigned them."""


def place() -> TreeHead:
    """Sequence and sign what is committed, here or by who may; return the head that covers it.

    It is public by then: a head that waits for its witnesses is nothing to hand out.

    Raises:
        NotSequenced: this process may not, and nobody else did.
        ledger.heads.CannotSign, ledger.sequencer.LogBroken: the log does not go on.
    """
    if sequencer.may_drain():
        sequencer.drain_all()
        heads.sign(at=timezone.now())
    newest = Outbox.objects.order_by("-id").values_list("id", flat=True).first()
    until = time.monotonic() + PATIENCE
    last: int | None = None
    while True:
        last = _last_placed(newest or 0) if last is None else last
        if last is not None and (head := _public_over(last)):
            return head
        if time.monotonic() > until:
            raise NotSequenced(
                "the log's events wait for a place under a public head: is a sequencer running?"
            )
        time.sleep(0.2)


def _last_placed(waiting: int) -> int | None:
    """The last position that was given out, once nothing up to this id waits for one.

    To be asked until then and no more: what comes later is nobody's business here.
    """
    if Outbox.objects.filter(id__lte=waiting).exists():
        return None
    return Entry.objects.order_by("-index").values_list("index", flat=True).first()


def _public_over(last: int) -> TreeHead | None:
    """The newest head that is public, if it covers this position."""
    public = TreeHead.objects.filter(size__gt=last, size__lte=publishing.size())
    return public.order_by("-size").first()
