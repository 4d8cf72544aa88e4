"""Who may open which page: the whole table of roles and pages."""

import pytest
from django.test import Client
from django.urls import reverse

from erasure.models import DeletionRequest
from erasure.states import State
from tests.console import factories

READS, FILES, DECIDES = "reads", "files", "decides"
RIGHTS = {
    "officer": {READS, FILES, DECIDES},
    "approver": {READS, DECIDES},
    "auditor": {READS},
    "engineer": {READS},
    "nobody": set(),
}
PAGES = {
    ("GET", "requests"): READS,
    ("GET", "request"): READS,
    ("GET", "request-new"): FILES,
    ("POST", "request-new"): FILES,
    ("GET", "request-decide"): DECIDES,
    ("POST", "request-decide"): DECIDES,
    ("POST", "request-cancel"): FILES,
}


def url(name, ticket):
    return reverse(name, args=[] if name in ("requests", "request-new") else [ticket.number])


@pytest.fixture
def ticket(people):
    return factories.ticket(people["colleague"])


@pytest.mark.parametrize("role", RIGHTS)
@pytest.mark.parametrize(("method", "name"), PAGES)
def test_page_is_open_to_exactly_the_roles_that_need_it(as_, ticket, role, method, name):
    answer = as_(role).generic(method, url(name, ticket))

    may = PAGES[method, name] in RIGHTS[role]
    assert (answer.status_code == 403) is not may
    if not may:
        ticket.refresh_from_db()
        assert ticket.state == State.AWAITING_APPROVAL
        assert "Not allowed" in answer.text
        assert factories.PERSON not in answer.text


@pytest.mark.parametrize(("method", "name"), PAGES)
def test_stranger_is_asked_to_sign_in_and_changes_nothing(ticket, method, name):
    answer = Client().generic(method, url(name, ticket))

    assert answer.status_code == 302
    assert answer.url.startswith(reverse("login"))
    assert DeletionRequest.objects.get().state == State.AWAITING_APPROVAL


def test_page_that_refreshes_itself_after_the_session_ended_is_told_to_load_anew(ticket):
    answer = Client().get(url("request", ticket), headers={"HX-Request": "true"})

    assert answer.headers["HX-Refresh"] == "true"
    assert not answer.text


def test_pages_are_kept_by_no_cache_and_hold_no_inline_style_or_script(as_, ticket):
    for name in ("requests", "request", "request-new", "request-decide"):
        answer = as_("officer").get(url(name, ticket))

        assert "no-store" in answer.headers["Cache-Control"]
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        assert " style=" not in answer.text
        assert "<style" not in answer.text
        assert "<script>" not in answer.text
        assert " on" + "click" not in answer.text


def test_address_that_is_no_page_says_so_in_the_same_look(as_, people):
    for client in (as_("officer"), Client()):
        answer = client.get("/requests/../nowhere/at-all/")

        assert answer.status_code == 404
        assert "There is no page at this address" in answer.text
        assert 'class="top"' in answer.text


def test_stranger_learns_nothing_of_the_log_or_of_what_serves(people, recipe):
    factories.release(recipe)
    factories.ticket(people["officer"])
    factories.sign()

    page = Client().get(reverse("login")).text

    assert "tree head" not in page
    assert "Release" not in page


def test_signing_in_and_out_works_with_forms_alone(people):
    client = Client()
    given = {"username": "officer", "password": factories.PASSWORD}

    signed_in = client.post(reverse("login"), given)
    page = client.get(reverse("requests"))
    signed_out = client.post(reverse("logout"))
    after = client.get(reverse("requests"))

    assert signed_in.url == reverse("requests")
    assert page.status_code == 200
    assert signed_out.url == reverse("login")
    assert after.status_code == 302


def test_wrong_password_is_refused_without_saying_which_part_was_wrong(people):
    for name in ("officer", "no-such-person"):
        answer = Client().post(reverse("login"), {"username": name, "password": "wrong"})

        assert answer.status_code == 200
        assert "The name and the password don’t go together." in answer.text
        assert "wrong" not in answer.text
