"""Key-encryption keys: they wrap the subjects' keys, and lie where no dump of the database goes.

``EXPUNGE_KEY_ENCRYPTION`` names who keeps them: a file, or a class that asks a key-management
service. The database knows their ids alone, so it can say which of them it needs.
"""

import fcntl
import hmac
import os
import secrets
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Protocol, cast

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.db import connection
from django.utils.module_loading import import_string

from corpus.models import WrappingKey
from ledger import files

NONCE, KEY = 12, 32
ID_TAG = b"expunge/kek/v1"


class WrappingKeyMissing(LookupError):
    """Subject keys are wrapped by a key-encryption key that is not here."""


class BadKeyEncryption(ValueError):
    """The key-encryption keys, or the class that should keep them, cannot be used."""


class KeyEncryption(Protocol):
    """Who keeps the key-encryption keys. An id has at most 64 characters, and says nothing."""

    def ids(self) -> list[str]:
        """Every key that unwraps. The first is the one that wraps; none before `make`."""

    def make(self) -> str:
        """Put a fresh key first, and return its id. The others go on unwrapping."""

    def keep(self, ids: Collection[str]) -> None:
        """Forget all but these, for good. The first key is always kept."""

    def wrap(self, key: bytes, *, by: str, about: bytes) -> bytes:
        """Encrypt a key of 32 bytes, bound to what it is about."""

    def unwrap(self, wrapped: bytes, *, by: str, about: bytes) -> bytes:
        """Undo `wrap`. Raises WrappingKeyMissing, or InvalidTag if the bytes are another's."""


class KeyFile:
    """Keys in ``kek.hex``, beside the log's: a line of hexadecimal each, the newest first.

    A wrapped key is a random nonce of 12 bytes and what AES-256-GCM (NIST SP 800-38D) makes of
    the 32: 60 bytes. One key may wrap 2**32 times before a nonce could come twice.
    """

    def ids(self) -> list[str]:
        """See KeyEncryption. Read anew each time: a rotation reaches processes that run."""
        return list(self._keys())

    def make(self) -> str:
        """See KeyEncryption. The file is made with mode 0600 if there is none."""
        with self._turn():
            fresh = secrets.token_bytes(KEY)
            self._write([fresh, *(key for key, _ in self._keys().values())])
        return _id(fresh)

    def keep(self, ids: Collection[str]) -> None:
        """See KeyEncryption."""
        with self._turn():
            held = list(self._keys().items())
            kept = [key for n, (id_, (key, _)) in enumerate(held) if n == 0 or id_ in ids]
            if len(kept) < len(held):
                self._write(kept)

    def wrap(self, key: bytes, *, by: str, about: bytes) -> bytes:
        """See KeyEncryption."""
        nonce = secrets.token_bytes(NONCE)
        return nonce + self._cipher(by).encrypt(nonce, key, about)

    def unwrap(self, wrapped: bytes, *, by: str, about: bytes) -> bytes:
        """See KeyEncryption."""
        return self._cipher(by).decrypt(wrapped[:NONCE], wrapped[NONCE:], about)

    def _cipher(self, by: str) -> AESGCM:
        keys = self._keys()
        if by not in keys:
            raise missing([by], held=keys)
        return keys[by][1]

    def _keys(self) -> dict[str, tuple[bytes, AESGCM]]:
        path = _path()
        return _parse(path.read_bytes()) if path.exists() else {}

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Whoever changes the file waits for whoever is changing it: no key gets lost between."""
        folder = _path().parent
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(opened, fcntl.LOCK_EX)
            yield
        finally:
            os.close(opened)

    def _write(self, keys: Collection[bytes]) -> None:
        files.replace(_path(), "".join(key.hex() + "\n" for key in keys), mode=0o600)


def keeper() -> KeyEncryption:
    """Who keeps the keys, as the setting says.

    Raises:
        BadKeyEncryption: the setting names no class.
    """
    try:
        return cast(KeyEncryption, import_string(settings.EXPUNGE_KEY_ENCRYPTION)())
    except (ImportError, TypeError):
        raise BadKeyEncryption("EXPUNGE_KEY_ENCRYPTION: not a class that can be imported") from None


def check() -> None:
    """See that every key which the database needs is here; make the first one for a new database.

    Raises:
        WrappingKeyMissing: naming what is not here, before anything is written without it.
        BadKeyEncryption: see keeper.
    """
    held = keeper().ids()
    noted = set(WrappingKey.objects.values_list("pk", flat=True))
    if gone := sorted(noted - set(held)):
        raise missing(gone, held=held)
    if not held:
        keeper().make()


def current() -> str:
    """The key that wraps, noted in the database and safe from retirement until the caller commits.

    Raises:
        WrappingKeyMissing, BadKeyEncryption: see check; or the key was replaced this very moment.
    """
    ids = keeper().ids()
    if not ids:
        check()
        ids = keeper().ids()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO corpus_wrappingkey (id) VALUES (%s) ON CONFLICT DO NOTHING", [ids[0]]
        )
        cursor.execute("SELECT id FROM corpus_wrappingkey WHERE id = %s FOR KEY SHARE", [ids[0]])
    # Looked at again under the lock: from here on nobody can take this key away.
    if keeper().ids()[:1] != ids[:1]:
        raise WrappingKeyMissing("the key-encryption key was just replaced; try again")
    return ids[0]


def missing(ids: Collection[str], *, held: Collection[str]) -> WrappingKeyMissing:
    """The one sentence for a lost key and for a wrong one."""
    have = f"holds {', '.join(held)}" if held else "has none"
    return WrappingKeyMissing(
        f"subject keys are wrapped by the key-encryption key {', '.join(ids)}, and this "
        f"installation {have}; put that key back (kek.hex), as without it they cannot be opened"
    )


def _path() -> Path:
    return Path(settings.EXPUNGE_LOG_KEYS) / "kek.hex"


def _id(key: bytes) -> str:
    return hmac.digest(key, ID_TAG, "sha256")[:8].hex()


@lru_cache(maxsize=4)
def _parse(text: bytes) -> dict[str, tuple[bytes, AESGCM]]:
    try:
        keys = [bytes.fromhex(line.decode()) for line in text.splitlines()]
    except ValueError:
        raise BadKeyEncryption("key file kek.hex: not hexadecimal") from None
    if not keys or any(len(key) != KEY for key in keys):
        raise BadKeyEncryption(f"key file kek.hex: a line is not {KEY} bytes of hexadecimal")
    return {_id(key): (key, AESGCM(key)) for key in keys}
