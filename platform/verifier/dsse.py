"""Signed envelopes, as DSSE 1.0 says: what is signed is the type and the bytes of the payload.

Our own envelopes have one spelling: canonical JSON, the standard base64 alphabet, and the id of
the key beside every signature. Envelopes of others are read by DSSE's own, looser rules.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from verifier import strict
from verifier.strict import Json

IN_TOTO: Final = "application/vnd.in-toto+json"
MOST_SIGNATURES: Final = 16
# Base64 and the other members on top of the largest payload that is read.
MOST_OCTETS: Final = 2 * strict.MOST_OCTETS


class BadEnvelope(ValueError):
    """An envelope is malformed, or not signed as it must be."""


@dataclass(frozen=True)
class Signature:
    """One signature of an envelope, and which key it says it is of; nothing signs the latter."""

    key_id: str
    octets: bytes


@dataclass(frozen=True)
class Envelope:
    """A payload, its type, and signatures of both. Nothing in it is verified yet."""

    payload_type: str
    payload: bytes
    signatures: tuple[Signature, ...]

    def encode(self) -> bytes:
        """The one spelling of this envelope."""
        signatures: list[Json] = [
            {"keyid": each.key_id, "sig": _encode(each.octets)} for each in self.signatures
        ]
        return strict.canonical(
            {
                "payload": _encode(self.payload),
                "payloadType": self.payload_type,
                "signatures": signatures,
            }
        )

    @classmethod
    def parse(cls, raw: bytes, *, foreign: bool = False) -> Self:
        """Read an envelope.

        Args:
            raw: the JSON text.
            foreign: whether DSSE's other spellings are read too: any JSON without duplicate or
                unknown members, base64 of either alphabet, signatures without a key's id.

        Raises:
            BadEnvelope: it is not an envelope in this form.
        """
        try:
            found = strict.loads(raw, most=MOST_OCTETS, canonical_only=not foreign)
            fields = strict.members(found, "envelope", ("payload", "payloadType", "signatures"))
            listed = strict.items(
                fields["signatures"], "envelope: signatures", most=MOST_SIGNATURES
            )
            if not isinstance(fields["payloadType"], str):
                raise BadEnvelope("envelope: the payload's type is not a string")
            return cls(
                payload_type=fields["payloadType"],
                payload=strict.octets(fields["payload"], "envelope: payload", urlsafe=foreign),
                signatures=tuple(_signature(each, foreign=foreign) for each in listed),
            )
        except strict.BadDocument as error:
            raise BadEnvelope(str(error)) from None


@dataclass(frozen=True)
class Verified:
    """What was signed, and by whom. Parse these bytes, and no others.

    Args:
        payload: the bytes that the signatures are of.
        keys: the keys that signed it, each once.
    """

    payload: bytes
    keys: tuple[Ed25519PublicKey, ...]


def pae(payload_type: str, payload: bytes) -> bytes:
    """What is signed: DSSE's pre-authentication encoding, in which lengths count octets."""
    spelt = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(spelt), spelt, len(payload), payload)


def key_id(key: Ed25519PublicKey) -> str:
    """SHA-256 of the 32 octets of the public key, in hexadecimal."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()


def sign(payload: bytes, *keys: Ed25519PrivateKey, payload_type: str = IN_TOTO) -> bytes:
    """An envelope around a payload, signed with each key.

    Raises:
        BadEnvelope: nobody signs, or one key twice.
    """
    ids = [key_id(key.public_key()) for key in keys]
    if not keys or len(set(ids)) != len(ids):
        raise BadEnvelope("envelope: needs a signer, and each only once")
    message = pae(payload_type, payload)
    signatures = tuple(
        Signature(id_, key.sign(message)) for id_, key in zip(ids, keys, strict=True)
    )
    return Envelope(payload_type, payload, signatures).encode()


def verify(
    raw: bytes,
    keys: Sequence[Ed25519PublicKey],
    *,
    payload_type: str = IN_TOTO,
    threshold: int = 1,
    foreign: bool = False,
) -> Verified:
    """Return the payload, if enough different keys of those given signed it.

    In an envelope of our own the signature beside a known key's id must be that key's, and other
    keys are ignored, as in a signed note. In a foreign one the id is a hint that is not taken, and
    signatures that no key made are skipped, as DSSE says.

    Raises:
        BadEnvelope: it is malformed, of another payload type, or not signed by ``threshold`` keys.
        ValueError: the threshold could be met by nobody's signature.
    """
    if threshold < 1:
        raise ValueError(f"threshold must be positive, got {threshold}")
    envelope = Envelope.parse(raw, foreign=foreign)
    if envelope.payload_type != payload_type:
        raise BadEnvelope(f"envelope: its payload is not {payload_type}")
    message = pae(envelope.payload_type, envelope.payload)
    accepted: dict[bytes, Ed25519PublicKey] = {}
    for signature in envelope.signatures:
        for key in keys:
            if not foreign and signature.key_id != key_id(key):
                continue
            if _is_of(signature, key, message):
                accepted[key.public_bytes_raw()] = key
            elif not foreign:
                raise BadEnvelope("envelope: the signature of a known key is wrong")
    if len(accepted) < threshold:
        raise BadEnvelope(f"envelope: {len(accepted)} known keys signed it, not {threshold}")
    return Verified(envelope.payload, tuple(accepted.values()))


def _is_of(signature: Signature, key: Ed25519PublicKey, message: bytes) -> bool:
    try:
        key.verify(signature.octets, message)
    except InvalidSignature:
        return False
    return True


def _signature(value: Json, *, foreign: bool) -> Signature:
    if foreign:
        fields = {"keyid": "", **strict.members(value, "signature", ("sig",), ("keyid",))}
        if not isinstance(id_ := fields["keyid"], str):
            raise BadEnvelope("signature: the key's id is not a string")
    else:
        fields = strict.members(value, "signature", ("sig", "keyid"))
        id_ = strict.sha256(fields["keyid"], "signature: the key's id")
    return Signature(id_, strict.octets(fields["sig"], "signature", urlsafe=foreign))


def _encode(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
