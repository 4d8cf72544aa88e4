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
    while not (head := _covering(newest or 0)):
        if time.monotonic() > until:
            raise NotSequenced(
                "the log's events wait for a place under a public head: is a sequencer running?"
            )
        time.sleep(0.2)
    return head


def _covering(waiting: int) -> TreeHead | None:
    """A public head over all that is placed, once nothing up to this id waits any more."""
    if Outbox.objects.filter(id__lte=waiting).exists():
        return None
    head = TreeHead.objects.order_by("-size").first()
    last = Entry.objects.order_by("-index").first()
    return head if head and last and min(head.size, publishing.size()) > last.index else None
