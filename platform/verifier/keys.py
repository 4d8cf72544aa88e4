"""The keys that sign notes: plain ones, and cosigners, which sign a checkpoint and the time.

C2SP's signed-note and tlog-cosignature, byte for byte. Three types: Ed25519 (0x01), Ed25519
cosignatures (0x04), and ML-DSA-44 cosignatures (0x06), which a quantum computer cannot forge.
"""

import hashlib
from dataclasses import dataclass
from typing import Final, Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from verifier.checkpoints import LARGEST_SIZE, BadNote, Checkpoint, check_name, decode
from verifier.spelling import encode

ED25519: Final = b"\x01"
ED25519_COSIGNATURE: Final = b"\x04"
MLDSA44_COSIGNATURE: Final = b"\x06"
# Octets of a public key, by type.
LENGTHS: Final = {ED25519: 32, ED25519_COSIGNATURE: 32, MLDSA44_COSIGNATURE: 1312}
DASH: Final = "\u2014 "


class Verifies(Protocol):
    """A public key: raises InvalidSignature, or BadNote for a text that it cannot have signed."""

    def verify(self, signature: bytes, data: bytes, /) -> None:
        """Raise unless this key signed these bytes."""


@dataclass(frozen=True)
class Signer:
    """A private key and the name it signs under."""

    name: str
    key: Ed25519PrivateKey

    @property
    def vkey(self) -> str:
        """The public half, as others are given it."""
        return vkey_of(self.name, self.key.public_key())

    def line(self, text: str) -> str:
        """The line that goes below a note of this text."""
        id_ = key_id(self.name, self.key.public_key().public_bytes_raw())
        return line_of(self.name, id_ + self.key.sign(text.encode()))


@dataclass(frozen=True)
class Cosigner:
    """A private key that signs checkpoints with the time, and the name it signs under."""

    name: str
    key: Ed25519PrivateKey | MLDSA44PrivateKey

    @property
    def kind(self) -> bytes:
        """The type of the signatures: 0x04 or 0x06."""
        is_ed25519 = isinstance(self.key, Ed25519PrivateKey)
        return ED25519_COSIGNATURE if is_ed25519 else MLDSA44_COSIGNATURE

    @property
    def vkey(self) -> str:
        """The public half, as others are given it."""
        return vkey_of(self.name, self.key.public_key(), kind=self.kind)

    def line(self, text: str, *, at: int) -> str:
        """The line that goes below a checkpoint of this text; ``at`` is in seconds since 1970."""
        id_ = key_id(self.name, self.key.public_key().public_bytes_raw(), kind=self.kind)
        signature = self.key.sign(_stamped(self.kind, self.name, at, text))
        return line_of(self.name, id_ + at.to_bytes(8, "big") + signature)


@dataclass(frozen=True)
class CosignerKey:
    """The public half of a Cosigner."""

    name: str
    kind: bytes
    key: Ed25519PublicKey | MLDSA44PublicKey

    def verify(self, signature: bytes, data: bytes, /) -> None:
        """Raise InvalidSignature or BadNote unless it signed this text at the time it says."""
        message = _stamped(self.kind, self.name, time_of(signature), data.decode())
        self.key.verify(signature[8:], message)


def _stamped(kind: bytes, name: str, at: int, text: str) -> bytes:
    """What a cosigner signs: tlog-cosignature's two messages."""
    checkpoint = Checkpoint.parse(text)
    if not 0 <= at <= LARGEST_SIZE:
        raise BadNote("cosignature: its time is none")
    if kind == ED25519_COSIGNATURE:
        return f"cosignature/v1\ntime {at}\n{text}".encode()
    names = [name.encode(), checkpoint.origin.encode()]
    if any(len(each) > 255 for each in names):
        raise BadNote("cosignature: a name is longer than 255 octets")
    cosigner, origin = (bytes([len(each)]) + each for each in names)
    time, start, end = (each.to_bytes(8, "big") for each in (at, 0, checkpoint.size))
    return b"subtree/v1\n\0" + cosigner + time + origin + start + end + checkpoint.root


def time_of(signature: bytes) -> int:
    """The time of a cosignature, which stands before the signature itself."""
    return int.from_bytes(signature[:8], "big")


def key_id(name: str, public: bytes, *, kind: bytes = ED25519) -> bytes:
    """The first 4 octets of ``SHA-256(name || 0x0A || type || public key)``."""
    return hashlib.sha256(name.encode() + b"\n" + kind + public).digest()[:4]


def vkey_of(name: str, key: Ed25519PublicKey | MLDSA44PublicKey, *, kind: bytes = ED25519) -> str:
    """``name+hex(key id)+base64(type || public key)``."""
    check_name(name)
    public = key.public_bytes_raw()
    return f"{name}+{key_id(name, public, kind=kind).hex()}+{encode(kind + public)}"


def parse_vkey(vkey: str) -> tuple[str, bytes, Verifies]:
    """Return the name, the key id and the key.

    Raises:
        BadNote: it is malformed, of a type that is not known here, or names another key's id.
    """
    parts = vkey.split("+", 2)
    if len(parts) != 3:
        raise BadNote("verification key: expected name+id+key")
    name, id_, encoded = parts
    check_name(name)
    raw = decode(encoded)
    kind, public = raw[:1], raw[1:]
    if len(public) != LENGTHS.get(kind):
        raise BadNote(f"verification key of {name}: neither an Ed25519 key nor an ML-DSA-44 key")
    if id_ != key_id(name, public, kind=kind).hex():
        raise BadNote(f"verification key of {name}: {id_} is not its id")
    return name, key_id(name, public, kind=kind), _public_key(name, kind, public)


def _public_key(name: str, kind: bytes, public: bytes) -> Verifies:
    if kind == ED25519:
        return Ed25519PublicKey.from_public_bytes(public)
    if kind == ED25519_COSIGNATURE:
        return CosignerKey(name, kind, Ed25519PublicKey.from_public_bytes(public))
    try:
        return CosignerKey(name, kind, MLDSA44PublicKey.from_public_bytes(public))
    except UnsupportedAlgorithm:
        raise BadNote(f"verification key of {name}: this OpenSSL knows no ML-DSA-44") from None


def line_of(name: str, raw: bytes) -> str:
    """A signature's line in a note; ``raw`` is the key id and the signature."""
    check_name(name)
    return f"{DASH}{name} {encode(raw)}\n"
