"""What a tree head says, as C2SP's tlog-checkpoint spells it; and the spelling of notes."""

import re
from dataclasses import dataclass
from typing import Final, Self

from verifier import spelling

LARGEST_SIZE: Final = 2**63 - 1


class BadNote(ValueError):
    """A note, a checkpoint or a key is malformed, or not signed as it must be."""


@dataclass(frozen=True)
class Checkpoint:
    """What a tree head says: which log, how many entries, and their root (32 octets)."""

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        check_name(self.origin)
        if type(self.size) is not int or not 0 <= self.size <= LARGEST_SIZE:
            raise BadNote(f"checkpoint: {self.size!r} is not a size")
        if len(self.root) != 32:
            raise BadNote(f"checkpoint: the root has {len(self.root)} octets, not 32")

    def text(self) -> str:
        """The three lines that are signed, each with its newline."""
        return f"{self.origin}\n{self.size}\n{spelling.encode(self.root)}\n"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the text of a verified note.

        Raises:
            BadNote: it is not exactly what ``text`` would write. Extension lines are refused: not
                every kind of signature covers them.
        """
        lines = text.split("\n")
        if len(lines) != 4 or lines[3]:
            raise BadNote(f"checkpoint: expected 3 lines, found {len(lines) - 1}")
        origin, size, root, _ = lines
        if not re.fullmatch(r"0|[1-9][0-9]{0,18}", size):
            raise BadNote(f"checkpoint: {size!r} is not a size")
        return cls(origin, int(size), decode(root))


def check_text(text: str) -> None:
    """Raise BadNote for a text that no note can hold."""
    if any(each < " " and each != "\n" for each in text):
        raise BadNote("note: holds a control character")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadNote("note: not UTF-8") from None


def check_name(name: str) -> None:
    """Raise BadNote for a name that no key can have."""
    if not name or "+" in name or any(each.isspace() or each < " " for each in name):
        raise BadNote("name: empty, or holds a space or a plus sign")
    check_text(name)


def decode(text: str) -> bytes:
    """Standard base64, and only the one spelling that ``encode`` would give; or BadNote."""
    try:
        return spelling.decode(text)
    except ValueError as bad:
        raise BadNote(str(bad)) from None
