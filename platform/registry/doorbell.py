"""Ringing for a worker. A lost ring is found by the sweep, so no failure of a broker is ours."""

import logging
from typing import Any

from celery import Task
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)

# A ring that nobody heard for this long is stale: the sweep has rung again meanwhile.
EXPIRES_SECONDS = 30


def ring(task: Task[Any, Any], **ids: str) -> None:
    """Send a task an id or nothing, and go on whether or not anybody is there to hear it."""
    try:
        task.apply_async(kwargs=ids, expires=EXPIRES_SECONDS, retry=False)
    except (OperationalError, OSError) as error:
        logger.warning(
            "the broker cannot be reached (%s); the sweep will ring", type(error).__name__
        )
