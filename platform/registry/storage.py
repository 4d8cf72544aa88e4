"""The artefact store: a folder of encrypted files, each under a key of its own.

A file is written before its row, and its key lives only in the row. So a crash in between leaves
noise that nobody can read, and forgetting the key destroys every copy of the file at once.
"""

import os
import re
import secrets
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from uuid import UUID, uuid4

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.db import transaction

from corpus import vault
from ledger import log
from ledger.kinds import Kind
from registry.models import Artefact

NONCE = 12
NAME = re.compile(r"[0-9a-f]{32}")
# Longer than any transaction that stores a file may take to commit.
ORPHAN_AGE = timedelta(hours=6)


class Destroyed(LookupError):
    """The artefact's key is gone, and with it every copy of its content."""


class Corrupt(ValueError):
    """The stored bytes are not those that were stored."""


def path_of(artefact_id: UUID) -> Path:
    """Where the encrypted bytes lie: a random name that says nothing."""
    name = artefact_id.hex
    return Path(settings.EXPUNGE_STORE) / name[:2] / name


def put(kind: Artefact.Kind, data: bytes, *, at: datetime) -> Artefact:
    """Store some bytes. The row is part of the caller's transaction; the file is there before."""
    name = uuid4()
    key, nonce = AESGCM.generate_key(256), secrets.token_bytes(NONCE)
    path = path_of(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".tmp")
    with draft.open("wb") as file:
        file.write(nonce + AESGCM(key).encrypt(nonce, data, name.bytes))
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
    return Artefact.objects.create(
        id=name,
        kind=kind,
        digest="" if kind == Artefact.Kind.TRUNK else sha256(data).hexdigest(),
        size=len(data),
        wrapped_key=vault.seal(key, purpose="artefact", about=name),
        stored_at=at,
    )


def get(artefact: Artefact) -> bytes:
    """Read the plain bytes back.

    Raises:
        Destroyed: the key is gone.
        Corrupt: the file is gone or changed, or the key is another's.
    """
    if artefact.wrapped_key is None:
        raise Destroyed(f"{artefact} was destroyed")
    try:
        key = vault.unseal(artefact.wrapped_key, purpose="artefact", about=artefact.pk)
        stored = path_of(artefact.pk).read_bytes()
        data = AESGCM(key).decrypt(stored[:NONCE], stored[NONCE:], artefact.pk.bytes)
    except (OSError, ValueError, InvalidTag) as error:
        raise Corrupt(f"{artefact} cannot be read back") from error
    if artefact.digest and sha256(data).hexdigest() != artefact.digest:
        raise Corrupt(f"{artefact} is not what its digest says")
    return data


def destroy(ids: Iterable[UUID], *, at: datetime) -> int:
    """Forget the keys, inside the caller's transaction. The files go with `remove_destroyed`.

    A size is forgotten too: that of a trunk state tells how long somebody's history is.
    """
    return Artefact.objects.filter(pk__in=list(ids), destroyed_at__isnull=True).update(
        wrapped_key=None, size=0, destroyed_at=at
    )


def remove_destroyed(*, actor: str, at: datetime) -> int:
    """Unlink the files of destroyed artefacts, then note it, and clear what no row refers to."""
    doomed = list(
        Artefact.objects.filter(destroyed_at__isnull=False, removed_at__isnull=True)
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    for name in doomed:
        path_of(name).unlink(missing_ok=True)
    if doomed:
        with transaction.atomic(durable=True):
            fresh = Artefact.objects.filter(pk__in=doomed, removed_at__isnull=True)
            removed = fresh.update(removed_at=at)
            if removed:
                digest = sha256(b"".join(name.bytes for name in doomed)).hexdigest()
                facts = {"files": str(removed), "ids_sha256": digest}
                log.append(
                    Kind.ARTEFACTS_REMOVED, actor=actor, on="registry.Store", at=at, facts=facts
                )
    _remove_orphans(at=at)
    return len(doomed)


def awaits_removal() -> bool:
    """Whether `remove_destroyed` has something to remove."""
    return Artefact.objects.filter(destroyed_at__isnull=False, removed_at__isnull=True).exists()


def _remove_orphans(*, at: datetime) -> None:
    """Delete files whose row was never committed. They are noise: the key was in the row."""
    limit = (at - ORPHAN_AGE).timestamp()
    old = {}
    for path in Path(settings.EXPUNGE_STORE).glob("??/*"):
        with suppress(FileNotFoundError):  # another sweeper was quicker
            if path.stat().st_mtime < limit:
                old[path.name] = path
    ids = {UUID(name) for name in old if NAME.fullmatch(name)}
    known = {pk.hex for pk in Artefact.objects.filter(pk__in=ids).values_list("pk", flat=True)}
    for name, path in old.items():
        if name not in known:
            path.unlink(missing_ok=True)
