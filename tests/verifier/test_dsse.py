"""Envelopes by DSSE's published vectors, and by every way to bend one."""

import base64
import json

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from verifier import dsse, strict
from verifier.dsse import BadEnvelope

# RFC 8032 section 7.1, TEST 1 and TEST 2; DSSE's testvectors/vectors.json signs with them.
A = Ed25519PrivateKey.from_private_bytes(
    bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
)
B = Ed25519PrivateKey.from_private_bytes(
    bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
)
STATEMENT = "eyJfdHlwZSI6Imh0dHBzOi8vaW4tdG90by5pby9TdGF0ZW1lbnQvdjEifQ=="
SIG_A = "2WAfaHm5jluo0w+0rk8uVkluELJYWjSmU9x7EUzx+AyteDGJ4/nqyJXfmAUVFIAoQafWm7AxBZNw5M9ixNHiCA=="
SIG_B = "c1+67/aT0yqEpwx8PsVY3MLHsj9D0CZ014/Fv/QlG59P+9CobUZ7xECJ/V3USG0Ob9CiE5LjReEZUzNF2l7eBw=="
URLSAFE = "P-_KHICeR7tI6S_YyejJTRtrXhcQyQ2LYPaL8h90KjC9qN8HU_svOQ6TuDOT1HIrsGW886DbWNWcCmX5twLrAw=="
UMLAUT = "xmSk/ug66ysT7ayhkCIjhAq42zgZXSsEWuzUaNL7w2eGAdF/NU6/fRXPtmfN+5DNSAs5/i2lUnHjbbjPsu0tAw=="
EMPTY = "gSggCAaTLTYyRH6FIDBem6meyIynsYy8RTHVzwx9tnTb7Bg/1jMWnuVgI/gffqmbsC2VX5/jHfkkDqsj7CDbDg=="
NO_TYPE = "iC3q/+3Rm0+lpAJRueDmDh15PnwCfxKmS0NAfKsbv+zgulXQC/WM9trc+j1XEqlwDIg/vf/uNfebeD6sxInrDg=="
OURS = dsse.sign(b'{"a":"b"}', A)
KEYS = [A.public_key(), B.public_key()]


def published(payload, kind, *signatures):
    """An envelope as the vectors spell theirs: with spaces, and ids that are names."""
    listed = [{"sig": sig} | ({"keyid": id_} if id_ else {}) for sig, id_ in signatures]
    return json.dumps({"payload": payload, "payloadType": kind, "signatures": listed}).encode()


def bent(**changes):
    """Our envelope with members changed, in its canonical form."""
    return strict.canonical(json.loads(OURS) | changes)


def test_the_specifications_example_is_what_its_key_signed():
    """protocol.md: P-256, the signature as r and s."""
    x = 46950820868899156662930047687818585632848591499744589407958293238635476079160
    y = 5640078356564379163099075877009565129882514886557779369047442380624545832820
    key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    raw = base64.b64decode(
        "A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA=="
    )
    message = dsse.pae("http://example.com/HelloWorld", b"hello world")

    assert message == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
    key.verify(encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))


@pytest.mark.parametrize(
    ("raw", "threshold", "kind", "payload"),
    [
        (published(STATEMENT, dsse.IN_TOTO, (SIG_A, "A")), 1, dsse.IN_TOTO, STATEMENT),
        (published("-_-_Pj8=", dsse.IN_TOTO, (URLSAFE, "A")), 1, dsse.IN_TOTO, "+/+/Pj8="),
        (
            published(STATEMENT, "application/vnd.ex\u00e4mple+json", (UMLAUT, "A")),
            1,
            "application/vnd.ex\u00e4mple+json",
            STATEMENT,
        ),
        (published("", dsse.IN_TOTO, (EMPTY, "A")), 1, dsse.IN_TOTO, ""),
        (
            published(STATEMENT, dsse.IN_TOTO, (SIG_A, "A"), (SIG_B, "B")),
            2,
            dsse.IN_TOTO,
            STATEMENT,
        ),
        (published(STATEMENT, dsse.IN_TOTO, (SIG_A, ""), (SIG_B, "")), 2, dsse.IN_TOTO, STATEMENT),
    ],
    ids=["one", "url-safe", "non-ascii type", "empty", "two keys", "two keys without ids"],
)
def test_a_published_envelope_verifies(raw, threshold, kind, payload):
    found = dsse.verify(raw, KEYS, payload_type=kind, threshold=threshold, foreign=True)

    assert found.payload == base64.b64decode(payload)
    assert len(found.keys) == threshold


@pytest.mark.parametrize(
    ("raw", "threshold"),
    [
        (published(STATEMENT, "application/vnd.example.other+json", (SIG_A, "A")), 1),
        (published(STATEMENT, "", (NO_TYPE, "A")), 1),
        (published(STATEMENT, dsse.IN_TOTO, (SIG_A, "A"), (SIG_A, "A")), 2),
        (published(STATEMENT, dsse.IN_TOTO, (SIG_A, "A"), (SIG_A, "B")), 2),
    ],
    ids=["type swapped", "empty type", "one key twice", "one key under two ids"],
)
def test_a_published_forgery_is_refused(raw, threshold):
    with pytest.raises(BadEnvelope):
        dsse.verify(raw, KEYS, threshold=threshold, foreign=True)


def test_a_swapped_type_is_refused_even_where_that_type_is_expected():
    raw = published(STATEMENT, "application/vnd.example.other+json", (SIG_A, "A"))

    with pytest.raises(BadEnvelope, match="0 known keys"):
        dsse.verify(raw, KEYS, payload_type="application/vnd.example.other+json", foreign=True)


def test_what_we_sign_is_what_the_published_key_signed():
    (signature,) = json.loads(dsse.sign(base64.b64decode(STATEMENT), A))["signatures"]

    assert signature["sig"] == SIG_A


@given(at=st.integers(0, len(OURS) - 1), turn=st.integers(1, 255))
def test_no_byte_of_an_envelope_can_be_changed(at, turn):
    raw = bytearray(OURS)
    raw[at] ^= turn

    with pytest.raises(BadEnvelope):
        dsse.verify(bytes(raw), KEYS)


@pytest.mark.parametrize(
    "raw",
    [
        OURS + b"\n",
        OURS.replace(b'"payload":', b'"payload": '),
        bent(extra="1"),
        bent(payload="eyJhIjoiYiJ9\n"),
        bent(payloadType="application/vnd.in-toto+js\u043en"),
        bent(payloadType=None),
        bent(signatures=[]),
        bent(signatures={}),
        bent(signatures=[{"sig": json.loads(OURS)["signatures"][0]["sig"]}]),
        bent(signatures=json.loads(OURS)["signatures"] * 17),
        b"null",
        b"",
    ],
    ids=range(12),
)
def test_another_spelling_of_an_envelope_is_refused(raw):
    with pytest.raises(BadEnvelope):
        dsse.verify(raw, KEYS)


def test_the_threshold_counts_keys_and_not_signatures():
    twice = bent(signatures=json.loads(OURS)["signatures"] * 2)

    assert len(dsse.verify(dsse.sign(b"x", A, B), KEYS, threshold=2).keys) == 2
    with pytest.raises(BadEnvelope, match="1 known keys"):
        dsse.verify(twice, [A.public_key(), A.public_key()], threshold=2)
    with pytest.raises(ValueError, match="threshold"):
        dsse.verify(OURS, KEYS, threshold=0)


def test_a_known_keys_wrong_signature_refuses_an_envelope_that_another_key_signed():
    right, other = json.loads(dsse.sign(b"x", A, B))["signatures"]
    wrong = strict.canonical(
        json.loads(dsse.sign(b"x", A)) | {"signatures": [right, other | {"sig": right["sig"]}]}
    )

    with pytest.raises(BadEnvelope, match="known key is wrong"):
        dsse.verify(wrong, KEYS)
    assert dsse.verify(wrong, [A.public_key()]).payload == b"x"


def test_an_envelope_of_an_unknown_key_is_refused():
    with pytest.raises(BadEnvelope, match="0 known keys"):
        dsse.verify(OURS, [B.public_key()])


def test_nobody_signs_twice_and_nobody_is_no_signer():
    for keys in ([], [A, A]):
        with pytest.raises(BadEnvelope, match="needs a signer"):
            dsse.sign(b"x", *keys)
