"""Whose signatures a bundle holds: each key once, under one name, and good for what it is said."""

from hashlib import sha256
from itertools import count

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.verifier.bundles import ATTESTOR, IDENTITY, LOG, LOG_PQ, WITNESS
from verifier import keyring, notes, spelling, strict
from verifier.strict import BadDocument

PUBLIC = ATTESTOR.public_key().public_bytes_raw()


def attestor(**fields):
    """An attestor as keys.json has it."""
    return {"identity": IDENTITY, "index": "1", "key": spelling.encode(PUBLIC), **fields}


def parsed(**fields):
    ring = {"attestors": [attestor()], "log": [LOG.vkey, LOG_PQ.vkey], "witnesses": [WITNESS.vkey]}
    return keyring.parse(strict.canonical({**ring, **fields}))


def refused(match, **fields):
    with pytest.raises(BadDocument, match=match):
        parsed(**fields)


def test_keys_are_read_as_they_are_listed():
    ring = parsed()

    assert (ring.log, ring.witnesses) == ((LOG.vkey, LOG_PQ.vkey), (WITNESS.vkey,))
    (found,) = ring.attestors
    assert (found.identity, found.index) == (IDENTITY, 1)
    assert found.key.public_bytes_raw() == PUBLIC


def test_one_witness_under_two_names_does_not_count_for_two():
    again = notes.Cosigner("another.example", WITNESS.key)

    refused("twice", witnesses=[WITNESS.vkey, again.vkey])
    refused("twice", witnesses=[WITNESS.vkey, WITNESS.vkey])


def test_two_keys_that_a_signature_line_cannot_tell_apart_are_refused():
    """A line names its key by four octets of a hash: a pair that collides is found at once."""
    seen = {}
    for number in count():
        public = number.to_bytes(32)
        id_ = sha256(b"w.example\n" + notes.ED25519 + public).digest()[:4]
        if id_ in seen:
            break
        seen[id_] = public
    pair = [
        f"w.example+{id_.hex()}+{spelling.encode(notes.ED25519 + each)}"
        for each in (seen[id_], public)
    ]

    refused("twice", log=pair)


def test_one_attestors_key_does_not_speak_as_two():
    refused("twice", attestors=[attestor(), attestor(identity="https://two.example/", index="2")])


def test_a_witness_does_not_sign_as_a_log_does():
    """A plain signature says nothing of the time, nor that its signer had seen the log before."""
    plain = notes.Signer(WITNESS.name, WITNESS.key)

    refused("no cosigner's", witnesses=[plain.vkey])


@pytest.mark.parametrize("length", [0, 31, 33])
def test_an_attestors_key_has_its_length(length):
    refused("not 32 octets", attestors=[attestor(key=spelling.encode(bytes(length)))])


@pytest.mark.parametrize(
    "fields",
    [
        {"identity": "the operator"},
        {"index": "01"},
        {"index": "-1"},
        {"key": PUBLIC.hex()[:-1] + "="},
        {"name": "a"},
    ],
    ids=repr,
)
def test_an_attestor_has_one_spelling(fields):
    refused("attestor", attestors=[attestor(**fields)])


@pytest.mark.parametrize("part", ["log", "witnesses"])
@pytest.mark.parametrize(
    "key", [1, None, ["a"], "", "nonsense", WITNESS.vkey[:-4], LOG.vkey.replace("+", " ")], ids=repr
)
def test_what_is_no_verification_key_is_refused(part, key):
    refused("keys: one is", **{part: [key]})


def test_no_more_keys_are_listed_than_a_note_may_have_signatures():
    keys = [bytes([number]) * 32 for number in range(notes.MOST_SIGNATURES + 1)]
    made = [
        notes.Cosigner("w.example", Ed25519PrivateKey.from_private_bytes(key)).vkey for key in keys
    ]

    assert parsed(witnesses=made[1:], log=[]).witnesses == tuple(made[1:])
    refused("keys: not a list", witnesses=made)
