"""Filing a request: the receipt once, errors beside the field, the person's id nowhere."""

import pytest
from django.urls import reverse

from erasure.models import DeletionRequest
from tests.console import factories

NEW = "/requests/new/"


def form(**fields):
    return {"subject": factories.PERSON, "scope": "whole", "regulation": "gdpr", **fields}


@pytest.fixture
def person(db):
    return factories.subject()


def test_officer_files_and_the_clock_runs(as_, people, person):
    answer = as_("officer").post(NEW, form())

    ticket = DeletionRequest.objects.get()
    assert answer.url == reverse("request", args=[ticket.number])
    assert (ticket.subject, ticket.filed_by) == (person, people["officer"])
    assert ticket.due_on > ticket.received_at.date()


def test_receipt_is_shown_once_and_never_again(as_, person):
    client = as_("officer")
    there = client.post(NEW, form()).url

    refreshed = client.get(there, headers={"HX-Request": "true"}).text
    first, second = client.get(there).text, client.get(there).text

    assert "expunge-receipt-1." not in refreshed
    assert first.count("expunge-receipt-1.") == 1
    assert "shown only this once" in first
    assert "expunge-receipt-1." not in second
    assert not any("receipt" in str(key) for key in client.session.keys())  # noqa: SIM118


def test_receipt_is_shown_to_nobody_else_and_on_no_other_ticket(as_, people, person):
    other = factories.ticket(people["officer"])
    client = as_("officer")
    there = client.post(NEW, form()).url

    assert "expunge-receipt" not in client.get(reverse("request", args=[other.number])).text
    assert "expunge-receipt" not in as_("approver").get(there).text
    assert "expunge-receipt" in client.get(there).text


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

    there = client.post(NEW, form()).url
    pages = [client.get(address).text for address in (there, reverse("requests"))]

    assert factories.PERSON not in there
    assert all(factories.PERSON not in page for page in pages)
    assert all("••••4821" in page for page in pages)
