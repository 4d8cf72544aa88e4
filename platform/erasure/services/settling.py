"""From clean to completed: the restored release, the files, the verification.

Nobody tells a request that its training is done; it looks. So a lost message delays, never loses.
"""

from contextlib import suppress
from datetime import datetime

from django.db import transaction

from erasure import verification
from erasure.models import CannotMove, DeletionRequest
from erasure.states import State
from ledger import log
from ledger.kinds import Kind
from registry import storage
from registry.models import Release
from registry.services import live, releases


def settle(*, actor: str, at: datetime, retry: bool = False) -> list[DeletionRequest]:
    """Take every erased request as far as it can go now. Safe to call at any time.

    Args:
        retry: verify those again whose verification failed; a person asks for that.

    Returns:
        The requests that took a step.
    """
    moved = []
    waiting = [State.EXECUTING, State.FAILED] if retry else [State.EXECUTING]
    if _is_restored():
        for request in DeletionRequest.objects.filter(state__in=waiting):
            with suppress(CannotMove):  # another worker settles it
                _restore(request, actor=actor, at=at)
                moved.append(request)
    storage.remove_destroyed(actor=actor, at=at)
    for request in DeletionRequest.objects.filter(state=State.VERIFYING):
        with suppress(CannotMove):
            if _verify(request, actor=actor, at=at):
                moved.append(request)
    return moved


def _is_restored() -> bool:
    """Whether what serves is at full strength on the data that remains, or nothing serves."""
    release = Release.objects.select_related("recipe").filter(is_live=True).first()
    return release is None or live.is_current(release.recipe)


@transaction.atomic(durable=True)
def _restore(request: DeletionRequest, *, actor: str, at: datetime) -> None:
    release = Release.objects.filter(is_live=True).first()
    restored_at = request.restored_at or request.no_earlier(release.switched_at if release else at)
    request.move(
        State.VERIFYING,
        actor=actor,
        at=max(at, restored_at),
        facts={"release": str(release.pk) if release else ""},
        restored=release,
        restored_at=restored_at,
    )


@transaction.atomic(durable=True)
def _verify(request: DeletionRequest, *, actor: str, at: datetime) -> bool:
    """Check the claim, and close the request or call for a person.

    False if what serves has changed again since it was restored: by new data, or by the erasure
    of somebody else. The claim then has to wait, and nobody need be called.
    """
    releases.take_turns()
    checks = verification.check(request)
    if not checks["adapters_fresh"] or storage.awaits_removal():
        return False
    facts = {name: "yes" if holds else "no" for name, holds in checks.items()}
    facts["ok"] = "yes" if all(checks.values()) else "no"
    at = request.no_earlier(at)
    log.append(Kind.VERIFICATION_DONE, actor=actor, on=request, at=at, facts=facts)
    if all(checks.values()):
        request.move(State.COMPLETED, actor=actor, at=at, completed_at=at, failure="")
    else:
        failed = ", ".join(name for name, holds in checks.items() if not holds)
        request.move(State.FAILED, actor=actor, at=at, failure=failed[:200])
    return True
