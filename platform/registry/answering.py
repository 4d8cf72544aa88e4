"""Answers of what is live: confirmed when they are done, or computed again (ADR 25)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar
from uuid import uuid4

from django.utils import timezone

from registry import storage
from registry.models import Release
from registry.services import scorers
from registry.services.runs import LeaseLost

# One process, one scorer: the name changes with every start.
SCORER = uuid4()
# An answer may be overtaken by a switch; more often in a row than this is no accident.
ATTEMPTS = 5

# How an answer that is being computed may find out: a key is forgotten, a file gone, a person too.
OVERTAKEN = (storage.Destroyed, storage.Corrupt, LeaseLost)

T = TypeVar("T")


class Overtaken(RuntimeError):
    """What serves changed again and again while an answer was computed, so none was given."""


def answer(compute: Callable[[Release], T]) -> T:
    """What this makes of the live release; of one that is live still when it is done.

    An erasure may commit meanwhile: what was computed from adapters that it destroyed is thrown
    away, and computed again from what serves now.

    Raises:
        Overtaken: there was no end of that.
        registry.services.live.NothingLive: nothing was trained yet.
    """
    for _ in range(ATTEMPTS):
        release = scorers.follow(scorer=SCORER, at=timezone.now())
        try:
            found = compute(release)
        except OVERTAKEN:
            if scorers.follow(scorer=SCORER, at=timezone.now()) == release:
                raise
            continue
        if scorers.follow(scorer=SCORER, at=timezone.now()) == release:
            return found
    raise Overtaken("what serves changed while this was computed; ask again")


@contextmanager
def scoring() -> Iterator[None]:
    """Answers are given in here, and none behind it: the log is told that this process stopped."""
    try:
        yield
    finally:
        scorers.retire(scorer=SCORER, at=timezone.now())
