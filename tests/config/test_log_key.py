"""The files of the log's key: a demo's log takes them along, and a lost key is told in a line."""

from unittest.mock import MagicMock

import pytest
from django.db import transaction
from django.utils import timezone

from config.demo import stage
from ledger import heads, log, sequencer
from ledger.kinds import Kind
from tests.config.test_commands import fails, run
from tests.registry.conftest import empty, trained, world

__all__ = ["empty", "run", "trained", "world"]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def keys(settings):
    """The key folder of a log with one entry, and one key that is not the log's."""
    with transaction.atomic():
        log.append(Kind.USER_CREATED, actor="test", on="a:1", at=timezone.now(), facts={})
    sequencer.drain_all()
    heads.sign(at=timezone.now())
    (settings.EXPUNGE_KEYS / "vault.key").write_text("kept")
    return settings.EXPUNGE_KEYS


def test_the_next_demos_log_is_another_log(keys, monkeypatch):
    """A note that is left of the dropped log would keep the new one from ever being signed."""
    monkeypatch.setattr(stage, "connection", MagicMock())

    stage._drop_everything()

    assert [each.name for each in keys.iterdir()] == ["vault.key"]


def test_a_command_says_that_the_log_key_is_gone(keys, run):
    (keys / "log.key").unlink()

    assert fails(run, "verify_log").startswith("log.key: is gone, and log.pub is here")
    assert not (keys / "log.key").exists()


def test_a_command_says_that_the_attestors_key_is_none(trained, settings, run):
    (settings.EXPUNGE_LOG_KEYS / "attest.key").write_text("nonsense")

    assert fails(run, "train") == "attest.key: not a private key"
