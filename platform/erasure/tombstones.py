"""The erasure ledger: a line for each erasure, in a file that no restored database takes back.

A line is on disk before its erasure commits, so no crash leaves one in the database that the file
lacks. It holds random ids and commitments alone: no external id, no item, nothing of what went.
"""

import errno
import fcntl
import json
import os
from dataclasses import asdict, dataclass, fields
from hashlib import sha256
from pathlib import Path
from typing import Final

import rfc8785
from django.conf import settings

VERSION: Final = "1"
# Ends a line that a crash or a full disk broke off. Its erasure never committed.
TORN: Final = b"#torn\n"


class LedgerUnwritable(OSError):
    """An erasure cannot be put on the erasure ledger, so it must not happen."""


class LedgerUnreadable(ValueError):
    """The erasure ledger is gone or damaged; it cannot say what was erased."""


@dataclass(frozen=True, kw_only=True)
class Tombstone:
    """What it takes to erase once more, in a database that was restored to before.

    Every value is a string: ids, times in ISO 8601, bytes in hexadecimal. ``records`` holds the
    record keys of a partial erasure, which only the person's key of then can link to anything;
    ``successor`` the key that followed, sealed under that one. Both are empty for a whole person.
    """

    request: str
    subject: str
    scope: str
    number: str
    regulation: str
    filed_by: str
    decided_by: str
    received_at: str
    decided_at: str
    due_on: str
    receipt: str
    erased_at: str
    records: tuple[str, ...] = ()
    successor: str = ""


def path() -> Path:
    """``EXPUNGE_ERASURES``, or ``erasures.log`` beside the log's keys."""
    return Path(settings.EXPUNGE_ERASURES or Path(settings.EXPUNGE_LOG_KEYS) / "erasures.log")


def append(stone: Tombstone) -> None:
    """Put an erasure on the ledger. When this returns, a power cut does not take it back.

    Called inside the erasing transaction, as its last step but the commit.

    Raises:
        LedgerUnwritable: and the caller's transaction must roll back.
    """
    try:
        _append(_line(stone))
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else "not all of it"
        raise LedgerUnwritable(
            f"the erasure ledger cannot be written ({why}), so nothing is erased"
        ) from None


def _append(line: bytes) -> None:
    where = path()
    where.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    opened = os.open(where, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX)
        size = os.fstat(opened).st_size
        is_torn = size > 0 and os.pread(opened, 1, size - 1) != b"\n"
        data = (TORN if is_torn else b"") + line
        if os.write(opened, data) != len(data):
            raise OSError(errno.ENOSPC, "short write")
        os.fsync(opened)
    finally:
        os.close(opened)
    # A new file's name is on disk only once its folder is.
    folder = os.open(where.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _line(stone: Tombstone) -> bytes:
    body = rfc8785.dumps({"v": VERSION, **asdict(stone), "records": list(stone.records)})
    return sha256(body).hexdigest().encode() + b" " + body + b"\n"


def read() -> list[Tombstone]:
    """Every erasure of the ledger, in order; of two lines about one request the last.

    Raises:
        LedgerUnreadable: there is no file, or a line in it is not as it was written.
    """
    if not path().exists():
        raise LedgerUnreadable(
            "there is no erasure ledger (erasures.log); if anything was ever erased, put it back"
        )
    *lines, _unfinished = path().read_bytes().split(b"\n")
    found: dict[str, Tombstone] = {}
    for number, line in enumerate(lines, start=1):
        if line.endswith(TORN.strip()):
            continue
        stone = _parse(line, number)
        # Written twice if the first erasure did not commit: the last attempt is the one that did.
        found.pop(stone.request, None)
        found[stone.request] = stone
    return list(found.values())


def _parse(line: bytes, number: int) -> Tombstone:
    digest, _, body = line.partition(b" ")
    if sha256(body).hexdigest().encode() != digest:
        raise LedgerUnreadable(f"the erasure ledger is damaged in line {number}; put a copy back")
    said = json.loads(body)
    if said.pop("v", None) != VERSION or set(said) != {field.name for field in fields(Tombstone)}:
        raise LedgerUnreadable(f"line {number} of the erasure ledger is of another version")
    return Tombstone(**{**said, "records": tuple(said["records"])})
