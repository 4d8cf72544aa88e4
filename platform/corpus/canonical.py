"""The one canonical form of an interaction: what order keys and commitments are computed over."""

from datetime import UTC, datetime
from decimal import Decimal

import rfc8785


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
