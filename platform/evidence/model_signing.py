"""OpenSSF model signatures (OMS v1.0): what others check a folder of model files with.

A Sigstore bundle v0.3 around a DSSE envelope around an in-toto statement, signed with a P-256 key:
the format knows no Ed25519. It says who vouches for these files and nothing of how they were made;
that is in the attestations.
"""

import hashlib
from collections.abc import Mapping
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from verifier import dsse, spelling, statements, strict
from verifier.strict import Json

BUNDLE: Final = "application/vnd.dev.sigstore.bundle.v0.3+json"
PREDICATE: Final = "https://model_signing/signature/v1.0"
# No part begins with a dot: readers skip .git and its like, signed or not, and ".." leads out.
PATH: Final = r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*"


def sign(files: Mapping[str, bytes], *, key: ec.EllipticCurvePrivateKey, name: str) -> bytes:
    """Return the signature file of a model; the same files, key and name give the same bytes.

    Args:
        files: path inside the model's folder, with slashes, to content; all that the folder holds.
        key: on P-256.
        name: what the model is called. For people: readers do not compare it.

    Raises:
        verifier.strict.BadDocument: no file, or a name that not every reader spells alike.
        ValueError: the key is on another curve.
    """
    if not isinstance(key.curve, ec.SECP256R1):
        raise ValueError(f"model signing: a key on {key.curve.name}, not on P-256")
    payload = statement(files, name=name)
    # RFC 6979: no random number, so that a bundle made again is the same bundle.
    scheme = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
    signature = key.sign(dsse.pae(dsse.IN_TOTO, payload), scheme)
    return strict.canonical(
        {
            "mediaType": BUNDLE,
            "verificationMaterial": {"publicKey": {"hint": hint(key)}, "tlogEntries": []},
            "dsseEnvelope": {
                "payload": spelling.encode(payload),
                "payloadType": dsse.IN_TOTO,
                "signatures": [{"keyid": "", "sig": spelling.encode(signature)}],
            },
        }
    )


def statement(files: Mapping[str, bytes], *, name: str) -> bytes:
    """What is signed: each file's digest in the order of the paths' code points.

    The subject's digest is over the files' digests alone, so it does not change with their names:
    refer to a model by the files' own digests.

    Raises:
        verifier.strict.BadDocument: as ``sign``.
    """
    if not files:
        raise strict.BadDocument("model signing: no file")
    whole = hashlib.sha256()
    resources: list[Json] = []
    for path in sorted(files):
        digest = hashlib.sha256(files[path])
        whole.update(digest.digest())
        resources.append(
            {
                "name": strict.text(path, "model signing: file", pattern=PATH),
                "algorithm": "sha256",
                "digest": digest.hexdigest(),
            }
        )
    called = strict.text(name, "model signing: name")
    return strict.canonical(
        {
            "_type": statements.STATEMENT,
            "subject": [{"name": called, "digest": {"sha256": whole.hexdigest()}}],
            "predicateType": PREDICATE,
            "predicate": {
                "serialization": {
                    "method": "files",
                    "hash_type": "sha256",
                    "allow_symlinks": False,
                },
                "resources": resources,
            },
        }
    )


def hint(key: ec.EllipticCurvePrivateKey) -> str:
    """How a bundle names its key: SHA-256 of the public key's PEM, in hexadecimal."""
    return hashlib.sha256(public_pem(key)).hexdigest()


def public_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """The public half, as it is handed out."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
