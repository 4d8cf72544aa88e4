"""The identity vault: external ids under the installation's key, subject keys under the KEK's.

Nothing here logs, and no exception carries an identifier.
"""

import hmac
import secrets
from collections.abc import Iterable
from functools import cache
from uuid import UUID

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from corpus import wrapping
from corpus.models import Identity, Subject, SubjectKey

NONCE = 12
SUBJECT_KEY = b"expunge/subject-key/v1\x00"
SUCCESSOR_INFO = b"expunge/successor/v1\x00"


class NobodyFound(LookupError):
    """Nobody is known by this id."""


def subkey(purpose: str) -> bytes:
    """A 32-byte key for one purpose, derived from the vault's key (HKDF, RFC 5869)."""
    return _derive(settings.EXPUNGE_VAULT_KEY, purpose)


@cache
def _derive(key: bytes, purpose: str) -> bytes:
    info = f"expunge/{purpose}/v1".encode()
    return HKDF(hashes.SHA256(), 32, salt=None, info=info).derive(key)


def seal(plain: bytes, *, purpose: str, about: UUID) -> bytes:
    """Encrypt with AES-256-GCM, bound to its purpose and to the row it belongs to."""
    nonce = secrets.token_bytes(NONCE)
    return nonce + AESGCM(subkey(purpose)).encrypt(nonce, plain, about.bytes)


def unseal(sealed: bytes | memoryview, *, purpose: str, about: UUID) -> bytes:
    """Undo `seal`. Raises InvalidTag if the bytes are another row's, or changed."""
    return AESGCM(subkey(purpose)).decrypt(
        bytes(sealed[:NONCE]), bytes(sealed[NONCE:]), about.bytes
    )


def lookup(external_id: str) -> bytes:
    """The keyed hash that finds a person: useless without the vault's key."""
    # A terminal may hand over what is not text: nobody is known by that, and no error quotes it.
    return hmac.digest(subkey("lookup"), external_id.encode("utf-8", "surrogatepass"), "sha256")


def find(external_id: str) -> Subject:
    """The subject known by this external id.

    Raises:
        NobodyFound: without naming the id.
    """
    try:
        return Subject.objects.get(identity__lookup=lookup(external_id))
    except Subject.DoesNotExist:
        raise NobodyFound("nobody is known by this id") from None


def external_id(subject: Subject) -> str:
    """The id that upstream systems know this person by."""
    sealed = Identity.objects.values_list("sealed", flat=True).get(subject=subject)
    return unseal(sealed, purpose="identity", about=subject.pk).decode()


def masked(subjects: Iterable[UUID | None]) -> dict[UUID | None, str]:
    """The end of each person's external id, for people who must tell two tickets apart."""
    wanted = [pk for pk in subjects if pk is not None]
    found = Identity.objects.filter(subject__in=wanted).values_list("subject_id", "sealed")
    ends: dict[UUID | None, str] = {}
    for pk, sealed in found:
        plain = unseal(sealed, purpose="identity", about=pk).decode()
        # Never so much that it is the id.
        ends[pk] = "••••" + (plain[-4:] if len(plain) > 8 else plain[-1:] if len(plain) > 4 else "")
    return ends


def subject_key(subject: Subject) -> bytes:
    """K_s, unwrapped."""
    return opened(SubjectKey.objects.get(subject=subject))


def opened(row: SubjectKey) -> bytes:
    """The key in a row.

    Raises:
        wrapping.WrappingKeyMissing: what wrapped it is not here.
        InvalidTag: the bytes are another row's, or changed.
    """
    about = row.subject_id
    if row.kek_id is None:
        return unseal(row.wrapped, purpose="subject-key", about=about)
    bound = SUBJECT_KEY + about.bytes
    return wrapping.keeper().unwrap(bytes(row.wrapped), by=row.kek_id, about=bound)


def wrapped(key: bytes, *, subject: UUID, by: str) -> SubjectKey:
    """A row, not saved, that holds a key wrapped by the key-encryption key ``by``."""
    bound = SUBJECT_KEY + subject.bytes
    sealed = wrapping.keeper().wrap(key, by=by, about=bound)
    return SubjectKey(subject_id=subject, kek_id=by, wrapped=sealed)


def seal_successor(key: bytes, *, under: bytes, request: UUID) -> bytes:
    """Encrypt the key that follows another, so that only the other opens it."""
    nonce = secrets.token_bytes(NONCE)
    return nonce + _successor_cipher(under).encrypt(nonce, key, request.bytes)


def open_successor(sealed: bytes, *, under: bytes, request: UUID) -> bytes:
    """Undo `seal_successor`. Raises InvalidTag if it followed another key."""
    return _successor_cipher(under).decrypt(sealed[:NONCE], sealed[NONCE:], request.bytes)


def _successor_cipher(key: bytes) -> AESGCM:
    return AESGCM(HKDF(hashes.SHA256(), 32, salt=None, info=SUCCESSOR_INFO).derive(key))
