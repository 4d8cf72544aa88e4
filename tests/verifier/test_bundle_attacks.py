"""What somebody without the log's key could do to a bundle: each is refused, with its exit code."""

import random
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from tests.verifier import bundles
from tests.verifier.bundles import LOG, NOON, ORIGIN
from tests.verifier.edits import certified, code, saying, setting, told
from tests.verifier.story import Story
from verifier import bundle as checked
from verifier import notes, spelling, strict
from verifier.report import EXITS

GOOD = Story().bundle()
RAW = GOOD.zip()


def flipped(data, at=None):
    at = len(data) // 2 if at is None else at
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def first(prefix, suffix=""):
    return next(
        name for name in sorted(GOOD.files) if name.startswith(prefix) and name.endswith(suffix)
    )


def test_what_is_true_holds():
    assert code(GOOD, receipt=GOOD.receipt, records=bundles.RECORDS) == 0


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("README.txt", {12}),
        ("certificate.json", {10, 12}),
        ("certificate.pdf", {12}),
        ("erased.keys", {12}),
        ("sealed.key", {12}),
        ("keys.json", {10, 11, 12}),
        (first("attestations/"), {12}),
        (first("sets/", ".absent"), {12}),
        (first("sets/", ".present"), {12}),
        ("log/before", {11, 12}),
        ("log/checkpoint", {11}),
        ("log/consistency", {11}),
        ("log/entries.json", {11}),
        (first("timestamps/", ".head"), {11}),
        (first("timestamps/", ".tsr"), {11, 12}),
        (first("models/", ".sig"), {12}),
        ("models/key.pem", {12}),
    ],
)
def test_no_file_can_be_changed(name, expected):
    for at in {0, len(GOOD.files[name]) // 2, len(GOOD.files[name]) - 1}:
        assert code(GOOD.but(**{name: flipped(GOOD.files[name], at)})) in expected


@pytest.mark.parametrize("name", sorted(GOOD.files))
def test_no_file_can_be_left_out(name):
    assert code(GOOD.but(**{name: None})) in {10, 12}


def test_a_thousand_bundles_with_one_octet_changed_are_refused():
    rng = random.Random(20260301)

    for _ in range(1000):
        at = rng.randrange(len(RAW))
        raw = RAW[:at] + bytes([RAW[at] ^ rng.randrange(1, 256)]) + RAW[at + 1 :]
        report = checked.check(raw, keys=[LOG.vkey], now=NOON + timedelta(hours=1))
        assert report.exit_code == 10


def test_a_thousand_bundles_with_one_octet_of_a_file_changed_are_refused():
    """Past the archive's checksums, which anybody can make anew."""
    rng = random.Random(20260302)
    names = sorted(GOOD.files)

    for _ in range(1000):
        data = GOOD.files[name := rng.choice(names)]
        at = rng.randrange(len(data))
        found = GOOD.but(
            **{name: data[:at] + bytes([data[at] ^ rng.randrange(1, 256)]) + data[at + 1 :]}
        )
        assert code(found) in set(EXITS) - {0, 2}


@pytest.mark.parametrize("name", ["README.txt", "sealed.key", first("attestations/")])
def test_listing_a_changed_file_in_the_certificate_takes_the_logs_key(name):
    assert code(GOOD.forged(**{name: flipped(GOOD.files[name])})) == 12


def test_two_adapters_proofs_cannot_be_swapped():
    one, other = sorted(name for name in GOOD.files if name.endswith(".absent"))[:2]
    swapped = {one: GOOD.files[other], other: GOOD.files[one]}

    assert code(GOOD.but(**swapped)) == 12
    assert told(edits={"files": setting(**swapped)}) == 17


def test_a_file_that_no_bundle_has_is_refused_even_if_it_is_listed():
    assert code(GOOD.but(**{"notes.txt": b"hello"})) == 10
    assert told(edits={"files": setting(**{"notes.txt": b"hello"})}) == 10


def test_a_file_that_the_certificate_does_not_list_is_refused():
    assert code(GOOD.but(**{f"attestations/{'0' * 64}.json": b"{}"})) == 12
    assert code(GOOD.but(**{f"sets/{'0' * 64}.absent": b""})) == 12
    assert code(GOOD.but(**{f"models/{'0' * 64}.sig": b"{}"})) == 12


@pytest.mark.parametrize(
    "raw",
    [RAW + b"\0", b"#!/bin/sh\n" + RAW, RAW[:-1], b"", b"PK\5\6" + bytes(18)],
    ids=["trailing", "prepended", "cut", "empty", "no files"],
)
def test_what_is_no_archive_of_the_format_is_refused(raw):
    report = checked.check(raw, keys=[LOG.vkey], now=NOON)

    assert report.exit_code == 10


def test_a_bundle_is_of_the_key_that_was_given():
    other = notes.Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(b"\x09" * 32))

    assert code(GOOD, keys=[other.vkey]) == 11
    assert code(GOOD, keys=[other.vkey, LOG.vkey]) == 0


def test_the_keys_that_are_given_are_of_one_log():
    with pytest.raises(notes.BadNote, match="several logs"):
        code(GOOD, keys=[LOG.vkey, bundles.WITNESS.vkey])


def test_a_key_that_only_the_bundle_calls_the_logs_own_does_not_count():
    """The whole log signed anew with another key of the same name, listed in keys.json."""
    other = notes.Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(b"\x09" * 32))
    text = notes.signed_by(GOOD.files["log/checkpoint"])[0]
    ring = strict.loads(GOOD.files["keys.json"])
    ring["log"] = [other.vkey]
    ring["witnesses"] = []

    forged = GOOD.forged(
        **{
            "keys.json": strict.canonical(ring),
            "log/checkpoint": notes.sign_note(text, other).encode(),
        }
    )

    assert code(forged) == 11


def test_a_checkpoint_of_another_origin_is_refused():
    class Elsewhere(Story):
        def head(self, size):
            return super().head(size).replace(b"expunge.example/log\n", b"expunge.example/two\n", 1)

    assert code(Elsewhere().bundle()) == 11


def test_a_head_that_says_another_origin_than_the_key_that_signs_it_is_refused():
    class Elsewhere(Story):
        def head(self, size):
            text = notes.signed_by(super().head(size))[0].replace("/log", "/two")
            return notes.sign_note(text, LOG).encode()

    assert code(Elsewhere().bundle()) == 11


def test_a_certificate_of_another_origin_is_refused():
    assert told(edits=certified("origin", value="expunge.example/two")) == 12


@pytest.mark.parametrize(
    "line",
    [
        f"— somebody.example {spelling.encode(bytes(72))}\n",
        f"— {ORIGIN} {spelling.encode(bytes(72))}\n",
        None,
    ],
    ids=["of an unknown key", "of an unknown key of the log's name", "twice"],
)
def test_a_signature_line_that_cannot_be_verified_is_refused(line):
    for name, expected in (("log/checkpoint", 11), ("log/before", 12)):
        note = GOOD.files[name]
        more = note.split(b"\n")[4] + b"\n" if line is None else line.encode()

        assert code(GOOD.forged(**{name: note + more})) == expected


def test_a_witnesss_signature_that_is_wrong_is_refused():
    lines = GOOD.files["log/checkpoint"].decode().split("\n")
    name, _, encoded = lines[-2].rpartition(" ")
    raw = spelling.decode(encoded)
    lines[-2] = f"{name} {spelling.encode(flipped(raw))}"

    assert code(GOOD.but(**{"log/checkpoint": "\n".join(lines).encode()})) == 11


def test_a_history_that_does_not_extend_the_head_from_before_is_refused():
    other = Story({"ingest": saying(rows="13")}).bundle()

    swapped = {name: other.files[name] for name in ("log/before", "log/consistency")}
    stamped = {name: None for name in GOOD.files if "stamp" in name}

    assert code(GOOD.forged(**swapped, **stamped)) == 11


@pytest.mark.parametrize("name", ["certificate.json", "keys.json", "log/entries.json"])
@pytest.mark.parametrize(
    "bend",
    [
        lambda raw: raw.replace(b"{", b'{"aa":"1","aa":"2",', 1),
        lambda raw: raw + b"\n",
        lambda raw: b"\xef\xbb\xbf" + raw,
        lambda raw: raw.replace(b":", b": ", 1),
        lambda raw: b"[" * 100_000,
        lambda raw: b"null",
        lambda raw: b"\xff",
        lambda raw: raw.replace(b'"', b'"\\u0061', 1),
    ],
    ids=["twice", "newline", "mark", "space", "deep", "null", "not text", "escaped"],
)
def test_of_json_one_spelling_is_read(name, bend):
    assert code(GOOD.but(**{name: bend(GOOD.files[name])})) in {10, 11}


def test_of_base64_one_spelling_is_read():
    """One hash of a proof has bits in its padding that say nothing."""
    listed = strict.loads(GOOD.files["log/entries.json"])
    listed[0]["proof"][0] = listed[0]["proof"][0][:-2] + "B="

    assert code(GOOD.but(**{"log/entries.json": strict.canonical(listed)})) == 11


def test_entries_are_where_they_are_said_to_be():
    listed = strict.loads(GOOD.files["log/entries.json"])
    listed[3]["entry"], listed[4]["entry"] = listed[4]["entry"], listed[3]["entry"]

    assert code(GOOD.but(**{"log/entries.json": strict.canonical(listed)})) == 11


@pytest.mark.parametrize(("days", "expected"), [(-1, 13), (1, 0), (364, 0), (366, 13)])
def test_a_certificate_has_its_time(days, expected):
    assert code(GOOD, now=NOON + timedelta(days=days)) == expected


def test_a_receipt_of_another_request_is_refused():
    other = X25519PrivateKey.from_private_bytes(b"\x0a" * 32)

    assert code(GOOD, receipt="expunge-receipt-1." + other.private_bytes_raw().hex()) == 20


@pytest.mark.parametrize(
    "receipt", ["", "anna", "expunge-receipt-1.00", GOOD.receipt + "\n", GOOD.receipt.upper()]
)
def test_what_is_no_receipt_is_refused(receipt):
    assert code(GOOD, receipt=receipt) == 20


@pytest.mark.parametrize(
    "records",
    [
        [],
        bundles.RECORDS[:2],
        [bundles.record("bert", number) for number in range(3)],
        [*bundles.RECORDS[:2], bundles.record("anna", 9)],
    ],
    ids=["none", "one is missing", "another person's", "one differs"],
)
def test_records_of_another_person_are_refused(records):
    assert code(GOOD, receipt=GOOD.receipt, records=records) == 20


def test_more_records_than_were_erased_are_no_lie():
    records = [*bundles.RECORDS, bundles.record("anna", 9)]

    assert code(GOOD, receipt=GOOD.receipt, records=records) == 0


def test_a_sealed_key_that_is_not_the_one_that_was_destroyed_is_refused():
    sealed = bundles.SUITE.encrypt(
        b"\x08" * 32,
        bundles.RECEIPT_KEY.public_key(),
        b"expunge/receipt/v1" + bundles.REQUEST.bytes,
    )
    lied = Story({"files": setting(**{"sealed.key": sealed})}).bundle()

    assert code(lied, receipt=lied.receipt) == 20
