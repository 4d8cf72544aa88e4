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
    """What the signed-in person may do."""

    may_file: bool
    may_decide: bool
    may_read: bool

    @property
    def sentence(self) -> str:
        if self.may_file and self.may_decide:
            return "May file requests, and decide on those that someone else filed."
        if self.may_file:
            return "May file requests; others decide on them."
        if self.may_decide:
            return "May decide on requests; files none."
        if self.may_read:
            return "May read requests; changes none."
        return "May not read requests."


def rights_of(user: Any) -> Rights:
    """Ask the three questions at once."""
    return Rights(
        may_file=roles.may_file(user),
        may_decide=roles.may_decide(user),
        may_read=roles.may_read(user),
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
