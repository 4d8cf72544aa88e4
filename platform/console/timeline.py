"""A request's log entries as sentences, newest first. The words are ours, the facts the log's."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.contrib.auth.models import User

from console.tags import grouped, person
from console.words import CHECKS
from erasure.models import DeletionRequest
from erasure.states import State
from ledger import log
from ledger.kinds import Kind
from ledger.log import LoggedEvent
from ledger.models import TreeHead

Facts = Mapping[str, Any]


@dataclass(frozen=True)
class Line:
    """One entry: what happened, who did it, and where it stands in the log."""

    event: LoggedEvent
    words: str
    who: str
    tone: str
    is_signed: bool


@dataclass(frozen=True)
class Timeline:
    """All entries of one request, newest first, and the tree head they are held against."""

    lines: list[Line]
    head: TreeHead | None

    @property
    def signed(self) -> int:
        return sum(line.is_signed for line in self.lines)

    @property
    def is_signed(self) -> bool:
        return bool(self.lines) and self.signed == len(self.lines)

    @property
    def covered(self) -> str:
        """How much of it the newest tree head covers, in words."""
        size = grouped(self.head.size) if self.head else "none"
        return f"{self.signed} of {len(self.lines)} entries are in tree head {size}"

    @property
    def refusals(self) -> list[Line]:
        return [line for line in self.lines if line.event.kind == Kind.REQUEST_REFUSED]

    @property
    def checks(self) -> list[tuple[str, bool]]:
        """What the newest verification found, claim by claim. Empty before there is one."""
        for line in self.lines:
            if line.event.kind == Kind.VERIFICATION_DONE:
                found = line.event.facts.items()
                return [(CHECKS[name], held == "yes") for name, held in found if name in CHECKS]
        return []


def moved(facts: Facts) -> str:
    return f"{State(facts['from']).label} → {State(facts['to']).label.lower()}"


def applied(facts: Facts) -> str:
    rows = facts.get("interactions")
    return f"{grouped(rows)} interactions erased" if rows else "Rows erased"


def refused(facts: Facts) -> str:
    why = "own request" if facts.get("why") == "own-request" else "no role for it"
    return f"Decision refused: {why}"


def key_gone(facts: Facts) -> str:
    fate = "replaced" if facts.get("fate") == "rotated" else "destroyed"
    return f"The subject’s key was {fate}"


def checked(facts: Facts) -> str:
    claims = [held for name, held in facts.items() if name in CHECKS]
    return f"Checked: {claims.count('yes')} of {len(claims)} claims hold"


def plain(kind: Kind) -> Callable[[Facts], str]:
    return lambda facts: kind.label


# Most kinds tell of other things than requests, but a history may come to hold any of them.
WORDS: Final[Mapping[Kind, Callable[[Facts], str]]] = {
    **{kind: plain(kind) for kind in Kind},
    Kind.REQUEST_FILED: lambda facts: "Filed. The clock started",
    Kind.REQUEST_MOVED: moved,
    Kind.REQUEST_REFUSED: refused,
    Kind.ERASURE_APPLIED: applied,
    Kind.SUBJECT_KEY_DESTROYED: key_gone,
    Kind.RELEASE_SWITCHED: lambda facts: "The live release was switched",
    Kind.VERIFICATION_DONE: checked,
}


def names_of(events: Iterable[LoggedEvent]) -> dict[str, str]:
    """How the actors of these events are called. Whatever is no person is the system."""
    keys = {
        event.actor: int(number)
        for event in events
        if (number := event.actor.removeprefix("user:")) != event.actor and number.isdigit()
    }
    users = User.objects.in_bulk(keys.values())
    return {
        actor: person(users[number]) if number in users else "Somebody who has left"
        for actor, number in keys.items()
    }


def timeline(ticket: DeletionRequest) -> Timeline:
    """The log's entries of one request, against the newest tree head."""
    events = log.history(ticket)
    head = TreeHead.objects.order_by("-size").first()
    size = head.size if head else 0
    names = names_of(events)
    lines = [
        Line(
            event=event,
            words=WORDS[event.kind](event.facts),
            who=names.get(event.actor, "System"),
            tone="refused" if event.kind == Kind.REQUEST_REFUSED else "",
            is_signed=event.index is not None and event.index < size,
        )
        for event in reversed(events)
    ]
    return Timeline(lines=lines, head=head)
