"""Requests over REST: file one, read one, list them. Views only translate."""

from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from erasure import roles, services
from erasure.clocks import Regulation
from erasure.models import DeletionRequest
from erasure.services.filing import MayNotFile


class MayRead(BasePermission):
    """People with any role may read requests."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Whether the caller has a role."""
        return roles.may_read(request.user)


class Filed(serializers.Serializer[Any]):
    """What a caller sends to file a request."""

    subject = serializers.CharField(max_length=200)
    items = serializers.ListField(
        child=serializers.CharField(max_length=200), required=False, allow_null=True, default=None
    )
    regulation = serializers.ChoiceField(choices=Regulation.choices)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse fields that we do not know: a misspelt `items` would erase everything.

        Their names are not repeated, as a caller may have put a person's id there.
        """
        if set(self.initial_data) - set(self.fields):
            raise serializers.ValidationError("has an unknown field")
        return attrs


def shown(request: DeletionRequest) -> dict[str, Any]:
    """A request as callers see it. It holds nothing of the person."""
    return {
        "id": str(request.pk),
        "number": request.number,
        "state": request.state,
        "scope": request.scope,
        "regulation": request.regulation,
        "received_at": request.received_at,
        "due_on": request.due_on,
        "plan": request.plan,
        "erased": request.erased,
        "clean_at": request.clean_at,
        "restored_at": request.restored_at,
        "completed_at": request.completed_at,
    }


class Requests(APIView):
    """The collection: file a request, or list what was filed."""

    permission_classes = (MayRead,)

    def get(self, http: Request) -> Response:
        """The newest hundred requests."""
        newest = DeletionRequest.objects.order_by("-received_at", "-number")[:100]
        return Response({"requests": [shown(request) for request in newest]})

    def post(self, http: Request) -> Response:
        """File a request. The receipt is in this answer and in no other."""
        given = Filed(data=http.data)
        given.is_valid(raise_exception=True)
        assert isinstance(http.user, User), "MayRead lets nobody else through"
        try:
            request, receipt = services.file(
                **given.validated_data, filed_by=http.user, at=timezone.now()
            )
        except MayNotFile as error:
            raise PermissionDenied(str(error)) from None
        return Response(
            {**shown(request), "receipt": receipt},
            status=status.HTTP_201_CREATED,
            headers={"Location": f"/api/v1/requests/{request.pk}"},
        )


class OneRequest(APIView):
    """One request, by its id or its number."""

    permission_classes = (MayRead,)

    def get(self, http: Request, name: str) -> Response:
        """Where the request is."""
        request = DeletionRequest.objects.named(name)
        if request is None:
            raise NotFound
        return Response(shown(request))
