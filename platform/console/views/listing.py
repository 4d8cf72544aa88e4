"""The list of requests."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from console import access, clock, listing, words
from console.chrome import rights_of
from corpus import vault
from erasure.clocks import Regulation
from erasure.models import DeletionRequest
from erasure.states import State
from registry.models import Recipe
from registry.services import runs


@require_safe
@access.reading
def requests(http: HttpRequest) -> HttpResponse:
    """Saved views, filters and a page of rows. A whole ticket number leads to its ticket."""
    at = timezone.now()
    today = timezone.localdate(at)
    rights = rights_of(http)
    reader = words.Reader(user=access.officer(http), may_decide=rights.may_decide)
    asked = listing.question(http.GET.dict())
    if asked.number and DeletionRequest.objects.filter(number=asked.number).exists():
        return redirect("request", number=asked.number)
    numbers = listing.counts(reader, today=today)
    shown = listing.page(
        listing.matching(asked, reader, today=today),
        after=http.GET.get("after", ""),
        before=http.GET.get("before", ""),
        newest_first=asked.view.newest_first and not asked.state,
    )
    masked = vault.masked(ticket.subject_id for ticket in shown.rows)
    rows = [
        {
            "ticket": ticket,
            "masked": masked.get(ticket.subject_id),
            "ruler": clock.ruler(ticket, at=at),
            "serving": words.serving(ticket),
            "who": words.next_actor(ticket, reader),
        }
        for ticket in shown.rows
    ]
    recipe = Recipe.objects.filter(is_current=True).first()
    failed = runs.broken(recipe) if recipe else None
    return render(
        http,
        "console/requests.html",
        {
            "views": [
                {"view": view, "count": numbers[key]}
                for key, view in listing.VIEWS.items()
                if key != "mine" or rights.may_decide
            ],
            "asked": asked,
            "states": State.choices,
            "laws": Regulation.choices,
            "rows": rows,
            "page": shown,
            "at": at,
            "soonest": DeletionRequest.objects.open().due_first().first(),
            "is_new": not DeletionRequest.objects.exists(),
            "stopped": runs.why(failed) if failed else "",
        },
    )
