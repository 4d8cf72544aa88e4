"""Files that are whole or not there, whenever the process is killed."""

import json
import os
import tempfile
from pathlib import Path
from typing import Any


def write(path: Path, data: bytes) -> None:
    """Write beside the place, then rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(draft, 0o644)
        os.replace(draft, path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise


def write_json(path: Path, value: Any) -> None:
    """Write JSON, keys as given, one trailing newline.

    Raises:
        ValueError: for a number that JSON cannot hold.
    """
    text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)
    write(path, f"{text}\n".encode())


def read_json(path: Path) -> Any:
    """What ``write_json`` wrote."""
    return json.loads(path.read_text("utf-8"))
