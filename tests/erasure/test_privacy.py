"""Nothing of a person leaves the vault: not into the log, a message, an error or a log record."""

import base64
import json
import logging

import pytest
from celery.signals import before_task_publish
from django.utils import timezone

from config import embedded
from corpus import services as corpus
from corpus import vault
from corpus.models import Subject
from erasure import desk, services, tasks
from erasure.models import DeletionRequest
from erasure.services import BadRequest
from ledger import sequencer
from ledger.models import Entry, Outbox
from registry import storage, work
from tests import worlds
from tests.registry.conftest import FIRST_OF_0, PEOPLE
from tests.worlds import World, rows_of, write

pytestmark = pytest.mark.django_db(transaction=True)


def secrets_of(person: str) -> list[str]:
    """What would tell of a person: ids, keys, and the items that they rated."""
    subject = vault.find(person)
    rows = subject.interactions.select_related("item")
    return [
        person,
        str(subject.pk),
        subject.pk.hex,
        vault.lookup(person).hex(),
        vault.subject_key(subject).hex(),
        *(f'"{row.item.external_id}"' for row in rows),
        *(row.item.title for row in rows),
        *(bytes(row.order_key).hex() for row in rows),
    ]


@pytest.fixture
def told(caplog):
    """All that is said on the way: log records, tracebacks included, and messages to workers."""
    caplog.set_level(logging.DEBUG)
    messages = []

    def hear(body=None, headers=None, **_):
        messages.append(json.dumps([body, headers], default=str))

    before_task_publish.connect(hear, weak=False)
    yield lambda: caplog.text + "".join(messages)
    before_task_publish.disconnect(hear)
    assert messages, "nothing rang: the test heard nothing"


@pytest.fixture
def loud(transactional_db, tmp_path, settings):
    """A world whose doorbell rings."""
    made = World(tmp_path / "world", settings)
    made.ingest([row for person in PEOPLE for row in rows_of(person)])
    made.train()
    return made


def test_a_request_from_filing_to_closing_tells_nothing_of_the_person(loud, told):
    secrets = secrets_of(FIRST_OF_0)
    partial = [row.item for row in rows_of(FIRST_OF_0)[:2]]
    for items in (partial, None):
        request = loud.file(FIRST_OF_0, items)
        with pytest.raises(services.NotAllowed):
            desk.approve(request=request, by=loud.officer, at=timezone.now())
        desk.approve(request=request, by=loud.approver, at=timezone.now())
    loud.train()
    sequencer.drain_all()

    bodies = b"".join(bytes(body) for body in Entry.objects.values_list("body", flat=True))
    assert not Outbox.objects.exists()
    for secret in secrets:
        assert secret not in bodies.decode()
        assert secret not in told()


def test_an_error_on_the_way_tells_nothing_of_the_person(loud, told, tmp_path, monkeypatch):
    secrets = secrets_of(FIRST_OF_0)
    said = []
    with pytest.raises(BadRequest) as caught:
        loud.file(FIRST_OF_0 + "-unknown")
    said.append(caught.value)
    with pytest.raises(BadRequest) as caught:
        loud.file(FIRST_OF_0, ["hidden-film"])
    said.append(caught.value)
    again = write(tmp_path / "again.csv", rows_of(FIRST_OF_0)[:1])
    with pytest.raises(ValueError, match="ingested before") as caught:
        worlds.intake.take_interactions(path=again, actor="test", at=timezone.now())
    said.append(caught.value)
    request = loud.file(FIRST_OF_0)
    services.approve(request=request, by=loud.approver, at=timezone.now())

    def full(*args, **kwargs):
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(storage, "put", full)
        with pytest.raises(OSError, match="disk full") as caught:
            desk.erase(request=request, actor="test")
        said.append(caught.value)
    request = DeletionRequest.objects.get()
    with monkeypatch.context() as patch:
        patch.setattr(corpus, "erase", full)
        with pytest.raises(OSError, match="disk full") as caught:
            desk.erase(request=request, actor="test")
        said.append(caught.value)
    tasks.sweep()
    assert not Subject.objects.filter(identity__lookup=vault.lookup(FIRST_OF_0)).exists()
    work.work_once()

    texts = told() + "".join(f"{error} {error.__cause__}" for error in said)
    for secret in [*secrets, "hidden-film"]:
        assert secret not in texts


def test_a_message_in_the_brokers_folder_holds_an_id_and_no_more(loud, settings):
    embedded.ready()
    folder = settings.EXPUNGE_VAR / "broker" / "messages"
    before = set(folder.iterdir())
    secrets = [secret for person in PEOPLE for secret in secrets_of(person)]

    loud.file(FIRST_OF_0)
    desk.approve(request=DeletionRequest.objects.get(), by=loud.approver, at=timezone.now())

    fresh = [path for path in folder.iterdir() if path not in before]
    assert fresh
    for path in fresh:
        envelope = path.read_text()
        body = base64.b64decode(json.loads(envelope)["body"]).decode()
        path.unlink()
        assert set(json.loads(body)[1]) == {"run_id"}
        assert not any(secret in envelope + body for secret in secrets)


def test_a_broker_that_cannot_be_reached_delays_and_breaks_nothing(loud, caplog, monkeypatch):
    from celery import Task

    def nobody(self, **kwargs):
        raise ConnectionRefusedError(f"for {FIRST_OF_0}")

    monkeypatch.setattr(Task, "apply_async", nobody)

    desk.approve(request=loud.file(FIRST_OF_0), by=loud.approver, at=timezone.now())

    assert "the broker cannot be reached (ConnectionRefusedError)" in caplog.text
    assert FIRST_OF_0 not in caplog.text
    assert Subject.objects.count() == len(PEOPLE) - 1


def test_a_broker_whose_folder_is_full_delays_and_breaks_nothing(loud, caplog, settings):
    from kombu.transport.filesystem import Channel

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Channel, "data_folder_out", property(lambda _: "/dev/null"))
        desk.approve(request=loud.file(FIRST_OF_0), by=loud.approver, at=timezone.now())

    assert "the broker cannot be reached" in caplog.text
    assert Subject.objects.count() == len(PEOPLE) - 1
