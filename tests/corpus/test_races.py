"""Somebody is ingested and erased at once: whoever comes second sees what the first one did."""

import threading
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import connection
from django.utils import timezone

from corpus import canonical, vault
from corpus import services as corpus
from corpus.models import Batch, Subject
from erasure import services
from registry.models import ShardMembership
from tests.locks import PATIENCE, until_somebody_waits
from tests.registry.conftest import FIRST_OF_0, empty, trained, world
from tests.worlds import Row, rows_of
from verifier import merkle, receipts

__all__ = ["empty", "trained", "world"]

pytestmark = pytest.mark.django_db(transaction=True)

NEW = Row(FIRST_OF_0, "m39", 5, 9000)


def race(world, request, monkeypatch) -> list[Exception]:
    """Ingest a row of the person while the erasing transaction holds them."""
    services.approve(request=request, by=world.approver, at=timezone.now())
    erase, locked, errors = corpus.erase, threading.Event(), []

    def slowly(**kwargs):
        done = erase(**kwargs)
        locked.set()
        until_somebody_waits(or_=lambda: not thread.is_alive())
        return done

    def worker():
        try:
            assert locked.wait(PATIENCE)
            world.ingest([NEW])
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    monkeypatch.setattr(corpus, "erase", slowly)
    thread = threading.Thread(target=worker)
    thread.start()
    services.execute(request=request, actor="test", at=timezone.now())
    thread.join()
    return errors


def test_whoever_is_ingested_while_they_are_erased_is_somebody_new(trained, monkeypatch):
    before = vault.find(FIRST_OF_0)

    errors = race(trained, trained.file(FIRST_OF_0), monkeypatch)

    again = vault.find(FIRST_OF_0)
    assert errors == []
    assert again.pk != before.pk
    assert not Subject.objects.filter(pk=before.pk).exists()
    assert list(again.interactions.values_list("item__external_id", flat=True)) == ["m39"]
    assert ShardMembership.objects.filter(subject=again).count() == 1


def test_what_comes_while_a_part_is_erased_is_committed_to_under_the_new_key(trained, monkeypatch):
    """The batch's root would otherwise hold a record under the key that was destroyed."""
    subject = vault.find(FIRST_OF_0)
    request = trained.file(FIRST_OF_0, [rows_of(FIRST_OF_0)[0].item])

    errors = race(trained, request, monkeypatch)

    content = canonical.interaction(
        subject=FIRST_OF_0,
        item=NEW.item,
        value=Decimal(NEW.value),
        at=datetime.fromtimestamp(NEW.at, UTC),
    )
    key = receipts.record_key(vault.subject_key(subject), content)
    assert errors == []
    assert subject.interactions.count() == len(rows_of(FIRST_OF_0))
    assert Batch.objects.latest("ingested_at").root == merkle.leaf_hash(key).hex()
