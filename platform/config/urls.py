"""All addresses: the console at the root, the API under /api/v1/, the public log under /log/."""

from django.urls import include, path, re_path

from config import problems
from erasure import api as erasure
from evidence import api as evidence

urlpatterns = [
    path("api/v1/requests", erasure.Requests.as_view(), name="api-requests"),
    path("api/v1/requests/<slug:name>", erasure.OneRequest.as_view(), name="api-request"),
    path("api/v1/requests/<slug:name>/evidence", evidence.Evidence.as_view(), name="api-evidence"),
    re_path(r"^api(/|$)", problems.NoSuchAddress.as_view()),
    path("log/", include("ledger.urls")),
    path("", include("console.urls")),
]
