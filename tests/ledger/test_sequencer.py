"""Every committed event gets one place, and places have no gaps, whoever races or crashes."""

from functools import partial
from threading import Event, Thread

import pytest
from django.db import OperationalError, connection, transaction

from ledger import heads, sequencer, tasks, tiles
from ledger.models import Entry, Outbox, SequencerState, Tile, TreeHead
from ledger.sequencer import LogBroken
from ledger.verify import verify
from tests.ledger.conftest import NOON
from tests.locks import PATIENCE, until_somebody_waits
from verifier import merkle


def leaf_hashes():
    return [
        bytes(each) for each in Entry.objects.order_by("index").values_list("leaf_hash", flat=True)
    ]


def ids():
    return [*Entry.objects.order_by("index").values_list("event_id", flat=True)]


@pytest.mark.django_db
def test_an_empty_outbox_is_no_work():
    assert sequencer.drain() == 0
    assert SequencerState.objects.get().next_index == 0
    assert bytes(SequencerState.objects.get().root) == merkle.EMPTY


@pytest.mark.django_db
def test_events_are_placed_in_the_order_of_the_outbox_and_taken_out_of_it(write):
    written = write(5)

    assert sequencer.drain(limit=3) == 3
    assert sequencer.drain(limit=3) == 2

    assert ids() == written
    assert [*Entry.objects.order_by("index").values_list("index", flat=True)] == [0, 1, 2, 3, 4]
    assert not Outbox.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("size", [1, 2, 3, 255, 256, 257, 511, 513])
def test_the_root_is_that_of_the_entries_whatever_the_batches(write, size):
    write(size)

    assert sequencer.drain_all(limit=100) == size

    assert bytes(SequencerState.objects.get().root) == merkle.root_of(leaf_hashes())
    assert Tile.objects.count() == size // 256
    assert tiles.root_at(size) == merkle.root_of(leaf_hashes())


@pytest.mark.django_db
def test_a_full_tile_holds_the_hashes_of_its_entries(write):
    write(513)
    sequencer.drain_all(limit=200)

    found = b"".join(bytes(each.hashes) for each in Tile.objects.order_by("n"))

    assert found == b"".join(leaf_hashes()[:512])


@pytest.mark.django_db(transaction=True)
def test_an_event_that_committed_late_is_not_passed_over(write):
    """Its outbox id is lower than one that is already placed: a high-water mark would miss it."""
    began, finish = Event(), Event()

    def slow():
        with transaction.atomic():
            write(1)
            began.set()
            finish.wait(PATIENCE)
        connection.close()

    thread = Thread(target=slow)
    thread.start()
    began.wait(PATIENCE)
    write(1)
    placed = sequencer.drain_all()
    finish.set()
    thread.join()

    assert placed == 1
    assert sequencer.drain_all() == 1
    heads.sign(at=NOON)
    assert verify().ok


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_racing_writers_and_sequencers_make_one_contiguous_log(write):
    written, errors, done = [], [], Event()

    def run(work):
        try:
            work()
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    def write_to(target):
        written.extend(write(80, on=target))

    def sequence():
        while not done.is_set():
            sequencer.drain(limit=7)

    targets = ("a:0", "a:1", "a:2")
    writers = [Thread(target=run, args=[partial(write_to, each)]) for each in targets]
    sequencers = [Thread(target=run, args=[sequence]) for _ in range(2)]
    for thread in writers + sequencers:
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    for thread in sequencers:
        thread.join()
    sequencer.drain_all()
    heads.sign(at=NOON)

    assert not errors
    assert sorted(ids()) == sorted(written)
    assert verify().first_difference is None
    for target in targets:
        own = Entry.objects.filter(target=target).order_by("index")
        facts = [f'"number":"{each}"'.encode() for each in range(80)]
        assert all(fact in bytes(e.body) for fact, e in zip(facts, own, strict=True))


@pytest.mark.django_db(transaction=True)
def test_a_sequencer_waits_for_the_one_that_is_at_work(write, monkeypatch):
    """Otherwise a drain could return with its caller's own event still on its way."""
    write(1)
    sequencer.drain_all()  # the first of all waits for the state's row, and so for no lock of it
    write(1)
    at_work, go_on, returned = Event(), Event(), Event()

    def hold(before, after):
        at_work.set()
        go_on.wait(PATIENCE)

    def first():
        sequencer.drain()
        connection.close()

    def second():
        sequencer.drain_all()
        returned.set()
        connection.close()

    monkeypatch.setattr(tiles, "write_full", hold)
    threads = [Thread(target=first), Thread(target=second)]
    threads[0].start()
    at_work.wait(PATIENCE)
    write(1)
    threads[1].start()
    until_somebody_waits(or_=returned.is_set)
    early = returned.is_set()
    go_on.set()
    for thread in threads:
        thread.join()

    assert not early
    assert len(ids()) == 3


@pytest.mark.django_db(transaction=True)
def test_a_crash_between_taking_and_placing_loses_nothing(write, monkeypatch):
    written = write(3)

    def die(before, after):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with monkeypatch.context() as patched:
        patched.setattr(tiles, "write_full", die)
        with pytest.raises(OperationalError):
            sequencer.drain()
    connection.close()

    assert Outbox.objects.count() == 3
    assert not Entry.objects.exists()
    assert sequencer.drain() == 3
    assert ids() == written


@pytest.mark.django_db(transaction=True)
def test_a_drain_inside_a_transaction_is_refused():
    """It would hold every other sequencer up until the caller commits."""
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        sequencer.drain()

    assert not SequencerState.objects.exists()


def test_nothing_is_added_to_a_log_whose_last_entry_was_rewritten(logged, write, superuser):
    logged(3)
    superuser("UPDATE ledger_entry SET leaf_hash = sha256('x') WHERE index = 2")
    write(1)

    with pytest.raises(LogBroken, match="not the one that was hashed"):
        sequencer.drain()

    assert Outbox.objects.count() == 1


def test_nothing_is_added_to_a_log_with_a_gap(logged, write, superuser):
    logged(3)
    superuser("DELETE FROM ledger_entry WHERE index = 2")
    write(1)

    with pytest.raises(LogBroken, match="has gaps"):
        sequencer.drain()

    assert Outbox.objects.count() == 1


def test_a_lost_state_row_is_not_taken_for_an_empty_log(logged, write, superuser):
    logged(3)
    superuser("DELETE FROM ledger_sequencerstate")
    write(1)

    with pytest.raises(LogBroken, match="state row is gone"):
        sequencer.drain()


@pytest.mark.django_db
def test_the_task_places_what_waits_and_signs_it(write):
    write(3)

    tasks.sequence(an_argument_of_a_later_release=1)

    assert TreeHead.objects.get().size == 3
    assert not Outbox.objects.exists()
    assert heads.sign(at=NOON) is None


@pytest.mark.django_db
def test_an_outbox_that_was_analysed_while_empty_is_not_taken_for_empty(write):
    """One that is taken row by row against a list stood still for half a minute at 20,000."""
    write(300)
    sequencer.drain_all()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE ledger_outbox")
    write(300)

    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {sequencer.TAKE}", [200])
        plan = "\n".join(line for (line,) in cursor.fetchall())

    assert "Join" not in plan
    assert sequencer.drain(limit=200) == 200
    assert sequencer.drain_all() == 100
