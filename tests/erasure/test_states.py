"""The life of a request is a table; the database and the log agree with every step of it."""

import threading

import pytest
from django.db import IntegrityError, connection, transaction

from erasure.models import CannotMove, DeletionRequest
from erasure.states import ERASED, NEXT, OPEN, State, mermaid
from ledger import log
from ledger.models import Outbox
from tests.locks import PATIENCE
from tests.worlds import NOON

pytestmark = pytest.mark.django_db

ALLOWED = {
    ("awaiting_approval", "approved"),
    ("awaiting_approval", "denied"),
    ("awaiting_approval", "cancelled"),
    ("approved", "executing"),
    ("executing", "verifying"),
    ("verifying", "completed"),
    ("verifying", "failed"),
    ("failed", "verifying"),
}


def fields_of(to, approver) -> dict[str, object]:
    """What a step must write besides the state."""
    fields = {}
    if to in {State.APPROVED, State.DENIED}:
        fields |= {"decided_by": approver, "decided_at": NOON}
    if to == State.EXECUTING:
        fields |= {"clean_at": NOON}
    if to == State.COMPLETED:
        fields |= {"completed_at": NOON}
    return fields


def test_the_table_is_this_one():
    """A new arrow needs a new line here, and somebody who wants it."""
    assert {(was, to) for was in State for to in NEXT[was]} == ALLOWED
    assert set(OPEN) == set(State) - {State.COMPLETED, State.DENIED, State.CANCELLED}
    assert set(ERASED) == {State.EXECUTING, State.VERIFYING, State.COMPLETED, State.FAILED}


@pytest.mark.parametrize("was", State)
@pytest.mark.parametrize("to", State)
def test_move_allows_exactly_the_table(request_in, approver, was, to):
    request = request_in(was)
    fields = fields_of(to, approver)

    if (was, to) in ALLOWED:
        request.move(to, actor="test", at=NOON, **fields)
        assert request.state == to
        (event,) = log.history(request)
        assert event.facts == {"from": was.value, "to": to.value}
    else:
        with pytest.raises(CannotMove, match=r"does not lead to|was decided already"):
            request.move(to, actor="test", at=NOON, **fields)
        assert DeletionRequest.objects.get().state == was
        assert not Outbox.objects.exists()


def test_a_worker_that_saw_an_old_state_cannot_move_it_again(request_in, approver):
    ours = request_in(State.APPROVED)
    theirs = DeletionRequest.objects.get()
    theirs.move(State.EXECUTING, actor="them", at=NOON, clean_at=NOON)

    with pytest.raises(CannotMove, match="no longer"):
        ours.move(State.EXECUTING, actor="us", at=NOON, clean_at=NOON)

    assert Outbox.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_at_once_one_moves_the_request(request_in):
    pk = request_in(State.APPROVED).pk
    start, moved, refused = threading.Barrier(5), [], []

    def worker():
        try:
            request = DeletionRequest.objects.get(pk=pk)
            start.wait(PATIENCE)
            with transaction.atomic():
                request.move(State.EXECUTING, actor="test", at=NOON, clean_at=NOON)
            moved.append(1)
        except CannotMove:
            refused.append(1)
        finally:
            connection.close()

    threads = [threading.Thread(target=worker) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (len(moved), len(refused)) == (1, 4)
    assert Outbox.objects.count() == 1


def test_a_move_that_cannot_be_logged_does_not_happen(request_in, monkeypatch):
    request = request_in(State.APPROVED)

    def full(*args, **kwargs):
        raise OSError("disk full")

    monkeypatch.setattr(log, "append", full)

    with pytest.raises(OSError, match="disk full"), transaction.atomic():
        request.move(State.EXECUTING, actor="test", at=NOON, clean_at=NOON)

    assert DeletionRequest.objects.get().state == State.APPROVED


@pytest.mark.parametrize(
    ("was", "change", "constraint"),
    [
        (State.APPROVED, {"state": "lost"}, "known_state"),
        (State.AWAITING_APPROVAL, {"state": "approved"}, "moves_on_by_a_decision"),
        (State.AWAITING_APPROVAL, {"state": "denied"}, "moves_on_by_a_decision"),
        (State.APPROVED, {"decided_by": None}, "moves_on_by_a_decision"),
        (State.APPROVED, {"state": "executing"}, "clean_iff_erased"),
        (State.APPROVED, {"clean_at": NOON}, "clean_iff_erased"),
        (State.VERIFYING, {"state": "completed"}, "completed_at_iff_completed"),
        (State.VERIFYING, {"completed_at": NOON}, "completed_at_iff_completed"),
    ],
)
def test_the_database_refuses_a_request_that_cannot_be(request_in, was, change, constraint):
    request = request_in(was)

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        DeletionRequest.objects.filter(pk=request.pk).update(**change)


def test_the_database_refuses_a_decision_by_the_person_who_filed(request_in, officer):
    """Past the service too: two people, whoever writes the row."""
    request = request_in(State.AWAITING_APPROVAL)

    with pytest.raises(IntegrityError, match="decided_by_a_second_person"), transaction.atomic():
        DeletionRequest.objects.filter(pk=request.pk).update(
            state=State.APPROVED, decided_by=officer, decided_at=NOON
        )


def test_the_drawing_has_every_arrow():
    drawn = mermaid()

    assert all(f"{was} --> {to}" in drawn for was, to in ALLOWED)
    assert drawn.count("-->") == len(ALLOWED) + 1 + 3
