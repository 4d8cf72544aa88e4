"""A tree head is signed once, forwards only, with a key that stays where it is."""

import shutil
import stat
from multiprocessing.pool import ThreadPool

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from django.db import transaction

from ledger import heads, proofs, sequencer, signing, tiles
from ledger.heads import CannotSign
from ledger.models import Entry, SequencerState, TreeHead
from ledger.signing import BadLogKey
from tests.ledger.conftest import NOON
from verifier import merkle, notes

pytestmark = pytest.mark.django_db


def test_an_empty_log_is_not_signed(keys):
    assert heads.sign(at=NOON) is None
    sequencer.drain()
    assert heads.sign(at=NOON) is None
    assert not keys.exists()


def test_a_head_is_a_checkpoint_that_the_handed_out_key_verifies(write, settings, keys):
    write(3)
    sequencer.drain_all()

    head = heads.sign(at=NOON)

    checkpoint = notes.Checkpoint.parse(
        notes.verify_note(head.note, (keys / "log.pub").read_text().strip())
    )
    leaves = [bytes(each.leaf_hash) for each in Entry.objects.order_by("index")]
    assert checkpoint == notes.Checkpoint(settings.EXPUNGE_ORIGIN, 3, merkle.root_of(leaves))
    assert (head.size, bytes(head.root), head.signed_at) == (3, checkpoint.root, NOON)


def test_a_log_that_has_not_grown_is_not_signed_again(logged):
    logged(3)

    assert heads.sign(at=NOON) is None
    assert TreeHead.objects.count() == 1


def test_each_head_extends_the_one_before(logged):
    for count in (1, 2, 300):
        logged(count)

    old, new = TreeHead.objects.order_by("size")[1:3]
    assert (old.size, new.size) == (3, 303)
    merkle.verify_consistency(
        first=old.size,
        second=new.size,
        proof=proofs.consistency(old.size, new.size),
        first_root=bytes(old.root),
        second_root=bytes(new.root),
    )


def test_a_log_that_shrank_is_not_signed(logged, superuser):
    logged(5)
    root = tiles.root_at(3)
    superuser("DELETE FROM ledger_entry WHERE index >= 3")
    superuser("UPDATE ledger_sequencerstate SET next_index = 3, root = %s", root)

    with pytest.raises(CannotSign, match="has 3 entries, and a head of size 5"):
        heads.sign(at=NOON)


def test_a_log_that_lost_everything_is_not_signed(logged, superuser):
    logged(5)
    superuser("DELETE FROM ledger_entry; DELETE FROM ledger_sequencerstate")

    with pytest.raises(CannotSign, match="has 0 entries"):
        heads.sign(at=NOON)


def test_a_log_that_was_cut_and_grew_again_is_not_signed(logged, write, superuser, monkeypatch):
    """By a sequencer of the attacker's: ours does not go on from there."""
    logged(5)
    root = tiles.root_at(3)
    superuser("DELETE FROM ledger_entry WHERE index >= 3")
    superuser("UPDATE ledger_sequencerstate SET next_index = 3, root = %s", root)
    write(4)
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(sequencer.memory, "size", lambda: 0)
        sequencer.drain_all()

    with pytest.raises(CannotSign, match="rewritten below 5"):
        heads.sign(at=NOON)

    assert TreeHead.objects.count() == 1


def rewrite(superuser, size):
    """Put another hash in place of entry 1, and make the state row agree."""
    superuser("UPDATE ledger_entry SET leaf_hash = sha256('x') WHERE index = 1")
    superuser("UPDATE ledger_sequencerstate SET root = %s", tiles.root_at(size))


def test_a_log_that_was_rewritten_is_not_signed(logged, write, superuser):
    logged(5)
    rewrite(superuser, 5)

    with pytest.raises(CannotSign, match="rewritten below 5"):
        heads.sign(at=NOON)

    write(2)
    sequencer.drain_all()
    with pytest.raises(CannotSign, match="rewritten below 5"):
        heads.sign(at=NOON)


def test_a_state_row_that_its_entries_do_not_lead_to_is_not_signed(logged, write, superuser):
    logged(5)
    write(2)
    sequencer.drain_all()
    superuser("UPDATE ledger_sequencerstate SET root = sha256('x')")

    with pytest.raises(CannotSign, match="do not lead to"):
        heads.sign(at=NOON)


def test_missing_entries_are_not_signed(logged, write, superuser):
    logged(5)
    write(2)
    sequencer.drain_all()
    superuser("DELETE FROM ledger_entry WHERE index = 6")

    with pytest.raises(CannotSign, match="are missing"):
        heads.sign(at=NOON)


def test_a_head_that_somebody_else_signed_is_not_extended(logged, write, superuser, keys):
    logged(5)
    shutil.rmtree(keys)
    write(1)
    sequencer.drain_all()

    with pytest.raises(CannotSign, match="not one of ours"):
        heads.sign(at=NOON)


def test_a_head_whose_columns_were_edited_is_not_extended(logged, superuser):
    logged(5)
    superuser("UPDATE ledger_treehead SET size = 4")

    with pytest.raises(CannotSign, match="not what was signed"):
        heads.sign(at=NOON)


@pytest.mark.django_db(transaction=True)
def test_what_is_not_committed_is_not_signed():
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        heads.sign(at=NOON)

    assert not SequencerState.objects.exists()


def test_the_key_is_its_owners_alone_and_is_made_once(keys):
    first = signing.signer()

    assert signing.signer().vkey == first.vkey == signing.vkey()
    assert stat.S_IMODE((keys / "log.key").stat().st_mode) == 0o600
    assert stat.S_IMODE(keys.stat().st_mode) == 0o700
    assert sorted(each.name for each in keys.iterdir()) == ["log.key", "log.pub"]


def test_many_that_make_the_key_at_once_get_the_same_one():
    with ThreadPool(8) as pool:
        made = pool.map(lambda _: signing.signer().vkey, range(8))

    assert len(set(made)) == 1


def test_a_lost_public_file_is_written_again(keys):
    vkey = signing.signer().vkey
    (keys / "log.pub").unlink()

    signing.signer()

    assert signing.vkey() == vkey


@pytest.mark.parametrize("left", ["log.pub", "log.head"])
def test_a_lost_key_is_not_made_anew(logged, keys, left):
    """A log that goes on under another key looks like a forgery to whoever noted the old one."""
    logged(1)
    for each in {*signing.KEYS} - {left}:
        (keys / each).unlink()

    with pytest.raises(BadLogKey, match=rf"log\.key: is gone, and {left} is here"):
        signing.signer()
    assert [each.name for each in keys.iterdir()] == [left]


def test_the_key_of_another_origin_is_refused(settings):
    signing.signer()
    settings.EXPUNGE_ORIGIN = "another.example/log"

    with pytest.raises(BadLogKey, match=r"this log is another\.example/log"):
        signing.signer()


@pytest.mark.parametrize("bent", ["", "nonsense", "a+b+c", "a+b+AAAA"])
def test_a_key_file_that_holds_no_key_is_refused_and_kept(keys, bent):
    signing.signer()
    (keys / "log.key").write_text(bent)

    with pytest.raises(BadLogKey, match="not a signing key"):
        signing.signer()
    assert (keys / "log.key").read_text() == bent


def test_a_key_file_with_the_wrong_id_is_refused(keys):
    signing.signer()
    id_ = signing.vkey().split("+")[1]
    text = (keys / "log.key").read_text()
    (keys / "log.key").write_text(text.replace(f"+{id_}+", f"+{int(id_, 16) ^ 1:08x}+"))

    with pytest.raises(BadLogKey, match="not the one it says"):
        signing.signer()


def test_each_head_is_signed_a_second_time_with_a_key_that_outlives_ed25519(logged, keys):
    logged(3)

    note = TreeHead.objects.get().note

    ours = {signing.vkey(): None, signing.second_vkey(): int(NOON.timestamp())}
    assert notes.signed_by(note, *ours)[1] == ours
    assert signing.second_vkey().startswith("expunge.local/log+")
    assert stat.S_IMODE((keys / "log.key2").stat().st_mode) == 0o600
    assert (keys / "log.pub2").read_text().strip() == signing.second().vkey


def test_a_lost_second_key_is_not_made_anew(logged, keys, write):
    logged(1)
    (keys / "log.key2").unlink()
    write(1)
    sequencer.drain_all()

    with pytest.raises(BadLogKey, match=r"log\.key2: is gone, and log\.pub2 is here"):
        heads.sign(at=NOON)
    assert TreeHead.objects.count() == 1


def test_a_log_without_mldsa_in_its_openssl_has_one_signature(logged, monkeypatch):
    def unsupported(*_):
        raise UnsupportedAlgorithm("ML-DSA-44")

    monkeypatch.setattr(signing.MLDSA44PrivateKey, "generate", unsupported)

    logged(1)

    note = TreeHead.objects.get().note
    assert notes.verify_note(note, signing.vkey())
    assert signing.second_vkey() is None
    assert note.count("\u2014") == 1
