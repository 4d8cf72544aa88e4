"""From clean to completed: a request closes when every claim holds, and only then."""

import shutil

import pytest
from django.utils import timezone

from corpus import vault
from erasure import services, tasks, verification
from erasure.models import DeletionRequest
from erasure.states import State
from ledger import log
from ledger.kinds import Kind
from mlcore import manifest
from registry import records, storage, work
from registry.models import AdapterVersion, Artefact, TrunkState
from registry.services import live, runs
from tests import worlds
from tests.corpus import tables
from tests.registry.conftest import FIRST_OF_0, FIRST_OF_1, SECOND_OF_0
from tests.worlds import rows_of

pytestmark = pytest.mark.django_db(transaction=True)


def settle(**more) -> list[DeletionRequest]:
    return services.settle(actor="test", at=timezone.now(), **more)


def work_until_current() -> None:
    """Bring the live release up to date as a worker would, and settle nothing."""
    recipe = worlds.current()
    while not live.is_current(recipe):
        runs.plan(recipe=recipe, actor="test", at=timezone.now())
        assert work.work_once() is not None


def state_of(request) -> str:
    return DeletionRequest.objects.values_list("state", flat=True).get(pk=request.pk)


@pytest.fixture
def erased(trained):
    """A person erased, and the release restored; the request waits to be settled."""
    request = trained.erase(FIRST_OF_0)
    work_until_current()
    return request


def rewrite(sql: str, *params) -> None:
    """Change what is final, as only the table's owner can."""
    with tables.superuser("registry_adapterversion", "registry_artefact") as cursor:
        cursor.execute(sql, params)


def failed_checks(request) -> set[str]:
    return {name for name, holds in verification.check(request).items() if not holds}


def test_a_request_closes_once_what_serves_is_restored(trained):
    request = trained.erase(FIRST_OF_0)
    assert settle() == []
    assert state_of(request) == State.EXECUTING

    work_until_current()
    settle()

    request.refresh_from_db()
    assert (request.state, request.restored) == (State.COMPLETED, live.release())
    assert request.clean_at <= request.restored_at <= request.completed_at
    (done,) = [e for e in log.history(request) if e.kind == Kind.VERIFICATION_DONE]
    assert set(done.facts.values()) == {"yes"}
    assert set(done.facts) == {*verification.check(request), "ok"}


def test_settling_again_changes_nothing(erased):
    settle()
    before = tables.state()

    assert settle() == []
    assert tables.changed(before) == set()


def test_the_sweep_settles_without_being_told(erased):
    tasks.sweep()

    assert state_of(erased) == State.COMPLETED


def test_no_file_of_what_was_destroyed_is_left_when_a_request_closes(erased):
    settle()

    gone = Artefact.objects.exclude(destroyed_at=None)
    assert gone.exists()
    assert not any(storage.path_of(artefact.pk).exists() for artefact in gone)


def test_waiting_requests_are_served_by_one_retraining(trained):
    requests = [trained.erase(FIRST_OF_0), trained.erase(SECOND_OF_0), trained.erase(FIRST_OF_1)]

    work_until_current()
    settle()

    assert {state_of(request) for request in requests} == {State.COMPLETED}


def test_an_erasure_with_nothing_live_closes_though_training_had_begun(world):
    """What was made of the data as it is now is no old adapter, whether or not it serves yet."""
    recipe = worlds.training.choose("tiny", actor="test")
    runs.plan(recipe=recipe, actor="test", at=timezone.now())
    for _ in range(3):
        work.work_once()
    request = world.erase(FIRST_OF_1)

    settle()

    assert (state_of(request), failed_checks(request)) == (State.COMPLETED, set())


def test_an_erasure_before_anything_was_trained_closes_at_once(world):
    request = world.erase(FIRST_OF_0)

    settle()

    assert state_of(request) == State.COMPLETED


def test_data_that_comes_before_the_verification_delays_it_and_calls_for_nobody(
    trained, erased, monkeypatch
):
    remove = storage.remove_destroyed

    def meanwhile(**kwargs):
        monkeypatch.setattr(storage, "remove_destroyed", remove)
        trained.ingest(rows_of(FIRST_OF_1, count=9)[-1:])
        return remove(**kwargs)

    monkeypatch.setattr(storage, "remove_destroyed", meanwhile)

    settle()
    assert state_of(erased) == State.VERIFYING

    work_until_current()
    settle()
    assert state_of(erased) == State.COMPLETED


def test_another_erasure_before_the_verification_delays_it_and_calls_for_nobody(
    trained, erased, monkeypatch
):
    remove = storage.remove_destroyed

    def meanwhile(**kwargs):
        done = remove(**kwargs)
        monkeypatch.setattr(storage, "remove_destroyed", remove)
        trained.erase(FIRST_OF_1)
        return done

    monkeypatch.setattr(storage, "remove_destroyed", meanwhile)

    settle()
    assert state_of(erased) == State.VERIFYING

    work_until_current()
    settle()
    assert set(DeletionRequest.objects.values_list("state", flat=True)) == {State.COMPLETED}


def test_another_erasure_with_nothing_live_delays_the_verification_too(world, monkeypatch):
    """Its files still lie there; they are its own affair."""
    recipe = worlds.training.choose("tiny", actor="test")
    runs.plan(recipe=recipe, actor="test", at=timezone.now())
    for _ in range(3):
        work.work_once()
    first = world.erase(FIRST_OF_1)
    remove = storage.remove_destroyed

    def meanwhile(**kwargs):
        done = remove(**kwargs)
        monkeypatch.setattr(storage, "remove_destroyed", remove)
        world.erase(FIRST_OF_0)
        return done

    monkeypatch.setattr(storage, "remove_destroyed", meanwhile)

    settle()
    assert state_of(first) == State.VERIFYING

    settle()
    assert set(DeletionRequest.objects.values_list("state", flat=True)) == {State.COMPLETED}


def test_a_request_that_new_data_keeps_waiting_has_its_training_planned(trained, erased):
    """Restored, but new data came before anybody looked: nobody else would train for it."""
    trained.ingest(rows_of(FIRST_OF_1, count=9)[-1:])

    tasks.sweep()

    assert state_of(erased) == State.EXECUTING
    assert runs.ready().exists()
    work_until_current()
    tasks.sweep()
    assert state_of(erased) == State.COMPLETED


def test_an_erased_record_in_a_live_list_turns_the_verification_red(erased):
    adapter = live.members(live.release()).first().adapter
    listed = verification.record_list(adapter)[0]
    erased.records.create(key=listed)

    settle()

    assert state_of(erased) == State.FAILED
    assert failed_checks(erased) == {"records_absent", "records_as_logged"}
    assert "records_absent" in DeletionRequest.objects.get(pk=erased.pk).failure


def test_a_list_that_was_exchanged_turns_the_verification_red(erased):
    """A shorter list would hide a record; its root then is not the manifest's."""
    adapter = live.members(live.release()).first().adapter
    other = storage.put(
        Artefact.Kind.RECORDS, records.committed([b"k" * 32]).encode(), at=timezone.now()
    )
    rewrite(
        "UPDATE registry_adapterversion SET records_id = %s WHERE id = %s", other.pk, adapter.pk
    )

    settle()

    assert failed_checks(erased) == {"lists_committed"}
    assert state_of(erased) == State.FAILED


def test_a_manifest_that_was_never_logged_turns_the_verification_red(erased):
    """It names the very list and weights that are there; but nobody logged it at the time."""
    adapter = live.members(live.release()).first().adapter
    forged = manifest.canonical({**adapter.named, "epoch": "99"})
    rewrite("UPDATE registry_adapterversion SET manifest = %s WHERE id = %s", forged, adapter.pk)

    settle()

    assert failed_checks(erased) == {"lists_committed"}


def test_a_list_that_cannot_be_read_turns_the_verification_red(erased):
    adapter = live.members(live.release()).first().adapter
    storage.path_of(adapter.records_id).write_bytes(b"x" * 60)

    settle()

    assert failed_checks(erased) == {"records_absent", "lists_committed"}
    assert state_of(erased) == State.FAILED


def test_a_file_that_comes_back_turns_the_verification_red(trained, tmp_path, settings):
    shutil.copytree(settings.EXPUNGE_STORE, tmp_path / "backup")
    request = trained.erase(FIRST_OF_0)
    work_until_current()
    settle()
    assert failed_checks(request) == set()

    shutil.copytree(tmp_path / "backup", settings.EXPUNGE_STORE, dirs_exist_ok=True)

    assert failed_checks(request) == {"files_removed"}


def test_an_old_adapter_that_is_readable_turns_the_verification_red(trained, erased):
    old = AdapterVersion.objects.filter(shard=0, slice=1).order_by("epoch").first()
    rewrite(
        "UPDATE registry_artefact SET destroyed_at = NULL, wrapped_key = 'k' WHERE id = %s",
        old.weights_id,
    )

    settle()

    assert failed_checks(erased) == {"old_destroyed"}
    assert state_of(erased) == State.FAILED


def test_a_cached_state_that_is_nobodys_turns_the_verification_red(trained, erased):
    TrunkState.objects.filter(subject=vault.find(FIRST_OF_1)).delete()

    settle()

    assert failed_checks(erased) == {"states_destroyed"}


def test_what_serves_on_older_data_turns_the_check_red(trained, erased):
    trained.ingest(rows_of(FIRST_OF_1, count=9)[-1:])

    assert failed_checks(erased) >= {"adapters_fresh"}


def test_a_failed_verification_is_repeated_when_a_person_asks(erased):
    storage.remove_destroyed(actor="test", at=timezone.now())
    back = storage.path_of(Artefact.objects.exclude(destroyed_at=None).first().pk)
    back.write_bytes(b"from a backup")
    settle()
    settle()
    assert state_of(erased) == State.FAILED
    back.unlink()

    settle(retry=True)

    assert state_of(erased) == State.COMPLETED
    assert DeletionRequest.objects.get(pk=erased.pk).failure == ""


def test_a_verification_that_cannot_be_logged_closes_nothing(erased, monkeypatch):
    settle_until_verifying = services.settling._restore
    settle_until_verifying(erased, actor="test", at=timezone.now())
    storage.remove_destroyed(actor="test", at=timezone.now())

    def full(*args, **kwargs):
        raise OSError("disk full")

    monkeypatch.setattr(log, "append", full)

    with pytest.raises(OSError, match="disk full"):
        settle()
    assert state_of(erased) == State.VERIFYING
