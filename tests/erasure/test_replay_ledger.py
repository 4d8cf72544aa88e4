"""The erasure ledger: on disk before the commit, damaged nowhere unseen, and naming nobody."""

import fcntl
import os
import stat
from dataclasses import replace
from hashlib import sha256

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.utils import timezone

from corpus import vault
from erasure import services, tombstones
from erasure.models import DeletionRequest
from erasure.services import execution
from erasure.states import State
from erasure.tombstones import LedgerUnreadable, LedgerUnwritable, Tombstone
from tests.corpus import tables
from tests.registry.conftest import FIRST_OF_0
from tests.worlds import rows_of

STONE = Tombstone(
    request="8d0c5b5e-63a5-4a9e-8a55-3d1f2f9d5d10",
    subject="0b6a54a4-5b0b-4c0e-9d7e-6f1f0f3a7c11",
    scope="whole",
    number="DR-2026-0001",
    regulation="gdpr",
    filed_by="1",
    decided_by="2",
    received_at="2026-03-01T12:00:00+00:00",
    decided_at="2026-03-01T12:00:00+00:00",
    due_on="2026-04-01",
    receipt="00" * 32,
    erased_at="2026-03-01T12:00:00+00:00",
)
OTHER = replace(STONE, request="1f3e2d1c-63a5-4a9e-8a55-3d1f2f9d5d10", number="DR-2026-0002")


def execute(request) -> None:
    services.execute(request=request, actor="test", at=timezone.now())


def test_what_was_put_on_the_ledger_is_read_back_in_order():
    tombstones.append(STONE)
    tombstones.append(replace(OTHER, records=("ab" * 32,), successor="cd" * 60))

    assert tombstones.read() == [
        STONE,
        replace(OTHER, records=("ab" * 32,), successor="cd" * 60),
    ]


def test_of_two_lines_about_one_request_the_last_counts():
    for stone in (STONE, OTHER, replace(STONE, erased_at="2026-03-02T12:00:00+00:00")):
        tombstones.append(stone)

    assert tombstones.read() == [OTHER, replace(STONE, erased_at="2026-03-02T12:00:00+00:00")]


def test_the_ledger_is_for_its_owner_alone_and_lies_where_the_setting_says(settings, tmp_path):
    tombstones.append(STONE)
    assert tombstones.path() == settings.EXPUNGE_LOG_KEYS / "erasures.log"
    assert stat.S_IMODE(tombstones.path().stat().st_mode) == 0o600
    assert stat.S_IMODE(tombstones.path().parent.stat().st_mode) == 0o700

    settings.EXPUNGE_ERASURES = str(tmp_path / "elsewhere" / "gone.log")
    tombstones.append(OTHER)

    assert tombstones.read() == [OTHER]
    assert (tmp_path / "elsewhere" / "gone.log").exists()


def test_a_line_that_a_crash_broke_off_is_no_erasure_and_spoils_none():
    tombstones.append(STONE)
    whole = tombstones.path().read_bytes()
    for cut in (1, 40, 65, 66, 200, len(whole) - 1):
        tombstones.path().write_bytes(whole + whole[:cut])
        assert tombstones.read() == [STONE]

        tombstones.append(OTHER)

        assert tombstones.read() == [STONE, OTHER]


def test_nobody_else_writes_between_the_look_at_the_last_line_and_the_line_behind_it(monkeypatch):
    """Half a line that came in between would take the whole line along."""
    tombstones.append(STONE)
    looked, got_in = [], []
    with tombstones.path().open("rb") as other:

        def watched(name):
            call = getattr(os, name)

            def watch(*given):
                looked.append(name)
                try:
                    fcntl.flock(other, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    pass
                else:
                    got_in.append(name)
                return call(*given)

            return watch

        with monkeypatch.context() as patch:
            for name in ("fstat", "pread", "write"):
                patch.setattr(os, name, watched(name))
            tombstones.append(OTHER)

        assert (looked, got_in) == (["fstat", "pread", "write"], [])
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert tombstones.read() == [STONE, OTHER]


def test_a_changed_byte_anywhere_is_seen():
    tombstones.append(STONE)
    tombstones.append(OTHER)
    whole = tombstones.path().read_bytes()
    first = whole.index(b"\n")
    for place in range(0, first, 7):
        tombstones.path().write_bytes(
            whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
        )
        with pytest.raises(LedgerUnreadable, match=r"damaged in line 1; put a copy back$"):
            tombstones.read()


@pytest.mark.parametrize(
    ("old", "new"), [(b'"v":"1"', b'"v":"2"'), (b'"successor":"",', b""), (b',"v":"1"', b"")]
)
def test_a_line_of_another_version_is_not_read_as_one_of_ours(old, new):
    """What it leaves out or means otherwise would be erased otherwise."""
    tombstones.append(STONE)
    body = tombstones.path().read_bytes().strip().partition(b" ")[2]
    other = body.replace(old, new)
    assert other != body
    tombstones.path().write_bytes(sha256(other).hexdigest().encode() + b" " + other + b"\n")

    with pytest.raises(LedgerUnreadable, match=r"^line 1 of the erasure ledger is of another"):
        tombstones.read()


def test_a_ledger_that_is_gone_is_not_an_empty_one():
    with pytest.raises(LedgerUnreadable, match=r"^there is no erasure ledger \(erasures.log\)"):
        tombstones.read()


@pytest.mark.django_db(transaction=True)
def test_a_lost_ledger_is_one_sentence_to_whoever_replays(empty):
    with pytest.raises(CommandError, match="there is no erasure ledger"):
        call_command("replay_erasures")


@pytest.mark.django_db(transaction=True)
def test_what_cannot_be_put_on_the_ledger_is_not_erased(trained, approve, settings, tmp_path):
    request = approve(trained, trained.file(FIRST_OF_0))
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the folder should be")
    settings.EXPUNGE_ERASURES = str(blocked / "erasures.log")
    before = tables.state()

    with pytest.raises(LedgerUnwritable) as caught:
        execute(request)

    assert str(caught.value) == (
        "the erasure ledger cannot be written (File exists), so nothing is erased"
    )
    assert tables.changed(before) == set()
    settings.EXPUNGE_ERASURES = ""
    execute(DeletionRequest.objects.get())
    assert [stone.number for stone in tombstones.read()] == [request.number]


@pytest.mark.django_db(transaction=True)
def test_a_disk_that_takes_half_a_line_lets_nothing_be_erased(trained, approve, monkeypatch):
    request = approve(trained, trained.file(FIRST_OF_0))
    write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda file, data: write(file, data[: len(data) // 2]))
        with pytest.raises(LedgerUnwritable, match="No space left on device"):
            execute(request)

    assert DeletionRequest.objects.get().state == State.APPROVED
    assert tombstones.read() == []
    execute(DeletionRequest.objects.get())
    assert [stone.number for stone in tombstones.read()] == [request.number]


@pytest.mark.django_db(transaction=True)
def test_the_line_is_on_disk_while_nobody_else_sees_the_erasure_yet(trained, approve, monkeypatch):
    request = approve(trained, trained.file(FIRST_OF_0))
    seen = {}
    append, fsync = tombstones.append, os.fsync
    synced = []

    def watched(stone):
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", lambda file: (synced.append(file), fsync(file)))
            append(stone)
        assert connection.in_atomic_block
        other = connection.copy("default")
        with other.cursor() as cursor:
            cursor.execute("SELECT state FROM erasure_deletionrequest")
            seen["elsewhere"] = cursor.fetchone()[0]
        other.close()
        seen["lines"] = len(tombstones.read())

    monkeypatch.setattr(execution.tombstones, "append", watched)

    execute(request)

    assert seen == {"elsewhere": State.APPROVED, "lines": 1}
    assert len(synced) == 2
    assert request.state == State.EXECUTING


@pytest.mark.django_db(transaction=True)
def test_the_ledger_names_nobody_and_nothing_of_theirs(trained, approve):
    rows = rows_of(FIRST_OF_0)
    subject = vault.find(FIRST_OF_0)
    old = vault.subject_key(subject)
    secret = [
        FIRST_OF_0.encode(),
        vault.lookup(FIRST_OF_0),
        bytes(subject.rank),
        old,
        *map(bytes, subject.interactions.values_list("order_key", flat=True)),
    ]
    execute(approve(trained, trained.file(FIRST_OF_0, [rows[0].item])))
    secret.append(vault.subject_key(subject))
    execute(approve(trained, trained.file(FIRST_OF_0)))

    text = tombstones.path().read_bytes()

    assert [s.scope for s in tombstones.read()] == ["items", "whole"]
    assert not [n for n in secret if n in text or n.hex().encode() in text]
    assert not [row.item for row in rows if f'"{row.item}"'.encode() in text]
