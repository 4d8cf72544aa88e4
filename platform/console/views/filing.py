"""A new request, and the receipt that is shown once after it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from console import access
from console.forms import FilingForm, marked
from corpus import vault
from erasure import services
from erasure.clocks import Regulation
from erasure.models import DeletionRequest

RECEIPT = "receipt"


@require_http_methods(["GET", "HEAD", "POST"])
@access.filing
def new(http: HttpRequest) -> HttpResponse:
    """File a request. The receipt travels to the next page in the session, and is then gone."""
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
                at=timezone.now(),
            )
        except services.AlreadyOpen as error:
            existing = error.request
        except services.BadRequest as error:
            form.add_error(error.field, f"{str(error)[0].upper()}{str(error)[1:]}.")
        else:
            # Sealed, as sessions lie in the database and the receipt must lie nowhere in clear.
            sealed = vault.seal(receipt.encode(), purpose=RECEIPT, about=ticket.pk)
            http.session[RECEIPT] = {"number": ticket.number, "sealed": sealed.hex()}
            return redirect("request", number=ticket.number)
    marked(form)
    status = 422 if form.errors else 409 if existing else 200
    return render(
        http, "console/request_new.html", {"form": form, "existing": existing}, status=status
    )


def receipt_for(http: HttpRequest, ticket: DeletionRequest) -> str | None:
    """The receipt of a request that this session just filed: once, then never again.

    A page that only refreshes a part of itself does not use it up.
    """
    kept = http.session.get(RECEIPT)
    if not kept or kept["number"] != ticket.number or "HX-Request" in http.headers:
        return None
    sealed = bytes.fromhex(http.session.pop(RECEIPT)["sealed"])
    return vault.unseal(sealed, purpose=RECEIPT, about=ticket.pk).decode()
