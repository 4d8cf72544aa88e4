"""What frames every page: the live release, the newest tree head, and who is signed in."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from erasure import roles
from ledger.models import TreeHead
from registry.models import Release


@dataclass(frozen=True)
class Rights:
    """What the signed-in person may do, and the sentence that says so."""

    may_file: bool
    may_decide: bool
    may_read: bool
    sentence: str


def rights_of(http: HttpRequest) -> Rights:
    """What the signed-in person may do, asked once for each page."""
    known: Rights | None = getattr(http, "console_rights", None)
    if known is not None:
        return known
    user = http.user
    held = roles.roles_of(user)
    sentences = [text for role, text in roles.MAY.items() if role in held]
    rights = Rights(
        may_file=roles.may_file(user),
        may_decide=roles.may_decide(user),
        may_read=roles.may_read(user),
        sentence=" ".join(sentences) or "Has no role yet.",
    )
    http.console_rights = rights  # type: ignore[attr-defined]
    return rights


def chrome(http: HttpRequest) -> dict[str, Any]:
    """The context that base.html needs. Somebody who is not signed in learns nothing of the log."""
    frame = {"controller": settings.EXPUNGE_CONTROLLER, "zone": settings.TIME_ZONE}
    user = getattr(http, "user", None)
    if user is None or not user.is_authenticated:
        return frame
    rights = rights_of(http)
    if not rights.may_read:
        return {**frame, "rights": rights}
    return {
        **frame,
        "rights": rights,
        "live_release": Release.objects.filter(is_live=True).first(),
        "tree_head": TreeHead.objects.order_by("-size").first(),
    }
