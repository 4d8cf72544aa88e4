"""The list: views with counts, filters, search by number, pages by key, due-date order."""

from datetime import timedelta

import pytest
from django.utils import timezone

from console import listing
from erasure.clocks import Regulation
from erasure.models import DeletionRequest
from erasure.states import State
from tests.console import factories

LIST = "/requests/"


def numbers(answer):
    return [row["ticket"].number for row in answer.context["rows"]]


@pytest.fixture
def tickets(people):
    """One request in every state, filed by the officer."""
    return {
        state: factories.ticket(people["officer"], state=state, decided_by=people["approver"])
        for state in State
    }


def test_count_of_every_view_is_the_number_of_its_rows(as_, people, tickets):
    factories.ticket(people["colleague"], received_at=timezone.now() - timedelta(days=40))
    client = as_("officer")

    shown = client.get(LIST).context["views"]

    for each in shown:
        rows = client.get(LIST, {"view": each["view"].key}).context["rows"]
        assert len(rows) == each["count"]
    assert sum(each["count"] for each in shown) > len(State)


def test_view_of_what_waits_for_me_leaves_out_what_i_filed(as_, people, tickets):
    theirs = factories.ticket(people["colleague"])

    assert numbers(as_("officer").get(LIST, {"view": "mine"})) == [theirs.number]
    assert "Waiting for me" not in as_("auditor").get(LIST).text


def test_soonest_due_date_comes_first_whenever_it_was_filed(as_, people):
    late = factories.ticket(people["officer"], received_at=timezone.now())
    soon = factories.ticket(
        people["officer"], received_at=timezone.now(), regulation=Regulation.LGPD
    )

    assert numbers(as_("auditor").get(LIST)) == [soon.number, late.number]


@pytest.mark.parametrize(("days_ago", "said"), [(40, "overdue"), (29, "at risk"), (1, "days left")])
def test_how_a_clock_stands_is_said_in_words_beside_its_colour(as_, people, days_ago, said):
    received_at = timezone.now() - timedelta(days=days_ago)
    factories.ticket(people["officer"], received_at=received_at)

    assert said in as_("auditor").get(LIST).text


def test_data_in_the_live_release_is_told_for_every_row(as_, tickets):
    page = as_("auditor").get(LIST).text

    assert page.count("Out since") == 3
    assert page.count("Still serving") == 2


def test_whole_number_leads_to_its_ticket_and_a_part_to_a_list(as_, tickets):
    ticket = tickets[State.DENIED]
    client = as_("auditor")

    whole = client.get(LIST, {"q": f" {ticket.number.lower()} "})
    part = client.get(LIST, {"q": ticket.number[-2:]})

    assert whole.url == f"/requests/{ticket.number}/"
    assert ticket.number in numbers(part)


@pytest.mark.parametrize("typed", ["ada@example.com", "<script>", "Ada Byron"])
def test_what_is_no_number_finds_nothing_and_is_not_repeated(as_, tickets, typed):
    answer = as_("auditor").get(LIST, {"q": typed})

    assert numbers(answer) == []
    assert typed.casefold() not in answer.text.casefold()
    assert "This is not a ticket number." in answer.text


@pytest.mark.parametrize("state", State)
def test_filter_by_state_finds_exactly_that_state(as_, tickets, state):
    answer = as_("auditor").get(LIST, {"state": state})

    assert numbers(answer) == [tickets[state].number]


def test_filter_by_law_stays_within_the_view(as_, people, tickets):
    other = factories.ticket(people["officer"], regulation=Regulation.CCPA)

    found = as_("auditor").get(LIST, {"law": "ccpa"})
    none = as_("auditor").get(LIST, {"law": "lgpd"})

    assert numbers(found) == [other.number]
    assert "Nothing matches." in none.text


def test_pages_show_every_request_once_in_both_directions(people):
    received_at = timezone.now()
    made = [
        factories.ticket(people["officer"], received_at=received_at - timedelta(days=n // 3))
        for n in range(8)
    ]
    found = DeletionRequest.objects.all()
    for newest_first in (False, True):
        options = {"size": 3, "newest_first": newest_first}
        pages = [listing.page(found, **options)]
        while pages[-1].after and len(pages) <= len(made):
            pages.append(listing.page(found, after=pages[-1].after, **options))

        seen = [ticket.number for page in pages for ticket in page.rows]
        back = listing.page(found, before=pages[2].rows[0].number, **options)

        assert sorted(seen) == sorted(ticket.number for ticket in made)
        assert back.rows == pages[1].rows
        assert (pages[0].before, bool(pages[1].before)) == ("", True)


def test_row_that_leaves_does_not_shift_the_next_page(people):
    for _ in range(4):
        factories.ticket(people["officer"], received_at=timezone.now())
    found = DeletionRequest.objects.all()
    first = listing.page(found, size=2)
    expected = listing.page(found, size=2, after=first.after).rows

    first.rows[0].delete()

    assert listing.page(found, size=2, after=first.after).rows == expected


@pytest.mark.parametrize("key", ["DR-1", "\x00", "DR-\x00", "ada@example.com", "9" * 5000])
@pytest.mark.parametrize("side", ["after", "before"])
def test_key_of_no_request_gives_the_first_page(as_, tickets, side, key):
    client = as_("auditor")

    answer = client.get(LIST, {side: key})

    assert answer.status_code == 200
    assert numbers(answer) == numbers(client.get(LIST))


def test_empty_list_says_what_comes_next(as_):
    assert "No requests so far." in as_("auditor").get(LIST).text
    assert "New request" not in as_("auditor").get(LIST).text
    assert "New request" in as_("officer").get(LIST).text


def test_empty_view_names_the_next_due_date(as_, people):
    ticket = factories.ticket(people["officer"])

    page = as_("auditor").get(LIST, {"view": "overdue"}).text

    assert "Nothing is overdue." in page
    assert ticket.number in page


def test_list_costs_no_query_a_row(as_, people, django_assert_max_num_queries):
    client = as_("auditor")
    for _ in range(12):
        factories.ticket(people["officer"])

    with django_assert_max_num_queries(16):
        answer = client.get(LIST)

    assert len(answer.context["rows"]) == 12
