"""The registry's world of nine people, and requests about them in any state."""

import pytest
from django.utils import timezone

from erasure import services
from erasure.models import DeletionRequest
from erasure.states import ERASED, State
from tests import worlds
from tests.registry.conftest import empty, trained, world
from tests.worlds import NOON

__all__ = ["empty", "trained", "world"]


@pytest.fixture
def officer(db):
    return worlds.user("olivia", "officer")


@pytest.fixture
def approver(db):
    return worlds.user("adam", "approver")


@pytest.fixture
def request_in(officer, approver):
    """Make a request that is in this state, without the way to it."""

    def made(state: State) -> DeletionRequest:
        decided = state not in {State.AWAITING_APPROVAL, State.CANCELLED}
        return DeletionRequest.objects.create(
            number=f"DR-2026-{DeletionRequest.objects.count() + 1:04d}",
            scope=DeletionRequest.Scope.WHOLE,
            regulation="gdpr",
            state=state,
            filed_by=officer,
            received_at=NOON,
            due_on=NOON.date(),
            decided_by=approver if decided else None,
            decided_at=NOON if decided else None,
            receipt=b"r" * 32,
            clean_at=NOON if state in ERASED else None,
            completed_at=NOON if state == State.COMPLETED else None,
        )

    return made


@pytest.fixture
def approve():
    """Approve a request as the world's approver."""

    def decide(world, request) -> DeletionRequest:
        services.approve(request=request, by=world.approver, at=timezone.now())
        return request

    return decide
