"""Exactly one release serves, and after an erasure it is of those who never saw the person."""

import threading

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from corpus import vault
from erasure import services
from mlcore import aggregation
from registry import indexing, serving, storage, work
from registry.models import AdapterVersion, Artefact, PanelError, PanelRow, Release, TrainingRun
from registry.services import live, releases, runs
from tests import worlds
from tests.locks import PATIENCE, until_somebody_waits
from tests.registry.conftest import (
    FIRST_OF_0,
    FIRST_OF_1,
    FIRST_OF_2,
    OTHER_SECOND_OF_0,
    PEOPLE,
    SECOND_OF_0,
    SECOND_OF_1,
)
from tests.worlds import World, rows_of

pytestmark = pytest.mark.django_db(transaction=True)

CANDIDATES = ["m1", "m2", "m3"]


def serving_now() -> dict[int, int]:
    """The slice up to which each shard of the live release was trained."""
    return {member.shard: member.adapter.slice for member in live.members(live.release())}


def digests() -> dict[int, str]:
    return {member.shard: member.adapter.digest for member in live.members(live.release())}


def scores() -> list[float]:
    return serving.score(serving.told([("m5", 5), ("m6", 1), ("m7", 4)]), CANDIDATES).scores


def twin_of(tmp_path, settings, *erased) -> dict[str, object]:
    """What is live where these people never were."""
    twin = World(tmp_path / "twin", settings)
    twin.ingest([row for person in PEOPLE if person not in erased for row in rows_of(person)])
    return live.describe(twin.train())


def test_the_database_allows_one_live_release(trained):
    before = live.release()
    twice = Release(
        recipe=before.recipe,
        kind=before.kind,
        index=storage.put(Artefact.Kind.INDEX, b"x", at=timezone.now()),
        index_digest="",
        epochs={},
        live_digest="",
        panel_rows=0,
        switched_at=timezone.now(),
    )

    with pytest.raises(IntegrityError, match="one_live_release"), transaction.atomic():
        twice.save()


def test_a_switch_destroys_the_index_of_the_release_before(trained):
    before = live.release()
    assert storage.get(before.index)

    trained.ingest(rows_of(FIRST_OF_0, count=9)[-1:])
    trained.train()

    before.refresh_from_db()
    before.index.refresh_from_db()
    assert not before.is_live
    with pytest.raises(storage.Destroyed):
        storage.get(before.index)


def test_an_erasure_of_the_last_slice_steps_its_shard_back_to_the_slice_before(trained):
    before = digests()
    clean = AdapterVersion.objects.get(shard=0, slice=0)

    trained.erase(SECOND_OF_0)

    assert live.release().kind == Release.Kind.FALLBACK
    assert serving_now() == {0: 0, 1: 1, 2: 1}
    assert digests() == before | {0: clean.digest}


def test_an_erasure_of_the_first_slice_takes_its_shard_out_of_the_mix(trained):
    before = digests()

    trained.erase(FIRST_OF_0)

    assert serving_now() == {1: 1, 2: 1}
    assert digests() == {shard: digest for shard, digest in before.items() if shard != 0}
    assert all(0 < score < 1 for score in scores())


def test_the_weights_of_the_shards_that_stay_add_up_to_one(trained):
    trained.erase(FIRST_OF_0)

    index = aggregation.from_bytes(storage.get(live.release().index))
    weights = aggregation.weights(index, index.embeddings[:1], neighbours=4, temperature=10.0)

    assert index.shards == (1, 2)
    assert weights.sum().item() == pytest.approx(1.0)


def test_an_erased_person_is_in_no_row_of_the_index(trained):
    before = live.release().panel_rows
    assert PanelRow.objects.filter(subject=vault.find(FIRST_OF_1)).exists()

    trained.erase(FIRST_OF_1)

    assert live.release().panel_rows == before - 1
    assert PanelRow.objects.count() == before - 1


def test_with_every_shard_out_of_the_mix_the_base_answers_alone(trained):
    for person in (FIRST_OF_0, FIRST_OF_1, FIRST_OF_2):
        trained.erase(person)

    assert serving_now() == {}
    assert all(0 < score < 1 for score in scores())


def test_two_erasures_in_one_shard_step_back_twice(trained, tmp_path, settings):
    trained.erase(SECOND_OF_0)
    assert serving_now() == {0: 0, 1: 1, 2: 1}
    trained.erase(FIRST_OF_0)
    assert serving_now() == {1: 1, 2: 1}

    ours = live.describe(trained.train())

    assert (
        ours["live_digest"] == twin_of(tmp_path, settings, SECOND_OF_0, FIRST_OF_0)["live_digest"]
    )


def test_two_erasures_in_the_same_slice_are_served_by_one_retraining(trained, tmp_path, settings):
    trained.erase(SECOND_OF_0)
    trained.erase(OTHER_SECOND_OF_0)
    assert serving_now() == {0: 0, 1: 1, 2: 1}
    done = TrainingRun.objects.filter(kind=TrainingRun.Kind.ADAPTER, state="done")
    before = done.count()

    ours = live.describe(trained.train())

    assert done.count() == before + 1
    twin = twin_of(tmp_path, settings, SECOND_OF_0, OTHER_SECOND_OF_0)
    assert ours["live_digest"] == twin["live_digest"]


def test_two_erasures_in_two_shards_step_both_back(trained, tmp_path, settings):
    trained.erase(SECOND_OF_0)
    trained.erase(FIRST_OF_1)
    assert serving_now() == {0: 0, 2: 1}

    ours = live.describe(trained.train())

    assert (
        ours["live_digest"] == twin_of(tmp_path, settings, SECOND_OF_0, FIRST_OF_1)["live_digest"]
    )


def test_two_people_erased_at_once_are_both_gone_from_what_serves(trained, monkeypatch):
    """The second waits for the first, and falls back from its fallback."""
    requests = [trained.file(SECOND_OF_0), trained.file(SECOND_OF_1)]
    for request in requests:
        services.approve(request=request, by=trained.approver, at=timezone.now())
    switch, first, errors = releases.switch, threading.Event(), []

    def slowly(**kwargs):
        if not first.is_set():
            first.set()
            until_somebody_waits(or_=has_ended.is_set)
        return switch(**kwargs)

    def worker(request):
        try:
            services.execute(request=request, actor="test", at=timezone.now())
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    def second():
        worker(requests[1])
        has_ended.set()

    has_ended = threading.Event()
    monkeypatch.setattr(releases, "switch", slowly)
    one, two = threading.Thread(target=worker, args=requests[:1]), threading.Thread(target=second)
    one.start()
    assert first.wait(PATIENCE)
    two.start()
    one.join()
    two.join()

    assert errors == []
    assert serving_now() == {0: 0, 1: 0, 2: 1}
    for member in live.members(live.release()):
        assert storage.get(member.adapter.weights)


def test_an_erasure_while_errors_of_the_panel_are_written_waits_and_finds_them(trained):
    """Its locks must not cross those of a release that is being built."""
    request = trained.file(FIRST_OF_0)
    services.approve(request=request, by=trained.approver, at=timezone.now())
    row = PanelRow.objects.get(subject=vault.find(FIRST_OF_0))
    adapter = AdapterVersion.objects.get(shard=0, slice=1)
    PanelError.objects.filter(row=row, adapter=adapter).delete()
    locked, has_ended, errors = threading.Event(), threading.Event(), []

    def measure():
        try:
            with transaction.atomic():
                PanelRow.objects.select_for_update(no_key=True).get(pk=row.pk)
                locked.set()
                until_somebody_waits(or_=has_ended.is_set)
                PanelError.objects.create(row=row, adapter=adapter, error=0.5)
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=measure)
    thread.start()
    assert locked.wait(PATIENCE)
    services.execute(request=request, actor="test", at=timezone.now())
    has_ended.set()
    thread.join()

    assert errors == []
    assert not PanelError.objects.filter(adapter=adapter).exists()
    assert not PanelRow.objects.filter(pk=row.pk).exists()


def test_an_erasure_while_the_release_is_built_is_not_undone_by_it(
    world, monkeypatch, tmp_path, settings
):
    recipe = worlds.training.choose("tiny", actor="test")
    while runs.stale_slices(recipe):
        runs.plan(recipe=recipe, actor="test", at=timezone.now())
        work.work_once()
    runs.plan(recipe=recipe, actor="test", at=timezone.now())
    measure = indexing._measure

    def late(*args):
        monkeypatch.setattr(indexing, "_measure", measure)
        world.erase(SECOND_OF_0)
        return measure(*args)

    monkeypatch.setattr(indexing, "_measure", late)

    run = work.work_once()

    assert run.kind == TrainingRun.Kind.RELEASE
    assert run.state == TrainingRun.State.OBSOLETE
    assert not Release.objects.exists()
    ours = live.describe(world.train())
    assert ours["live_digest"] == twin_of(tmp_path, settings, SECOND_OF_0)["live_digest"]


def test_an_erasure_with_nothing_live_leaves_nothing_live(world):
    request = world.erase(FIRST_OF_0)

    with pytest.raises(live.NothingLive):
        live.release()
    assert request.fallback is None
    with pytest.raises(live.NothingLive):
        scores()


def test_what_the_new_release_replaces_is_destroyed(trained):
    before = list(AdapterVersion.objects.filter(shard=0))
    kept = list(AdapterVersion.objects.exclude(shard=0))
    trained.ingest(rows_of(FIRST_OF_0, count=9)[-1:])
    for adapter in before:
        assert storage.get(adapter.weights)

    trained.train()

    for adapter in before:
        adapter.weights.refresh_from_db()
        with pytest.raises(storage.Destroyed):
            storage.get(adapter.weights)
    for adapter in kept:
        assert storage.get(adapter.weights)
    assert not PanelError.objects.filter(adapter__in=before).exists()


def test_an_erasure_reaches_adapters_of_data_that_changed_since(trained):
    """The live adapters are of an older epoch than their slice, and saw the person all the same."""
    trained.ingest(rows_of(FIRST_OF_0, count=9)[-1:])
    old = AdapterVersion.objects.get(shard=0, slice=1)

    trained.erase(SECOND_OF_0)

    old.weights.refresh_from_db()
    assert old.weights.wrapped_key is None
    assert serving_now() == {0: 0, 1: 1, 2: 1}
