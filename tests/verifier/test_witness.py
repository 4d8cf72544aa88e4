"""A witness cosigns what extends the last head it saw, and nothing else, whoever asks."""

import base64
import stat
import subprocess
import sys
import urllib.error
import urllib.request

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings

from verifier import merkle, notes, witness
from verifier.notes import Checkpoint, Signer
from verifier.witness import BadWitness, Witness

LOG = Signer("example.com/log", Ed25519PrivateKey.from_private_bytes(b"l" * 32))
STRANGER = Signer("example.com/log", Ed25519PrivateKey.from_private_bytes(b"s" * 32))
LEAVES = [merkle.leaf_hash(bytes([n])) for n in range(20)]
AT = 1_700_000_000


def checkpoint(size, *, leaves=LEAVES, signer=LOG, origin="example.com/log"):
    return notes.sign_note(Checkpoint(origin, size, merkle.root_of(leaves[:size])).text(), signer)


def body(old, note, proof=()):
    lines = [f"old {old}", *(base64.b64encode(each).decode() for each in proof), "", note]
    return "\n".join(lines).encode()


def growth(old, new):
    return body(old, checkpoint(new), merkle.consistency_proof(LEAVES[:new], old))


@pytest.fixture
def watch(tmp_path):
    """A witness of the log, closed when the test ends; asked again, it starts anew."""
    made = []

    def start(*vkeys):
        for each in made:
            each.close()
        made[:] = [Witness(tmp_path / "w", name="w.example/1", vkeys=vkeys or [LOG.vkey])]
        return made[0]

    yield start
    made[0].close()


def test_a_log_that_grows_is_cosigned(watch):
    found = watch()

    for request in (body(0, checkpoint(3)), growth(3, 7), growth(7, 7), growth(7, 20)):
        answer = found.add_checkpoint(request, at=AT)
        note = request.decode().split("\n\n", 1)[1] + answer.body
        assert answer.status == 200
        assert notes.signed_by(note, LOG.vkey, found.vkey)[1] == {LOG.vkey: None, found.vkey: AT}


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"\xff", 400),
        (b"", 400),
        (growth(7, 9).replace(b"old 7", b"old 07"), 400),
        (growth(7, 9).replace(b"old 7", b"OLD 7"), 400),
        (growth(7, 9).replace(b"old 7", b"old 10"), 400),
        (growth(7, 9).replace(b"old 7\n", b"old 7\n!\n"), 400),
        (growth(7, 9).replace(b"old 7\n", b"old 7\nAA==\n"), 400),
        (growth(7, 9).replace(b"old 7\n", b"old 7\n" + b"A" * 43 + b"=\n" * 64), 400),
        (body(7, checkpoint(9, signer=STRANGER)), 403),
        (growth(7, 9).replace(b"\n9\n", b"\n8\n"), 403),
        (growth(7, 9).replace(b"example.com/log\n9", b"example.com/gol\n9"), 404),
        (body(0, checkpoint(9)), 409),
        (body(7, checkpoint(7, leaves=LEAVES[::-1])), 409),
        (growth(6, 9), 409),
        (body(7, checkpoint(9)), 422),
        (body(7, checkpoint(9, leaves=LEAVES[::-1]), merkle.consistency_proof(LEAVES[:9], 7)), 422),
        (body(7, checkpoint(7), [LEAVES[0]]), 422),
    ],
)
def test_what_is_no_growth_is_refused_and_nothing_is_remembered(watch, request_, status):
    found = watch()
    assert found.add_checkpoint(body(0, checkpoint(7)), at=AT).status == 200

    answer = found.add_checkpoint(request_, at=AT)

    assert answer.status == status
    assert "\u2014" not in answer.body
    if status == 409:
        assert (answer.body, answer.content_type) == ("7\n", "text/x.tlog.size")
    assert found.add_checkpoint(growth(7, 9), at=AT).status == 200


def test_a_witness_remembers_over_a_restart_and_keeps_its_key_to_itself(watch, tmp_path):
    found = watch()
    vkey = found.vkey
    found.add_checkpoint(body(0, checkpoint(7)), at=AT)

    again = watch(LOG.vkey, STRANGER.vkey)

    assert again.vkey == vkey
    assert again.add_checkpoint(body(0, checkpoint(5)), at=AT).body == "7\n"
    assert stat.S_IMODE((tmp_path / "w" / "witness.key").stat().st_mode) == 0o600
    with pytest.raises(BadWitness, match="another process"):
        Witness(tmp_path / "w", name="w.example/1", vkeys=[LOG.vkey])


def test_a_head_is_on_disk_before_it_is_cosigned(watch, monkeypatch):
    found = watch()
    found.add_checkpoint(body(0, checkpoint(7)), at=AT)

    def fail(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(witness, "_keep", fail)
        with pytest.raises(OSError, match="No space"):
            found.add_checkpoint(growth(7, 9), at=AT)
    assert found.add_checkpoint(growth(7, 8), at=AT).status == 200


def test_a_second_party_can_run_one(tmp_path):
    command = [sys.executable, str(settings.ROOT / "manage.py"), "witness", "--bind", "127.0.0.1:0"]
    command += ["--folder", str(tmp_path / "w"), "--name", "w.example/1", "--log", LOG.vkey]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            vkey, url = (process.stdout.readline().strip() for _ in range(2))
            note = checkpoint(7)
            with urllib.request.urlopen(f"{url}/add-checkpoint", body(0, note), timeout=20) as got:
                assert notes.signed_by(note + got.read().decode(), vkey)[1].keys() == {vkey}
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(f"{url}/add-checkpoint", body(0, note), timeout=20)
            with refused.value as answer:
                assert (answer.status, answer.read()) == (409, b"7\n")
                assert answer.headers["Content-Type"] == "text/x.tlog.size"
        finally:
            process.terminate()
            process.wait(timeout=20)
