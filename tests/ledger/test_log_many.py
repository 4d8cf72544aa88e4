"""Many events at once are the same events, in the same order, and all of them or none."""

import json

import pytest
from django.db import transaction

from ledger import log, sequencer
from ledger.kinds import Kind
from ledger.log import NewEvent, NotInTransaction, NotLoggable
from ledger.models import Entry, Outbox
from tests.ledger.conftest import NOON


def new(number, **changes):
    given = {"actor": "user:1", "on": f"a:{number}", "at": NOON, "facts": {"n": str(number)}}
    return NewEvent(kind=Kind.RUN_STARTED, **(given | changes))


@pytest.mark.django_db(transaction=True)
def test_they_get_their_places_in_the_order_that_they_were_given_in():
    with transaction.atomic():
        first = log.append(Kind.RUN_STARTED, actor="user:1", on="a:0", at=NOON, facts={"n": "0"})
        rest = log.append_all(new(number) for number in range(1, 100))
    sequencer.drain_all()

    entries = Entry.objects.order_by("index")
    assert [entry.event_id for entry in entries] == [first, *rest]
    assert [json.loads(entry.body)["facts"]["n"] for entry in entries] == [*map(str, range(100))]


def test_one_alone_has_the_bytes_that_append_gives_it(db):
    given = {"actor": "user:1", "on": "a:7", "at": NOON, "facts": {"é": ["1", {"b": "2"}]}}

    ids = [log.append(Kind.RUN_STARTED, **given), *log.append_all([new(7, **given)])]

    bodies = [bytes(row.body) for row in Outbox.objects.order_by("id")]
    one, other = (
        body.replace(str(event_id).encode(), b"ID")
        for event_id, body in zip(ids, bodies, strict=True)
    )
    assert one == other


@pytest.mark.django_db(transaction=True)
def test_none_exists_if_their_change_rolls_back():
    @transaction.atomic
    def crash_after_append():
        log.append_all([new(1), new(2)])
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        crash_after_append()

    assert not Outbox.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_outside_a_transaction_they_are_refused():
    with pytest.raises(NotInTransaction, match=r"run\.started"):
        log.append_all([new(1)])

    assert not Outbox.objects.exists()


def test_one_that_cannot_be_logged_keeps_out_all(db):
    with pytest.raises(NotLoggable, match=r"facts\.rate"):
        log.append_all([new(1), new(2, facts={"rate": 0.5})])

    assert not Outbox.objects.exists()


def test_no_events_are_no_work(db, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert log.append_all([]) == []
