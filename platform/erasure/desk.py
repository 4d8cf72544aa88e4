"""The approver's desk: an approval and what follows from it at once.

The erasing transaction takes under a second, so it runs here and waits for no worker; the sweep
takes over if this process dies in between.
"""

from contextlib import suppress
from datetime import datetime

from django.contrib.auth.models import User
from django.utils import timezone

from erasure import services
from erasure.models import CannotMove, DeletionRequest
from registry import tasks
from registry.models import Recipe
from registry.services import runs


def approve(*, request: DeletionRequest, by: User, at: datetime) -> None:
    """Approve, erase, and ring for the retraining.

    Raises:
        erasure.services.NotAllowed, erasure.models.CannotMove: see `services.approve`.
    """
    services.approve(request=request, by=by, at=at)
    erase(request=request, actor=f"user:{by.pk}")


def erase(*, request: DeletionRequest, actor: str) -> None:
    """Run the erasing transaction of an approved request, and ring for the retraining."""
    with suppress(CannotMove):  # the sweep was quicker
        services.execute(request=request, actor=actor, at=timezone.now())
    retrain(actor=actor)


def retrain(*, actor: str) -> None:
    """Plan what the recipe in use has to train, and ring for it."""
    if recipe := Recipe.objects.filter(is_current=True).first():
        runs.plan(recipe=recipe, actor=actor, at=timezone.now())
    tasks.call()
