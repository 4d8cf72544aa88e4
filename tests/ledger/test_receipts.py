"""A receipt shows offline, years later, that an event is in the log; and it shows nothing else."""

from uuid import uuid4

import pytest

from ledger import proofs, publishing, sequencer, signing
from ledger.models import Entry
from verifier import merkle, notes, tlog
from verifier.tlog import BadLog, Receipt

pytestmark = pytest.mark.django_db
H1, H2 = merkle.leaf_hash(b"1"), merkle.leaf_hash(b"2")


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257])
def test_every_event_has_a_receipt_that_verifies_without_the_database(logged, size):
    found = logged(size)

    for number in {0, size // 2, size - 1}:
        text = proofs.receipt(found[number])
        entry = bytes(Entry.objects.get(event_id=found[number]).body)

        checkpoint = tlog.verify_receipt(text, entry=entry, vkey=signing.vkey())

        assert (checkpoint.size, Receipt.parse(text).index) == (size, number)
        assert Receipt.parse(text).note == publishing.published()


def test_an_event_that_waits_has_no_receipt(logged, write):
    logged(1)
    (waiting,) = write(1)

    with pytest.raises(proofs.NotPublic):
        proofs.receipt(waiting)
    sequencer.drain_all()
    with pytest.raises(proofs.NotPublic, match="not under a public checkpoint"):
        proofs.receipt(waiting)
    with pytest.raises(proofs.NotPublic):
        proofs.receipt(uuid4())


def test_a_receipt_is_for_one_entry_at_one_place_of_one_log(logged):
    found = logged(5)
    text = proofs.receipt(found[2])
    entry, other = (bytes(Entry.objects.get(index=each).body) for each in (2, 3))
    key = signing.vkey()
    stranger = notes.Signer("expunge.local/log", signing.Ed25519PrivateKey.generate())

    with pytest.raises(merkle.NotProven):
        tlog.verify_receipt(text, entry=other, vkey=key)
    with pytest.raises(merkle.NotProven):
        tlog.verify_receipt(text.replace("index 2", "index 3"), entry=entry, vkey=key)
    with pytest.raises(merkle.NotProven, match="has no leaf"):
        tlog.verify_receipt(text.replace("index 2", "index 9"), entry=entry, vkey=key)
    with pytest.raises(notes.BadNote, match="no known key"):
        tlog.verify_receipt(text, entry=entry, vkey=stranger.vkey)
    with pytest.raises(notes.BadNote, match="is wrong"):
        tlog.verify_receipt(text.replace("\n5\n", "\n6\n"), entry=entry, vkey=key)


def test_a_receipt_of_another_origin_under_the_same_key_is_refused():
    key = signing.Ed25519PrivateKey.from_private_bytes(b"k" * 32)
    text = notes.Checkpoint("other.example/log", 1, merkle.leaf_hash(b"e")).text()
    note = notes.sign_note(text, notes.Signer("one.example/log", key))

    with pytest.raises(notes.BadNote, match=r"of other\.example/log"):
        tlog.verify_receipt(
            Receipt(0, (), note).text(),
            entry=b"e",
            vkey=notes.vkey_of("one.example/log", key.public_key()),
        )


def test_no_byte_of_a_receipt_can_be_changed(logged):
    """Up to the signature of the key that is asked for: other lines are other keys' business."""
    (event, *_) = logged(6)
    raw = proofs.receipt(event).encode()
    entry = bytes(Entry.objects.get(index=0).body)
    key = signing.vkey()

    for at in range(raw.rindex("— ".encode())):
        bent = raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]
        with pytest.raises((BadLog, notes.BadNote, merkle.NotProven)):
            tlog.verify_receipt(bent, entry=entry, vkey=key)


def test_a_receipt_is_spelt_as_the_published_examples():
    """The forms are those of transparency-dev/formats, proof/tlog_proof_test.go."""
    first, second = (notes.Checkpoint("o", 1, each).text() for each in (H1, H2))

    assert Receipt(0, (), first).text() == f"c2sp.org/tlog-proof@v1\nindex 0\n\n{first}"
    lines = Receipt(10, (H1, H2), second, b"extra information").text().split("\n")
    assert lines[:3] == ["c2sp.org/tlog-proof@v1", "extra ZXh0cmEgaW5mb3JtYXRpb24=", "index 10"]
    assert len(lines[3]) == len(lines[4]) == 44
    assert lines[5] == ""
    found = Receipt(10, (H1, H2), second, b"extra information")
    assert Receipt.parse(found.text()) == Receipt.parse(found.text().encode()) == found


GOOD = Receipt(0, (H1,), "checkpoint\n").text()


@pytest.mark.parametrize(
    "bent",
    [
        "",
        "wrong-header\nindex 0\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\nextra !!notbase64!!\nindex 0\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\nextra \nindex 0\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\n\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\nindex notanumber\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\nindex -5\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\nindex 00\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\nindex ٣\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\nindex 0\n!!notbase64!!\n\ncheckpoint\n",
        f"c2sp.org/tlog-proof@v1\nindex 0\n{'A' * 86}==\n\ncheckpoint\n",
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("index", "Index"),
        GOOD.replace("\n\n", "\n"),
        GOOD.replace("index 0", "index 0\nindex 0"),
        GOOD.replace("index 0", "index 0\nextra AA=="),
        "\n" + GOOD,
        b"\xff" + GOOD.encode(),
    ],
)
def test_a_receipt_has_one_spelling(bent):
    with pytest.raises(BadLog):
        Receipt.parse(bent)


def test_base64_of_a_hash_has_one_spelling():
    """The last digit of a hash holds two bits that mean nothing; here they are zero."""
    last = GOOD.index("=\n\n") - 1
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = digits[digits.index(GOOD[last]) + 1]

    with pytest.raises(BadLog, match="spelt"):
        Receipt.parse(GOOD[:last] + other + GOOD[last + 1 :])
