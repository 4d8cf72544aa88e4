"""A new request, and the receipt that is in the answer to it and nowhere else."""

from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from console import access, clock, words
from console.chrome import rights_of
from console.forms import FilingForm, marked
from erasure import services
from erasure.clocks import Regulation
from erasure.models import DeletionRequest


@require_http_methods(["GET", "HEAD", "POST"])
@access.filing
def new(http: HttpRequest) -> HttpResponse:
    """File a request, and answer with its receipt.

    There is no redirect on purpose: to show the receipt on a next page, something would have to
    keep it until then, and what is kept can outlive the erasure. Sent again, the form finds the
    request open.
    """
    at = timezone.now()
    form = FilingForm(http.POST or None)
    existing = None
    if http.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            ticket, receipt = services.file(
                subject=given["subject"],
                items=given["named"],
                regulation=Regulation(given["regulation"]),
                filed_by=access.officer(http),
                at=at,
            )
        except services.AlreadyOpen as error:
            existing = error.request
        except services.BadRequest as error:
            form.add_error(error.field, f"{str(error)[0].upper()}{str(error)[1:]}.")
        else:
            return filed(http, ticket, receipt, at=at)
    marked(form)
    status = 422 if form.errors else 409 if existing else 200
    return render(
        http, "console/request_new.html", {"form": form, "existing": existing}, status=status
    )


def filed(
    http: HttpRequest, ticket: DeletionRequest, receipt: str, *, at: datetime
) -> HttpResponse:
    """The page that says so, 201: the one place where the receipt is ever written."""
    reader = words.Reader(user=access.officer(http), may_decide=rights_of(http).may_decide)
    context = {
        "ticket": ticket,
        "receipt": receipt,
        "status": words.status(ticket, reader),
        "ruler": clock.ruler(ticket, at=at),
    }
    return render(http, "console/request_filed.html", context, status=201)
