"""A run is a row: leased by one worker, lost by a silent one, given up by none for good."""

import threading
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone

from mlcore.training import LossNotFinite
from registry import driver, records, training, work
from registry.models import AdapterVersion, Artefact, Release, Slice, TrainingRun
from registry.services import adapters, live, places, runs
from registry.services.adapters import Trained
from tests import worlds
from tests.corpus import tables
from tests.locks import PATIENCE
from tests.registry.conftest import FIRST_OF_0, SECOND_OF_1
from tests.worlds import World, rows_of

pytestmark = pytest.mark.django_db(transaction=True)

State = TrainingRun.State
US, THEM = uuid4(), uuid4()


@pytest.fixture
def recipe(world):
    return worlds.training.choose("tiny", actor="test")


@pytest.fixture
def planned(recipe):
    """A recipe with a run waiting for each of its slices."""
    runs.plan(recipe=recipe, actor="test", at=timezone.now())
    return recipe


def claim(worker=US, **by) -> TrainingRun | None:
    return runs.claim(run_id=None, worker=worker, at=timezone.now() - timedelta(**by))


def a_thing(run, *, epoch=None) -> Trained:
    """What a worker could have made of a slice, without the hours that it takes."""
    return Trained(
        weights=b"weights",
        records=records.committed([b"k" * 32]),
        samples=1,
        epoch=run.epoch if epoch is None else epoch,
        committed=uuid4(),
        parent=None,
        environment={"torch": "none"},
        started_at=timezone.now(),
        seconds=0.1,
    )


def test_every_stale_slice_has_one_run_however_often_it_is_planned(planned):
    for _ in range(3):
        assert runs.plan(recipe=planned, actor="test", at=timezone.now()) == 6

    found = TrainingRun.objects.values_list("shard", "slice", "state")
    assert sorted(found) == [(s, j, "waiting") for s in range(3) for j in range(2)]


def test_a_slice_waits_for_the_slice_before_it(planned):
    assert set(runs.ready().values_list("slice", flat=True)) == {0}

    done = work.work_once()

    assert (done.shard, done.slice, done.state) == (0, 0, State.DONE)
    assert set(runs.ready().values_list("shard", "slice")) == {(0, 1), (1, 0), (2, 0)}


def test_the_release_waits_for_every_slice(planned):
    while live_slices := runs.stale_slices(planned):
        assert not TrainingRun.objects.filter(kind=TrainingRun.Kind.RELEASE).exists()
        work.work_once()
        runs.plan(recipe=planned, actor="test", at=timezone.now())
        assert len(runs.stale_slices(planned)) == len(live_slices) - 1

    (release,) = runs.ready()
    assert release.kind == TrainingRun.Kind.RELEASE


def test_two_workers_at_once_never_get_the_same_run(planned):
    start, taken = threading.Barrier(6), []

    def worker():
        try:
            start.wait(PATIENCE)
            while run := claim(worker=uuid4()):
                taken.append(run.pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=worker) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(taken) == len(set(taken))
    assert set(taken) == set(TrainingRun.objects.filter(slice=0).values_list("pk", flat=True))


def test_a_run_that_another_has_is_not_claimed_by_its_id(planned):
    run = claim(worker=THEM)

    assert runs.claim(run_id=run.pk, worker=US, at=timezone.now()) is None


def test_a_worker_that_lost_its_lease_is_told_at_its_next_beat(planned):
    run = claim(worker=US, hours=1)
    assert runs.reap(actor="test", at=timezone.now()) == 1
    again = claim(worker=THEM)

    assert again.pk == run.pk
    with pytest.raises(runs.LeaseLost):
        runs.beat(run=run, worker=US, phase="x", done=1, total=2, at=timezone.now())
    with pytest.raises(runs.LeaseLost):
        adapters.promote(run=run, worker=US, trained=a_thing(run), at=timezone.now())
    again.refresh_from_db()
    assert (again.state, again.worker, again.phase) == (State.RUNNING, THEM, "starting")


def test_a_beat_keeps_the_lease(planned):
    run = claim(worker=US, hours=1)
    runs.beat(run=run, worker=US, phase="training", done=1, total=2, at=timezone.now())

    assert runs.reap(actor="test", at=timezone.now()) == 0
    assert runs.reap(actor="test", at=timezone.now() + timedelta(seconds=61)) == 1


def test_a_run_whose_workers_keep_dying_ends_with_a_person_and_is_not_planned_again(
    planned, settings
):
    settings.EXPUNGE_MAX_ATTEMPTS = 2
    first = claim(hours=1)
    for _ in range(2):
        runs.reap(actor="test", at=timezone.now())
        claim(hours=1)

    first.refresh_from_db()
    assert (first.state, first.failure, first.attempt) == (State.FAILED, "worker-lost", 2)
    runs.plan(recipe=planned, actor="test", at=timezone.now())
    assert not planned.runs.filter(shard=0, slice=0, state__in=TrainingRun.OPEN).exists()
    runs.plan(recipe=planned, actor="test", at=timezone.now(), retry=True)
    assert planned.runs.filter(shard=0, slice=0, state=State.WAITING).count() == 1


def test_new_data_gives_a_failed_slice_another_chance(world, planned):
    run = claim()
    runs.give_up(run=run, worker=US, failure="X", is_final=True, at=timezone.now())
    world.ingest(rows_of(FIRST_OF_0, count=9)[-1:])

    runs.plan(recipe=planned, actor="test", at=timezone.now())

    assert planned.runs.filter(shard=0, slice=0, state=State.WAITING).count() == 1


def test_an_error_costs_one_attempt_and_leaves_only_its_class_behind(planned, monkeypatch, caplog):
    def fails(*args, **kwargs):
        raise RuntimeError("somebody's history: person-0 liked m1")

    monkeypatch.setattr(training, "fit", fails)

    run = work.work_once()

    assert (run.state, run.failure, run.attempt) == (State.WAITING, "RuntimeError", 1)
    assert "person-0" not in caplog.text


def test_a_loss_that_is_no_number_is_final_and_what_was_live_stays_live(world, recipe, monkeypatch):
    before = world.train()
    world.ingest(rows_of(FIRST_OF_0, count=9)[-1:])

    def explodes(*args, **kwargs):
        raise LossNotFinite("the loss left the numbers")

    monkeypatch.setattr(training, "fit", explodes)

    with pytest.raises(driver.TrainingFailed, match="shard 0, slice 0 failed: a loss or"):
        driver.bring_up_to_date(recipe=recipe, actor="test", patience=0.0)

    assert live.release() == before
    assert TrainingRun.objects.filter(state=State.FAILED).get().attempt == 1


def test_a_change_reaches_the_slices_from_its_own_on_and_no_other(trained):
    before = dict(Slice.objects.values_list("pk", "epoch"))

    trained.ingest(rows_of(SECOND_OF_1, count=9)[-1:])

    moved = [s for s in Slice.objects.all() if s.epoch != before[s.pk]]

    assert [(s.shard, s.slice, s.epoch) for s in moved] == [(1, 1, 2)]
    trained.ingest(rows_of(FIRST_OF_0, count=9)[-1:])
    assert sorted(Slice.objects.filter(epoch=2).values_list("shard", "slice")) == [
        (0, 0),
        (0, 1),
        (1, 1),
    ]


def test_a_change_overtakes_the_runs_that_it_reaches_and_no_other(world, planned):
    run = claim()
    assert (run.shard, run.slice) == (0, 0)

    world.ingest(rows_of(FIRST_OF_0, count=9)[-1:])

    found = TrainingRun.objects.values_list("shard", "slice", "state")
    assert sorted(found) == [
        (0, 0, "obsolete"),
        (0, 1, "obsolete"),
        (1, 0, "waiting"),
        (1, 1, "waiting"),
        (2, 0, "waiting"),
        (2, 1, "waiting"),
    ]
    with pytest.raises(runs.LeaseLost):
        runs.beat(run=run, worker=US, phase="x", done=1, total=2, at=timezone.now())


def test_an_overtaken_run_stores_nothing(world, planned):
    run = claim()
    world.ingest(rows_of(FIRST_OF_0, count=9)[-1:])
    before = tables.state()

    with pytest.raises(runs.LeaseLost):
        adapters.promote(run=run, worker=US, trained=a_thing(run), at=timezone.now())

    assert tables.changed(before) == set()


def test_a_run_that_read_older_data_than_its_slice_has_stores_nothing(planned):
    """The lease alone is not enough: the epoch of what was read must be the slice's."""
    run = claim()
    before = tables.state()

    with pytest.raises(runs.LeaseLost):
        adapters.promote(
            run=run, worker=US, trained=a_thing(run, epoch=run.epoch - 1), at=timezone.now()
        )

    assert tables.changed(before) == set()


def test_an_adapter_is_stored_with_its_event_or_not_at_all(planned, monkeypatch):
    run = claim()
    before = tables.state()

    def full(*args, **kwargs):
        raise OSError("disk full")

    monkeypatch.setattr(adapters.log, "append", full)

    with pytest.raises(OSError, match="disk full"):
        adapters.promote(run=run, worker=US, trained=a_thing(run), at=timezone.now())
    assert tables.changed(before) == set()
    assert not AdapterVersion.objects.exists()
    assert not Artefact.objects.filter(kind=Artefact.Kind.ADAPTER).exists()


def test_a_message_delivered_twice_does_the_work_once(planned):
    run = runs.ready().first()

    first, second = work.work_once(run_id=run.pk), work.work_once(run_id=run.pk)

    assert first.state == State.DONE
    assert second is None
    assert AdapterVersion.objects.count() == 1


def test_a_run_given_back_by_a_worker_that_lost_it_is_left_to_its_new_owner(planned):
    run = claim(worker=US, hours=1)
    runs.reap(actor="test", at=timezone.now())
    claim(worker=THEM)

    runs.give_back(run=run, worker=US, at=timezone.now())
    runs.give_up(run=run, worker=US, failure="X", is_final=True, at=timezone.now())

    run.refresh_from_db()
    assert (run.state, run.worker) == (State.RUNNING, THEM)


def test_data_that_comes_while_the_release_is_built_is_not_left_out(world, recipe, monkeypatch):
    while runs.stale_slices(recipe):
        runs.plan(recipe=recipe, actor="test", at=timezone.now())
        work.work_once()
    runs.plan(recipe=recipe, actor="test", at=timezone.now())
    put_live = work.releases.put_live

    def late(**kwargs):
        monkeypatch.setattr(work.releases, "put_live", put_live)
        world.ingest(rows_of(FIRST_OF_0, count=9)[-1:])
        return put_live(**kwargs)

    monkeypatch.setattr(work.releases, "put_live", late)

    run = work.work_once()

    assert run.state == State.OBSOLETE
    assert not Release.objects.exists()
    assert places.touched([]) == set()


def test_a_run_of_a_slice_that_is_fresh_already_ends_without_failing(tmp_path, settings):
    world = World(tmp_path / "a", settings)
    world.ingest([row for number in range(6) for row in rows_of(f"person-{number}")])
    world.train()
    made = TrainingRun.objects.filter(kind="adapter").first()
    again = TrainingRun.objects.create(
        kind="adapter",
        recipe=made.recipe,
        shard=made.shard,
        slice=made.slice,
        epoch=made.epoch,
        created_at=timezone.now(),
    )

    work.work_once(run_id=again.pk)

    again.refresh_from_db()
    assert again.state == TrainingRun.State.OBSOLETE
    assert again.failure == ""
