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


def rights_of(user: roles.User) -> Rights:
    """Ask the questions that pages ask, at once."""
    sentences = [text for role, text in roles.MAY.items() if role in roles.roles_of(user)]
    return Rights(
        may_file=roles.may_file(user),
        may_decide=roles.may_decide(user),
        may_read=roles.may_read(user),
        sentence=" ".join(sentences) or "Has no role yet.",
    )


def chrome(http: HttpRequest) -> dict[str, Any]:
    """The context that base.html needs. Somebody who is not signed in learns nothing of the log."""
    frame = {"controller": settings.EXPUNGE_CONTROLLER, "zone": settings.TIME_ZONE}
    user = getattr(http, "user", None)
    if user is None or not user.is_authenticated:
        return frame
    rights = rights_of(user)
    if not rights.may_read:
        return {**frame, "rights": rights}
    return {
        **frame,
        "rights": rights,
        "live_release": Release.objects.filter(is_live=True).first(),
        "tree_head": TreeHead.objects.order_by("-size").first(),
    }
