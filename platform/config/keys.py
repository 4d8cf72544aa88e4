"""The installation's secret keys: made once, kept in files that only their owner reads.

``EXPUNGE_PARTITION_KEY`` and ``EXPUNGE_ORDER_KEY`` override two of them, so that two
installations can be compared.
"""

import os
import secrets
from pathlib import Path

from config.places import BadSetting
from ledger import files

SHORTEST = 16


class BadKey(BadSetting):
    """A key in the environment or on disk cannot be used."""


def load(folder: Path, name: str, *, variable: str | None = None) -> bytes:
    """Return the key, making it with mode 0600 if there is none.

    Args:
        folder: where key files live; made with mode 0700.
        name: the file's stem.
        variable: an environment variable whose hex value wins over the file.

    Raises:
        BadKey: the variable or the file does not hold at least 16 bytes of hex.
    """
    if variable and (given := os.environ.get(variable)):
        return _parse(given, where=variable)
    path = folder / f"{name}.hex"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        files.write_once(path, secrets.token_hex(32) + "\n", mode=0o600)
    return _parse(path.read_text(), where=f"key file {name}.hex")


def _parse(text: str, *, where: str) -> bytes:
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        raise BadKey(f"{where}: not hexadecimal") from None
    if len(key) < SHORTEST:
        raise BadKey(f"{where}: needs at least {SHORTEST} bytes, has {len(key)}")
    return key


def django_secret(folder: Path) -> str:
    """Django's SECRET_KEY, from ``DJANGO_SECRET_KEY`` or the installation's own file."""
    return os.environ.get("DJANGO_SECRET_KEY") or load(folder, "django").hex()
