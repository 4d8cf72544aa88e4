"""Writing a file that must be whole: a secret's, or a public one. Knows nothing of Django."""

import os
import secrets
from contextlib import suppress
from pathlib import Path


def write_once(path: Path, text: str, *, mode: int) -> None:
    """Write whole, then link: of two processes one wins, and neither reads half a file."""
    draft = _draft(path, text, mode=mode)
    with suppress(FileExistsError):  # another process was first; its key is the key
        os.link(draft, path)
    draft.unlink()
    _sync(path.parent)


def replace(path: Path, content: str | bytes, *, mode: int) -> None:
    """Write whole, then rename over what is there: a crash leaves the old file or the new one.

    When this returns, a power cut does not bring the old one back.
    """
    _draft(path, content, mode=mode).replace(path)
    _sync(path.parent)


def move(path: Path, into: Path) -> None:
    """Rename over what is there: a crash leaves both files as they were, or the one."""
    path.replace(into)
    _sync(into.parent)


def _draft(path: Path, content: str | bytes, *, mode: int) -> Path:
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
        file.flush()
        os.fsync(file.fileno())
    return draft


def _sync(folder: Path) -> None:
    """A name is on disk only once its folder is."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
