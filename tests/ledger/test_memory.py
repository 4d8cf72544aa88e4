"""Whoever has the database alone cannot make the installation sign a forgery: the signer remembers.

The attacks here drop the tree heads, change what they covered, and wait for the next signature.
"""

import os
import re
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connection, transaction
from django.utils import timezone

from ledger import heads, memory, sequencer, signing, tiles
from ledger.heads import CannotSign
from ledger.models import Entry, Outbox, TreeHead
from ledger.sequencer import LogBroken
from ledger.verify import verify
from tests.ledger.conftest import NOON
from tests.ledger.test_log_format import DOC
from verifier import notes

pytestmark = pytest.mark.django_db


class Died(Exception):
    """The process ended here."""


def cut(superuser, size):
    """Put the log back to its first entries, state row and all."""
    root = tiles.root_at(size)
    superuser("DELETE FROM ledger_entry WHERE index >= %s", size)
    superuser("UPDATE ledger_sequencerstate SET next_index = %s, root = %s", size, root)


def rewrite(superuser):
    """Another entry 1, with hashes that fit, and a state row that agrees."""
    superuser(
        "UPDATE ledger_entry SET body = convert_to(replace(convert_from(body, 'UTF8'), "
        "'run.started', 'run.failed_'), 'UTF8') WHERE index = 1"
    )
    superuser("UPDATE ledger_entry SET leaf_hash = sha256('\\x00'::bytea || body)")
    superuser("UPDATE ledger_sequencerstate SET root = %s", tiles.root_at(5))


def refuse_and_say(*, size, match):
    """Nothing is signed, nothing is remembered, and verify says so in plain words."""
    before = memory.note()
    stored = TreeHead.objects.count()
    with pytest.raises(CannotSign, match=match):
        heads.sign(at=NOON)
    assert memory.note() == before
    assert TreeHead.objects.count() == stored
    found = verify()
    assert not found.ok
    assert found.first_difference == (
        f"log.head: a head of size {size} was signed here, and no tree head with its root is stored"
    )


def test_the_signer_keeps_its_last_note_to_itself(logged, keys):
    logged(3)
    first = TreeHead.objects.get().note
    assert (keys / "log.head").read_text() == first

    logged(2)

    kept = keys / "log.head"
    assert kept.read_text() == TreeHead.objects.get(size=5).note != first
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert {each.name for each in keys.iterdir()} == {*signing.KEYS}


@pytest.mark.parametrize("dropped", ["size > 0", "size = 5"])
def test_a_log_that_was_rewritten_and_lost_its_heads_is_not_signed(logged, superuser, dropped):
    logged(1)
    logged(4)
    superuser(f"DELETE FROM ledger_treehead WHERE {dropped}")
    rewrite(superuser)

    refuse_and_say(size=5, match="rewritten below 5, which is signed")


@pytest.mark.parametrize("dropped", ["size > 0", "size = 5"])
def test_a_log_that_was_cut_and_lost_its_heads_is_not_signed(logged, superuser, dropped):
    logged(3)
    logged(2)
    superuser(f"DELETE FROM ledger_treehead WHERE {dropped}")
    cut(superuser, 3)

    refuse_and_say(size=5, match="has 3 entries, and a head of size 5 is signed")


def test_a_log_that_was_cut_and_grew_beyond_its_lost_heads_is_not_signed(
    logged, write, superuser, monkeypatch
):
    logged(5)
    superuser("DELETE FROM ledger_treehead")
    cut(superuser, 3)
    write(9)
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(sequencer.memory, "size", lambda: 0)  # a sequencer of the attacker's
        sequencer.drain_all()

    refuse_and_say(size=5, match="rewritten below 5, which is signed")


def test_a_log_that_a_restored_database_rolled_back_is_not_extended(logged, write, superuser):
    """Or what came after the backup would get other places than those that were signed."""
    logged(5)
    superuser("DELETE FROM ledger_treehead WHERE size = 5")
    cut(superuser, 3)
    write(2)

    with pytest.raises(LogBroken, match=r"has 3 entries, and a head of size 5 .*replay_erasures"):
        sequencer.drain()

    assert Entry.objects.count() == 3
    assert Outbox.objects.count() == 2


def test_an_emptied_database_under_the_old_key_is_a_rollback(logged, superuser):
    logged(5)
    superuser("DELETE FROM ledger_treehead; DELETE FROM ledger_entry")
    superuser("DELETE FROM ledger_sequencerstate")

    refuse_and_say(size=5, match="has 0 entries, and a head of size 5 is signed")


def test_a_lost_head_of_an_honest_log_is_stored_again_as_it_was(logged, superuser):
    logged(3)
    note = TreeHead.objects.get().note
    superuser("DELETE FROM ledger_treehead")
    assert not verify().ok

    head = heads.sign(at=NOON)

    assert (head.size, head.note) == (3, note)
    assert verify().ok


@pytest.mark.django_db(transaction=True)
def test_a_signer_that_died_before_it_stored_its_head_stores_that_very_head(
    logged, write, monkeypatch
):
    logged(3)
    write(2)
    sequencer.drain_all()

    def die(**_):
        raise Died

    with monkeypatch.context() as patched:
        patched.setattr(TreeHead.objects, "create", die)
        with pytest.raises(Died):
            heads.sign(at=NOON)
    kept = memory.note()
    assert [*TreeHead.objects.values_list("size", flat=True)] == [3]
    write(1)
    sequencer.drain_all()

    heads.sign(at=NOON)

    assert TreeHead.objects.get(size=5).note == kept
    assert [*TreeHead.objects.order_by("size").values_list("size", flat=True)] == [3, 5, 6]
    assert memory.note() == TreeHead.objects.get(size=6).note
    assert verify().ok


def test_a_note_is_on_disk_before_its_head_is_stored(logged, monkeypatch):
    happened = []
    sync, replace, create = os.fsync, Path.replace, TreeHead.objects.create

    def synced(opened):
        happened.append("folder" if stat.S_ISDIR(os.fstat(opened).st_mode) else "file")
        sync(opened)

    def replaced(path, target):
        happened.append(f"rename to {target.name}")
        return replace(path, target)

    def created(**fields):
        happened.append("stored")
        return create(**fields)

    signing.signer()
    signing.second()
    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", replaced)
    monkeypatch.setattr(TreeHead.objects, "create", created)
    logged(1)

    assert happened[:4] == ["file", "rename to log.head", "folder", "stored"]


def test_an_installation_without_a_memory_takes_it_from_its_newest_head(logged, keys):
    """One from before there was a log.head."""
    logged(3)
    logged(2)
    (keys / "log.head").unlink()

    assert heads.sign(at=NOON) is None

    assert memory.note() == TreeHead.objects.get(size=5).note


def test_a_memory_is_not_taken_from_a_head_that_the_log_does_not_extend(logged, keys, superuser):
    logged(5)
    (keys / "log.head").unlink()
    rewrite(superuser)

    with pytest.raises(CannotSign, match="rewritten below 5"):
        heads.sign(at=NOON)
    assert memory.note() is None


def test_an_older_memory_moves_on_to_the_newest_head(logged, keys):
    """As a restored key folder brings it."""
    logged(3)
    old = memory.note()
    logged(2)
    (keys / "log.head").write_text(old)

    assert heads.sign(at=NOON) is None

    assert memory.note() == TreeHead.objects.get(size=5).note


@pytest.mark.parametrize("bent", [b"", b"\xff\xfe", b"nonsense\n"])
def test_a_memory_that_is_no_note_of_ours_is_refused_and_kept(logged, write, keys, bent):
    logged(3)
    (keys / "log.head").write_bytes(bent)
    write(1)
    sequencer.drain_all()

    with pytest.raises(CannotSign, match=r"log\.head is not one of ours"):
        heads.sign(at=NOON)
    assert (keys / "log.head").read_bytes() == bent
    assert verify().first_difference.startswith("log.head: note: ")


def test_a_memory_that_another_key_signed_is_refused(logged, keys):
    logged(3)
    stranger = notes.Signer(signing.signer().name, Ed25519PrivateKey.generate())
    text = notes.verify_note(memory.note(), signing.vkey())
    (keys / "log.head").write_text(notes.sign_note(text, stranger))

    with pytest.raises(CannotSign, match=r"log\.head is not one of ours"):
        heads.sign(at=NOON)
    assert verify().first_difference == "log.head: note: no known key signed it"


@pytest.mark.django_db(transaction=True)
def test_verify_gives_a_signer_that_is_at_work_its_moment(logged, write, monkeypatch):
    """Between a commit and its signature an honest log is not called a forged one."""
    logged(3)
    write(2)
    sequencer.drain_all()
    pauses = []

    def pause(seconds):
        pauses.append(seconds)
        assert not connection.in_atomic_block
        if len(pauses) == 2:
            heads.sign(at=timezone.now())

    monkeypatch.setattr("ledger.verify.sleep", pause)

    assert verify().first_difference is None
    assert len(pauses) == 2


@pytest.mark.django_db(transaction=True)
def test_verify_does_not_wait_for_ever(logged, write, monkeypatch):
    logged(3)
    write(2)
    sequencer.drain_all()
    pauses = []
    monkeypatch.setattr("ledger.verify.sleep", pauses.append)

    assert verify().first_difference == "entries from 3 on are under no tree head"
    assert 0 < sum(pauses) < 10
    assert transaction.get_autocommit()


def test_the_document_names_the_files_of_the_key_folder(logged, keys):
    logged(1)

    assert set(re.findall(r"`keys/(log\.\w+)`", DOC)) == {each.name for each in keys.iterdir()}
