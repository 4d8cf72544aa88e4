"""The statutory clock of one request, as a page shows it: days left, in words and on a ruler."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from django.db import models
from django.utils import timezone

from erasure.models import DeletionRequest
from erasure.states import State

# Fewer than these many days leave no room for a second person's weekend.
AT_RISK_DAYS: Final = 3


class Standing(models.TextChoices):
    """How a request stands against its due date."""

    ON_TRACK = "on_track", "On track"
    AT_RISK = "at_risk", "At risk"
    OVERDUE = "overdue", "Overdue"
    IN_TIME = "in_time", "In time"
    LATE = "late", "Late"
    STOPPED = "stopped", "Stopped"


@dataclass(frozen=True)
class Ruler:
    """A clock from the day of receipt to the due date, and where it stands.

    ``headline`` says how long is left or was needed. ``used`` is the share of it that is gone, in
    percent, 0 to 100, as SVG wants it.
    """

    standing: Standing
    headline: str
    received: date
    now: date
    due: date
    mark: str = "now"

    @property
    def label(self) -> str:
        """One line for a list: the headline, and the standing where it is a warning."""
        is_warning = self.standing == Standing.AT_RISK
        return f"{self.headline}, at risk" if is_warning else self.headline

    @property
    def used(self) -> str:
        span = max((self.due - self.received).days, 1)
        gone = (self.now - self.received).days
        return f"{min(max(100 * gone / span, 0), 100):.1f}"

    @property
    def anchor(self) -> str:
        """Which way the mark's word hangs, so that it stays on the ruler."""
        share = float(self.used)
        return "start" if share < 8 else "end" if share > 92 else "middle"


def days(count: int) -> str:
    """Count days in words."""
    return "1 day" if count == 1 else f"{count} days"


def ruler(ticket: DeletionRequest, *, at: datetime) -> Ruler:
    """Where a request stands at a time. One that has ended stands where it ended."""
    received, due = timezone.localdate(ticket.received_at), ticket.due_on
    if ticket.state == State.CANCELLED:
        return Ruler(Standing.STOPPED, "Withdrawn", received, received, due, "received")
    if ticket.state == State.DENIED and ticket.decided_at:
        return ended("Denied", received, timezone.localdate(ticket.decided_at), due)
    if ticket.completed_at:
        return ended("Completed", received, timezone.localdate(ticket.completed_at), due)
    today = timezone.localdate(at)
    left = (due - today).days
    if left < 0:
        return Ruler(Standing.OVERDUE, f"{days(-left)} overdue", received, today, due)
    headline = "Due today" if left == 0 else f"{days(left)} left"
    standing = Standing.AT_RISK if left <= AT_RISK_DAYS else Standing.ON_TRACK
    return Ruler(standing, headline, received, today, due)


def ended(how: str, received: date, on: date, due: date) -> Ruler:
    """A clock that stopped on a day, in time or late."""
    if on > due:
        headline = f"{how} {days((on - due).days)} late"
        return Ruler(Standing.LATE, headline, received, on, due, how.lower())
    headline = f"{how} on day {(on - received).days} of {(due - received).days}"
    return Ruler(Standing.IN_TIME, headline, received, on, due, how.lower())
