"""Writing a secret's file: once, whole, and for its owner alone. Knows nothing of Django."""

import os
import secrets
from contextlib import suppress
from pathlib import Path


def write_once(path: Path, text: str, *, mode: int) -> None:
    """Write whole, then link: of two processes one wins, and neither reads half a file."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    with suppress(FileExistsError):  # another process was first; its key is the key
        os.link(draft, path)
    draft.unlink()
