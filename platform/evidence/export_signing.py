"""Model signatures beside exported files, for whoever loads them and knows no log of ours."""

from pathlib import Path
from typing import Final

from evidence import keys, model_signing

SIGNATURE: Final = "model.sig"


def sign_folders(folder: Path) -> None:
    """Put an OpenSSF model signature of its files into each adapter's folder of an export."""
    for adapter in sorted(path for path in folder.iterdir() if path.is_dir()):
        files = {
            path.relative_to(adapter).as_posix(): path.read_bytes()
            for path in sorted(adapter.rglob("*"))
            if path.is_file()
        }
        signed = model_signing.sign(files, key=keys.models(), name=adapter.name)
        (adapter / SIGNATURE).write_bytes(signed)
