"""Doorbells for requests. The rows are the queue; one sweep serves them all."""

from typing import Any

from celery import shared_task
from django.utils import timezone

from erasure import desk, services
from erasure.models import DeletionRequest
from erasure.states import State


@shared_task
def sweep(**_: Any) -> None:
    """Erase what was approved and left lying, and settle what was erased."""
    for request in DeletionRequest.objects.filter(state=State.APPROVED):
        desk.erase(request=request, actor="sweeper")
    services.settle(actor="sweeper", at=timezone.now())
