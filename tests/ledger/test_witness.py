"""What the policy's witnesses have not cosigned is not public: with real ones, in processes."""

import subprocess
import sys

import pytest
from django.conf import settings as installation

from ledger import heads, proofs, publishing, sequencer, signing
from ledger.heads import CannotSign
from ledger.models import TreeHead
from tests.ledger.conftest import NOON
from verifier import notes

pytestmark = pytest.mark.django_db


class Running:
    """A witness in a process of its own."""

    def __init__(self, folder, name):
        self.folder, self.name, self.port = folder, name, 0
        self.start()

    def start(self):
        """Begin, or begin again at the same address."""
        command = [sys.executable, str(installation.ROOT / "manage.py"), "witness"]
        command += ["--folder", str(self.folder), "--name", self.name]
        command += ["--log", signing.signer().vkey, "--bind", f"127.0.0.1:{self.port}"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.vkey, self.url = (self.process.stdout.readline().strip() for _ in range(2))
        self.port = self.url.rpartition(":")[2]

    def stop(self):
        """End it, and wait until it has."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=20)
        self.process.stdout.close()


@pytest.fixture
def witnesses(tmp_path, settings):
    """Two witnesses, either of which is enough."""
    made = [Running(tmp_path / name, f"{name}.example/w") for name in ("one", "two")]
    lines = [f"witness {n} {each.vkey} {each.url}" for n, each in zip("ab", made, strict=True)]
    settings.EXPUNGE_WITNESSES = str(tmp_path / "policy")
    (tmp_path / "policy").write_text("\n".join([*lines, "group g any a b", "quorum g", ""]))
    yield made
    for each in made:
        each.stop()


def test_a_head_is_public_when_the_quorum_cosigned_it_and_not_before(logged, write, witnesses):
    logged(3)
    events = logged(2)
    note = publishing.published()
    vkeys = [each.vkey for each in witnesses]
    assert notes.signed_by(note, signing.vkey(), *vkeys)[1].keys() == {signing.vkey(), *vkeys}
    assert note in proofs.receipt(events[0])

    for each in witnesses:
        each.stop()
    (waiting,) = write(1)
    sequencer.drain_all()
    with pytest.raises(CannotSign, match="quorum of witnesses is not met: a: did not answer"):
        heads.sign(at=NOON)
    assert publishing.published() == note
    assert not (publishing.folder() / "tile/entries/000.p/6").exists()
    with pytest.raises(proofs.NotPublic):
        proofs.receipt(waiting)

    witnesses[0].start()
    heads.sign(at=NOON)

    signed = notes.signed_by(publishing.published(), *vkeys)[1]
    assert signed.keys() == {vkeys[0]}
    assert proofs.receipt(waiting)


def test_a_log_that_its_whole_installation_rewrote_is_not_cosigned(
    logged, witnesses, superuser, keys
):
    """Database, signer's memory and public files: only the witnesses remember."""
    logged(5)
    superuser("DELETE FROM ledger_treehead; DELETE FROM ledger_entry")
    superuser("DELETE FROM ledger_sequencerstate")
    (keys / "log.head").unlink()
    (publishing.folder() / "checkpoint").unlink()

    with pytest.raises(CannotSign, match="has seen 5 entries, and this head has 4"):
        logged(4)
    with pytest.raises(CannotSign, match="a: answered 422; b: answered 422"):
        logged(4)
    assert publishing.published() is None
    assert TreeHead.objects.count() == 2


def test_a_policy_that_cannot_be_read_publishes_nothing(logged, settings, tmp_path):
    settings.EXPUNGE_WITNESSES = str(tmp_path / "policy")

    with pytest.raises(CannotSign, match="EXPUNGE_WITNESSES"):
        logged(1)
    (tmp_path / "policy").write_text("quorum g\n")
    with pytest.raises(CannotSign, match="line 1"):
        logged(1)
    assert publishing.published() is None
