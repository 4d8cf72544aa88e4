"""The keys that attest: files that their owner alone reads, made once, beside the log's own.

``attest.key`` signs statements (Ed25519); ``models.key`` signs model files, by OpenSSF's model
signing, which knows P-256 and not Ed25519; ``models.pub`` is its public half to hand out.
"""

from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from evidence import model_signing
from ledger import files, signing

Key = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey


class BadAttestorKey(ValueError):
    """A key file cannot be used."""


def attestor() -> ed25519.Ed25519PrivateKey:
    """The key of statements, made with mode 0600 if there is none.

    Raises:
        BadAttestorKey: the file is no such key.
    """
    key = _key("attest.key", ed25519.Ed25519PrivateKey.generate)
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        raise BadAttestorKey("attest.key: a key of another type")
    return key


def models() -> ec.EllipticCurvePrivateKey:
    """The key of model files, made like ``attestor``, and its public half beside it.

    Raises:
        BadAttestorKey: the file is no such key, or not the one whose public half was handed out.
    """
    key = _key("models.key", lambda: ec.generate_private_key(ec.SECP256R1()))
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise BadAttestorKey("models.key: a key of another type")
    if not isinstance(key.curve, ec.SECP256R1):
        raise BadAttestorKey("models.key: not on P-256")
    pem = model_signing.public_pem(key).decode()
    public = signing.folder() / "models.pub"
    # Written after the key, by whoever finds it missing: a crash between the two mends itself.
    if not public.exists():
        files.write_once(public, pem, mode=0o644)
    if public.read_text() != pem:
        raise BadAttestorKey("models.key: not the key of models.pub; put that one back")
    return key


def _key(name: str, make: Callable[[], Key]) -> PrivateKeyTypes:
    path = signing.folder() / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        pem = make().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        files.write_once(path, pem.decode(), mode=0o600)
    try:
        return load_pem_private_key(path.read_bytes(), None)
    except (ValueError, TypeError):  # the latter: it is under a password
        raise BadAttestorKey(f"{name}: not a private key") from None
