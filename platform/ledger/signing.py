"""The keys that sign tree heads: files that their owner alone reads, made once.

``log.key`` holds sumdb's form, ``PRIVATE+KEY+name+id+base64(0x01 || seed)``; ``log.pub`` beside it
holds the verification key to hand out; ``memory`` keeps a third file there. ``log.key2`` and
``log.pub2`` are the same of an ML-DSA-44 key (0x06), which cosigns each head: whoever breaks
Ed25519 with a quantum computer still cannot forge one. A KMS takes this module's place with the
same functions.
"""

import base64
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from django.conf import settings

from ledger import files
from verifier import keys, notes

Key = TypeVar("Key", Ed25519PrivateKey, MLDSA44PrivateKey)
Signs = TypeVar("Signs", notes.Signer, notes.Cosigner)

PREFIX = "PRIVATE+KEY+"
# All that is ever in the folder of a log's keys, and goes when the log goes.
FILES = (
    "log.key", "log.pub", "log.head", "log.key2", "log.pub2",
    "attest.key", "models.key", "models.pub",
)  # fmt: skip


class BadLogKey(ValueError):
    """The log's key file cannot be used, or is another log's."""


def folder() -> Path:
    """Where the log keeps ``FILES``."""
    return Path(settings.EXPUNGE_LOG_KEYS)


def signer() -> notes.Signer:
    """The log's signer, made with mode 0600 if there is none.

    Raises:
        BadLogKey: the file is not a key, or one that was made for another origin, or it is gone
            from beside what is only ever written after it.
    """
    if not _is_there("log.key", before=("log.pub", "log.head")):
        made = Ed25519PrivateKey.generate()
        vkey = notes.Signer(settings.EXPUNGE_ORIGIN, made).vkey
        _write("log.key", vkey, keys.ED25519 + made.private_bytes_raw())
    key, said = _read("log.key", keys.ED25519, Ed25519PrivateKey.from_private_bytes)
    return _checked("log.key", notes.Signer(settings.EXPUNGE_ORIGIN, key), said, "log.pub")


def second() -> notes.Cosigner | None:
    """The log's ML-DSA-44 cosigner, made like ``signer``; None where OpenSSL has no ML-DSA-44.

    Raises:
        BadLogKey: see signer.
    """
    kind = keys.MLDSA44_COSIGNATURE
    try:
        if not _is_there("log.key2", before=("log.pub2",)):
            made = MLDSA44PrivateKey.generate()
            vkey = notes.Cosigner(settings.EXPUNGE_ORIGIN, made).vkey
            _write("log.key2", vkey, kind + made.private_bytes_raw())
        key, said = _read("log.key2", kind, MLDSA44PrivateKey.from_seed_bytes)
    except UnsupportedAlgorithm:
        return None
    return _checked("log.key2", notes.Cosigner(settings.EXPUNGE_ORIGIN, key), said, "log.pub2")


def vkey() -> str | None:
    """The verification key in ``log.pub``; None if nothing was ever signed here."""
    return _public("log.pub")


def second_vkey() -> str | None:
    """The verification key in ``log.pub2``; None if nothing was ever cosigned here."""
    return _public("log.pub2")


def _public(name: str) -> str | None:
    path = folder() / name
    return path.read_text().strip() if path.exists() else None


def _is_there(name: str, *, before: Sequence[str]) -> bool:
    # Looked at before the key: another process that makes both right now is no loss of the key.
    left = [each for each in before if (folder() / each).exists()]
    if (folder() / name).exists():
        return True
    if left:
        raise BadLogKey(f"{name}: is gone, and {left[0]} is here; put the log's own key back")
    return False


def _write(name: str, vkey: str, raw: bytes) -> None:
    folder().mkdir(parents=True, exist_ok=True, mode=0o700)
    origin, id_, _ = vkey.split("+", 2)
    text = f"{PREFIX}{origin}+{id_}+{base64.b64encode(raw).decode()}\n"
    files.write_once(folder() / name, text, mode=0o600)


def _read(name: str, kind: bytes, build: Callable[[bytes], Key]) -> tuple[Key, tuple[str, str]]:
    """The key in a file, and the origin and the id that the file says it has."""
    try:
        text = (folder() / name).read_text().strip().removeprefix(PREFIX)
        origin, id_, encoded = text.split("+", 2)
        raw = base64.b64decode(encoded, validate=True)
        key = build(raw[1:])
    except ValueError:
        raise BadLogKey(f"{name}: not a signing key") from None
    if raw[:1] != kind:
        raise BadLogKey(f"{name}: a key of another type")
    if origin != settings.EXPUNGE_ORIGIN:
        raise BadLogKey(f"{name}: made for {origin}, and this log is {settings.EXPUNGE_ORIGIN}")
    return key, (origin, id_)


def _checked(name: str, signs: Signs, said: tuple[str, str], public: str) -> Signs:
    """The signer, if its key is the one that its file says; its public file is there then."""
    if tuple(signs.vkey.split("+", 2)[:2]) != said:
        raise BadLogKey(f"{name}: not the one it says it is")
    # Written after the key, by whoever finds it missing: a crash between the two mends itself.
    if not (folder() / public).exists():
        files.write_once(folder() / public, signs.vkey + "\n", mode=0o644)
    return signs
