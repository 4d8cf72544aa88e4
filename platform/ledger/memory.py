"""What the signer signed last, beside its key: whoever has the database alone cannot undo it.

``log.head`` holds the signed note. The signer is its own first witness, as C2SP's tlog-checkpoint
asks of one: it never signs what does not extend its own last size and root.
"""

from pathlib import Path

from ledger import files, signing
from verifier import notes


def note() -> str | None:
    """The note that was signed last; None if nothing was ever signed here.

    Nothing in it is checked yet: whoever reads it verifies its signature.
    """
    path = _path()
    # Bytes that are not text become characters that no signature covers.
    return path.read_bytes().decode(errors="replace") if path.exists() else None


def size() -> int:
    """The size that the last note claims, unverified; 0 if nothing that can be read was signed."""
    try:
        return notes.Checkpoint.parse(notes.signed_by(note() or "")[0]).size
    except notes.BadNote:
        return 0


def keep(note: str) -> None:
    """Remember a note in place of the last one, on disk, before anybody else can see it."""
    files.replace(_path(), note, mode=0o600)


def _path() -> Path:
    return signing.folder() / "log.head"
