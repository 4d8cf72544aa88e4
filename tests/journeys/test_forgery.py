"""What an intruder in the database would try: to have something else serve, and nobody see it."""

import threading

import pytest
from django.db import IntegrityError, connection
from django.utils import timezone

from config import training
from corpus import vault
from erasure import verification
from erasure.models import ErasedRecord
from mlcore import determinism
from registry import indexing, storage, work
from registry.models import (
    Artefact,
    PanelError,
    PanelRow,
    ReleaseAdapter,
    ShardMembership,
    TrainingRun,
)
from registry.replay import replay
from registry.services import live, places, runs
from tests.environment import ROOT
from tests.locks import until_somebody_waits
from tests.worlds import World, current, rows_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

# More than the panel has rows, so that somebody is outside it.
PEOPLE = [f"person-{number}" for number in range(16)]


@pytest.fixture
def world(tmp_path, settings):
    world = World(tmp_path / "a", settings)
    world.ingest([row for person in PEOPLE for row in rows_of(person)])
    world.train()
    return world


def against_the_trigger(table: str, trigger: str, sql: str, *params) -> None:
    """Change what is final, as only the table's owner can."""
    with connection.cursor() as cursor:
        with pytest.raises(IntegrityError):
            cursor.execute(sql, params)
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {trigger}")
        cursor.execute(sql, params)
        cursor.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger}")


def failed(request) -> set[str]:
    return {name for name, holds in verification.check(request).items() if not holds}


def told_by_replay() -> bool:
    shard = live.members(live.release()).first().shard
    return replay(shard=shard, progress=lambda *_: None).is_identical


def test_a_member_that_was_repointed_is_seen(world):
    request = world.erase(PEOPLE[0])
    world.train()
    digest = live.describe(live.release())["live_digest"]
    assert told_by_replay()
    assert failed(request) == set()
    member = live.members(live.release()).first()

    against_the_trigger(
        "registry_releaseadapter",
        "refuse_rewrite",
        "UPDATE registry_releaseadapter SET adapter_id = %s WHERE id = %s",
        member.adapter.parent_id,
        member.pk,
    )

    assert live.describe(live.release())["live_digest"] != digest
    assert not told_by_replay()
    assert "live_as_logged" in failed(request)


def test_weights_that_were_exchanged_are_seen(world):
    request = world.erase(PEOPLE[0])
    world.train()
    members = list(live.members(live.release()))
    digest = live.describe(live.release())["live_digest"]
    other = storage.put(
        Artefact.Kind.ADAPTER, storage.get(members[1].adapter.weights), at=timezone.now()
    )
    storage.path_of(members[0].adapter.weights_id).write_bytes(
        storage.path_of(other.pk).read_bytes()
    )

    against_the_trigger(
        "registry_adapterversion",
        "refuse_rewrite",
        "UPDATE registry_adapterversion SET weights_id = %s, digest = %s WHERE id = %s",
        other.pk,
        other.digest,
        members[0].adapter_id,
    )

    assert live.describe(live.release())["live_digest"] != digest
    assert not told_by_replay()
    assert {"live_as_logged", "lists_committed"} <= failed(request)


def test_a_release_cannot_come_back(world):
    first = live.release()
    world.erase(PEOPLE[0])

    with pytest.raises(IntegrityError), connection.cursor() as cursor:
        cursor.execute("UPDATE registry_release SET is_live = (id = %s)", [first.pk])

    assert live.release() != first


def test_a_list_of_erased_records_that_was_emptied_is_seen(world):
    request = world.erase(PEOPLE[0])
    world.train()

    against_the_trigger(
        "erasure_erasedrecord", "refuse_rewrite", "DELETE FROM erasure_erasedrecord"
    )

    assert not ErasedRecord.objects.exists()
    assert failed(request) == {"records_as_logged"}


def test_a_late_worker_leaves_no_errors_of_a_destroyed_adapter(world, monkeypatch):
    # Somebody outside the panel is erased after the last beat and before the errors are written.
    recipe = current()
    outside = [p for p in PEOPLE if p not in panel_people()]
    PanelError.objects.all().delete()
    places.renew(recipe=recipe, actor="test", at=timezone.now())
    while (run := next_run(recipe)) and run.kind == TrainingRun.Kind.ADAPTER:
        work.work_once(run_id=run.pk)

    def late(progress):
        def told(phase, done, total):
            progress(phase, done, total)
            if phase == "panel" and done == total:
                world.erase(outside[0])

        return told

    build = indexing.build
    monkeypatch.setattr(
        indexing,
        "build",
        lambda bench, *, epoch, progress: build(bench, epoch=epoch, progress=late(progress)),
    )
    done = work.work_once(run_id=run.pk)

    assert done.state == TrainingRun.State.OBSOLETE
    assert not PanelError.objects.exclude(adapter__weights__destroyed_at=None).exists()


def panel_people() -> set[str]:
    return {vault.external_id(row.subject) for row in PanelRow.objects.select_related("subject")}


def next_run(recipe):
    runs.plan(recipe=recipe, actor="test", at=timezone.now())
    return runs.ready(recipe).first()


def test_adapters_of_two_code_versions_do_not_serve_together(world, monkeypatch):
    before = live.release()
    monkeypatch.setattr(determinism, "CODE_VERSION", "another")
    world.erase(PEOPLE[0])
    recipe = current()
    while (run := next_run(recipe)) is not None:
        last = work.work_once(run_id=run.pk)

    assert last.failure == "MixedEnvironments"
    assert last.state == TrainingRun.State.FAILED
    assert live.release().kind == "fallback"
    assert live.release() != before

    places.renew(recipe=recipe, actor="test", at=timezone.now())
    assert world.train().kind == "full"


def test_runs_of_a_recipe_that_was_left_are_not_done(world, tmp_path):
    other = tmp_path / "other.toml"
    other.write_text((ROOT / "recipes" / "tiny.toml").read_text().replace("seed = 7", "seed = 8"))
    left = training.choose(str(other), actor="test")
    runs.plan(recipe=left, actor="test", at=timezone.now())
    assert runs.ready(left).exists()

    training.choose("tiny", actor="test")

    assert not left.runs.filter(state__in=TrainingRun.OPEN).exists()


def test_members_of_a_release_are_never_changed_or_removed(world):
    for sql in (
        "UPDATE registry_releaseadapter SET shard = shard + 10",
        "DELETE FROM registry_releaseadapter",
        "UPDATE registry_release SET live_digest = 'x'",
        "UPDATE registry_artefact SET digest = 'x'",
        "UPDATE registry_artefact SET wrapped_key = 'x'",
    ):
        with pytest.raises(IntegrityError), connection.cursor() as cursor:
            cursor.execute(sql)

    assert ReleaseAdapter.objects.exists()


def test_an_index_of_another_code_version_does_not_weigh_them(world, monkeypatch):
    world.erase(PEOPLE[0])
    recipe = current()
    while (run := next_run(recipe)).kind == TrainingRun.Kind.ADAPTER:
        work.work_once(run_id=run.pk)
    monkeypatch.setattr(determinism, "CODE_VERSION", "another")

    last = work.work_once(run_id=run.pk)

    assert last.failure == "MixedEnvironments"
    assert live.release().kind == "fallback"


def test_an_erasure_and_an_index_never_wait_for_each_other_in_a_circle(world, caplog):
    """An erasure that arrives while the panel's rows are locked for the errors to be written."""
    shard = ShardMembership.objects.get(subject=vault.find(PEOPLE[0])).shard
    world.erase(PEOPLE[0])
    while (run := next_run(current())).kind == TrainingRun.Kind.ADAPTER:
        work.work_once(run_id=run.pk)
    there = ShardMembership.objects.filter(shard=shard, subject__panel_rows__isnull=False)
    person = vault.external_id(there.first().subject)
    failures, threads = [], []

    def erase():
        try:
            world.erase(person)
        except Exception as error:
            failures.append(type(error).__name__)
        finally:
            connection.close()

    def interrupted(execute, sql, params, many, context):
        result = execute(sql, params, many, context)
        if not threads and 'FROM "registry_panelrow"' in sql and "FOR NO KEY UPDATE" in sql:
            threads.append(threading.Thread(target=erase))
            threads[0].start()
            until_somebody_waits(or_=lambda: not threads[0].is_alive())
        return result

    with connection.execute_wrapper(interrupted):
        work.work_once(run_id=run.pk)
    threads[0].join()

    # Of a circle PostgreSQL fails one, whichever noticed first.
    assert (failures, "failed" in caplog.text) == ([], False)
    assert not PanelError.objects.exclude(adapter__weights__destroyed_at=None).exists()
