"""One request: read it, decide on it, withdraw it."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from console import access, clock, levels, progress, stages, words
from console.chrome import rights_of
from console.forms import DENY, DecisionForm, marked
from console.plan import plan_rows
from console.timeline import timeline
from corpus import vault
from erasure import desk, services
from erasure.models import CannotMove, DeletionRequest
from erasure.services import DenialReason
from erasure.states import State
from evidence import issuing
from registry.models import Recipe
from registry.services import runs


def find(number: str) -> DeletionRequest:
    """The request with this number, or 404."""
    tickets = DeletionRequest.objects.select_related(
        "subject", "filed_by", "decided_by", "fallback", "restored"
    )
    return get_object_or_404(tickets, number=number)


def common(http: HttpRequest, ticket: DeletionRequest, *, at: datetime) -> dict[str, Any]:
    """What the ticket's page and the decision's page both show."""
    rights = rights_of(http)
    reader = words.Reader(user=access.officer(http), may_decide=rights.may_decide)
    work = progress.work_on(ticket)
    said = timeline(ticket)
    recipe = Recipe.objects.filter(is_current=True).first()
    retrains = ticket.state == State.EXECUTING
    broken = runs.broken(recipe) if recipe and retrains else None
    return {
        "ticket": ticket,
        "masked": vault.masked([ticket.subject_id]).get(ticket.subject_id),
        "reader_filed": reader.filed(ticket),
        "reader_decides": reader.decides(ticket),
        "status": words.stopped(ticket, broken) if broken else words.status(ticket, reader),
        "serving": words.serving(ticket),
        "ruler": clock.ruler(ticket, at=at),
        "stages": stages.stages(ticket, work),
        "work": work,
        "timeline": said,
        "plan_rows": plan_rows(ticket),
        "at": at,
    }


@require_safe
@access.reading
def show(http: HttpRequest, number: str) -> HttpResponse:
    """The ticket. While work runs, its parts refresh themselves from this same URL."""
    at = timezone.now()
    ticket = find(number)
    context = common(http, ticket, at=at)
    was_denied = ticket.state == State.DENIED
    certificate = issuing.newest(ticket)
    return render(
        http,
        "console/request.html",
        {
            **context,
            # Until the log has a signed place for every entry, the page is not what will stay.
            "is_working": ticket.state in (State.APPROVED, State.EXECUTING, State.VERIFYING)
            or not context["timeline"].is_signed,
            "is_waiting": ticket.state == State.AWAITING_APPROVAL,
            "steps": stages.steps(ticket, context["work"]),
            "records": ticket.records.count() if ticket.is_erased else 0,
            "certificate": certificate,
            "levels": levels.levels(certificate),
            "denial": DenialReason(ticket.failure).label if was_denied else "",
            "items": []
            if ticket.is_erased
            else [*ticket.items.values_list("item__title", flat=True)],
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
@access.deciding
def decide(http: HttpRequest, number: str) -> HttpResponse:
    """Approve or deny what somebody else filed. The service refuses one's own, and logs that."""
    at = timezone.now()
    ticket = find(number)
    form = DecisionForm(http.POST or None)
    trouble, code = "", 200
    if form.is_valid():
        try:
            _apply(ticket, form.cleaned_data, http=http, at=at)
        except services.NotAllowed:
            trouble, code = "own", 403
        except CannotMove:
            trouble, code = "changed", 409
        else:
            done = "denied" if form.cleaned_data["decision"] == DENY else "approved"
            messages.success(http, f"{number} is {done}.")
            return redirect("request", number=number)
    elif http.method == "POST":
        code = 422
    elif ticket.state != State.AWAITING_APPROVAL:
        return redirect("request", number=number)
    if trouble:
        ticket, form = find(number), DecisionForm()
    marked(form)
    context = {**common(http, ticket, at=at), "form": form, "trouble": trouble}
    return render(http, "console/request_decide.html", context, status=code)


def _apply(
    ticket: DeletionRequest, given: dict[str, Any], *, http: HttpRequest, at: datetime
) -> None:
    """Hand a decision to the one service that may take it. An approval erases at once."""
    user = access.officer(http)
    if given["decision"] == DENY:
        services.deny(request=ticket, by=user, reason=given["reason"], at=at)
    else:
        desk.approve(request=ticket, by=user, at=at)


@require_POST
@access.filing
def cancel(http: HttpRequest, number: str) -> HttpResponse:
    """Withdraw a request that nobody has decided on yet."""
    ticket = find(number)
    try:
        services.cancel(request=ticket, by=access.officer(http), at=timezone.now())
    except services.NotAllowed as error:
        messages.error(http, str(error))
    except CannotMove:
        messages.error(http, f"{number} has changed since you read it. It was not withdrawn.")
    else:
        messages.success(http, f"{number} is withdrawn. Nothing was erased.")
    return redirect("request", number=number)
