"""The console's addresses. A ticket's number is in them; a person's id never is."""

from django.contrib.auth import views as auth
from django.urls import path
from django.views.generic import RedirectView

from console.views import evidence, filing, listing, ticket

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="requests"), name="home"),
    path(
        "sign-in/",
        auth.LoginView.as_view(
            template_name="console/sign_in.html", redirect_authenticated_user=True
        ),
        name="login",
    ),
    path("sign-out/", auth.LogoutView.as_view(), name="logout"),
    path("requests/", listing.requests, name="requests"),
    path("requests/new/", filing.new, name="request-new"),
    path("requests/<slug:number>/", ticket.show, name="request"),
    path("requests/<slug:number>/decide/", ticket.decide, name="request-decide"),
    path("requests/<slug:number>/cancel/", ticket.cancel, name="request-cancel"),
    path("requests/<slug:number>/certify/", evidence.issue, name="request-certify"),
    path("requests/<slug:number>/evidence.zip", evidence.bundle, name="request-evidence"),
    path(
        "requests/<slug:number>/certificate.pdf", evidence.certificate, name="request-certificate"
    ),
]
