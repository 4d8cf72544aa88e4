"""All addresses: the console at the root, the API under /api/v1/."""

from django.urls import include, path

from erasure import api as erasure

urlpatterns = [
    path("api/v1/requests", erasure.Requests.as_view(), name="api-requests"),
    path("api/v1/requests/<uuid:pk>", erasure.OneRequest.as_view(), name="api-request"),
    path("", include("console.urls")),
]
