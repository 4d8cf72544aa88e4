"""A whole history through real processes: a Celery worker that is killed, another that goes on."""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from django.conf import settings as django_settings
from django.db import connection, transaction
from django.utils import timezone

from config import places, training
from erasure import desk, services
from erasure.states import State
from registry import driver, tasks
from registry.models import TrainingRun
from registry.services import live, runs
from tests.environment import ROOT
from tests.worlds import World, rows_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

PEOPLE = [f"person-{number}" for number in range(9)]


def database_url() -> str:
    """The test database, as another process must name it."""
    given = connection.settings_dict
    user, host = quote(given["USER"] or ""), quote(given["HOST"] or "", safe="")
    password = f":{quote(given['PASSWORD'])}" if given["PASSWORD"] else ""
    port = f":{given['PORT']}" if given["PORT"] else ""
    return f"postgresql://{user}{password}@{host}{port}/{quote(given['NAME'])}"


@contextmanager
def worker(store: Path, log: Path):
    """A Celery worker on the test database. Ended, whatever the test did to it."""
    folder = Path(django_settings.EXPUNGE_VAR) / "broker"
    for name in ("messages", "control", "processed"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    environment = {
        **os.environ,
        "DATABASE_URL": database_url(),
        "EXPUNGE_STORE": str(store),
        "PYTHONPATH": os.pathsep.join([str(ROOT / "platform"), str(ROOT)]),
    }
    with pytest.MonkeyPatch.context() as there:
        there.setenv("DATABASE_URL", environment["DATABASE_URL"])
        keys = places.log_keys(django_settings.EXPUNGE_VAR / "keys")
    keys.mkdir(parents=True, exist_ok=True)
    # The key that subject keys are wrapped by is not in the database: it goes with the workers.
    shutil.copy(django_settings.EXPUNGE_LOG_KEYS / "kek.hex", keys / "kek.hex")
    command = ["celery", "-A", "config", "worker", "--pool", "solo", "--queues", "gpu,default"]
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *command, "--loglevel", "info", "--without-mingle"],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def wait_for(what, *, seconds=90):
    """Poll until something is there, and give it."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := what():
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {what}")


@contextmanager
def nothing_promoted():
    """Nobody can store an adapter meanwhile: whoever is at work is still at work when it ends."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE registry_adapterversion IN SHARE MODE")
        yield


def test_a_killed_worker_costs_time_and_changes_nothing(tmp_path, settings, own_folders):
    shutil.rmtree(Path(settings.EXPUNGE_VAR) / "broker", ignore_errors=True)
    world = World(tmp_path / "a", settings)
    world.ingest([row for person in PEOPLE for row in rows_of(person)])
    recipe = training.choose("tiny", actor="test")
    log = tmp_path / "worker.log"

    runs.plan(recipe=recipe, actor="test", at=timezone.now())
    with nothing_promoted(), worker(settings.EXPUNGE_STORE, log) as victim:
        tasks.call()
        at_work = TrainingRun.objects.filter(state="running", phase="training", done__gt=0)
        run = wait_for(at_work.first)
        victim.send_signal(signal.SIGKILL)
        victim.wait()
    assert TrainingRun.objects.get(pk=run.pk).state == TrainingRun.State.RUNNING
    assert runs.reap(actor="test", at=timezone.now() + timedelta(hours=1)) == 1

    with worker(settings.EXPUNGE_STORE, log):
        driver.bring_up_to_date(recipe=recipe, actor="test", patience=600)
        request = world.file(PEOPLE[3])
        desk.approve(request=request, by=world.approver, at=timezone.now())
        assert live.release().kind == "fallback"
        driver.bring_up_to_date(recipe=recipe, actor="test", patience=600)
        services.settle(actor="test", at=timezone.now())
    request.refresh_from_db()
    ours = live.describe(live.release())
    attempts = TrainingRun.objects.get(pk=run.pk).attempt

    twin = World(tmp_path / "b", settings)
    twin.ingest([row for person in PEOPLE if person != PEOPLE[3] for row in rows_of(person)])
    twins = live.describe(twin.train("tiny"))

    assert attempts == 2
    assert request.state == State.COMPLETED
    assert ours["live_digest"] == twins["live_digest"]
    assert b"person-" not in log.read_bytes()
