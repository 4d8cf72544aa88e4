"""Base64 in one spelling: two texts that decode alike are how a document is bent unseen."""

import base64
import binascii


def encode(raw: bytes) -> str:
    """Standard base64, with its padding."""
    return base64.b64encode(raw).decode()


def decode(text: str) -> bytes:
    """Undo ``encode``. Raises ValueError for every text that it would not write."""
    try:
        raw = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise ValueError("not base64") from None
    if encode(raw) != text:
        raise ValueError("not canonical base64")
    return raw
