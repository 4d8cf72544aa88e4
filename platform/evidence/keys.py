"""The keys that attest: files that their owner alone reads, made once, beside the log's own.

``attest.key`` signs statements (Ed25519); ``models.key`` signs model files, by OpenSSF's model
signing, which knows P-256 and not Ed25519; ``models.pub`` is its public half to hand out.
"""

from collections.abc import Callable
from typing import TypeVar

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from ledger import files, signing

Key = TypeVar("Key", ed25519.Ed25519PrivateKey, ec.EllipticCurvePrivateKey)


class BadAttestorKey(ValueError):
    """A key file cannot be used."""


def attestor() -> ed25519.Ed25519PrivateKey:
    """The key of statements, made with mode 0600 if there is none.

    Raises:
        BadAttestorKey: the file is no such key.
    """
    return _key("attest.key", ed25519.Ed25519PrivateKey, ed25519.Ed25519PrivateKey.generate)


def models() -> ec.EllipticCurvePrivateKey:
    """The key of model files, made like ``attestor``, and its public half beside it."""
    key = _key(
        "models.key", ec.EllipticCurvePrivateKey, lambda: ec.generate_private_key(ec.SECP256R1())
    )
    public = signing.folder() / "models.pub"
    if not public.exists():
        pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        files.write_once(public, pem.decode(), mode=0o644)
    return key


def _key(name: str, kind: type[Key], make: Callable[[], Key]) -> Key:
    path = signing.folder() / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        pem = make().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        files.write_once(path, pem.decode(), mode=0o600)
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except ValueError:
        raise BadAttestorKey(f"{name}: not a private key") from None
    if not isinstance(key, kind):
        raise BadAttestorKey(f"{name}: a key of another type")
    return key
