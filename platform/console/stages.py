"""Where a request is: the stages of its life, and the machine's steps within them."""

from dataclasses import dataclass
from typing import Final

from console.progress import Work
from console.tags import day, duration, grouped, moment
from console.words import failure
from erasure.models import DeletionRequest
from erasure.states import State
from registry.models import TrainingRun


@dataclass(frozen=True)
class Stage:
    """One of the big steps of a request's life."""

    name: str
    note: str
    state: str
    is_current: bool = False


@dataclass(frozen=True)
class Step:
    """One piece of the machine's work. ``has_table`` asks for the table of slices below it."""

    name: str
    note: str
    state: str
    words: str = ""
    has_table: bool = False


STAGES: Final = ("Received", "Decision", "Clean", "Retraining", "Verification")
# How many stages are behind a request in each state. Two states end early, and are not here.
BEHIND: Final = {
    State.AWAITING_APPROVAL: 1,
    State.APPROVED: 2,
    State.EXECUTING: 3,
    State.VERIFYING: 4,
    State.FAILED: 4,
    State.COMPLETED: 5,
}
TONES: Final = {State.AWAITING_APPROVAL: "action", State.FAILED: "failed"}


def stages(ticket: DeletionRequest, work: Work | None) -> list[Stage]:
    """Received to verified. A request that was denied or withdrawn ends at its second stage."""
    state = State(ticket.state)
    if state not in BEHIND:
        ended = Stage(state.label, day(ticket.decided_at), state.value, is_current=True)
        return [Stage("Received", day(ticket.received_at), "done"), ended]
    behind = BEHIND[state]
    notes = (
        day(ticket.received_at),
        day(ticket.decided_at) or "open",
        moment(ticket.clean_at) or "next",
        moment(ticket.restored_at) or (f"{work.share}\xa0%" if work else "next"),
        moment(ticket.completed_at) or ("did not hold" if state == State.FAILED else "running"),
    )
    made = []
    for number, (name, note) in enumerate(zip(STAGES, notes, strict=True)):
        if number < behind:
            made.append(Stage(name, note, "done"))
        elif number == behind:
            counted = f"{number + 1} of {len(STAGES)}: {name}"
            made.append(Stage(counted, note, TONES.get(state, "running"), is_current=True))
        else:
            made.append(Stage(name, "waits", "waiting"))
    return made


def steps(ticket: DeletionRequest, work: Work | None) -> list[Step]:
    """The machine's work on an approved request, in order. Empty before and without approval."""
    behind = BEHIND.get(State(ticket.state), 0) - BEHIND[State.APPROVED]
    if behind < 0:
        return []
    return [
        erasing(ticket, is_done=behind > 0),
        retraining(work, is_done=behind > 1, is_now=behind == 1),
        releasing(ticket, work, is_done=behind > 1),
        checking(ticket),
    ]


def erasing(ticket: DeletionRequest, *, is_done: bool) -> Step:
    name = "Erase and switch to the fallback"
    if not is_done:
        return Step(name, "about to begin", "running")
    rows = grouped(ticket.erased.get("interactions", ticket.plan.get("interactions", "0")))
    live = ticket.fallback or "a clean release"
    took = duration(ticket.erased.get("time_to_clean_s"))
    return Step(
        name,
        " · ".join(filter(None, [moment(ticket.clean_at), took])),
        "done",
        f"{rows} interactions were deleted, and {live} went live, in one transaction.",
    )


def retraining(work: Work | None, *, is_done: bool, is_now: bool) -> Step:
    name = "Retrain the affected shard"
    if is_done or (work and work.is_retrained):
        return Step(name, "done", "done", has_table=not is_done)
    if is_now:
        return Step(name, "under way", "running", has_table=True)
    return Step(name, "waits", "waiting")


def releasing(ticket: DeletionRequest, work: Work | None, *, is_done: bool) -> Step:
    if is_done:
        what = ticket.restored or "the next release"
        return Step(f"Put {what} live at full strength", moment(ticket.restored_at), "done")
    run = work.release if work else None
    name = "Put the next release live at full strength"
    if run and run.state == TrainingRun.State.RUNNING:
        done = f"{run.done} of {run.total}" if run.total else ""
        return Step(name, " ".join(filter(None, [run.phase, done])) or "running", "running")
    return Step(name, "waits for the retraining", "waiting")


def checking(ticket: DeletionRequest) -> Step:
    name = "Check what serves"
    if ticket.state == State.COMPLETED:
        return Step(name, moment(ticket.completed_at), "done")
    if ticket.state == State.FAILED:
        return Step(name, "did not hold", "failed", f"{failure(ticket)}.")
    if ticket.state == State.VERIFYING:
        return Step(name, "running", "running")
    return Step(name, "waits", "waiting")
