"""A whole request, from a POST over the API to a completed ticket."""

import pytest
from django.test import Client
from django.utils import timezone
from knox.models import AuthToken

from console import words
from corpus import canonical
from erasure import desk, verification
from erasure.models import DeletionRequest
from erasure.states import State
from mlcore.training import LossNotFinite
from registry import training, work
from registry.models import TrainingRun
from registry.services import live, runs
from tests.worlds import World, current, rows_of
from verifier import receipts

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

PEOPLE = [f"person-{number}" for number in range(9)]


@pytest.fixture
def world(tmp_path, settings):
    world = World(tmp_path / "a", settings)
    world.ingest([row for person in PEOPLE for row in rows_of(person)])
    world.train()
    return world


def post(world, body):
    _, token = AuthToken.objects.create(world.officer)
    return Client().post(
        "/api/v1/requests",
        body,
        content_type="application/json",
        headers={"Authorization": f"Bearer {token}"},
    )


def test_a_request_filed_over_the_api_ends_completed(world):
    answer = post(world, {"subject": "person-4", "regulation": "gdpr"})
    request = DeletionRequest.objects.get(pk=answer.json()["id"])

    desk.approve(request=request, by=world.approver, at=timezone.now())
    clean = live.release()
    world.train()

    request.refresh_from_db()
    assert answer.status_code == 201
    assert clean.kind == "fallback"
    assert request.state == State.COMPLETED, request.failure
    assert (
        verification.found_in_live(
            [bytes(key) for key in request.records.values_list("key", flat=True)], live.release()
        )
        == 0
    )


def test_the_receipt_lets_the_person_check_that_the_records_were_theirs(world):
    answer = post(world, {"subject": "person-4", "regulation": "gdpr"}).json()
    theirs = [
        canonical.interaction(subject="person-4", item=row.item, value=row.value, at=row.at)
        for row in world.interactions_of("person-4")
    ]
    request = DeletionRequest.objects.get(pk=answer["id"])
    desk.approve(request=request, by=world.approver, at=timezone.now())
    request.refresh_from_db()

    key = receipts.opened(request.sealed_key, receipt=answer["receipt"], request=request.pk)

    listed = {bytes(record) for record in request.records.values_list("key", flat=True)}
    assert listed == {receipts.record_key(key, content) for content in theirs}


def test_every_check_of_the_verification_has_words(world):
    request = world.erase("person-4")

    checks = verification.check(request)

    assert set(checks) == set(words.CHECKS)


def test_a_training_that_stopped_for_good_calls_for_an_engineer(world, monkeypatch):
    request = world.erase("person-4")
    before = live.release()

    def broken(*args, **kwargs):
        raise LossNotFinite("person-4")

    runs.plan(recipe=current(), actor="test", at=timezone.now())
    with monkeypatch.context() as broke:
        broke.setattr(training, "train", broken)
        run = work.work_once()
    client = Client()
    client.force_login(world.officer)
    status = client.get(f"/requests/{request.number}/").context["status"]

    assert run.state == TrainingRun.State.FAILED
    assert run.failure == "LossNotFinite"
    assert live.release() == before
    assert status.who == "An engineer"
    assert "person-4" not in status.now

    world.train()
    request.refresh_from_db()
    assert request.state == State.COMPLETED
