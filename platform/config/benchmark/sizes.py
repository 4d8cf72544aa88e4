"""How much is measured, and how often."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """What a run takes.

    Args:
        events: in one repeat of writing, by all writers together.
        transactions: with an event, and as many without, in one repeat.
        logs: sizes that the log grows to, ascending; proofs are made at each.
        proofs: made at each size, of a log or a set.
        keys: in the committed set that is built and asked.
        erased: keys whose absence a verifier checks, in each of ``sets`` sets of ``members``.
        repeats: of everything but growing the log and verifying it.
    """

    events: int
    transactions: int
    logs: tuple[int, ...]
    proofs: int
    keys: int
    erased: int
    sets: int
    members: int
    repeats: int


FULL: Final = Sizes(
    events=20_000,
    transactions=300,
    logs=(1_000, 10_000, 100_000, 1_000_000),
    proofs=300,
    keys=1_000_000,
    erased=1_000,
    sets=16,
    members=100_000,
    repeats=5,
)
# Says nothing about speed: it shows that everything runs.
SMOKE: Final = Sizes(
    events=200,
    transactions=5,
    logs=(100, 600),
    proofs=5,
    keys=1_000,
    erased=10,
    sets=2,
    members=100,
    repeats=2,
)
