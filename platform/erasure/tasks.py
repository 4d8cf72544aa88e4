"""Doorbells for requests. The rows are the queue; one sweep serves them all."""

import logging
from typing import Any

from celery import shared_task
from django.utils import timezone

from erasure import desk, services
from erasure.models import DeletionRequest
from erasure.states import State

logger = logging.getLogger(__name__)


@shared_task
def sweep(**_: Any) -> None:
    """Erase what was approved and left lying, settle what was erased, train what that waits for."""
    for request in DeletionRequest.objects.filter(state=State.APPROVED):
        try:
            desk.erase(request=request, actor="sweeper")
        except Exception as error:
            # The outermost loop: one request that fails must not hold up the others. The text of
            # an error may quote what it was given, so only its class is kept.
            logger.error("%s was not erased: %s", request, type(error).__name__)
    services.settle(actor="sweeper", at=timezone.now())
    if DeletionRequest.objects.filter(state__in=[State.EXECUTING, State.VERIFYING]).exists():
        # Their release may be at full strength, but behind data that came since.
        desk.retrain(actor="sweeper")
