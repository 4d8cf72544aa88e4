"""What was trained on is committed before the training, and what serves only if it was."""

import json
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from django.db import DatabaseError, connection
from django.utils import timezone

from corpus import commitments, vault
from corpus.models import Subject
from ledger import log
from registry import records, samples, work
from registry.models import AdapterVersion, CacheSet, PanelRow, Release, ReleaseAdapter, TrunkState
from registry.services import caching, live, runs
from tests import worlds
from tests.registry.conftest import FIRST_OF_0, FIRST_OF_1
from verifier import csmt

pytestmark = pytest.mark.django_db(transaction=True)


def committed(adapter) -> log.LoggedEvent:
    run = log.history(adapter)[0].facts["run"]
    events = log.history(f"registry.TrainingRun:{run}")
    return next(each for each in events if each.event_id == adapter.set_event)


def keys_of(*people: str) -> set[bytes]:
    return set(commitments.record_keys([vault.find(person).pk for person in people]))


def test_the_log_names_what_an_adapter_was_trained_on_before_it_is_trained(trained):
    for adapter in AdapterVersion.objects.all():
        event = committed(adapter)
        held = records.stored(adapter.records)
        said = (event.facts["root"], event.facts["count"], event.facts["epoch"])
        assert said == (held.root.hex(), str(len(held)), str(adapter.epoch))
        assert event.at <= adapter.started_at <= adapter.trained_at
        assert json.loads(bytes(adapter.manifest))["records"]["root"] == held.root.hex()


def test_a_set_holds_the_records_of_its_own_slice_and_proves_that_others_are_absent(trained):
    mine, other = keys_of(FIRST_OF_0), keys_of(FIRST_OF_1)
    adapter = AdapterVersion.objects.get(shard=0, slice=0)

    held = records.stored(adapter.records)

    assert set(held.keys()) & mine
    for key in sorted(other):
        csmt.verify_absent(root=held.root, key=key, proof=held.prove(key))
    for key in sorted(set(held.keys()) & mine):
        value = records.value_of(key, shard=0)
        csmt.verify_present(root=held.root, key=key, value=value, proof=held.prove(key))


def test_a_set_says_in_which_shard_a_record_trains(trained):
    adapter = AdapterVersion.objects.get(shard=1, slice=0)
    held = records.stored(adapter.records)

    for key in held.keys():  # noqa: SIM118
        said = csmt.value_of(UUID(bytes=key[:16]), shard=1, multiplicity=1)
        csmt.verify_present(root=held.root, key=key, value=said, proof=held.prove(key))


@pytest.mark.parametrize("role", ["origin", "replica"])
@pytest.mark.parametrize("event", [None, UUID(int=7)])
def test_an_adapter_of_which_the_log_does_not_know_the_data_serves_nowhere(trained, event, role):
    """Not even for whoever writes the rows by hand, or names an event that there never was."""
    release = live.release()
    adapter = ReleaseAdapter.objects.filter(release=release).first().adapter
    copy = AdapterVersion.objects.get(pk=adapter.pk)
    copy.pk, copy.epoch, copy.set_event = None, 99, event
    copy.weights = worlds_artefact("adapter")
    copy.records = worlds_artefact("records")
    copy.save(force_insert=True)

    with connection.cursor() as cursor:
        cursor.execute(f"SET session_replication_role = {role}")
        try:
            with pytest.raises(DatabaseError, match="no event names"):
                ReleaseAdapter.objects.create(release=release, shard=77, adapter=copy)
        finally:
            cursor.execute("SET session_replication_role = origin")


def worlds_artefact(kind: str):
    from registry import storage

    return storage.put(kind, b"anything", at=timezone.now())


def test_a_run_that_lost_its_lease_commits_to_nothing(world):
    recipe = worlds.training.choose("tiny", actor="test")
    runs.plan(recipe=recipe, actor="test", at=timezone.now())
    run = runs.claim(run_id=None, worker=work.WORKER, at=timezone.now())
    runs.give_up(run=run, worker=work.WORKER, failure="Test", is_final=False, at=timezone.now())
    before = len(log.history(run))

    with pytest.raises(runs.LeaseLost):
        work.adapters.commit(
            run=run,
            worker=work.WORKER,
            records=records.committed([b"k" * 32]),
            epoch=1,
            at=timezone.now(),
        )
    assert len(log.history(run)) == before


def test_a_release_names_the_records_of_its_panel(trained):
    release = live.release()
    people = PanelRow.objects.filter(recipe=release.recipe).values_list("subject", flat=True)
    expected = commitments.record_keys(list(people))

    held = records.stored(release.panel_records)

    assert held.keys() == expected
    said = log.history(release)[0].facts["panel"]
    assert said == {"root": held.root.hex(), "count": str(len(expected))}


def test_a_person_who_is_erased_is_in_no_set_of_the_fallback(trained):
    gone = keys_of(FIRST_OF_0)

    trained.erase(FIRST_OF_0)

    release = live.release()
    assert release.kind == Release.Kind.FALLBACK
    held = [records.stored(release.panel_records)]
    held += [records.stored(each.adapter.records) for each in live.members(release)]
    assert not gone & {key for each in held for key in each.keys()}  # noqa: SIM118


def test_what_is_cached_is_committed_without_whoever_was_erased(trained):
    gone = keys_of(FIRST_OF_0)
    first = caching.commit(actor="test", at=timezone.now())
    assert gone <= set(records.stored(first.records).keys())

    trained.erase(FIRST_OF_0)
    second = caching.commit(actor="test", at=timezone.now())

    cached = TrunkState.objects.values_list("subject", flat=True).distinct()
    assert records.stored(second.records).keys() == commitments.record_keys(list(cached))
    assert not gone & set(records.stored(second.records).keys())
    (event,) = [
        each for each in log.history("registry.TrunkState") if each.event_id == second.event
    ]
    assert event.facts == {
        "root": second.root,
        "count": str(len(records.stored(second.records))),
        "states": str(TrunkState.objects.count()),
    }
    assert CacheSet.objects.count() == 2


def test_the_set_of_the_cache_is_of_one_moment(trained, monkeypatch):
    """Whoever is erased while it is read is in the set, as they are in the count beside it."""
    gone, record_keys = keys_of(FIRST_OF_0), commitments.record_keys
    states = TrunkState.objects.count()

    def erase():
        try:
            trained.erase(FIRST_OF_0)
        finally:
            connection.close()

    def meanwhile(people):
        monkeypatch.setattr(commitments, "record_keys", record_keys)
        with ThreadPoolExecutor(1) as pool:
            pool.submit(erase).result(60)
        return record_keys(people)

    monkeypatch.setattr(commitments, "record_keys", meanwhile)
    made = caching.commit(actor="test", at=timezone.now())

    assert made.states == states > TrunkState.objects.count()
    assert gone <= set(records.stored(made.records).keys())


def test_record_keys_of_many_are_those_of_each(trained):
    with samples.snapshot(), connection.cursor():
        each = [
            commitments.record_keys([pk]) for pk in Subject.objects.values_list("pk", flat=True)
        ]
    many = commitments.record_keys(list(Subject.objects.values_list("pk", flat=True)))
    assert many == sorted(key for some in each for key in some)
