"""The doorbells of the log."""

from typing import Any

from celery import shared_task
from django.utils import timezone

from ledger import heads, sequencer, timestamps


@shared_task
def sequence(**_: Any) -> None:
    """Place what waits and sign the head. Safe to run twice, and beside itself."""
    sequencer.drain_all()
    heads.sign(at=timezone.now())


@shared_task
def timestamp(**_: Any) -> None:
    """Have the newest head stamped with the time, if it is not. Safe to run twice."""
    timestamps.stamp(at=timezone.now())
