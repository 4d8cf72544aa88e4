"""The keys that signed the log's heads before, and up to where: a stolen one signs nothing new.

``log.earlier`` beside the log's keys has a line for each: the size of the last head that it
signed, a space, and its verification key.
"""

from pathlib import Path

from ledger import files, signing
from verifier import notes


def retired() -> dict[str, int]:
    """Verification keys that sign no more, each with the size of its last head.

    Raises:
        signing.BadLogKey: the file is malformed.
    """
    found = {}
    for line in _path().read_text().splitlines() if _path().exists() else ():
        size, space, vkey = line.partition(" ")
        if not space or not (size.isascii() and size.isdigit()):
            raise signing.BadLogKey("log.earlier: expected a size and a verification key a line")
        found[vkey] = int(size)
    return found


def retire(vkey: str, *, size: int) -> None:
    """Note that a key's last head is of this size, on disk when this returns."""
    lines = {**retired(), vkey: size}.items()
    files.replace(_path(), "".join(f"{until} {each}\n" for each, until in lines), mode=0o644)


def verified(note: str, *vkeys: str) -> notes.Checkpoint:
    """The checkpoint in a note that one of these keys signed, or an earlier one within its bounds.

    A retired key is held to its bounds even if it is among those given.

    Raises:
        notes.BadNote: no known key that may have signed a head of this size did.
        signing.BadLogKey: see retired.
    """
    checkpoint = notes.Checkpoint.parse(notes.signed_by(note)[0])
    bounds = retired()
    known = dict.fromkeys([*vkeys, *bounds])
    may = [each for each in known if checkpoint.size <= bounds.get(each, checkpoint.size)]
    notes.verify_note(note, *may)
    return checkpoint


def _path() -> Path:
    return signing.folder() / "log.earlier"
