"""A stranger reads the whole log over HTTP, and recomputes the root that was signed."""

from threading import Thread
from unittest.mock import MagicMock

import pytest
from django.db import connection
from django.test import Client

from config.demo import stage
from ledger import heads, publishing, sequencer, signing
from ledger.heads import CannotSign
from ledger.models import Entry, TreeHead
from tests.ledger.conftest import NOON
from tests.locks import until_somebody_waits
from verifier import merkle, notes, tlog
from verifier.tlog import Part

pytestmark = pytest.mark.django_db
STRANGER = Client()


def fetch(path):
    """One resource, as anybody gets it."""
    answer = STRANGER.get(f"/log/{path}")
    assert answer.status_code == 200, path
    assert not answer.cookies
    return answer.content


def head(vkey):
    return notes.Checkpoint.parse(notes.verify_note(fetch("checkpoint"), vkey))


def cut(tile):
    return [tile[at : at + 32] for at in range(0, len(tile), 32)]


def read_as_a_stranger(vkey):
    """Everything that a checkpoint of this size promises, checked against its root alone."""
    checkpoint = head(vkey)
    levels, entries = {}, []
    for part in tlog.parts(checkpoint.size):
        content = fetch(part.path)
        if part.level is None:
            entries += tlog.read_bundle(content)
        else:
            assert len(content) == 32 * part.width
            levels.setdefault(part.level, []).extend(cut(content))
    assert [merkle.leaf_hash(each) for each in entries] == levels[0]
    assert len(levels[0]) == checkpoint.size
    assert merkle.root_of(levels[0]) == checkpoint.root
    for level in range(1, max(levels) + 1):
        below = levels[level - 1]
        full = [below[at : at + 256] for at in range(0, len(below) - 255, 256)]
        assert levels[level] == [merkle.root_of(each) for each in full]
    return entries


@pytest.mark.parametrize("size", [1, 255, 256, 257, 513])
def test_a_stranger_can_recompute_the_root_from_what_is_public(logged, size):
    logged(size)

    entries = read_as_a_stranger(signing.vkey())

    bodies = Entry.objects.order_by("index").values_list("body", flat=True)
    assert entries == [bytes(body) for body in bodies]


def test_an_empty_log_publishes_nothing():
    heads.sign(at=NOON)

    assert STRANGER.get("/log/checkpoint").status_code == 404
    assert not publishing.folder().exists()


def test_a_log_that_grows_stays_readable_at_each_checkpoint(logged):
    for count in (1, 254, 1, 1, 256):
        logged(count)
        read_as_a_stranger(signing.vkey())

    assert TreeHead.objects.count() == 5


def test_partial_tiles_go_when_the_full_one_is_there_and_not_before(logged):
    logged(200)
    logged(5)
    assert fetch("tile/0/000.p/200") == fetch("tile/0/000.p/205")[: 200 * 32]

    logged(60)

    assert len(fetch("tile/0/000")) == 8192
    for gone in ("tile/0/000.p/200", "tile/0/000.p/205", "tile/entries/000.p/200"):
        assert STRANGER.get(f"/log/{gone}").status_code == 404


def test_what_never_changes_is_cached_and_the_checkpoint_is_not(logged):
    logged(1)

    tile, checkpoint = STRANGER.get("/log/tile/0/000.p/1"), STRANGER.get("/log/checkpoint")

    assert tile["Content-Type"] == "application/octet-stream"
    assert "immutable" in tile["Cache-Control"]
    assert checkpoint["Content-Type"] == "text/plain; charset=utf-8"
    assert checkpoint["Cache-Control"] == "public, max-age=1"


def test_a_web_server_of_another_user_can_read_it(logged):
    logged(1)

    for path in ("checkpoint", "tile/0/000.p/1", "tile/entries/000.p/1"):
        assert (publishing.folder() / path).stat().st_mode & 0o777 == 0o644


def test_nobody_can_write_over_http(logged):
    logged(1)

    for method in ("post", "put", "patch", "delete"):
        assert getattr(STRANGER, method)("/log/checkpoint").status_code == 405
    assert STRANGER.head("/log/checkpoint").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "",
        "checkpoint/",
        "tile/0",
        "tile/0/000.p",
        "tile/0/000.p/0",
        "tile/0/000.p/01",
        "tile/0/000.p/256",
        "tile/00/000.p/1",
        "tile/64/000.p/1",
        "tile/0/x000/000.p/1",
        "tile/0/0",
        "tile/0/٠٠٠.p/1",
        "tile/0/../0/000.p/1",
        "../log/checkpoint",
        "%2e%2e/log/checkpoint",
        "..%2flog%2fcheckpoint",
        ".checkpoint.1.0",
        "checkpoint%00",
        "checkpoint%0a",
    ],
)
def test_a_path_has_one_spelling_and_leads_nowhere_else(logged, path):
    logged(1)
    (publishing.folder() / ".checkpoint.1.0").write_text("a draft")

    assert STRANGER.get(f"/log/{path}").status_code == 404


def test_the_published_example_of_tlog_tiles():
    """A tree of size 70,000, and tile 1234067, as the document counts them."""
    found = [part for part in tlog.parts(70_000) if part.level is not None]

    assert sum(part == Part(0, part.n) for part in found) == 273
    assert [part for part in found if part.width < 256] == [
        Part(0, 273, 112),
        Part(1, 1, 17),
        Part(2, 0, 1),
    ]
    assert Part(1, 0) in found
    assert [*tlog.parts(256)][-1] == Part(1, 0, 1)
    assert Part(0, 1_234_067).path == "tile/0/x001/x234/067"
    assert Part(63, 5, 17).path == "tile/63/005.p/17"
    assert Part(None, 1000, 1).path == "tile/entries/x001/000.p/1"


def test_what_was_published_is_not_published_again():
    for before, size in ((0, 1), (1, 255), (255, 256), (256, 70_000), (300, 511), (5, 5)):
        new = {*tlog.parts(size, before=before)}

        assert new == {*tlog.parts(size)} - {*tlog.parts(before)}


@pytest.mark.parametrize("bent", [b"", b"\0", b"\0\2a", b"\0\1a\0", b"\0\1a" * 257])
def test_a_bundle_that_ends_within_an_entry_is_refused(bent):
    with pytest.raises(tlog.BadLog):
        tlog.read_bundle(bent)


def test_a_bundle_is_lengths_and_entries():
    assert tlog.bundle([b"ab", b"c" * 256]) == b"\0\2ab\1\0" + b"c" * 256
    assert tlog.read_bundle(tlog.bundle([b"", b"x" * 65_535])) == [b"", b"x" * 65_535]
    for bad in ([], [b"x" * 65_536], [b"x"] * 257):
        with pytest.raises(tlog.BadLog):
            tlog.bundle(bad)


def test_a_checkpoint_never_goes_back(logged, write, keys, superuser):
    """As a database that was restored, with its signer's memory, would have it."""
    logged(3)
    logged(2)
    public = publishing.published()
    superuser("DELETE FROM ledger_treehead WHERE size = 5")
    (keys / "log.head").unlink()
    superuser("DELETE FROM ledger_entry WHERE index >= 3")
    superuser(
        "UPDATE ledger_sequencerstate SET next_index = 3, root = %s",
        bytes(TreeHead.objects.get().root),
    )

    with pytest.raises(CannotSign, match="size 5 is public, and the newest head has 3"):
        heads.sign(at=NOON)
    write(4)
    sequencer.drain_all()
    with pytest.raises(CannotSign, match="rewritten below 5, which is public"):
        heads.sign(at=NOON)
    assert publishing.published() == public


def test_what_is_public_is_made_public_once(logged):
    logged(1)
    assert not publishing.publish()

    (publishing.folder() / "checkpoint").unlink()

    assert publishing.publish()
    assert not publishing.publish()


@pytest.mark.django_db(transaction=True)
def test_of_two_who_publish_at_once_the_smaller_head_does_not_come_last(logged):
    """The first has read its head when the other one signs and publishes a larger one."""
    logged(3)
    (publishing.folder() / "checkpoint").unlink()
    threads = []

    def grow():
        try:
            logged(2)
        finally:
            connection.close()

    def meanwhile(execute, statement, params, many, context):
        result = execute(statement, params, many, context)
        if not threads and 'FROM "ledger_treehead"' in statement:
            threads.append(Thread(target=grow))
            threads[0].start()
            until_somebody_waits(or_=lambda: not threads[0].is_alive())
        return result

    with connection.execute_wrapper(meanwhile):
        assert publishing.publish()
    threads[0].join()

    assert head(signing.vkey()).size == 5


def test_another_logs_files_are_not_written_over(logged, keys):
    logged(1)
    stranger = notes.Signer(signing.signer().name, signing.Ed25519PrivateKey.generate())
    other = notes.sign_note(notes.Checkpoint("expunge.local/log", 9, b"r" * 32).text(), stranger)
    (publishing.folder() / "checkpoint").write_text(other)

    with pytest.raises(CannotSign, match="not one of ours"):
        logged(1)
    assert publishing.published() == other


def test_a_checkpoint_comes_after_all_that_it_covers(logged, write, monkeypatch):
    """A reader of a checkpoint finds every tile, whenever the publisher died."""
    logged(3)
    public = publishing.published()
    write(300)
    sequencer.drain_all()
    written = []

    def die(part):
        written.append(part)
        if len(written) == 4:
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(publishing, "_write", die)
        with pytest.raises(CannotSign, match="cannot be written: No space left"):
            heads.sign(at=NOON)
    assert publishing.published() == public

    assert heads.sign(at=NOON) is None

    assert head(signing.vkey()).size == 303
    read_as_a_stranger(signing.vkey())


@pytest.mark.django_db(transaction=True)
def test_the_next_demos_log_is_published_from_its_beginning(logged, monkeypatch):
    """What is left of the dropped log would keep the new one from ever being public."""
    logged(1)
    monkeypatch.setattr(stage, "connection", MagicMock())

    stage._drop_everything()

    assert not publishing.folder().exists()
