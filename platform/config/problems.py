"""Errors of the REST API as RFC 9457 problem details. They never repeat what was sent."""

from typing import Any

from django.http import Http404
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView, exception_handler

from erasure.services import AlreadyOpen, BadRequest


class NoSuchAddress(APIView):
    """Whatever is asked of an address under /api/ that is not there: 404, for anybody."""

    authentication_classes = ()
    permission_classes = ()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse before the method is looked at."""
        raise exceptions.NotFound


def handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Turn an exception into `application/problem+json`; None lets Django answer 500."""
    if isinstance(error, BadRequest):
        conflict = isinstance(error, AlreadyOpen)
        return _problem(
            409 if conflict else 422,
            "Already open" if conflict else "The request cannot be filed",
            str(error),
            errors=[{"detail": str(error), "pointer": f"#/{error.field}"}],
            **({"request": str(error.request.pk)} if isinstance(error, AlreadyOpen) else {}),
        )
    if isinstance(error, exceptions.ValidationError):
        return _problem(
            400, "The body is not valid", "See errors.", errors=list(_flat(error.detail, "#"))
        )
    answered = exception_handler(error, context)
    if answered is None:
        return None
    detail = "Not found." if isinstance(error, Http404) else str(getattr(error, "detail", error))
    problem = _problem(answered.status_code, answered.status_text or "Error", detail)
    for name in ("WWW-Authenticate", "Retry-After"):
        if name in answered.headers:
            problem[name] = answered.headers[name]
    return problem


def _problem(status: int, title: str, detail: str, **more: Any) -> Response:
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}
    return Response(body, status=status, content_type="application/problem+json")


def _flat(detail: Any, pointer: str) -> Any:
    """Validation messages with a JSON pointer each. Choices are not echoed."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            where = pointer if name == "non_field_errors" else f"{pointer}/{name}"
            yield from _flat(inner, where)
    elif isinstance(detail, list):
        for inner in detail:
            yield from _flat(inner, pointer)
    else:
        message = "not one of the choices" if detail.code == "invalid_choice" else str(detail)
        yield {"detail": message, "pointer": pointer}
