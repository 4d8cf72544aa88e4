"""Our artefacts by readers that others wrote; test_model_signing has OpenSSF's."""

import base64
import json
import warnings

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf import json_format

from evidence import model_signing
from tests.evidence.test_model_signing import FILES, KEY
from tests.evidence.test_statements import BUILT
from verifier import dsse, strict

with warnings.catch_warnings():
    # Raised inside protobuf's generated modules on import; nothing of ours can answer it.
    warnings.simplefilter("ignore", DeprecationWarning)
    from in_toto_attestation.predicates.provenance.v1 import provenance_pb2
    from in_toto_attestation.v1 import statement_pb2
    from in_toto_attestation.v1.statement import Statement
    from securesystemslib import dsse as theirs
    from securesystemslib.exceptions import VerificationError
    from securesystemslib.signer import SSlibKey

SIGNER = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
OTHER = Ed25519PrivateKey.from_private_bytes(b"\x08" * 32)
OURS = {**BUILT, "model": model_signing.statement(FILES, name="shard-02")}
every_kind = pytest.mark.parametrize("payload", OURS.values(), ids=OURS)


def key_of(signer):
    """Our key as their library knows keys: it is found by its id."""
    public = signer.public_key()
    raw = {"public": public.public_bytes_raw().hex()}
    return SSlibKey(dsse.key_id(public), "ed25519", "ed25519", raw)


def read(envelope):
    """An envelope of ours, as their library holds it."""
    return theirs.Envelope.from_dict(json.loads(envelope))


@every_kind
def test_in_totos_library_reads_our_statements(payload):
    """By JSON, as their own readers do; it has no numbers of ours to turn into floats."""
    found = json_format.Parse(payload, statement_pb2.Statement())

    Statement.copy_from_pb(found).validate()

    assert json_format.MessageToDict(found) == json.loads(payload)


def test_in_totos_library_reads_our_provenance_without_a_field_left_over():
    """Their message has every member of SLSA's predicate; an unknown one is an error."""
    predicate = json.loads(BUILT["adapter"])["predicate"]

    found = json_format.ParseDict(predicate, provenance_pb2.Provenance())

    assert found.build_definition.build_type == predicate["buildDefinition"]["buildType"]
    names = [each.name for each in found.build_definition.resolved_dependencies]
    assert "training-set-head" in names


@every_kind
def test_securesystemslib_verifies_our_envelopes(payload):
    envelope = read(dsse.sign(payload, SIGNER))

    accepted = envelope.verify([key_of(SIGNER)], 1)

    assert [*accepted] == [dsse.key_id(SIGNER.public_key())]
    assert envelope.payload == payload


def test_securesystemslib_counts_each_of_our_signers():
    envelope = read(dsse.sign(BUILT["release"], SIGNER, OTHER))

    assert len(envelope.verify([key_of(SIGNER), key_of(OTHER)], 2)) == 2


def test_securesystemslib_refuses_a_payload_that_nobody_signed():
    bent = json.loads(dsse.sign(BUILT["release"], SIGNER))
    bent["payload"] = base64.b64encode(BUILT["destruction"]).decode()

    with pytest.raises(VerificationError):
        theirs.Envelope.from_dict(bent).verify([key_of(SIGNER)], 1)


def test_securesystemslib_refuses_the_key_of_another():
    with pytest.raises(VerificationError):
        read(dsse.sign(BUILT["release"], SIGNER)).verify([key_of(OTHER)], 1)


def test_securesystemslib_reads_no_envelope_without_a_keyid():
    """DSSE lets it go; theirs does not, and so a model signature carries an empty one."""
    bent = json.loads(dsse.sign(BUILT["release"], SIGNER))
    del bent["signatures"][0]["keyid"]

    with pytest.raises(KeyError):
        theirs.Envelope.from_dict(bent)
    bundle = json.loads(model_signing.sign(FILES, key=KEY, name="shard-02"))
    assert theirs.Envelope.from_dict(bundle["dsseEnvelope"]).payload == OURS["model"]


def test_both_encode_alike_what_is_signed():
    """Lengths count octets: a payload outside ASCII, under a type outside ASCII."""
    payload, kind = "Löschung".encode(), "text/ä"

    assert theirs.Envelope(payload, kind, {}).pae() == dsse.pae(kind, payload)


@every_kind
def test_rfc8785_spells_our_statements_as_we_do(payload):
    assert rfc8785.dumps(json.loads(payload)) == payload


def test_rfc8785_spells_our_envelopes_and_bundles_as_we_do():
    for made in (
        dsse.sign(BUILT["release"], SIGNER),
        model_signing.sign(FILES, key=KEY, name="shard-02"),
    ):
        assert rfc8785.dumps(json.loads(made)) == made


@pytest.mark.parametrize(
    "value",
    [
        {"\ufb33": "1", "\U0001f600": "2", "\u20ac": "3", "\r": "4", "1": "5"},
        '\x00\x1f\x7f\u2028"\\/\b\f\n\r\t',
        [0, -1, 2**53 - 1, 1 - 2**53, True, None, [], {}],
    ],
    ids=["order", "escapes", "values"],
)
def test_rfc8785_spells_what_is_hard_to_spell_as_we_do(value):
    assert rfc8785.dumps(value) == strict.canonical(value)
