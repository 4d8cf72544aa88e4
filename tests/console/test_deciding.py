"""Four eyes: a second person decides; the first sees why they can't."""

import pytest
from django.urls import reverse

from corpus.models import Subject
from erasure.models import DeletionRequest
from erasure.services import DenialReason
from erasure.states import State
from ledger import log
from ledger.kinds import Kind
from tests.console import factories

APPROVE = {"decision": "approve", "read": "on"}


@pytest.fixture
def ticket(people):
    return factories.ticket(people["officer"])


@pytest.fixture
def there(ticket):
    return reverse("request-decide", args=[ticket.number])


@pytest.mark.parametrize("who", ["approver", "colleague"])
def test_second_person_sees_the_plan_and_approves_and_the_person_is_gone(
    as_, people, ticket, there, who
):
    client = as_(who)
    person = ticket.subject_id

    page = client.get(there).text
    client.post(there, APPROVE)

    ticket.refresh_from_db()
    assert "212 interactions" in page
    assert "Your decision" in page
    assert (ticket.state, ticket.decided_by) == (State.EXECUTING, people[who])
    assert ticket.clean_at
    assert not Subject.objects.filter(pk=person).exists()


def test_approving_needs_to_have_read_the_plan(as_, ticket, there):
    answer = as_("approver").post(there, {"decision": "approve"})

    ticket.refresh_from_db()
    assert answer.status_code == 422
    assert "Confirm that you have read the plan." in answer.text
    assert ticket.state == State.AWAITING_APPROVAL


def test_denying_needs_a_reason_and_the_ticket_shows_it(as_, ticket, there):
    client = as_("approver")

    without = client.post(there, {"decision": "deny"})
    client.post(there, {"decision": "deny", "reason": DenialReason.LEGAL_CLAIMS})
    page = client.get(reverse("request", args=[ticket.number])).text

    ticket.refresh_from_db()
    assert without.status_code == 422
    assert ticket.state == State.DENIED
    assert DenialReason.LEGAL_CLAIMS.label in page


def test_filer_is_told_why_they_cannot_decide_and_gets_no_form(as_, ticket, there):
    client = as_("officer")

    decision = client.get(there).text
    shown = client.get(reverse("request", args=[ticket.number])).text

    assert "You filed this request, so somebody else decides." in decision
    assert "Your decision" not in decision
    assert there not in shown
    assert "Not you: you filed it" in shown


@pytest.mark.parametrize("given", [APPROVE, {"decision": "deny", "reason": "legal_claims"}])
def test_filers_own_decision_is_refused_and_the_attempt_is_in_the_log(
    as_, people, ticket, there, given
):
    answer = as_("officer").post(there, given)
    shown = as_("auditor").get(reverse("request", args=[ticket.number])).text

    ticket.refresh_from_db()
    assert answer.status_code == 403
    assert "You filed it. Somebody else who may decide can." in answer.text
    assert ticket.state == State.AWAITING_APPROVAL
    assert [e.kind for e in log.history(ticket)].count(Kind.REQUEST_REFUSED) == 1
    assert "Decision refused: own request" in shown


def test_decision_on_what_has_changed_meanwhile_is_not_saved(as_, ticket, there):
    DeletionRequest.objects.update(state=State.CANCELLED)

    answer = as_("approver").post(there, APPROVE)

    ticket.refresh_from_db()
    assert answer.status_code == 409
    assert "This request changed while you read it" in answer.text
    assert (ticket.state, ticket.decided_by) == (State.CANCELLED, None)


def test_decided_request_has_no_decision_page_any_more(as_, ticket, there):
    DeletionRequest.objects.update(state=State.CANCELLED)

    answer = as_("approver").get(there)

    assert answer.url == reverse("request", args=[ticket.number])


def test_officer_withdraws_what_waits_and_nobody_by_following_a_link(as_, ticket):
    address = reverse("request-cancel", args=[ticket.number])

    followed = as_("officer").get(address)
    answer = as_("officer").post(address, follow=True)

    ticket.refresh_from_db()
    assert followed.status_code == 405
    assert ticket.state == State.CANCELLED
    assert "is withdrawn. Nothing was erased." in answer.text


def test_what_is_decided_cannot_be_withdrawn(as_, people):
    ticket = factories.ticket(
        people["officer"], state=State.APPROVED, decided_by=people["approver"]
    )

    answer = as_("officer").post(reverse("request-cancel", args=[ticket.number]), follow=True)

    ticket.refresh_from_db()
    assert ticket.state == State.APPROVED
    assert "It was not withdrawn." in answer.text
    assert "Withdraw this request" not in answer.text
