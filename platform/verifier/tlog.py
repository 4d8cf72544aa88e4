"""A log as C2SP's tlog-tiles serves it, and receipts as its tlog-proof writes them.

Pure functions over bytes and text: where a tile or a bundle of entries lies below the log's
prefix, what is in it, and whether a receipt shows that an entry is in a signed log.
"""

import base64
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Self

from verifier import merkle, notes

WIDTH: Final = 256
LARGEST_ENTRY: Final = 65_535
CHECKPOINT: Final = "checkpoint"
PROOF: Final = "c2sp.org/tlog-proof@v1"
# What a log can have below its prefix, and nothing else: no path of a request leads elsewhere.
RESOURCE: Final = re.compile(
    r"checkpoint|tile/(?:\d|[1-5]\d|6[0-3]|entries)/(?:x\d{3}/)*\d{3}"
    r"(?:\.p/(?:[1-9]\d?|1\d\d|2[0-4]\d|25[0-5]))?",
    re.ASCII,
)


class BadLog(ValueError):
    """A resource or a receipt is not what its format says."""


@dataclass(frozen=True)
class Part:
    """One tile, or the bundle of the entries below it, of a log.

    Args:
        level: 0 to 63; None is a bundle of entries.
        n: which one of its level, from 0 on.
        width: how many hashes or entries it has; below 256 it is a partial one.
    """

    level: int | None
    n: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """Below the log's prefix: ``tile/<level>/<n>[.p/<width>]``, n in groups of 3 digits."""
        partial = "" if self.width == WIDTH else f".p/{self.width}"
        return self.full_path + partial

    @property
    def full_path(self) -> str:
        """Where it will lie once it is full."""
        digits = str(self.n)
        digits = digits.zfill(-len(digits) % 3 + len(digits))
        groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
        number = "/".join([*(f"x{each}" for each in groups[:-1]), groups[-1]])
        return f"tile/{'entries' if self.level is None else self.level}/{number}"


def parts(size: int, *, before: int = 0) -> Iterator[Part]:
    """What a log of ``size`` entries has that it had not at ``before``, level by level."""
    level = 0
    while count := size >> (8 * level):
        reached = before >> (8 * level)
        if count == reached:
            return
        for kind in (None, 0) if level == 0 else (level,):
            for n in range(reached // WIDTH, count // WIDTH):
                yield Part(kind, n)
            if count % WIDTH:
                yield Part(kind, count // WIDTH, count % WIDTH)
        level += 1


def bundle(entries: Sequence[bytes]) -> bytes:
    """Entries one after another, each behind its length in 16 bits, big end first.

    Raises:
        BadLog: an entry is longer than that, or there are none or more than 256.
    """
    if not 0 < len(entries) <= WIDTH or any(len(each) > LARGEST_ENTRY for each in entries):
        raise BadLog(f"a bundle holds 1 to {WIDTH} entries of up to {LARGEST_ENTRY} octets")
    return b"".join(len(each).to_bytes(2, "big") + each for each in entries)


def read_bundle(raw: bytes) -> list[bytes]:
    """The entries of a bundle.

    Raises:
        BadLog: it ends within an entry, or holds none or more than 256.
    """
    entries, at = [], 0
    while at < len(raw):
        start = at + 2
        at = start + int.from_bytes(raw[at:start], "big")
        entries.append(raw[start:at])
    if at != len(raw):
        raise BadLog("a bundle ends within an entry")
    if not 0 < len(entries) <= WIDTH:
        raise BadLog(f"a bundle holds 1 to {WIDTH} entries, not {len(entries)}")
    return entries


@dataclass(frozen=True)
class Receipt:
    """A proof that somebody keeps: an entry's place, its audit path, and the signed head.

    Args:
        index: the entry's, from 0 on.
        proof: 32-octet hashes, from the leaf upwards.
        note: the head, with the signatures of the log and of those who witnessed it.
        extra: whatever the application adds. Nobody signed it.
    """

    index: int
    proof: tuple[bytes, ...]
    note: str
    extra: bytes = b""

    def text(self) -> str:
        """As a ``.tlog-proof`` file holds it."""
        extra = [f"extra {_encode(self.extra)}"] if self.extra else []
        hashes = [_encode(each) for each in self.proof]
        return "\n".join([PROOF, *extra, f"index {self.index}", *hashes, "", self.note])

    @classmethod
    def parse(cls, text: str | bytes) -> Self:
        """Read a receipt. Nothing in it is checked yet but its spelling.

        Raises:
            BadLog: it is not exactly what ``text`` would write.
        """
        try:
            text = text.decode() if isinstance(text, bytes) else text
        except UnicodeDecodeError:
            raise BadLog("receipt: not UTF-8") from None
        head, blank, note = text.partition("\n\n")
        lines = head.split("\n")
        if lines.pop(0) != PROOF or not blank:
            raise BadLog(f"receipt: expected {PROOF}, an index, hashes, a blank line and a head")
        extra = b""
        if lines and lines[0].startswith("extra "):
            extra = _decode(lines.pop(0).removeprefix("extra "))
        index = re.fullmatch(r"index (0|[1-9][0-9]{0,18})", lines.pop(0) if lines else "")
        if index is None:
            raise BadLog("receipt: expected the line of the index")
        hashes = tuple(_decode(line) for line in lines)
        if any(len(each) != merkle.SIZE for each in hashes):
            raise BadLog(f"receipt: a hash is not {merkle.SIZE} octets")
        found = cls(int(index[1]), hashes, note, extra)
        if found.text() != text:
            raise BadLog("receipt: spelt in another way than the format's")
        return found


def verify_receipt(text: str | bytes, *, entry: bytes, vkey: str) -> notes.Checkpoint:
    """Check offline that an entry is in the log of a verification key.

    Args:
        text: the receipt, as ``Receipt.text`` writes it.
        entry: the bytes of the entry.
        vkey: the log's verification key, as somebody noted it down.

    Returns:
        The signed head that the entry is under. Its size and root were checked, and its signature.

    Raises:
        BadLog: the receipt is malformed.
        notes.BadNote: the head is not signed by this key, or is another log's.
        merkle.NotProven: the entry is not at its place in that log.
    """
    receipt = Receipt.parse(text)
    checkpoint = notes.Checkpoint.parse(notes.verify_note(receipt.note, vkey))
    name = notes.parse_vkey(vkey)[0]
    if checkpoint.origin != name:
        raise notes.BadNote(f"checkpoint: of {checkpoint.origin}, and the key is of {name}")
    merkle.verify_inclusion(
        leaf=merkle.leaf_hash(entry),
        index=receipt.index,
        size=checkpoint.size,
        proof=receipt.proof,
        root=checkpoint.root,
    )
    return checkpoint


def _encode(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text.encode("ascii"), validate=True)
    except ValueError:
        raise BadLog("receipt: not base64") from None
