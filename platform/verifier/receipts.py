"""A subject's key, what is made with it, and the receipt that alone opens it once it is gone.

One implementation for the platform, which seals and commits, and for whoever checks it.
"""

import hmac
import re
from hashlib import sha256
from typing import Final
from uuid import UUID

from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

PREFIX: Final = "expunge-receipt-1."
PATTERN: Final = re.escape(PREFIX) + "[0-9a-f]{64}"
_INFO: Final = b"expunge/receipt/v1"
_KEY: Final = b"expunge/subject-key/v1\0"
_RECORD: Final = b"expunge/rec/v1\0"
_SUITE: Final = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.CHACHA20_POLY1305)


class BadReceipt(ValueError):
    """A text is not spelt like a receipt."""


def record_key(subject_key: bytes, content: bytes) -> bytes:
    """The commitment to one interaction: 32 bytes that only the subject's key can link to it.

    Derived from the content, so a duplicate under a new id cannot hide (docs/log-format.md).
    """
    return hmac.digest(subject_key, _RECORD + sha256(content).digest(), "sha256")


def key_digest(subject_key: bytes) -> str:
    """What may be said in public of a subject's key once it is gone: 32 random octets, hashed."""
    return sha256(_KEY + subject_key).hexdigest()


def new() -> tuple[str, bytes]:
    """A receipt to hand out once, and the public key that is kept of it (X25519)."""
    secret = X25519PrivateKey.generate()
    return PREFIX + secret.private_bytes_raw().hex(), secret.public_key().public_bytes_raw()


def seal(key: bytes, *, receipt: bytes, request: UUID) -> bytes:
    """Encrypt a subject key so that the receipt alone opens it (HPKE, RFC 9180)."""
    public = X25519PublicKey.from_public_bytes(receipt)
    return _SUITE.encrypt(key, public, _INFO + request.bytes)


def opened(sealed: bytes, *, receipt: str, request: UUID) -> bytes:
    """What the holder of a receipt can do, and nobody else.

    Raises:
        BadReceipt: it is none.
        InvalidTag: it is the receipt of another request.
    """
    if not re.fullmatch(PATTERN, receipt, re.ASCII):
        raise BadReceipt("this is not a receipt")
    secret = X25519PrivateKey.from_private_bytes(bytes.fromhex(receipt[len(PREFIX) :]))
    return _SUITE.decrypt(sealed, secret, _INFO + request.bytes)
