"""Where the base models of recipes lie. No torch here until one must be made."""

import hashlib
from functools import lru_cache
from pathlib import Path

from django.conf import settings

TINY_SEED = 20240416  # the day of the paper; any number would do, but it must stay


class BaseMissing(Exception):
    """The recipe's base model is not on this machine."""


def folder_of(name: str) -> Path:
    """The folder of a recipe's base: a known name among the assets, or a path.

    The path is that of a folder of safetensors, of a GGUF file, or of a folder that holds one. A
    GGUF file is converted into the assets once, under a name of its content.

    Raises:
        BaseMissing: there is no such folder or file.
        mlcore.base_model.UnsupportedBase: the GGUF file cannot be read.
    """
    known = Path(settings.EXPUNGE_ASSETS) / name
    if name == "tiny" and not known.exists():
        from mlcore.base_files import make_tiny

        make_tiny(known, seed=TINY_SEED)
    try:
        place = known if name.isidentifier() else Path(name).expanduser()
        gguf, is_folder = _gguf(place), place.is_dir()
    except (OSError, RuntimeError):  # a name that is too long, a home of nobody
        gguf, is_folder = None, False
    if gguf:
        return _converted(gguf)
    if not is_folder:
        raise BaseMissing(f"the base model {name} is not here; run make setup")
    return place


def _gguf(place: Path) -> Path | None:
    """The GGUF file that a path means, if it means one: a folder's safetensors come first."""
    if place.suffix == ".gguf" and place.is_file():
        return place
    files = sorted(place.glob("*.gguf"))
    if not files or [*place.glob("*.safetensors")]:
        return None
    if len(files) > 1:
        raise BaseMissing(f"{place} holds {len(files)} GGUF files; the recipe must name one")
    return files[0]


def _converted(gguf: Path) -> Path:
    stat = gguf.stat()
    name = f"gguf-{_content(gguf, stat.st_size, stat.st_mtime_ns)}"
    folder = Path(settings.EXPUNGE_ASSETS) / name
    if not folder.exists():
        from mlcore.base_files import convert_gguf

        convert_gguf(gguf, folder)
    return folder


@lru_cache(maxsize=16)
def _content(file: Path, size: int, changed: int) -> str:
    """SHA-256 of a file, read again when its size or time changes: it may be gigabytes."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
