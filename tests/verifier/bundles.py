"""Evidence bundles as a reader has them, and who is who in those that ``story`` makes up."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from hmac import digest as hmac_digest
from typing import Any
from uuid import UUID, uuid5

from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from verifier import archive, bundle, notes, strict
from verifier.records import canonical
from verifier.sets import CommittedSet

ORIGIN = "expunge.example/log"
IDENTITY = f"https://{ORIGIN}/attestor"
NOON = datetime(2026, 3, 1, 12, microsecond=250_000, tzinfo=UTC)
NAMES = UUID("6f1f5a3e-3c0c-4f2a-9b61-0c6a2c1b7d10")
REQUEST = uuid5(NAMES, "request")
SUBJECT_KEY = b"\x07" * 32
RECIPE, BASE = "a1" * 32, "b2" * 32
SUITE = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.CHACHA20_POLY1305)

LOG = notes.Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(b"\x01" * 32))
LOG_PQ = notes.Cosigner(ORIGIN, MLDSA44PrivateKey.from_seed_bytes(b"\x02" * 32))
WITNESS = notes.Cosigner("witness.example", Ed25519PrivateKey.from_private_bytes(b"\x03" * 32))
ATTESTOR = Ed25519PrivateKey.from_private_bytes(b"\x04" * 32)
RECEIPT_KEY = X25519PrivateKey.from_private_bytes(b"\x05" * 32)
RECEIPT = "expunge-receipt-1." + RECEIPT_KEY.private_bytes_raw().hex()


def record(subject: str, number: int) -> bytes:
    """One interaction of somebody's, in canonical form."""
    at = NOON - timedelta(days=number)
    return canonical(subject=subject, item=f"film-{number}", value=Decimal("3.5"), at=at)


def key_of(content: bytes, *, subject_key: bytes = SUBJECT_KEY) -> bytes:
    """The record key of an interaction."""
    tagged = b"expunge/rec/v1\0" + sha256(content).digest()
    return hmac_digest(subject_key, tagged, "sha256")


def digest(*parts: object) -> str:
    """Some digest, the same for the same parts."""
    return sha256(repr(parts).encode()).hexdigest()


RECORDS = [record("anna", number) for number in range(3)]
ERASED = sorted(map(key_of, RECORDS))


def set_of(*keys: bytes, others: str, size: int = 6) -> CommittedSet:
    """A set of these keys and of some people's more."""
    rest = [bytes.fromhex(digest("record", others, number)) for number in range(size)]
    return CommittedSet.of((key, sha256(key).digest()) for key in (*keys, *rest))


def sign(text: str) -> bytes:
    """A head as the log publishes it: two keys of its own, and a witness."""
    at = int(NOON.timestamp())
    lines = [LOG.line(text), LOG_PQ.line(text, at=at), WITNESS.line(text, at=at)]
    return (text + "\n" + "".join(lines)).encode()


@dataclass(frozen=True)
class Bundle:
    """The files of a bundle, and what its reader has besides."""

    files: dict[str, bytes]
    receipt: str = RECEIPT

    def zip(self) -> bytes:
        """The archive."""
        return archive.write(self.files)

    def check(self, **given: Any) -> bundle.Report:
        """What the verifier says, a minute after it all."""
        wanted = {"keys": [LOG.vkey], "now": NOON + timedelta(hours=1), **given}
        return bundle.check(self.zip(), **wanted)

    def but(self, **files: bytes | None) -> "Bundle":
        """With other files: ``but(**{"keys.json": b""})``; None takes one away."""
        kept = {**self.files, **files}
        return Bundle({name: data for name, data in kept.items() if data is not None})

    def forged(self, **files: bytes | None) -> "Bundle":
        """The same by somebody who makes the certificate list them, and has no key of the log."""
        found = self.but(**files)
        body = self.certificate
        body["files"] = listed(found.files)
        return found.but(**{"certificate.json": strict.canonical(body)})

    @property
    def certificate(self) -> dict[str, Any]:
        """What the certificate says."""
        found: Any = strict.loads(self.files["certificate.json"])
        return found


def listed(files: Mapping[str, bytes]) -> dict[str, str]:
    """The digests of the files that a certificate vouches for."""
    unlisted = {"certificate.json", "log/checkpoint", "log/entries.json"}
    unlisted |= {"log/consistency", "log/stamped"}
    return {name: sha256(data).hexdigest() for name, data in files.items() if name not in unlisted}
