"""The one canonical form of an interaction: what order keys and commitments are computed over."""

import hashlib
import hmac
from datetime import UTC, datetime
from decimal import Decimal

import rfc8785

RECORD_TAG = b"expunge/rec/v1\x00"
KEY_TAG = b"expunge/subject-key/v1\x00"


def number(value: Decimal) -> str:
    """Write a number one way only: no exponent, no trailing zeros.

    >>> number(Decimal("3.0")), number(Decimal("1E+1"))
    ('3', '10')
    """
    plain = f"{value.normalize():f}"
    return "0" if plain == "-0" else plain


def moment(at: datetime) -> str:
    """Write a time one way only: UTC, microseconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def interaction(*, subject: str, item: str, value: Decimal, at: datetime) -> bytes:
    """The interaction as RFC 8785 JSON, all values as strings."""
    return rfc8785.dumps(
        {"at": moment(at), "item": item, "subject": subject, "value": number(value)}
    )


def record_key(subject_key: bytes, content: bytes) -> bytes:
    """The commitment to one interaction: 32 bytes that only the subject's key can link to it.

    Derived from the content, so a duplicate under a new id cannot hide (docs/log-format.md).
    """
    return hmac.digest(subject_key, RECORD_TAG + hashlib.sha256(content).digest(), "sha256")


def key_digest(subject_key: bytes) -> str:
    """What may be said in public of a subject's key once it is gone: 32 random octets, hashed."""
    return hashlib.sha256(KEY_TAG + subject_key).hexdigest()
