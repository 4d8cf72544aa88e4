"""Where a person's samples train, and in which order: keyed hashes, and nothing else.

The rules depend on their arguments only, so erasing one person never moves another. Changing
either rule moves everyone's data: it needs a migration.
"""

import hashlib
import hmac


def placement(subject_id: str, *, key: bytes, shards: int, slices: int) -> tuple[int, int]:
    """The shard in ``range(shards)`` and the slice in ``range(slices)`` of a subject.

    Both come from one HMAC-SHA256 (RFC 2104) of the id's UTF-8 bytes: its first eight bytes
    modulo ``shards``, the next eight modulo ``slices``, both big-endian.

    Raises:
        ValueError: unless both counts are positive.
    """
    if shards < 1 or slices < 1:
        raise ValueError(f"shards and slices must be positive, got {shards} and {slices}")
    mac = hmac.digest(key, subject_id.encode(), "sha256")
    return int.from_bytes(mac[:8], "big") % shards, int.from_bytes(mac[8:16], "big") % slices


def order_key(subject_id: str, interaction: bytes, *, key: bytes) -> bytes:
    """Thirty-two bytes that put an interaction, and the sample that targets it, in order.

    HMAC-SHA256 of the id's length (eight bytes, big-endian), the id's UTF-8 bytes and the
    interaction's canonical bytes. The length keeps ``("ab", b"c")`` apart from ``("a", b"bc")``.
    """
    name = subject_id.encode()
    message = len(name).to_bytes(8, "big") + name + interaction
    return hmac.new(key, message, hashlib.sha256).digest()
