"""A second person decides; the one who filed cannot, and the attempt is logged."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import models, transaction

from erasure import roles
from erasure.models import DeletionRequest
from erasure.states import State
from ledger import log
from ledger.kinds import Kind


class DenialReason(models.TextChoices):
    """The exceptions of GDPR Art. 17(3), and what else may end a request."""

    EXPRESSION = "expression", "Art. 17(3)(a): freedom of expression"
    LEGAL_OBLIGATION = "legal_obligation", "Art. 17(3)(b): legal obligation or public task"
    PUBLIC_HEALTH = "public_health", "Art. 17(3)(c): public health"
    RESEARCH = "research", "Art. 17(3)(d): archiving, research, statistics"
    LEGAL_CLAIMS = "legal_claims", "Art. 17(3)(e): legal claims"
    NOT_THE_PERSON = "not_the_person", "Identity not confirmed"


class NotAllowed(PermissionError):
    """This person may not take this step on this request."""


def approve(*, request: DeletionRequest, by: User, at: datetime) -> None:
    """Approve a request that somebody else filed. The erasing transaction comes next.

    Raises:
        NotAllowed: own request, or no role for it; the attempt is in the log.
        erasure.models.CannotMove: it is not waiting for approval.
    """
    _decide(request, State.APPROVED, by=by, at=at, facts={})


def deny(*, request: DeletionRequest, by: User, reason: str, at: datetime) -> None:
    """Deny a request, for a reason that has a code.

    Raises:
        NotAllowed, erasure.models.CannotMove: as for approve.
        ValueError: the reason is not one of `DenialReason`.
    """
    facts = {"reason": DenialReason(reason).value}
    _decide(request, State.DENIED, by=by, at=at, facts=facts, failure=reason)


def _decide(
    request: DeletionRequest,
    to: State,
    *,
    by: User,
    at: datetime,
    facts: dict[str, str],
    failure: str = "",
) -> None:
    why = _why_not(request, by)
    if why:
        _refuse(request, why, by=by, at=at)
        raise NotAllowed(
            f"{request}: you filed it; somebody else must decide"
            if why == "own-request"
            else f"{request}: your role does not decide requests"
        )
    at = request.no_earlier(at)
    with transaction.atomic(durable=True):
        request.move(
            to,
            actor=f"user:{by.pk}",
            at=at,
            facts=facts,
            decided_by=by,
            decided_at=at,
            failure=failure,
        )


def _why_not(request: DeletionRequest, by: User) -> str:
    if not roles.may_decide(by):
        return "role"
    return "own-request" if request.filed_by_id == by.pk else ""


@transaction.atomic(durable=True)
def _refuse(request: DeletionRequest, why: str, *, by: User, at: datetime) -> None:
    facts = {"why": why}
    log.append(Kind.REQUEST_REFUSED, actor=f"user:{by.pk}", on=request, at=at, facts=facts)


@transaction.atomic(durable=True)
def cancel(*, request: DeletionRequest, by: User, at: datetime) -> None:
    """Withdraw a request that nobody decided yet, for the person.

    Raises:
        NotAllowed: the user is no officer.
        erasure.models.CannotMove: it was decided already.
    """
    if not roles.may_file(by):
        raise NotAllowed(f"{request}: your role does not withdraw requests")
    request.move(State.CANCELLED, actor=f"user:{by.pk}", at=at)
