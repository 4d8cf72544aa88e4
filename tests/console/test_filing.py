"""Filing a request: its receipt in the answer alone, errors beside fields, the id nowhere."""

import re

import pytest
from django.contrib.sessions.models import Session
from django.urls import reverse

from erasure.models import DeletionRequest
from tests.console import factories

NEW = "/requests/new/"
RECEIPT = re.compile(r"expunge-receipt-1\.[\w.-]+")


def form(**fields):
    return {"subject": factories.PERSON, "scope": "whole", "regulation": "gdpr", **fields}


@pytest.fixture
def person(db):
    return factories.subject()


def test_officer_files_and_the_clock_runs(as_, people, person):
    answer = as_("officer").post(NEW, form())

    ticket = DeletionRequest.objects.get()
    assert answer.status_code == 201
    assert f"{ticket.number} is filed" in answer.text
    assert reverse("request", args=[ticket.number]) in answer.text
    assert (ticket.subject, ticket.filed_by) == (person, people["officer"])
    assert ticket.due_on > ticket.received_at.date()


def test_receipt_is_in_the_answer_once_and_no_cache_may_keep_it(as_, person):
    answer = as_("officer").post(NEW, form())

    assert len(RECEIPT.findall(answer.text)) == 1
    assert "shown only this once" in answer.text
    assert answer.headers["Cache-Control"] == "no-store"


def test_filing_leaves_nothing_in_the_session_even_if_nobody_reads_on(as_, person):
    client = as_("officer")
    before = [*Session.objects.values()]

    client.post(NEW, form())

    assert [*Session.objects.values()] == before
    assert not client.cookies.keys() - {"sessionid", "csrftoken"}


@pytest.mark.parametrize("reader", ["officer", "colleague", "approver"])
def test_receipt_is_on_no_page_that_can_be_read_again(as_, person, reader):
    officer = as_("officer")
    receipt = RECEIPT.search(officer.post(NEW, form()).text)[0]
    client = officer if reader == "officer" else as_(reader)
    there = reverse("request", args=[DeletionRequest.objects.get().number])

    pages = [client.get(address).text for address in (there, there, reverse("requests"))]

    assert all(receipt not in page and "expunge-receipt" not in page for page in pages)


def test_reloading_the_answer_says_the_request_is_open_and_shows_no_receipt(as_, person):
    client = as_("officer")
    client.post(NEW, form())

    again = client.post(NEW, form())

    assert again.status_code == 409
    assert "This person already has an open request" in again.text
    assert not RECEIPT.search(again.text)
    assert DeletionRequest.objects.count() == 1


@pytest.mark.parametrize(
    ("fields", "field", "said"),
    [
        ({"subject": ""}, "subject", "Write the id that names the person."),
        ({"subject": "stranger-77"}, "subject", "Nobody is known by this id"),
        ({"subject": "x" * 201}, "subject", "An id has at most 200 characters."),
        ({"regulation": ""}, "regulation", "Choose the law that the due date follows from."),
        ({"scope": "items"}, "items", "Name at least one item, or choose everything."),
        ({"scope": "items", "items": "no-such-item"}, "items", "Item 1 is not among"),
    ],
)
def test_mistake_is_told_beside_its_field_and_in_the_summary(as_, person, fields, field, said):
    answer = as_("officer").post(NEW, form(**fields))

    assert answer.status_code == 422
    assert answer.text.count(said) == 2
    assert f'href="#id_{field}"' in answer.text
    assert f'id="id_{field}_error"' in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert not DeletionRequest.objects.exists()


@pytest.mark.parametrize("fields", [{"subject": "stranger-77"}, {"regulation": ""}])
def test_refused_form_forgets_the_persons_id_and_keeps_the_rest(as_, person, fields):
    given = form(scope="items", items="film-1", **fields)

    answer = as_("officer").post(NEW, given)

    assert answer.status_code == 422
    assert given["subject"] not in answer.text
    assert "film-1</textarea>" in answer.text
    assert 'value="items" checked' in answer.text
    assert ('value="gdpr" selected' in answer.text) is bool(given["regulation"])


def test_second_request_for_the_same_person_leads_to_the_first(as_, people, person):
    first = factories.ticket(people["colleague"], person=person)

    answer = as_("officer").post(NEW, form())

    assert answer.status_code == 409
    assert reverse("request", args=[first.number]) in answer.text
    assert factories.PERSON not in answer.text
    assert DeletionRequest.objects.count() == 1


def test_persons_id_is_in_no_page_and_no_address_after_filing(as_, person):
    client = as_("officer")

    filed = client.post(NEW, form()).text
    there = reverse("request", args=[DeletionRequest.objects.get().number])
    pages = [client.get(address).text for address in (there, reverse("requests"))]

    assert all(factories.PERSON not in page for page in (filed, there, *pages))
    assert all("••••4821" in page for page in pages)
