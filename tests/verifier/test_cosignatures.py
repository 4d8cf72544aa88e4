"""Cosignatures, byte for byte: C2SP's tlog-cosignature, by examples of others and by hand."""

import base64
import hashlib
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from verifier import notes
from verifier.notes import BadNote, Checkpoint, Cosigner, Signer

# A checkpoint that filippo.io/torchwood signed, from litewitness' own tests (mldsa.txt).
VKEY, TORCHWOOD = (
    (Path(__file__).parent / "vectors" / "mldsa44-checkpoint.txt").read_text().split("\n\n", 1)
)
# A key of remora.n621.de, from transparency-dev/formats.
REMORA = "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2"
LOG = Signer("example.com/log", Ed25519PrivateKey.from_private_bytes(b"l" * 32))
ONE = Cosigner("witness.example/w1", Ed25519PrivateKey.from_private_bytes(b"1" * 32))
TWO = Cosigner("witness.example/w2", MLDSA44PrivateKey.from_seed_bytes(b"2" * 32))
ROOT = bytes(range(32))
TEXT = Checkpoint("example.com/log", 1234, ROOT).text()
AT = 1_679_315_147
BOTH = pytest.mark.parametrize("cosigner", [ONE, TWO], ids=["Ed25519", "ML-DSA-44"])


def raw_of(line):
    return base64.b64decode(line.rstrip("\n").rsplit(" ", 1)[1])


def test_a_checkpoint_that_torchwood_signed_with_mldsa44_verifies():
    text, signed = notes.signed_by(TORCHWOOD, VKEY)

    assert Checkpoint.parse(text).origin == "example.com/mldsa-log"
    assert signed == {VKEY: 0}
    with pytest.raises(BadNote, match="is wrong"):
        notes.verify_note(TORCHWOOD.replace("\n1\n", "\n2\n"), VKEY)


def test_the_key_ids_are_those_of_other_implementations():
    assert notes.parse_vkey(REMORA)[:2] == ("remora.n621.de", bytes.fromhex("da77ade7"))
    assert notes.parse_vkey(VKEY)[1].hex() == "b5df45c5"


def test_an_ed25519_cosignature_is_what_the_document_says():
    raw = raw_of(ONE.line(TEXT, at=AT))
    public = ONE.key.public_key().public_bytes_raw()

    assert raw[:4] == hashlib.sha256(b"witness.example/w1\n\x04" + public).digest()[:4]
    assert raw[4:12] == AT.to_bytes(8, "big")
    Ed25519PublicKey.from_public_bytes(public).verify(
        raw[12:], b"cosignature/v1\ntime 1679315147\n" + TEXT.encode()
    )


def test_an_mldsa44_cosignature_is_what_the_document_says():
    raw = raw_of(TWO.line(TEXT, at=AT))
    public = TWO.key.public_key().public_bytes_raw()

    assert raw[:4] == hashlib.sha256(b"witness.example/w2\n\x06" + public).digest()[:4]
    assert (len(raw), raw[4:12]) == (4 + 8 + 2420, AT.to_bytes(8, "big"))
    message = (
        b"subtree/v1\n\0"
        + b"\x12witness.example/w2"
        + bytes.fromhex("00000000641850cb")
        + b"\x0fexample.com/log"
        + bytes(8)
        + bytes.fromhex("00000000000004d2")
        + ROOT
    )
    key = MLDSA44PublicKey.from_public_bytes(public)
    key.verify(raw[12:], message)
    with pytest.raises(InvalidSignature):
        key.verify(raw[12:], message + b"\0")


@BOTH
def test_a_note_has_the_logs_signature_and_those_who_cosigned(cosigner):
    note = notes.sign_note(TEXT, LOG) + cosigner.line(TEXT, at=AT)

    assert notes.verify_note(note, LOG.vkey) == TEXT
    assert notes.signed_by(note, LOG.vkey, cosigner.vkey) == (
        TEXT,
        {LOG.vkey: None, cosigner.vkey: AT},
    )
    assert notes.signed_by(note) == (TEXT, {})


@BOTH
@pytest.mark.parametrize("at", [0, 4, 11, 12, 60])
def test_a_cosignature_covers_its_time_and_no_byte_of_it_can_be_changed(cosigner, at):
    """But for the key's id: that one is then another key's."""
    raw = bytearray(raw_of(cosigner.line(TEXT, at=AT)))
    raw[at] ^= 1
    note = notes.sign_note(TEXT, LOG) + notes.line_of(cosigner.name, bytes(raw))

    if at == 0:
        assert notes.signed_by(note, cosigner.vkey)[1] == {}
    else:
        with pytest.raises(BadNote, match="is wrong"):
            notes.signed_by(note, LOG.vkey, cosigner.vkey)
    assert notes.verify_note(note, LOG.vkey) == TEXT


@BOTH
@pytest.mark.parametrize("length", [1, 8, 9, 71])
def test_a_cosignature_that_is_cut_short_is_wrong(cosigner, length):
    raw = raw_of(cosigner.line(TEXT, at=AT))
    note = notes.sign_note(TEXT, LOG) + notes.line_of(cosigner.name, raw[: 4 + length])

    with pytest.raises(BadNote, match="is wrong"):
        notes.signed_by(note, cosigner.vkey)


@BOTH
def test_a_cosignature_of_another_checkpoint_rejects_the_note(cosigner):
    other = Checkpoint("example.com/log", 1235, ROOT).text()
    note = notes.sign_note(TEXT, LOG) + cosigner.line(other, at=AT)

    with pytest.raises(BadNote, match=cosigner.name):
        notes.signed_by(note, LOG.vkey, cosigner.vkey)


def test_a_cosignature_is_no_plain_signature_and_the_other_way_round():
    """One private key may make both; each counts for what it is."""
    plain = Signer(ONE.name, ONE.key)
    note = notes.sign_note(TEXT, LOG) + ONE.line(TEXT, at=AT)

    with pytest.raises(BadNote, match="no known key"):
        notes.verify_note(note, plain.vkey)
    with pytest.raises(BadNote, match="no known key"):
        notes.verify_note(notes.sign_note(TEXT, plain), ONE.vkey)


@BOTH
@pytest.mark.parametrize("text", ["no checkpoint\n", TEXT + "extension\n"])
def test_what_a_cosignature_would_not_cover_is_not_cosigned(cosigner, text):
    with pytest.raises(BadNote, match="checkpoint"):
        cosigner.line(text, at=AT)


@BOTH
@pytest.mark.parametrize("at", [-1, 2**63])
def test_a_time_that_is_none_is_not_cosigned(cosigner, at):
    with pytest.raises(BadNote, match="its time"):
        cosigner.line(TEXT, at=at)


def test_a_time_beyond_the_last_one_rejects_the_note():
    raw = raw_of(ONE.line(TEXT, at=AT))
    late = notes.line_of(ONE.name, raw[:4] + b"\xff" * 8 + raw[12:])

    with pytest.raises(BadNote, match="its time"):
        notes.signed_by(notes.sign_note(TEXT, LOG) + late, ONE.vkey)


def test_a_name_too_long_for_its_length_is_not_cosigned_with():
    long = Cosigner("w" * 256, TWO.key)

    with pytest.raises(BadNote, match="255"):
        long.line(TEXT, at=AT)


@pytest.mark.parametrize("kind", [b"\x02", b"\x03", b"\x05", b"\xff", b""])
def test_a_key_of_a_type_that_is_not_known_is_refused(kind):
    public = ONE.key.public_key().public_bytes_raw()
    id_ = notes.key_id(ONE.name, public, kind=kind).hex()
    encoded = base64.b64encode(kind + public).decode()

    with pytest.raises(BadNote, match="neither"):
        notes.parse_vkey(f"{ONE.name}+{id_}+{encoded}")


def test_only_the_lines_of_the_keys_asked_for_are_taken_and_each_once():
    one, two = ONE.line(TEXT, at=AT), TWO.line(TEXT, at=AT)
    note = notes.sign_note(TEXT, LOG) + one + two + one

    assert notes.lines_by(note, ONE.vkey) == [one]
    assert notes.lines_by(note, TWO.vkey, ONE.vkey) == [one, two]
