"""The life of a deletion request, as a table: checked by code, walked whole by a test."""

from collections.abc import Mapping
from typing import Final

from django.db import models


class State(models.TextChoices):
    """Where a request is. The labels are what people read."""

    AWAITING_APPROVAL = "awaiting_approval", "Waiting for approval"
    APPROVED = "approved", "Approved"
    EXECUTING = "executing", "Retraining"
    VERIFYING = "verifying", "Verifying"
    COMPLETED = "completed", "Completed"
    FAILED = "failed", "Needs a person"
    DENIED = "denied", "Denied"
    CANCELLED = "cancelled", "Withdrawn"


NEXT: Final[Mapping[State, frozenset[State]]] = {
    State.AWAITING_APPROVAL: frozenset({State.APPROVED, State.DENIED, State.CANCELLED}),
    State.APPROVED: frozenset({State.EXECUTING}),
    State.EXECUTING: frozenset({State.VERIFYING}),
    State.VERIFYING: frozenset({State.COMPLETED, State.FAILED}),
    State.FAILED: frozenset({State.VERIFYING}),
    State.COMPLETED: frozenset(),
    State.DENIED: frozenset(),
    State.CANCELLED: frozenset(),
}

OPEN: Final = tuple(state for state in State if NEXT[state])
# The rows are gone from the erasing transaction on; before it they still serve.
ERASED: Final = (State.EXECUTING, State.VERIFYING, State.COMPLETED, State.FAILED)


def mermaid() -> str:
    """Draw the table, for docs/states.md."""
    arrows = [
        f"    {was} --> {to}" for was in State for to in sorted(NEXT[was], key=list(State).index)
    ]
    ends = [f"    {state} --> [*]" for state in State if not NEXT[state]]
    return "\n".join(["stateDiagram-v2", f"    [*] --> {State.AWAITING_APPROVAL}", *arrows, *ends])
