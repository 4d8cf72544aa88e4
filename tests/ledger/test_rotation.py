"""One key takes over from another, and whoever knew either follows; a retired one is worthless."""

import re

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from django.conf import settings as installation
from django.core.management import CommandError, call_command

from ledger import earlier, heads, log, memory, publishing, rotation, sequencer, signing
from ledger.heads import CannotSign
from ledger.kinds import Kind
from ledger.models import Outbox, TreeHead
from ledger.rotation import CannotRotate
from ledger.verify import verify
from tests.ledger.conftest import NOON
from verifier import notes

pytestmark = pytest.mark.django_db
DOC = (installation.ROOT / "docs" / "log-format.md").read_text()


def begin():
    return rotation.begin(actor="test", at=NOON)


def finish():
    return rotation.finish(actor="test", at=NOON)


def sign():
    sequencer.drain_all()
    return heads.sign(at=NOON)


def by(head, *vkeys):
    """Which of these keys signed a head."""
    return {*notes.signed_by(head.note, *vkeys)[1]}


@pytest.fixture
def old(logged):
    """The first key, of a log with a head."""
    logged(3)
    return signing.vkey()


@pytest.fixture
def new(old):
    """The key that takes over: both sign, and the head that says so is public."""
    vkey = begin()
    sign()
    return vkey


def events(vkey):
    target = f"ledger.LogKey:{vkey.split('+')[1]}"
    return [(each.kind, each.facts.get("key")) for each in log.history(target)]


def test_both_keys_sign_from_the_first_step_on_and_the_new_one_after_the_second(old, new, logged):
    assert new.split("+")[0] == old.split("+")[0] == installation.EXPUNGE_ORIGIN
    assert signing.vkeys() == (old, new)
    logged(2)
    assert all(by(head, old, new) == {old, new} for head in TreeHead.objects.filter(size__gt=3))

    assert finish() == old

    assert signing.vkeys() == (new,)
    last = TreeHead.objects.order_by("-size").first().size
    assert by(sign(), old, new) == {new}
    assert earlier.retired() == {old: last}


def test_the_log_tells_auditors_of_each_step(old, new):
    finish()
    sign()

    assert events(new) == [(Kind.LOG_KEY_ADDED, new)]
    assert events(old) == [(Kind.LOG_KEY_RETIRED, old)]
    (retired,) = log.history(f"ledger.LogKey:{old.split('+')[1]}")
    assert retired.facts["size"] == "4"
    assert retired.index == 4


def test_the_quantum_safe_key_takes_over_with_it(old, logged):
    before = signing.second_vkey()
    begin()
    both = signing.second_vkey().split()
    assert both[0] == before
    assert len(both) == 2
    assert by(sign(), *both) == {*both}

    finish()

    assert signing.second_vkey() == both[1]
    assert by(sign(), *both) == {both[1]}
    (added,) = log.history(f"ledger.LogKey:{signing.vkey().split('+')[1]}")
    assert added.facts["second"] == both[1]


def test_a_log_without_mldsa_in_its_openssl_rotates_its_one_key(logged, monkeypatch):
    def unsupported(*_):
        raise UnsupportedAlgorithm("ML-DSA-44")

    monkeypatch.setattr(signing.MLDSA44PrivateKey, "generate", unsupported)
    logged(1)
    new = begin()
    sign()
    finish()
    head = sign()

    assert by(head, new) == {new}
    assert head.note.count("\u2014") == 1
    assert verify().ok


def test_an_auditor_with_the_old_key_follows_through_the_overlap(old, new, logged):
    logged(2)
    assert verify(vkey=old).first_difference is None

    finish()
    sign()

    assert verify(vkey=old).first_difference == "tree head 7: note: no known key signed it"


def test_an_auditor_with_the_new_key_follows_from_the_overlap_on(old, new, logged):
    assert verify(vkey=new).first_difference is None
    finish()
    logged(2)

    report = verify(vkey=new)

    assert (report.first_difference, report.heads) == (None, 3)
    assert verify().ok


def test_an_auditor_who_knows_neither_key_is_not_satisfied_at_any_time(old, stranger):
    """Not even right after the last step, when the newest head is one that the old key signed."""

    def said():
        return verify(vkey=stranger.vkey).first_difference

    assert said() == "tree head 3: note: no known key signed it"
    begin()
    sign()
    assert said() == "tree head 4: note: no known key signed it"
    finish()
    assert said() == "tree head 4: note: no known key signed it"
    sign()
    assert said() == "tree head 5: note: no known key signed it"


@pytest.fixture
def stranger():
    key = signing.Ed25519PrivateKey.generate()
    return notes.Signer(installation.EXPUNGE_ORIGIN, key)


def test_a_reader_of_the_public_checkpoint_needs_just_one_of_the_keys(old, new):
    checkpoint = publishing.published()

    assert notes.verify_note(checkpoint, old) == notes.verify_note(checkpoint, new)


@pytest.fixture
def stolen(old, new, write, keys):
    """What somebody makes with a retired key that they had copied."""
    thief = signing.signer()
    assert thief.vkey == old
    finish()
    write(2)
    sequencer.drain_all()
    assert (keys / "log.key").read_text().split("+")[3] == new.split("+")[1]
    return thief


def forged(thief):
    """The log as it is now, under the retired key alone."""
    state = sequencer.SequencerState.objects.get()
    checkpoint = notes.Checkpoint(thief.name, state.next_index, bytes(state.root))
    return checkpoint, notes.sign_note(checkpoint.text(), thief)


def insert(checkpoint, note):
    TreeHead.objects.create(size=checkpoint.size, root=checkpoint.root, note=note, signed_at=NOON)


def test_a_stolen_retired_key_signs_no_head_that_counts(stolen, old):
    checkpoint, note = forged(stolen)
    insert(checkpoint, note)

    with pytest.raises(CannotSign, match="the head of size 7 is not one of ours"):
        sign()
    for noted in (None, old):
        assert verify(vkey=noted).first_difference == ("tree head 7: note: no known key signed it")


def test_a_stolen_retired_key_signs_no_checkpoint_and_no_memory_that_count(stolen):
    _, note = forged(stolen)
    public, kept = publishing.published(), memory.note()

    (publishing.folder() / "checkpoint").write_text(note)
    with pytest.raises(CannotSign, match="public checkpoint is not one of ours"):
        sign()
    (publishing.folder() / "checkpoint").write_text(public)
    memory.keep(note)
    with pytest.raises(CannotSign, match=r"log\.head is not one of ours"):
        sign()
    memory.keep(kept)

    sign()
    assert verify().ok


def test_a_head_that_the_earlier_key_signed_last_is_extended(old, new, keys):
    """A public checkpoint of before the overlap, which a publisher that was down has left."""
    only = next(
        head.note for head in TreeHead.objects.order_by("size") if by(head, old, new) == {old}
    )
    finish()
    (publishing.folder() / "checkpoint").write_text(only)

    sign()

    assert notes.verify_note(publishing.published(), new)
    assert verify().ok


def test_keys_are_rotated_again_and_again(old, logged):
    for _ in range(3):
        begin()
        sign()
        finish()
        logged(1)

    assert len(earlier.retired()) == 3
    assert verify().first_difference is None
    assert verify(vkey=signing.vkey()).ok
    assert not verify(vkey=old).ok


def test_steps_come_one_after_the_other(logged):
    with pytest.raises(CannotRotate, match="no signed head yet"):
        begin()
    logged(1)
    with pytest.raises(CannotRotate, match="no rotation is under way"):
        finish()
    begin()
    with pytest.raises(CannotRotate, match="under way"):
        begin()
    with pytest.raises(CannotRotate, match="signed by the new key yet"):
        finish()
    sign()
    finish()
    with pytest.raises(CannotRotate, match="no rotation is under way"):
        finish()


def test_a_key_is_not_retired_before_the_public_saw_it_vouch_for_the_next(old, new, logged):
    """Whoever knows the old key alone must have had a head that both signed."""
    note = TreeHead.objects.get(size=3).note
    (publishing.folder() / "checkpoint").write_text(note)

    with pytest.raises(CannotRotate, match="no public head that both keys signed"):
        finish()
    assert signing.vkeys() == (old, new)


@pytest.mark.parametrize("bent", ["nonsense\n", "12\n", "-1 a\n", "x a\n", "\u0663 a\n"])
def test_a_list_of_earlier_keys_that_cannot_be_read_is_refused(old, keys, bent):
    (keys / "log.earlier").write_text(bent)

    with pytest.raises(signing.BadLogKey, match=r"log\.earlier"):
        earlier.retired()


def test_another_logs_public_key_is_not_written_over(old, keys, stranger):
    """A key in common says that the file is this log's; without one a person must look."""
    (keys / "log.pub").write_text(stranger.vkey + "\n")

    signing.signers()

    assert signing.vkeys() == (stranger.vkey,)


def test_private_keys_are_their_owners_alone(old, keys):
    begin()

    for name in ("log.key", "log.next", "log.key2", "log.next2"):
        assert (keys / name).stat().st_mode & 0o777 == 0o600


@pytest.mark.django_db(transaction=True)
def test_the_command_takes_both_steps_and_says_what_comes_next(old, capsys):
    call_command("rotate_log_key")
    said = capsys.readouterr().out
    new = signing.vkeys()[1]
    assert new in said
    assert "--finish" in said
    with pytest.raises(CommandError, match="under way"):
        call_command("rotate_log_key")

    call_command("rotate_log_key", finish=True)

    assert old in capsys.readouterr().out
    assert signing.vkeys() == (new,)
    assert not Outbox.objects.exists()
    assert verify(vkey=new).ok


@pytest.mark.django_db(transaction=True)
def test_a_log_that_has_nothing_new_is_not_hashed_again_each_second(old, monkeypatch):
    def root_at(_):
        raise AssertionError("the root was computed again")

    monkeypatch.setattr(publishing.tiles, "root_at", root_at)

    assert publishing.publish() is False


def test_the_document_names_the_files_of_a_rotation(old, new, keys):
    finish()
    begin()

    named = {*re.findall(r"`(?:keys/)?(log\.\w+)`", DOC)}
    assert named == {*signing.KEYS, *signing.ROTATED} == {each.name for each in keys.iterdir()}
    assert named < {*signing.FILES}
