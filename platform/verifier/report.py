"""What checking a bundle found: a step at a time, in words, and as one exit code."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from verifier.strict import Json

UNREADABLE: Final = 2
# The meaning of each is in docs/bundle.md; after "the bundle ...".
EXITS: Final = {
    0: "holds",
    2: "could not be read, or the command was wrong",
    10: "is not in this format",
    11: "is not of this key's log, or its entries or heads do not fit together",
    12: "has a certificate that is not the logged one, or files that it does not vouch for",
    13: "has expired, is backdated, or is not yet valid",
    14: "does not show what was erased",
    15: "does not show what serves",
    16: "does not show how that was made",
    17: "does not show that the erased records are absent",
    18: "does not show what was destroyed",
    19: "claims a level that its evidence does not reach",
    20: "is not this receipt's, or its keys are not these records'",
}


class Refused(Exception):
    """A step does not hold. The message quotes nothing of what was read."""

    def __init__(self, message: str, *, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


class State(StrEnum):
    """How a step came out."""

    OK = "ok"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True)
class Step:
    """One thing that was looked at.

    Args:
        number: as docs/bundle.md counts them, from 1.
        proves: what it shows if it holds, as one plain sentence.
        detail: what was found, or why not.
        code: the exit code if it failed, else 0.
    """

    number: int
    name: str
    proves: str
    state: State
    detail: str
    code: int = 0

    @property
    def ok(self) -> bool:
        """Whether it holds."""
        return self.state is State.OK

    @property
    def failed(self) -> bool:
        """Whether the bundle is refused because of it."""
        return self.state is State.FAILED


@dataclass(frozen=True)
class Report:
    """All steps, and what follows from them.

    Args:
        level: the evidence that was shown, ``L1`` to ``L3``; empty if the bundle is refused.
        claimed: the certificate's own level; empty if it could not be read.
        request: the number of the deletion request, as the certificate says it.
        notes: what a reader can look at besides.
        not_proven: what none of this shows, a sentence each.
    """

    steps: Sequence[Step]
    level: str
    claimed: str
    request: str
    notes: Sequence[str]
    not_proven: Sequence[str]

    @property
    def exit_code(self) -> int:
        """0, or that of the step that failed."""
        return next((step.code for step in self.steps if step.failed), 0)

    @property
    def verdict(self) -> str:
        """One sentence."""
        return f"The bundle {EXITS[self.exit_code]}."

    def json(self) -> dict[str, Json]:
        """The same for programs."""
        return {
            "claimed": self.claimed,
            "exit": self.exit_code,
            "level": self.level,
            "notProven": [*self.not_proven],
            "notes": [*self.notes],
            "request": self.request,
            "steps": [
                {
                    "detail": step.detail,
                    "name": step.name,
                    "number": step.number,
                    "proves": step.proves,
                    "state": step.state.value,
                }
                for step in self.steps
            ],
            "verdict": self.verdict,
        }
