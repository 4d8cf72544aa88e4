"""The key that signs tree heads: a file that its owner alone reads, made once.

``log.key`` holds sumdb's form, ``PRIVATE+KEY+name+id+base64(0x01 || seed)``; ``log.pub`` beside it
holds the verification key to hand out; ``memory`` keeps a third file there. A KMS takes this
module's place with the same two functions.
"""

import base64
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings

from ledger import files
from verifier import notes

PREFIX = "PRIVATE+KEY+"


class BadLogKey(ValueError):
    """The log's key file cannot be used, or is another log's."""


def folder() -> Path:
    """Where the log keeps ``log.key``, ``log.pub`` and ``log.head``."""
    return Path(settings.EXPUNGE_LOG_KEYS)


def signer() -> notes.Signer:
    """The log's signer, made with mode 0600 if there is none.

    Raises:
        BadLogKey: the file is not a key, or one that was made for another origin, or it is gone
            from beside what is only ever written after it.
    """
    here = folder()
    path = here / "log.key"
    # Looked at before the key: another process that makes both right now is no loss of the key.
    left = [name for name in ("log.pub", "log.head") if (here / name).exists()]
    if not path.exists():
        if left:
            raise BadLogKey(f"log.key: is gone, and {left[0]} is here; put the log's own key back")
        here.mkdir(parents=True, exist_ok=True, mode=0o700)
        files.write_once(path, _format(Ed25519PrivateKey.generate()), mode=0o600)
    found = _parse(path.read_text())
    # Written after the key, by whoever finds it missing: a crash between the two mends itself.
    if not (here / "log.pub").exists():
        files.write_once(here / "log.pub", found.vkey + "\n", mode=0o644)
    return found


def vkey() -> str | None:
    """The verification key in ``log.pub``; None if nothing was ever signed here."""
    path = folder() / "log.pub"
    return path.read_text().strip() if path.exists() else None


def _format(key: Ed25519PrivateKey) -> str:
    public = notes.Signer(settings.EXPUNGE_ORIGIN, key).vkey
    name, id_, _ = public.split("+", 2)
    encoded = base64.b64encode(notes.ED25519 + key.private_bytes_raw()).decode()
    return f"{PREFIX}{name}+{id_}+{encoded}\n"


def _parse(text: str) -> notes.Signer:
    try:
        name, id_, encoded = text.strip().removeprefix(PREFIX).split("+", 2)
        raw = base64.b64decode(encoded, validate=True)
        key = Ed25519PrivateKey.from_private_bytes(raw[1:])
    except ValueError:
        raise BadLogKey("log.key: not a signing key") from None
    if (
        raw[:1] != notes.ED25519
        or id_ != notes.key_id(name, key.public_key().public_bytes_raw()).hex()
    ):
        raise BadLogKey("log.key: not an Ed25519 key, or not the one it says it is")
    if name != settings.EXPUNGE_ORIGIN:
        raise BadLogKey(f"log.key: made for {name}, and this log is {settings.EXPUNGE_ORIGIN}")
    return notes.Signer(name, key)
