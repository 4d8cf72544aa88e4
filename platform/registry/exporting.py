"""From the live release to a folder that others load."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from mlcore import export as files
from mlcore.base_files import complete
from mlcore.export import Part
from registry import samples, storage
from registry.bench import bench_of
from registry.models import Release
from registry.services import exports, live
from registry.services.exports import CannotExport


@dataclass(frozen=True)
class Exported:
    """A release that left the house: what `release.json` says of it."""

    release: Release
    document: dict[str, Any]
    digest: str

    @property
    def folders(self) -> list[str]:
        """The names of the adapters' folders."""
        return sorted({name.split("/")[0] for name in self.document["files"]})


def export(
    *, folder: Path, actor: str, at: datetime, finish: Callable[[Path], None] = lambda _: None
) -> Exported:
    """Write the live release as PEFT folders, whole or not at all.

    Rows and files are read in one snapshot, and what they made is checked again before it can be
    seen. The event commits before the folder takes its name: a crash between the two leaves an
    event that tells of a hidden draft, never a folder that the log does not know.

    Args:
        folder: not there yet, or empty.
        finish: adds to the draft what is of its files, such as signatures.

    Raises:
        CannotExport: the folder is taken or cannot be written, or the release may not leave.
        registry.services.live.NothingLive: nothing was ever trained.
        registry.bases.BaseMissing, registry.bench.BaseChanged: of the release's base model.
    """
    folder = _place(folder)
    release, parts = _read()
    bench = bench_of(release.recipe)
    try:
        with complete(folder) as draft:
            document = files.write(
                draft,
                recipe=bench.plain,
                base=bench.base,
                kind=release.kind,
                live=release.live_digest,
                parts=parts,
            )
            finish(draft)
            said = json.loads(document)
            merged = said["files"]["merged/adapter_model.safetensors"]
            exports.note(release=release, merged=merged, document=document, actor=actor, at=at)
    except OSError as error:
        raise CannotExport(f"--out: cannot be written ({error.strerror})") from error
    return Exported(release=release, document=said, digest=sha256(document).hexdigest())


def _place(folder: Path) -> Path:
    """Where a draft can be renamed to: past links, which no folder replaces.

    Seen beforehand, because what fails after the event leaves a log that tells of no export.
    """
    try:
        place = folder.expanduser().resolve()
        is_taken = place.exists() and not (place.is_dir() and not any(place.iterdir()))
        is_mount = place.is_mount()
    except (OSError, RuntimeError) as error:  # links in a circle, a home of nobody
        raise CannotExport(f"--out: is no place for a folder ({type(error).__name__})") from error
    if is_taken:
        raise CannotExport("--out: there is something in that place; name a new or an empty folder")
    if is_mount:
        raise CannotExport("--out: a file system is mounted there; name a new folder inside it")
    return place


def _read() -> tuple[Release, list[Part]]:
    """The live release and its adapters' bytes and manifests, of one moment."""
    with samples.snapshot():
        release = live.release()
        chosen = exports.members(release)
        if not live.is_as_logged(release):
            raise CannotExport(f"the files of {release} are not those that were logged")
        try:
            parts = [
                Part(shard, storage.get(adapter.weights), bytes(adapter.manifest))
                for shard, adapter in chosen.items()
            ]
        except (storage.Corrupt, storage.Destroyed) as error:
            raise CannotExport(f"{release}: {error}") from error
    return release, parts
