"""The evidence of a request: issue a certificate, take the bundle away, read the certificate."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from console import access
from console.views.ticket import find
from evidence import issuing
from evidence.models import Certificate
from registry import storage
from verifier import archive


@require_safe
@access.reading
def bundle(http: HttpRequest, number: str) -> HttpResponse:
    """The newest bundle, as a file to keep."""
    raw = storage.get(_newest(number).bundle)
    named = {"Content-Disposition": f'attachment; filename="{number}-evidence.zip"'}
    return HttpResponse(raw, content_type="application/zip", headers=named)


@require_safe
@access.reading
def certificate(http: HttpRequest, number: str) -> HttpResponse:
    """The newest certificate, for people."""
    files = archive.read(storage.get(_newest(number).bundle))
    named = {"Content-Disposition": f'inline; filename="{number}-certificate.pdf"'}
    return HttpResponse(files["certificate.pdf"], content_type="application/pdf", headers=named)


@require_POST
@access.filing
def issue(http: HttpRequest, number: str) -> HttpResponse:
    """Issue another certificate: who presses the button has read of the one that there is."""
    ticket = find(number)
    actor = f"user:{access.officer(http).pk}"
    try:
        issuing.issue(request=ticket, actor=actor, at=timezone.now())
    except issuing.CANNOT as error:
        messages.error(http, str(error))
    else:
        messages.success(http, f"A certificate of {number} is issued.")
    return redirect("request", number=number)


def _newest(number: str) -> Certificate:
    found = issuing.newest(find(number))
    if found is None:
        raise Http404("no certificate was issued yet")
    return found
