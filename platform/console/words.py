"""What a request's page says first: what is true, what comes next, and who must act.

Pure functions of the ticket and its reader. A sentence about the data never claims more than the
state does: until the erasing transaction has committed, the data still serves.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from django.contrib.auth.models import User

from console.tags import day, moment, person
from erasure.models import DeletionRequest
from erasure.states import State
from registry.models import TrainingRun
from registry.services import runs

BY_ITSELF: Final = "Nobody, it runs by itself"
# The claims of erasure.verification, as sentences that are true when they hold.
CHECKS: Final[Mapping[str, str]] = {
    "records_as_logged": "The records listed here are those that the erasure logged",
    "live_as_logged": "What serves is, byte for byte, what was logged when it went live",
    "records_absent": "No erased record is in a training list of what serves",
    "lists_committed": "Those lists are the ones that the log’s manifests name",
    "adapters_fresh": "Every live adapter was trained on the data as it is now",
    "old_destroyed": "Every adapter that no longer serves is unreadable",
    "states_destroyed": "Every cached state that belongs to nobody is unreadable",
    "files_removed": "No file of what was destroyed is left",
}


@dataclass(frozen=True)
class Reader:
    """The person at the screen, and what they may do."""

    user: User
    may_decide: bool

    def filed(self, ticket: DeletionRequest) -> bool:
        return ticket.filed_by_id == self.user.pk

    def decides(self, ticket: DeletionRequest) -> bool:
        """Whether this ticket waits for this person among others."""
        waits = ticket.state == State.AWAITING_APPROVAL
        return waits and self.may_decide and not self.filed(ticket)


@dataclass(frozen=True)
class Status:
    """The first card of a ticket. ``tone`` is the data-state of the card."""

    lead: str
    now: str
    next: str
    who: str
    tone: str


def scope_of(ticket: DeletionRequest) -> str:
    """What is to be erased, as the subject of a sentence."""
    whole = ticket.scope == DeletionRequest.Scope.WHOLE
    return "This person’s data" if whole else "What this request names"


def out(ticket: DeletionRequest) -> str:
    """That the erased data is out of service."""
    verb = "serves" if ticket.scope == DeletionRequest.Scope.WHOLE else "is served"
    return f"{scope_of(ticket)} no longer {verb}"


def serving(ticket: DeletionRequest) -> tuple[str, str]:
    """Whether the data is in the live release: a data-state, and the words."""
    if ticket.is_erased:
        return "clean", f"Out since {moment(ticket.clean_at)}"
    if ticket.subject_id is None:
        return "clean", "Erased by a later request"
    return "serving", "Still serving"


def next_actor(ticket: DeletionRequest, reader: Reader) -> str:
    """Who acts next, short enough for a row of the list."""
    if ticket.state == State.AWAITING_APPROVAL:
        filer = person(ticket.filed_by)
        if reader.decides(ticket):
            return f"You; filed by {filer}"
        if reader.filed(ticket):
            return "An approver; not you, you filed it"
        return f"An approver; not {filer}, who filed it"
    return {
        State.APPROVED: "Nobody; about to be erased",
        State.EXECUTING: "Nobody; it retrains by itself",
        State.VERIFYING: "Nobody; it is checked by itself",
        State.FAILED: "An engineer",
        State.DENIED: "Whoever answers the person",
    }.get(State(ticket.state), "Nobody")


def awaiting(ticket: DeletionRequest, reader: Reader) -> Status:
    filer = person(ticket.filed_by)
    if reader.decides(ticket):
        lead = "This request waits for your decision."
        who = f"You, or anyone else who may decide, except {filer}, who filed it"
    elif reader.filed(ticket):
        lead = "This request waits for a second person."
        who = "An approver; not you, you filed it"
    else:
        lead = "This request waits for a second person."
        who = f"Anyone who may decide, except {filer}, who filed it"
    return Status(
        lead,
        "The plan is made. Nothing has been changed; the data still serves.",
        "If it is approved, the rows are deleted and a clean release goes live within seconds.",
        who,
        "action",
    )


def approved(ticket: DeletionRequest, reader: Reader) -> Status:
    return Status(
        "Approved. The erasure is about to begin.",
        "The data still serves until the erasing transaction commits.",
        "Rows and the subject’s key go, and a clean release goes live, in one transaction.",
        BY_ITSELF,
        ticket.state,
    )


def executing(ticket: DeletionRequest, reader: Reader) -> Status:
    shard = ticket.plan.get("shard")
    what = f"shard {shard}" if shard else "what had learned from it"
    live = f"{ticket.fallback} answers" if ticket.fallback else "The clean release answers"
    return Status(
        f"{out(ticket)}. Full quality returns once {what} is retrained.",
        f"{what[0].upper()}{what[1:]} is retrained from its last clean slice. {live} meanwhile.",
        "A release at full strength, then the checks.",
        BY_ITSELF,
        ticket.state,
    )


def stopped(ticket: DeletionRequest, run: TrainingRun) -> Status:
    """An erased request whose retraining failed for good: it no longer runs by itself."""
    return Status(
        f"{out(ticket)}, but the retraining has stopped.",
        f"Training of {runs.why(run)}. What serves meanwhile never saw the data.",
        "Once the cause is gone, train takes it up again.",
        "An engineer",
        "failed",
    )


def verifying(ticket: DeletionRequest, reader: Reader) -> Status:
    return Status(
        f"{out(ticket)}, and the model is back at full strength.",
        "What serves is checked against the list of erased records.",
        "If every check holds, the request is completed.",
        BY_ITSELF,
        ticket.state,
    )


def failure(ticket: DeletionRequest) -> str:
    """The checks that did not hold, as what is not so."""
    names = [name.strip() for name in ticket.failure.split(",") if name.strip()]
    claims = [CHECKS.get(name, name) for name in names]
    return "Not so: " + "; ".join(claims) if claims else "The timeline has the reason"


def failed(ticket: DeletionRequest, reader: Reader) -> Status:
    return Status(
        f"{out(ticket)}, but a check did not hold.",
        f"{failure(ticket)}.",
        "Once the cause is gone, the checks run again.",
        "An engineer",
        ticket.state,
    )


def completed(ticket: DeletionRequest, reader: Reader) -> Status:
    release = (
        f"{ticket.restored} put the model back at full strength" if ticket.restored else "Retrained"
    )
    return Status(
        "Completed. Nothing is left to do here.",
        f"{out(ticket)}: {serving(ticket)[1].lower()}. {release}.",
        "The record stays, without the person’s identity."
        if ticket.scope == DeletionRequest.Scope.WHOLE
        else "The record stays.",
        "Nobody",
        ticket.state,
    )


def denied(ticket: DeletionRequest, reader: Reader) -> Status:
    return Status(
        "Denied. This request erased nothing.",
        f"{person(ticket.decided_by)} decided {day(ticket.decided_at)}. {serving(ticket)[1]}.",
        f"The person is told the reason, and how to complain, by {day(ticket.due_on)}.",
        "Whoever answers the person",
        ticket.state,
    )


def cancelled(ticket: DeletionRequest, reader: Reader) -> Status:
    return Status(
        "Withdrawn. This request erased nothing.",
        f"{serving(ticket)[1]}.",
        "Nothing. The person can ask again at any time.",
        "Nobody",
        ticket.state,
    )


STATUS: Final[Mapping[State, Callable[[DeletionRequest, Reader], Status]]] = {
    State.AWAITING_APPROVAL: awaiting,
    State.APPROVED: approved,
    State.EXECUTING: executing,
    State.VERIFYING: verifying,
    State.FAILED: failed,
    State.COMPLETED: completed,
    State.DENIED: denied,
    State.CANCELLED: cancelled,
}


def status(ticket: DeletionRequest, reader: Reader) -> Status:
    """The first card of a ticket, for any of its states."""
    return STATUS[State(ticket.state)](ticket, reader)
