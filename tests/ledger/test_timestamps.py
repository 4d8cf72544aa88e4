"""A head's time is the authority's word on that very head, or it is not kept."""

import re
import subprocess
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from django.conf import settings as installation
from django.core.management import CommandError, call_command
from django.db import DatabaseError, ProgrammingError, connection, transaction
from django.utils import timezone

from config.celery import app
from ledger import tasks, timestamps
from ledger.models import HeadTimestamp, TreeHead
from ledger.timestamps import CannotTimestamp
from ledger.verify import verify
from tests.ledger.authority import Authority, serving
from tests.ledger.conftest import NOON
from tests.ledger.test_hardening import acting_as, roles

__all__ = ["roles"]

pytestmark = pytest.mark.django_db
DOC = (installation.ROOT / "docs" / "log-format.md").read_text()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """One authority for all: its keys take a while to make."""
    return Authority(tmp_path_factory.mktemp("authorities") / "ours")


@pytest.fixture(scope="module")
def another(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authorities") / "another", name="Another")


@pytest.fixture
def authority(made, settings):
    """The authority that this installation asks and trusts."""
    made.answers.clear()
    made.bend, made.status = (lambda answer: answer), 200
    with serving(made) as url:
        settings.EXPUNGE_TSA, settings.EXPUNGE_TSA_CERTIFICATES = url, made.roots
        yield made


def refused(match):
    """Nothing is kept, and a person reads one sentence without the address."""
    with pytest.raises(CannotTimestamp, match=match) as caught:
        timestamps.stamp(at=NOON)
    assert "127.0.0.1" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not HeadTimestamp.objects.exists()


def test_the_newest_head_is_stamped_once(logged, authority):
    logged(3)
    logged(2)

    kept = timestamps.stamp(at=NOON)

    assert (kept.head.size, kept.made_at) == (5, NOON)
    assert abs(kept.stamped_at - datetime.now(UTC)) < timedelta(minutes=5)
    assert timestamps.verified(bytes(kept.token), kept.head.note) == kept.stamped_at
    assert timestamps.stamp(at=NOON) is None
    assert len(authority.answers) == 1


def test_openssl_verifies_what_is_kept_as_the_document_says(logged, authority, tmp_path):
    logged(3)
    kept = timestamps.stamp(at=NOON)
    (tmp_path / "head").write_bytes(kept.head.note.encode())
    (tmp_path / "head.tsr").write_bytes(kept.token)
    (tmp_path / "certificates.pem").write_bytes(Path(authority.roots).read_bytes())
    (command,) = re.findall(r"`(openssl ts [^`]+)`", DOC)

    subprocess.run(command.split(), cwd=tmp_path, check=True, timeout=60, capture_output=True)


def test_without_an_authority_or_a_head_nobody_is_asked(logged, authority, settings):
    assert timestamps.stamp(at=NOON) is None
    logged(1)
    settings.EXPUNGE_TSA = ""

    assert timestamps.stamp(at=NOON) is None
    assert authority.answers == []


def test_what_cannot_be_verified_is_not_asked_for(logged, authority, settings):
    logged(1)
    settings.EXPUNGE_TSA_CERTIFICATES = ""

    refused("EXPUNGE_TSA_CERTIFICATES: needed")
    assert authority.answers == []


def test_a_certificate_of_another_authority_is_refused(logged, authority, another, settings):
    logged(1)
    settings.EXPUNGE_TSA_CERTIFICATES = another.roots

    refused("does not verify")


def test_an_authority_under_the_root_that_is_not_the_pinned_one_is_refused(
    logged, authority, another, settings, tmp_path
):
    """The file may name the authority itself: a root vouches for more than one."""
    logged(1)
    pinned = tmp_path / "certificates"
    settings.EXPUNGE_TSA_CERTIFICATES = str(pinned)
    root = (authority.folder / "root.pem").read_text()

    pinned.write_text(root + (another.folder / "tsa.pem").read_text())
    refused("does not verify")

    pinned.write_text(root + (authority.folder / "tsa.pem").read_text())
    assert timestamps.stamp(at=NOON).head_id == 1


def test_an_answer_to_an_earlier_question_is_refused(logged, authority):
    """The same head, an old time: only the nonce tells."""
    logged(1)
    assert timestamps.stamp(at=NOON)
    replayed = authority.answers[0]
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE ledger_headtimestamp DISABLE TRIGGER refuse_rewrite")
    HeadTimestamp.objects.all().delete()

    authority.bend = lambda _: replayed

    refused("Nonce mismatch")


def test_an_answer_about_something_else_is_refused(logged, authority, monkeypatch):
    """With the right nonce, by the right authority: of a digest that is not the head's."""
    logged(1)
    digest = sha256(TreeHead.objects.get().note.encode()).digest()
    reply = authority.reply

    def instead(old, new):
        monkeypatch.setattr(authority, "reply", lambda query: reply(query.replace(old, new)))

    instead(digest, b"x" * 32)
    refused("Mismatch between messages")
    # The same 32 octets, said to be SHA3-256's.
    instead(bytes.fromhex("608648016503040201"), bytes.fromhex("608648016503040208"))
    refused("its digest is not SHA-256")


@pytest.mark.parametrize(
    ("bend", "match"),
    [
        (lambda _: b"", "not an RFC 3161 response"),
        (lambda _: b"<html>", "not an RFC 3161 response"),
        (lambda answer: answer[:-1], "not an RFC 3161 response"),
        (lambda answer: answer[:-20] + bytes(20), "does not verify"),
        (lambda _: b"0" * 70_000, "too long"),
        # PKIStatusInfo: rejection, and no token.
        (lambda _: bytes.fromhex("30053003020102"), "the authority refused"),
    ],
)
def test_an_answer_that_is_none_is_refused(logged, authority, bend, match):
    logged(1)
    authority.bend = bend

    refused(match)


def test_an_authority_that_fails_is_told_in_a_sentence(logged, authority, settings):
    logged(1)
    authority.status = 503
    refused("EXPUNGE_TSA: answered 503")

    for url in ("http://127.0.0.1:1/", "http://[", "http://127.0.0.1:x/"):
        settings.EXPUNGE_TSA = url
        refused("EXPUNGE_TSA: did not answer")
    settings.EXPUNGE_TSA = authority.roots
    refused("not an address that begins with")


@pytest.mark.parametrize("bent", ["", "nonsense"])
def test_certificates_that_are_none_are_refused(logged, authority, settings, tmp_path, bent):
    logged(1)
    settings.EXPUNGE_TSA_CERTIFICATES = str(tmp_path / "certificates")
    refused("EXPUNGE_TSA_CERTIFICATES: not a file of PEM certificates")

    (tmp_path / "certificates").write_text(bent)
    refused("EXPUNGE_TSA_CERTIFICATES: not a file of PEM certificates")


def test_a_head_that_was_changed_after_its_stamp_does_not_verify(
    logged, authority, superuser, keys
):
    logged(3)
    timestamps.stamp(at=NOON)
    assert verify().ok

    superuser("UPDATE ledger_headtimestamp SET stamped_at = stamped_at - interval '1 day'")
    assert verify().first_difference == (
        "timestamp of tree head 3: its time is not the authority's"
    )

    note = TreeHead.objects.get().note
    superuser("UPDATE ledger_treehead SET note = %s", note[: note.rindex("\u2014")])
    (keys / "log.head").unlink()
    assert verify().first_difference == (
        "timestamp of tree head 3: the timestamp does not verify (Mismatch between messages)"
    )


def test_a_stamp_of_a_head_that_is_not_there_does_not_verify(logged, authority, superuser):
    logged(3)
    timestamps.stamp(at=NOON)
    superuser("UPDATE ledger_headtimestamp SET head_id = 2")

    assert verify().first_difference == "timestamp of tree head 2: there is no such head"


def test_without_certificates_stamps_are_not_judged(logged, authority, settings):
    logged(3)
    timestamps.stamp(at=NOON)
    settings.EXPUNGE_TSA_CERTIFICATES = ""

    assert verify().ok


def test_the_newest_stamp_is_of_at_most_so_many_entries(logged, authority):
    assert timestamps.newest() is None
    for size in (3, 2, 4):
        logged(size)
        timestamps.stamp(at=NOON)
    logged(1)

    assert [timestamps.newest(below).head.size for below in (3, 4, 8, 9, 99)] == [3, 3, 5, 9, 9]
    assert timestamps.newest(2) is None
    assert timestamps.newest().head.size == 9


@pytest.mark.parametrize("role", ["origin", "replica"])
def test_a_stamp_cannot_be_updated_or_deleted(logged, authority, role):
    logged(1)
    timestamps.stamp(at=NOON)

    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL session_replication_role = {role}")
        for statement in ("UPDATE ledger_headtimestamp SET token = token", "DELETE FROM"):
            sql = statement if "SET" in statement else f"{statement} ledger_headtimestamp"
            with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
                cursor.execute(sql)


def test_the_task_stamps_what_is_newest_then_and_runs_every_hour(logged, authority):
    logged(1)

    tasks.timestamp.apply(throw=True)

    assert timestamps.newest().made_at <= timezone.now()
    schedule = app.conf.beat_schedule["timestamp"]
    assert (schedule["task"], schedule["schedule"]) == (tasks.timestamp.name, 3600)


def test_the_sequencers_role_may_stamp_and_no_other(roles, logged, authority):
    logged(1)

    for role in (roles.app, roles.reader):
        with (
            acting_as(role),
            pytest.raises(ProgrammingError, match="permission denied"),
        ):
            timestamps.stamp(at=NOON)
    with acting_as(roles.sequencer):
        assert timestamps.stamp(at=NOON)
    with acting_as(roles.reader):
        assert timestamps.newest().head.size == 1
        assert verify().ok


@pytest.mark.django_db(transaction=True)
def test_the_command_stamps_what_waits_and_exits_with_1_without_a_stamp(
    write, authority, settings, capsys
):
    with pytest.raises(CommandError, match="no signed head yet"):
        call_command("timestamp")
    write(2)

    call_command("timestamp")
    call_command("timestamp")

    assert capsys.readouterr().out.count("The head of 2 entries was there at") == 2
    assert len(authority.answers) == 1
    settings.EXPUNGE_TSA = ""
    with pytest.raises(CommandError, match="names no authority"):
        call_command("timestamp")
