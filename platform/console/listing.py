"""The list of requests: saved views with their counts, filters, search, and pages by key."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from django.db.models import Count, Q, QuerySet

from console.words import Reader
from erasure.clocks import Regulation
from erasure.models import DeletionRequest
from erasure.states import OPEN, State

PAGE: Final = 25
NUMBER: Final = re.compile(r"[DR0-9-]{1,20}")


@dataclass(frozen=True)
class View:
    """A saved view: its name, and what it holds for this reader on this day."""

    key: str
    name: str
    empty: str
    holds: Callable[[Reader, date], Q]
    newest_first: bool = False


def mine(reader: Reader, today: date) -> Q:
    if not reader.may_decide:
        return Q(pk__in=[])
    return Q(state=State.AWAITING_APPROVAL) & ~Q(filed_by=reader.user)


VIEWS: Final = {
    view.key: view
    for view in (
        View("open", "Open", "Nothing is open.", lambda r, d: Q(state__in=OPEN)),
        View("mine", "Waiting for me", "Nothing waits for you.", mine),
        View(
            "due7",
            "Due in 7 days",
            "Nothing is due in the next 7 days.",
            lambda r, d: Q(state__in=OPEN, due_on__range=(d, d + timedelta(days=7))),
        ),
        View(
            "overdue",
            "Overdue",
            "Nothing is overdue.",
            lambda r, d: Q(state__in=OPEN, due_on__lt=d),
        ),
        View(
            "failed",
            "Needs a person",
            "No check has failed.",
            lambda r, d: Q(state=State.FAILED),
        ),
        View(
            "completed",
            "Completed",
            "Nothing is completed yet.",
            lambda r, d: Q(state=State.COMPLETED),
            newest_first=True,
        ),
        View(
            "denied",
            "Denied",
            "Nothing was denied.",
            lambda r, d: Q(state=State.DENIED),
            newest_first=True,
        ),
        View(
            "cancelled",
            "Withdrawn",
            "Nothing was withdrawn.",
            lambda r, d: Q(state=State.CANCELLED),
            newest_first=True,
        ),
    )
}


def counts(reader: Reader, *, today: date) -> dict[str, int]:
    """How many each saved view holds, in one query."""
    return DeletionRequest.objects.aggregate(
        **{key: Count("pk", filter=view.holds(reader, today)) for key, view in VIEWS.items()}
    )


@dataclass(frozen=True)
class Question:
    """What a reader asked the list for. What it doesn't understand, it doesn't repeat."""

    view: View
    number: str
    number_is_odd: bool
    state: str
    law: str

    @property
    def is_narrowed(self) -> bool:
        return bool(self.number or self.number_is_odd or self.state or self.law)


def question(given: dict[str, str]) -> Question:
    """Read a query string, ignoring what no page of ours would send."""
    number = given.get("q", "").strip().upper()
    odd = bool(number) and not NUMBER.fullmatch(number)
    state, law = given.get("state", ""), given.get("law", "")
    return Question(
        view=VIEWS.get(given.get("view", ""), VIEWS["open"]),
        number="" if odd else number,
        number_is_odd=odd,
        state=state if state in State.values else "",
        law=law if law in Regulation.values else "",
    )


def matching(asked: Question, reader: Reader, *, today: date) -> QuerySet[DeletionRequest]:
    """The requests that a question finds. A number or a state is looked for in every view."""
    if asked.number_is_odd:
        return DeletionRequest.objects.none()
    found = DeletionRequest.objects.all()
    if asked.number:
        found = found.filter(number__contains=asked.number)
    if asked.state:
        found = found.filter(state=asked.state)
    if not asked.number and not asked.state:
        found = found.filter(asked.view.holds(reader, today))
    if asked.law:
        found = found.filter(regulation=asked.law)
    return found


@dataclass(frozen=True)
class Page:
    """Rows of one page. ``before`` and ``after`` are the numbers to go on from, or empty."""

    rows: list[DeletionRequest]
    before: str
    after: str


def page(
    found: QuerySet[DeletionRequest],
    *,
    after: str = "",
    before: str = "",
    newest_first: bool = False,
    size: int = PAGE,
) -> Page:
    """One page by due date, from a key on: rows that come or go elsewhere never shift it.

    A key that is not known gives the first page, as does one that is no number: PostgreSQL
    cannot even be asked for some strings (those with a NUL).
    """
    after, before = (key if NUMBER.fullmatch(key) else "" for key in (after, before))
    backwards = bool(before) and not after
    key = (
        DeletionRequest.objects.filter(number=after or before)
        .values_list("due_on", "number")
        .first()
    )
    backwards = backwards and key is not None
    descending = newest_first != backwards
    rows = found.select_related("subject", "filed_by").order_by(
        *(("-due_on", "-number") if descending else ("due_on", "number"))
    )
    if key is not None:
        due_on, number = key
        side = "lt" if descending else "gt"
        beyond = Q(**{f"due_on__{side}": due_on})
        rows = rows.filter(beyond | Q(due_on=due_on, **{f"number__{side}": number}))
    taken = [*rows[: size + 1]]
    is_more, taken = len(taken) > size, taken[:size]
    if backwards:
        taken.reverse()
    ends = (taken[0].number, taken[-1].number) if taken else ("", "")
    return Page(
        rows=taken,
        before=ends[0] if (is_more if backwards else key is not None) else "",
        after=ends[1] if (True if backwards else is_more) else "",
    )
