"""Two people: whoever filed cannot decide, and the attempt is in the log."""

import pytest
from django.utils import timezone

from erasure import services
from erasure.models import CannotMove, DeletionRequest
from erasure.services import NotAllowed
from erasure.states import State
from ledger import log
from ledger.kinds import Kind
from tests import worlds

pytestmark = pytest.mark.django_db


@pytest.fixture
def waiting(request_in):
    return request_in(State.AWAITING_APPROVAL)


def approve(request, by):
    services.approve(request=request, by=by, at=timezone.now())


def test_somebody_else_approves(waiting, approver):
    approve(waiting, approver)

    assert (waiting.state, waiting.decided_by) == (State.APPROVED, approver)
    assert log.history(waiting)[-1].actor == f"user:{approver.pk}"


def test_another_officer_may_approve_what_somebody_else_filed(waiting):
    approve(waiting, worlds.user("otto", "officer"))

    assert waiting.state == State.APPROVED


@pytest.mark.parametrize("decide", ["approve", "deny"])
def test_whoever_filed_cannot_decide_and_the_attempt_is_logged(waiting, officer, decide):
    more = {"reason": "research"} if decide == "deny" else {}

    with pytest.raises(NotAllowed, match="you filed it; somebody else must decide"):
        getattr(services, decide)(request=waiting, by=officer, at=timezone.now(), **more)

    (event,) = log.history(waiting)
    assert (event.kind, event.facts) == (Kind.REQUEST_REFUSED, {"why": "own-request"})
    assert event.actor == f"user:{officer.pk}"
    assert DeletionRequest.objects.get().state == State.AWAITING_APPROVAL


@pytest.mark.parametrize("role", ["auditor", "engineer", "nothing"])
def test_the_wrong_role_decides_nothing_and_the_attempt_is_logged(waiting, role):
    with pytest.raises(NotAllowed, match="your role does not decide requests"):
        approve(waiting, worlds.user("somebody", role))

    (event,) = log.history(waiting)
    assert (event.kind, event.facts) == (Kind.REQUEST_REFUSED, {"why": "role"})
    assert DeletionRequest.objects.get().state == State.AWAITING_APPROVAL


def test_an_approver_who_was_switched_off_decides_nothing(waiting, approver):
    approver.is_active = False
    approver.save()

    with pytest.raises(NotAllowed):
        approve(waiting, approver)


def test_approving_twice_is_refused_the_second_time(waiting, approver):
    stale = DeletionRequest.objects.get()
    approve(waiting, approver)

    with pytest.raises(CannotMove, match="was decided already; it is Approved"):
        approve(waiting, approver)
    with pytest.raises(CannotMove, match="no longer Waiting for approval"):
        approve(stale, worlds.user("otto", "officer"))

    assert DeletionRequest.objects.get().decided_by == approver
    assert len(log.history(waiting)) == 1


def test_a_denial_needs_a_reason_that_has_a_code(waiting, approver):
    with pytest.raises(ValueError, match="is not a valid DenialReason"):
        services.deny(request=waiting, by=approver, reason="because", at=timezone.now())
    assert log.history(waiting) == []

    services.deny(request=waiting, by=approver, reason="legal_claims", at=timezone.now())

    assert (waiting.state, waiting.failure) == (State.DENIED, "legal_claims")
    assert log.history(waiting)[-1].facts["reason"] == "legal_claims"


def test_only_an_officer_withdraws_and_only_before_the_decision(waiting, officer, approver):
    with pytest.raises(NotAllowed):
        services.cancel(request=waiting, by=approver, at=timezone.now())
    approve(waiting, approver)

    with pytest.raises(CannotMove):
        services.cancel(request=waiting, by=officer, at=timezone.now())
    assert waiting.state == State.APPROVED


def test_a_decision_that_cannot_be_logged_is_none(waiting, approver, officer, monkeypatch):
    def full(*args, **kwargs):
        raise OSError("disk full")

    monkeypatch.setattr(log, "append", full)

    with pytest.raises(OSError, match="disk full"):
        approve(waiting, approver)
    with pytest.raises(OSError, match="disk full"):
        approve(waiting, officer)
    assert DeletionRequest.objects.get().state == State.AWAITING_APPROVAL
