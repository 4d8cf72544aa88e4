"""What was logged has its place, under a head, before anything is said of where it is."""

from datetime import UTC, datetime
from hashlib import sha256
from threading import Thread
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone

from evidence import attesting, entries, facts, identity, placing, statements
from evidence.entries import NotPlaced
from evidence.models import Attestation
from ledger import heads, log, publishing, sequencer
from ledger.kinds import Kind
from ledger.models import Entry
from tests.ledger.conftest import NOON, logged, write
from tests.locks import until_somebody_waits

__all__ = ["logged", "write"]

pytestmark = pytest.mark.django_db


def sign():
    heads.sign(at=NOON)


@pytest.fixture
def others(monkeypatch):
    """Has other processes do the sequencing: a step of theirs each time that we wait."""

    def do(*steps):
        left = list(steps)
        monkeypatch.setattr(sequencer, "may_drain", lambda: False)
        monkeypatch.setattr(placing.time, "sleep", lambda _: left.pop(0)())
        return left

    return do


def test_whoever_may_sequence_does_it(write):
    write(3)

    assert placing.place().size == 3


def test_whoever_may_not_waits_for_all_that_is_logged_and_for_the_head_over_it(write, others):
    write(3)
    left = others(
        lambda: (sequencer.drain(limit=2), sign()),
        lambda: sequencer.drain(limit=1),
        sign,
    )

    assert placing.place().size == 3
    assert not left


def test_what_is_logged_meanwhile_is_not_waited_for(write, others):
    """On a busy log it would never end."""
    write(1)
    others(lambda: (sequencer.drain_all(), sign(), write(1)))

    assert placing.place().size == 1


def test_what_is_placed_before_a_head_is_public_is_not_waited_for(write, others, monkeypatch):
    """Witnesses take their time, and on a busy log there is always an entry more by then."""
    publish = publishing.publish
    monkeypatch.setattr(publishing, "publish", lambda: False)
    write(1)
    others(
        lambda: (sequencer.drain_all(), sign()),
        lambda: (publish(), write(1), sequencer.drain_all()),
    )

    assert placing.place().size == publishing.size() == 1


def test_a_log_that_nobody_sequences_is_not_waited_for_without_end(write, others, monkeypatch):
    write(1)
    others()
    monkeypatch.setattr(placing, "PATIENCE", -1.0)

    with pytest.raises(placing.NotSequenced, match="is a sequencer running"):
        placing.place()


def test_an_event_without_a_place_is_not_spoken_of(write):
    (waiting,) = write(1)

    for event in (waiting, uuid4(), None):
        with pytest.raises(NotPlaced):
            entries.of_event(event)
    sequencer.drain_all()
    found = entries.of_event(waiting)
    assert (found.index, found.event.event_id) == (0, waiting)
    assert found.digest == sha256(bytes(Entry.objects.get().body)).hexdigest()


def test_entries_are_in_the_order_of_their_places_and_between_both_ends(write):
    write(4, on="a:1")
    sequencer.drain_all()

    assert [each.index for each in entries.between(1, 3)] == [1, 2, 3]
    assert [each.index for each in entries.between(2, 2)] == [2]


def test_entries_about_a_thing_are_of_the_kinds_that_are_asked_for_and_behind_a_place(write):
    write(2, on="a:1")
    write(1, on="a:2")
    write(2, on="a:1")
    log.append(Kind.RUN_FAILED, actor="test", on="a:1", at=NOON, facts={})
    sequencer.drain_all()

    assert [each.index for each in entries.of_target("a:1")] == [0, 1, 3, 4, 5]
    assert [each.index for each in entries.of_target("a:1", after=1)] == [3, 4, 5]
    assert [each.index for each in entries.of_target("a:1", Kind.RUN_FAILED)] == [5]
    assert [each.index for each in entries.of_target("a:1", Kind.RUN_STARTED, after=3)] == [4]


@pytest.mark.django_db(transaction=True)
def test_of_two_who_attest_at_once_the_second_waits_and_finds_it_done():
    """Both would sign, and the second fail for a duplicate in the middle of its work."""
    source, made, threads = uuid4(), [], []
    gone = facts.DestructionFacts(
        files=(facts.File(name="trunk-states", sha256="ab" * 32),),
        request=uuid4(),
        trunk_states=1,
        panel_rows=0,
        destroyed_at=datetime(2026, 3, 1, 12, tzinfo=UTC),
        place=facts.Place(log="expunge.example/log", index=1),
        issuer=identity.name(),
    )

    def attest():
        made.append(
            attesting.attest(
                statements.destruction(gone),
                about="registry.Store",
                source=source,
                actor="test",
                at=timezone.now(),
            )
        )

    def again():
        try:
            attest()
        finally:
            connection.close()

    def meanwhile(execute, statement, params, many, context):
        result = execute(statement, params, many, context)
        if not threads and 'FROM "evidence_attestation"' in statement:
            threads.append(Thread(target=again))
            threads[0].start()
            until_somebody_waits(or_=lambda: not threads[0].is_alive())
        return result

    with connection.execute_wrapper(meanwhile):
        attest()
    threads[0].join()

    assert made == [True, False]
    assert Attestation.objects.filter(source=source).count() == 1
    assert len(log.history("registry.Store")) == 1
