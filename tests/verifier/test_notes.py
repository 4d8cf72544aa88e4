"""Signed notes and checkpoints by their published examples, and by every way to bend them."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from verifier import notes
from verifier.notes import BadNote, Checkpoint, Signer

# C2SP's example.
FOO = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
FOO_NOTE = (
    "This is an example message.\n\n— example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
# golang.org/x/mod, sumdb/note: a key made for its examples, so Ed25519 gives the same signature.
NEUMANN = Signer(
    "PeterNeumann",
    Ed25519PrivateKey.from_private_bytes(
        base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
    ),
)
NEUMANN_TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
NEUMANN_LINE = (
    "— PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
ALICE = Signer("alice.example/log", Ed25519PrivateKey.from_private_bytes(b"a" * 32))
BOB = Signer("bob.example/log", Ed25519PrivateKey.from_private_bytes(b"b" * 32))
ROOT = bytes(range(32))


def test_the_published_note_verifies():
    assert notes.verify_note(FOO_NOTE, FOO) == "This is an example message.\n"
    assert notes.verify_note(FOO_NOTE.encode(), FOO) == "This is an example message.\n"


def test_a_note_is_signed_as_the_published_one():
    assert notes.sign_note(NEUMANN_TEXT, NEUMANN) == f"{NEUMANN_TEXT}\n{NEUMANN_LINE}"
    assert NEUMANN.vkey == "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"


def test_a_text_may_hold_blank_lines():
    text = "one\n\ntwo\n"

    assert notes.verify_note(notes.sign_note(text, ALICE), ALICE.vkey) == text


@given(at=st.integers(0, len(FOO_NOTE.encode()) - 1), turn=st.integers(1, 255))
def test_no_byte_of_a_note_can_be_changed(at, turn):
    raw = bytearray(FOO_NOTE.encode())
    raw[at] ^= turn

    with pytest.raises(BadNote):
        notes.verify_note(bytes(raw), FOO)


def test_unknown_keys_are_ignored():
    note = notes.sign_note("text\n", BOB, ALICE)

    assert notes.verify_note(note, ALICE.vkey) == "text\n"


def test_a_key_of_the_same_name_but_another_id_is_unknown():
    other = Signer(ALICE.name, Ed25519PrivateKey.from_private_bytes(b"c" * 32))

    assert notes.verify_note(notes.sign_note("text\n", other, ALICE), ALICE.vkey) == "text\n"
    with pytest.raises(BadNote, match="no known key"):
        notes.verify_note(notes.sign_note("text\n", other), ALICE.vkey)


def test_either_key_verifies_while_one_takes_over_from_the_other():
    newer = Signer(ALICE.name, Ed25519PrivateKey.from_private_bytes(b"c" * 32))
    note = notes.sign_note("text\n", ALICE, newer)

    assert notes.verify_note(note, ALICE.vkey) == "text\n"
    assert notes.verify_note(note, newer.vkey) == "text\n"


def test_a_known_key_with_a_bad_signature_rejects_the_note():
    """Even if another known key's signature is good."""
    line_of = {each: notes.sign_note("other\n", each).split("\n\n")[1] for each in (ALICE, BOB)}
    note = notes.sign_note("text\n", ALICE) + line_of[BOB]

    with pytest.raises(BadNote, match=r"bob\.example/log is wrong"):
        notes.verify_note(note, ALICE.vkey, BOB.vkey)
    assert notes.verify_note(note, ALICE.vkey) == "text\n"


def test_a_note_without_a_known_signature_is_rejected():
    with pytest.raises(BadNote, match="no known key"):
        notes.verify_note(notes.sign_note("text\n", BOB), ALICE.vkey)
    with pytest.raises(BadNote, match="no known key"):
        notes.verify_note(notes.sign_note("text\n", BOB))


def test_sixteen_signatures_are_accepted_and_a_thousand_are_not():
    line = notes.sign_note("text\n", BOB).split("\n\n")[1]
    note = notes.sign_note("text\n", ALICE)

    assert notes.verify_note(note + line * 15, ALICE.vkey) == "text\n"
    with pytest.raises(BadNote, match="more than"):
        notes.verify_note(note + line * 999, ALICE.vkey)


@pytest.mark.parametrize(
    "bent",
    [
        FOO_NOTE.replace("\n", "\r\n"),
        FOO_NOTE.replace("message.", "message.\t"),
        FOO_NOTE.replace("— ", "- "),
        FOO_NOTE.replace("—", "–"),
        FOO_NOTE.replace("\n\n", "\n"),
        FOO_NOTE.rstrip("\n"),
        FOO_NOTE + "\n",
        FOO_NOTE + "trailing\n",
        FOO_NOTE + "— example.com/foo\n",
        FOO_NOTE + "— a+b AAAAAAA=\n",
        FOO_NOTE + "— a AAAA\n",
        FOO_NOTE.replace("aQM=", "aQN="),  # the same octets, spelt another way
        FOO_NOTE.replace("aQM=", "aQM"),
        FOO_NOTE.replace("aQM=", "aQM=="),
        FOO_NOTE.replace("Uw2Q", "Uw 2Q"),
        FOO_NOTE.replace("Ok", "O-"),
        "This is an example message.\n\n",
        "",
        "\ud800" + FOO_NOTE,
        b"\xff" + FOO_NOTE.encode(),
    ],
)
def test_a_note_has_one_spelling(bent):
    with pytest.raises(BadNote):
        notes.verify_note(bent, FOO)


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "example.com/foo",
        FOO.replace("530d903a", "530d903b"),
        FOO.replace("530d903a", "530D903A"),
        FOO.replace("example.com/foo", "example.com/bar"),
        FOO.replace("+Aek", "+Aeл"),
        FOO.replace("U2k", "U2l"),
        FOO.replace("foo", "f oo"),
        "example.com/foo+530d903a+AuEk",
        f"+{FOO}",
    ],
)
def test_a_bent_verification_key_is_refused(vkey):
    with pytest.raises(BadNote):
        notes.verify_note(FOO_NOTE, vkey)


@pytest.mark.parametrize("text", ["", "no newline", "a\rb\n", "tab\t\n", "\ud800\n"])
def test_a_text_that_no_note_can_hold_is_not_signed(text):
    with pytest.raises(BadNote):
        notes.sign_note(text, ALICE)


def test_a_note_that_nobody_signs_is_not_made():
    with pytest.raises(BadNote, match="a signer"):
        notes.sign_note("text\n")


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u2003b", "a\nb"])
def test_a_name_that_no_key_can_have_is_not_signed_with(name):
    with pytest.raises(BadNote, match="name"):
        notes.sign_note("text\n", Signer(name, ALICE.key))


def test_a_checkpoint_reads_as_it_was_written():
    """The text is C2SP's own example."""
    text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"

    found = Checkpoint.parse(text)

    assert (found.origin, found.size) == ("example.com/behind-the-sofa", 20_852_163)
    assert found.text() == text


@pytest.mark.parametrize(
    "text",
    [
        Checkpoint("o", 7, ROOT).text().replace("7", "07"),
        Checkpoint("o", 7, ROOT).text().replace("7", "+7"),
        Checkpoint("o", 7, ROOT).text().replace("7", "-7"),
        Checkpoint("o", 7, ROOT).text().replace("7", "٧"),
        Checkpoint("o", 7, ROOT).text().replace("7", " 7"),
        Checkpoint("o", 7, ROOT).text().replace("7", "9" * 19 + "9"),
        Checkpoint("o", 7, ROOT).text().replace("7", "9" * 19),
        Checkpoint("o", 7, ROOT).text() + "extension\n",
        Checkpoint("o", 7, ROOT).text() + "\n",
        Checkpoint("o", 7, ROOT).text().rstrip("\n"),
        Checkpoint("o", 7, ROOT).text().replace("=", ""),
        "\n7\n" + base64.b64encode(ROOT).decode() + "\n",
        "o\n7\n" + base64.b64encode(ROOT[:31]).decode() + "\n",
        "o p\n7\n" + base64.b64encode(ROOT).decode() + "\n",
        "",
    ],
)
def test_a_checkpoint_has_one_spelling(text):
    with pytest.raises(BadNote):
        Checkpoint.parse(text)


@pytest.mark.parametrize(("size", "root"), [(-1, ROOT), (2**63, ROOT), (True, ROOT), (1, b"")])
def test_a_checkpoint_of_nothing_real_cannot_be_made(size, root):
    with pytest.raises(BadNote):
        Checkpoint("o", size, root)
