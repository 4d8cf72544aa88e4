"""Evidence over REST: issue a certificate, fetch the bundle. Views only translate."""

from django.http import HttpResponse
from django.utils import timezone
from rest_framework import status
from rest_framework.exceptions import APIException, NotFound, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from erasure import roles
from erasure.api import MayRead
from erasure.models import DeletionRequest
from evidence import issuing
from evidence.models import Certificate
from registry import storage


class NotYet(APIException):
    """There is nothing to certify, or it cannot be done now."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "not_yet"


class Evidence(APIView):
    """The evidence of one request, by its id or its number."""

    permission_classes = (MayRead,)

    def get(self, http: Request, name: str) -> HttpResponse:
        """The newest bundle, as a zip."""
        request = _find(name)
        found = issuing.newest(request)
        if found is None:
            raise NotFound("no certificate was issued yet; POST here issues one")
        named = {"Content-Disposition": f'attachment; filename="{request.number}-evidence.zip"'}
        raw = storage.get(found.bundle)
        return HttpResponse(raw, content_type="application/zip", headers=named)

    def post(self, http: Request, name: str) -> Response:
        """Issue a certificate, unless there is a valid one of what serves now."""
        request = _find(name)
        if not roles.may_file(http.user):
            raise PermissionDenied("you may not issue certificates")
        found = issuing.valid(request, at=timezone.now())
        if found is not None:
            return Response(_shown(found))
        try:
            made = issuing.issue(request=request, actor=f"user:{http.user.pk}", at=timezone.now())
        except issuing.CANNOT as error:
            raise NotYet(str(error)) from None
        return Response(_shown(made), status=status.HTTP_201_CREATED)


def _find(name: str) -> DeletionRequest:
    request = DeletionRequest.objects.named(name)
    if request is None:
        raise NotFound
    return request


def _shown(certificate: Certificate) -> dict[str, object]:
    return {
        "request": certificate.request.number,
        "level": certificate.level,
        "certificate": certificate.digest,
        "live_digest": certificate.live_digest,
        "exports": certificate.exports,
        "issued_at": certificate.issued_at,
        "valid_until": certificate.valid_until,
    }
