"""The keys that sign tree heads: files that their owner alone reads, made once.

``log.key`` holds sumdb's form, ``PRIVATE+KEY+name+id+base64(0x01 || seed)``; ``log.pub`` beside it
lists the verification keys to hand out, one a line; ``memory`` keeps a third file there.
``log.key2`` and ``log.pub2`` are the same of an ML-DSA-44 key (0x06), which cosigns each head:
whoever breaks Ed25519 with a quantum computer still cannot forge one. While one key takes over
from another (``rotation``), ``log.next`` and ``log.next2`` sign too; what signed before is in
``log.earlier``. A KMS takes this module's place with the same functions.
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
KEYS = ("log.key", "log.pub", "log.head", "log.key2", "log.pub2")
# There from a rotation on.
ROTATED = ("log.next", "log.next2", "log.earlier")
# All that is ever in the folder of a log's keys, and goes when the log goes.
FILES = (*KEYS, *ROTATED, "attest.key", "models.key", "models.pub")


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
    if not _is_there("log.key", before=("log.pub", "log.head", "log.next", "log.earlier")):
        _make("log.key")
    return _written("log.pub", _signer("log.key"))


def signers() -> tuple[notes.Signer, ...]:
    """Whoever signs the next head: the log's signer, and the next one while it takes over.

    Whoever calls this holds the lock of the sequencer's state, so that no key moves meanwhile.
    ``log.pub`` lists just these afterwards: a rotation that a crash cut short mends itself.

    Raises:
        BadLogKey: see signer.
    """
    first = signer()
    following = (_signer("log.next"),) if (folder() / "log.next").exists() else ()
    _list("log.pub", [each.vkey for each in (first, *following)])
    return (first, *following)


def second() -> notes.Cosigner | None:
    """The log's ML-DSA-44 cosigner, made like ``signer``; None where OpenSSL has no ML-DSA-44.

    Raises:
        BadLogKey: see signer.
    """
    try:
        if not _is_there("log.key2", before=("log.pub2", "log.next2")):
            _make_second("log.key2")
        return _written("log.pub2", _cosigner("log.key2"))
    except UnsupportedAlgorithm:
        return None


def seconds() -> tuple[notes.Cosigner, ...]:
    """Whoever cosigns the next head, as ``signers``; nobody where OpenSSL has no ML-DSA-44.

    Raises:
        BadLogKey: see signer.
    """
    first = second()
    if first is None:
        return ()
    following = (_cosigner("log.next2"),) if (folder() / "log.next2").exists() else ()
    _list("log.pub2", [each.vkey for each in (first, *following)])
    return (first, *following)


def make_next() -> tuple[str, str | None]:
    """Make the keys that take over, if they are not there: they sign from now on.

    Returns:
        Their verification keys; None for the second where OpenSSL has no ML-DSA-44.

    Raises:
        BadLogKey: see signer.
    """
    made = None
    if second() is not None:
        # Before the first, which is what says that a rotation is under way.
        _make_second("log.next2")
        made = _cosigner("log.next2").vkey
    _make("log.next")
    return _signer("log.next").vkey, made


def take_over() -> None:
    """Put the next keys in the place of the old ones, whose private halves are gone then."""
    # log.next goes last: as long as it is there, this is not done, and can be done again.
    for name, into in (("log.next2", "log.key2"), ("log.next", "log.key")):
        if (folder() / name).exists():
            files.move(folder() / name, folder() / into)


def vkey() -> str | None:
    """The verification keys in ``log.pub``, one a line; None if nothing was ever signed here."""
    return _public("log.pub")


def vkeys() -> tuple[str, ...]:
    """The verification keys that sign now, the oldest first: two while one takes over."""
    return tuple((vkey() or "").split())


def second_vkey() -> str | None:
    """The verification keys in ``log.pub2``; None if nothing was ever cosigned here."""
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


def _make(name: str) -> None:
    made = Ed25519PrivateKey.generate()
    vkey = notes.Signer(settings.EXPUNGE_ORIGIN, made).vkey
    _write(name, vkey, keys.ED25519 + made.private_bytes_raw())


def _make_second(name: str) -> None:
    made = MLDSA44PrivateKey.generate()
    vkey = notes.Cosigner(settings.EXPUNGE_ORIGIN, made).vkey
    _write(name, vkey, keys.MLDSA44_COSIGNATURE + made.private_bytes_raw())


def _write(name: str, vkey: str, raw: bytes) -> None:
    folder().mkdir(parents=True, exist_ok=True, mode=0o700)
    origin, id_, _ = vkey.split("+", 2)
    text = f"{PREFIX}{origin}+{id_}+{base64.b64encode(raw).decode()}\n"
    files.write_once(folder() / name, text, mode=0o600)


def _signer(name: str) -> notes.Signer:
    key, said = _read(name, keys.ED25519, Ed25519PrivateKey.from_private_bytes)
    return _checked(name, notes.Signer(settings.EXPUNGE_ORIGIN, key), said)


def _cosigner(name: str) -> notes.Cosigner:
    key, said = _read(name, keys.MLDSA44_COSIGNATURE, MLDSA44PrivateKey.from_seed_bytes)
    return _checked(name, notes.Cosigner(settings.EXPUNGE_ORIGIN, key), said)


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


def _checked(name: str, signs: Signs, said: tuple[str, str]) -> Signs:
    """The signer, if its key is the one that its file says."""
    if tuple(signs.vkey.split("+", 2)[:2]) != said:
        raise BadLogKey(f"{name}: not the one it says it is")
    return signs


def _written(public: str, signs: Signs) -> Signs:
    """The signer, whose public file is there then."""
    # Written after the key, by whoever finds it missing: a crash between the two mends itself.
    if not (folder() / public).exists():
        files.write_once(folder() / public, signs.vkey + "\n", mode=0o644)
    return signs


def _list(public: str, wanted: Sequence[str]) -> None:
    listed = (_public(public) or "").split()
    # Without a key in common it is another log's file, or another log's key: a person must look.
    if listed != [*wanted] and {*listed} & {*wanted}:
        files.replace(folder() / public, "".join(f"{each}\n" for each in wanted), mode=0o644)
