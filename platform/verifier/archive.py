"""A zip in one spelling: stored files in the order of their names, and not one octet to choose.

Two readers who find different files in one archive are how a forgery passes one of them. So a zip
is read only if writing what was read gives the very same octets. Nothing is unpacked to disk.
"""

import re
import struct
from collections.abc import Iterator, Mapping
from typing import Final
from zlib import crc32

# As many as a reader will hold in memory twice; a bundle with more proofs than this is split.
MOST_OCTETS: Final = 1 << 30
# One more is where zip64 begins.
MOST_FILES: Final = 65_534
LONGEST_NAME: Final = 200

# One folder at most, and small letters: no two that a file system could take for one.
PATH: Final = r"README\.txt|[a-z0-9._-]+(/[a-z0-9._-]+)?"
_LOCAL: Final = struct.Struct("<IHHHHHIIIHH")
_CENTRAL: Final = struct.Struct("<IHHHHHHIIIHHHHHII")
_END: Final = struct.Struct("<IHHHHIIH")
_IS_LOCAL, _IS_CENTRAL, _IS_END = 0x04034B50, 0x02014B50, 0x06054B50
# Unix and version 2.0; no flags; stored; 1980-01-01, the first day that a zip can name.
_MADE_BY: Final = 0x0314
_COMMON: Final = (20, 0, 0, 0, 0x0021)
_MODE: Final = 0o100644 << 16


class BadArchive(ValueError):
    """An archive is not in the one form that there is, or files cannot be put in it."""


def write(files: Mapping[str, bytes]) -> bytes:
    """The archive of these files.

    Raises:
        BadArchive: a name is not one that an archive may hold, or there is too much.
    """
    _check(files)
    parts, directory, at = [], [], 0
    for name in sorted(files):
        data, spelt = files[name], name.encode("ascii")
        sums = (crc32(data), len(data), len(data), len(spelt), 0)
        local = _LOCAL.pack(_IS_LOCAL, *_COMMON, *sums) + spelt
        central = _CENTRAL.pack(_IS_CENTRAL, _MADE_BY, *_COMMON, *sums, 0, 0, 0, _MODE, at)
        parts += [local, data]
        directory += [central, spelt]
        at += len(local) + len(data)
    count, length = len(files), sum(map(len, directory))
    end = _END.pack(_IS_END, 0, 0, count, count, length, at, 0)
    return b"".join([*parts, *directory, end])


def read(raw: bytes) -> dict[str, bytes]:
    """The files of an archive, by name.

    Raises:
        BadArchive: it is not exactly what ``write`` would make of them.
    """
    if len(raw) > MOST_OCTETS:
        raise BadArchive(f"archive: {len(raw)} octets, more than {MOST_OCTETS}")
    if not raw.startswith(b"PK"):
        raise BadArchive("not a zip")
    files: dict[str, bytes] = {}
    for name, data in _local(raw):
        if name in files or len(files) == MOST_FILES:
            raise BadArchive("archive: two files of one name, or more than there may be")
        files[name] = data
    # Whatever else a zip can say (other headers, comments, gaps, flags) differs here.
    if write(files) != raw:
        raise BadArchive("changed, damaged or packed again: take the bundle as it was handed out")
    return files


def _local(raw: bytes) -> Iterator[tuple[str, bytes]]:
    at = 0
    while raw[at : at + 4] == _IS_LOCAL.to_bytes(4, "little"):
        start = at + _LOCAL.size
        if len(raw) < start:
            raise BadArchive("archive: ends within a file")
        *_, length, _, named, extra = _LOCAL.unpack(raw[at:start])
        at = start + named + extra + length
        if extra or named > LONGEST_NAME or len(raw) < at:
            raise BadArchive("cut short or packed again: take the bundle as it was handed out")
        try:
            name = raw[start : start + named].decode("ascii")
        except UnicodeDecodeError:
            raise BadArchive("archive: a name is not one that it may hold") from None
        yield name, raw[start + named : at]


def _check(files: Mapping[str, bytes]) -> None:
    for name in files:
        if (
            not re.fullmatch(PATH, name, re.ASCII)
            or len(name) > LONGEST_NAME
            or {".", ".."} & {*name.split("/")}
        ):
            raise BadArchive("archive: a name is not one that it may hold")
    if len(files) > MOST_FILES:
        raise BadArchive(f"archive: more than {MOST_FILES} files")
    if sum(map(len, files.values())) > MOST_OCTETS:
        raise BadArchive(f"archive: more than {MOST_OCTETS} octets")
