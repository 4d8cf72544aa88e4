"""Statutory clocks: when an answer is due under each law. Not legal advice.

Sources are listed in docs/clocks.md; `month` is a calendar month, so 31 January is answered by the
last day of February (Regulation 1182/71 counts by the calendar, not in thirties).
"""

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta
from django.db import models


class Regulation(models.TextChoices):
    """The laws whose clocks we know."""

    GDPR = "gdpr", "GDPR"
    UK_GDPR = "uk_gdpr", "UK GDPR"
    CCPA = "ccpa", "CCPA"
    LGPD = "lgpd", "LGPD"


@dataclass(frozen=True)
class Clock:
    """How long a controller has, the sentence that says so, and the right to erasure itself."""

    span: relativedelta
    rule: str
    basis: str

    def due(self, received_at: datetime, *, zone: str) -> date:
        """The last day, in the controller's time zone, counted from the day of receipt."""
        return received_at.astimezone(ZoneInfo(zone)).date() + self.span


CLOCKS = {
    Regulation.GDPR: Clock(
        relativedelta(months=1), "GDPR Art. 12(3): one month from receipt", "GDPR Art. 17(1)"
    ),
    Regulation.UK_GDPR: Clock(
        relativedelta(months=1), "UK GDPR Art. 12A: one month from receipt", "UK GDPR Art. 17(1)"
    ),
    Regulation.CCPA: Clock(
        relativedelta(days=45),
        "CCPA regulations §7021: 45 calendar days from receipt",
        "California Civil Code 1798.105",
    ),
    Regulation.LGPD: Clock(
        relativedelta(days=15),
        "LGPD Art. 19 II: 15 days, our conservative default for deletion",
        "LGPD Art. 18 VI",
    ),
}
