"""Template filters: how states, people, times and digests are written, everywhere the same.

The tone of a state is app.css's business, by ``data-state``; here is its shape.
"""

from datetime import date, datetime
from types import MappingProxyType
from typing import Any, Final

from django import template
from django.contrib.auth.models import AbstractBaseUser
from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils import formats, timezone

register = template.Library()

# One shape for each value of State, Standing, TrainingRun.State and Release.Kind, and for the
# few words that only pages use. A test walks the enums.
ICONS: Final = MappingProxyType(
    {
        "awaiting_approval": "wait",
        "approved": "wait",
        "executing": "work",
        "verifying": "work",
        "completed": "check",
        "failed": "alert",
        "denied": "x",
        "cancelled": "x",
        "on_track": "check",
        "at_risk": "alert",
        "overdue": "alert",
        "in_time": "check",
        "late": "alert",
        "stopped": "x",
        "waiting": "todo",
        "running": "work",
        "done": "check",
        "obsolete": "x",
        "full": "check",
        "fallback": "down",
        "clean": "check",
        "kept": "check",
        "new": "check",
        "action": "wait",
        "refused": "x",
    }
)


@register.filter
def icon(state: str) -> str:
    """The name of the shape that goes with a state. Raises KeyError for one without."""
    return ICONS[str(state)]


@register.filter
def person(user: AbstractBaseUser | None) -> str:
    """How a colleague is called: the full name, or else the name they sign in with."""
    if user is None:
        return "Nobody"
    full: str = getattr(user, "get_full_name", str)()
    return full or user.get_username()


@register.filter
def moment(at: datetime | None) -> str:
    """A time of today as 14:05:04, an earlier one with its day. Empty for None."""
    if at is None:
        return ""
    local = timezone.localtime(at)
    today = timezone.localdate()
    if local.date() == today:
        return formats.date_format(local, "H:i:s")
    return formats.date_format(local, "j M H:i" if local.year == today.year else "j M Y H:i")


@register.filter
def day(on: date | datetime | None) -> str:
    """A day with its weekday, and its year if that is not this one. Empty for None."""
    if on is None:
        return ""
    local = timezone.localdate(on) if isinstance(on, datetime) else on
    return formats.date_format(
        local, "D j M" if local.year == timezone.localdate().year else "D j M Y"
    )


@register.filter
def grouped(number: Any) -> str:
    """A count with its thousands apart: 96,502."""
    return intcomma(number, use_l10n=False)


@register.filter(name="hex")
def hexed(digest: Any) -> str:
    """A digest in hex, whether it comes as bytes or is hex already. Empty for None."""
    return bytes(digest).hex() if isinstance(digest, bytes | memoryview) else str(digest or "")


@register.filter
def short(digest: Any) -> str:
    """The two ends of a digest in hex: ccc44d5c…4ace. What is short already stays whole."""
    text = hexed(digest)
    return text if len(text) <= 16 else f"{text[:8]}…{text[-4:]}"


@register.filter
def duration(seconds: Any) -> str:
    """Seconds as people say them: 1.7 s, 44 s, 8 min 44 s, 2 h 5 min. Empty for what is not one."""
    try:
        span = float(seconds)
    except (TypeError, ValueError):
        return ""
    if span < 10:
        return f"{span:.1f} s"
    minutes, rest = divmod(round(span), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
