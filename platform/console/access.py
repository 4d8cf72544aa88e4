"""Who may open which page. Every view of the console goes through one of these."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.contrib.auth.models import User
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse

from erasure import roles

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def officer(http: HttpRequest) -> User:
    """The signed-in person. Only for views behind `allowed`."""
    assert isinstance(http.user, User)
    return http.user


def allowed(question: Callable[[Any], bool], refusal: str) -> Callable[[View[P]], View[P]]:
    """Let a view answer only people for whom the question is answered with yes.

    Others get 403 and the refusal as its sentence; a page that refreshes itself after the session
    has ended is told to load anew, which brings the sign-in page.
    """

    def guard(view: View[P]) -> View[P]:
        @wraps(view)
        def guarded(http: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if not http.user.is_authenticated:
                if "HX-Request" in http.headers:
                    return HttpResponse(headers={"HX-Refresh": "true"})
                # Only a page can be come back to: what a form posted is not sent again.
                back = http.get_full_path() if http.method == "GET" else reverse("requests")
                return redirect_to_login(back)
            if not question(http.user):
                raise PermissionDenied(refusal)
            return view(http, *args, **kwargs)

        return guarded

    return guard


reading = allowed(roles.may_read, "You may not read requests.")
filing = allowed(roles.may_file, "You may not file or withdraw requests.")
deciding = allowed(roles.may_decide, "You may not decide on requests.")
