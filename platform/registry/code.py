"""Which code trains: a digest over the engine's sources, for provenance."""

from functools import cache
from hashlib import sha256
from pathlib import Path

import mlcore

# They measure the engine and attack it, and decide no bit of an adapter.
BESIDE = {"audit", "baselines", "benchmark"}


@cache
def digest() -> str:
    """SHA-256 over the engine's modules: for each by its path, the path, a NUL, and SHA-256."""
    root = Path(next(iter(mlcore.__path__)))
    paths = sorted(path.relative_to(root) for path in root.rglob("*.py"))
    whole = sha256()
    for path in paths:
        if path.parts[0] not in BESIDE:
            whole.update(path.as_posix().encode() + b"\0")
            whole.update(sha256((root / path).read_bytes()).digest())
    return whole.hexdigest()
