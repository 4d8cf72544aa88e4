"""The public read path: the signed log as files, which anyone may read and nobody needs us for.

``log/`` in the artefact store holds what C2SP's tlog-tiles serves: the checkpoint, tiles, and
bundles of entries. A checkpoint is put there after everything that it covers, and never goes back.
"""

import shutil
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction

from ledger import earlier, files, signing, tiles, witnessing
from ledger.models import Entry, TreeHead
from verifier import notes, tlog

# Any constant will do; whoever publishes must use the same.
LOCK = 7_360_925


class CannotPublish(RuntimeError):
    """What is public already, or whoever must agree, does not go with the log's newest head."""


def folder() -> Path:
    """Where the public files are: what a web server may show to the world."""
    return Path(settings.EXPUNGE_STORE) / "log"


def published() -> str | None:
    """The public checkpoint, with all its signatures; None if nothing was published yet."""
    path = folder() / tlog.CHECKPOINT
    return path.read_text() if path.exists() else None


def size() -> int:
    """How many entries the public checkpoint covers. Checks no signature."""
    note = published()
    return size_of(note) if note else 0


def size_of(note: str) -> int:
    """How many entries a checkpoint covers. Checks no signature."""
    return notes.Checkpoint.parse(notes.signed_by(note)[0]).size


def publish() -> bool:
    """Make the newest signed head public, and before it what it covers.

    Publishers take turns, so that no smaller head comes after a larger one.

    Returns:
        Whether anything new became public.

    Raises:
        CannotPublish: the public checkpoint is not one that the newest head extends.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        head, old = TreeHead.objects.order_by("-size").first(), published()
        if head is None:
            return False
        before = 0 if old is None else _extended(old, head)
        if before == head.size:
            return False
        try:
            # First of all: what the policy's quorum does not vouch for is not public in any part.
            note = witnessing.cosigned(head.note, before=before)
            for part in tlog.parts(head.size, before=before):
                _write(part)
            files.replace(folder() / tlog.CHECKPOINT, note, mode=0o644)
        except witnessing.NotWitnessed as refused:
            raise CannotPublish(str(refused)) from refused
        except OSError as error:
            raise CannotPublish(f"the log's files cannot be written: {error.strerror}") from error
        except tiles.EntriesMissing as missing:
            raise CannotPublish(f"entries below {head.size} are missing: {missing}") from missing
    return True


def _extended(old: str, head: TreeHead) -> int:
    """The size of the public checkpoint, once it is known that the head extends it."""
    try:
        public = earlier.verified(old, *signing.vkeys())
    except notes.BadNote as bad:
        raise CannotPublish(f"the public checkpoint is not one of ours: {bad}") from bad
    if head.note.startswith(public.text() + "\n"):
        return public.size
    if public.size > head.size:
        raise CannotPublish(
            f"a checkpoint of size {public.size} is public, and the newest head has {head.size}"
        )
    try:
        root = tiles.root_at(public.size)
    except tiles.EntriesMissing as missing:
        raise CannotPublish(f"entries below {public.size} are missing: {missing}") from missing
    if root != public.root:
        raise CannotPublish(f"the log was rewritten below {public.size}, which is public")
    return public.size


def _write(part: tlog.Part) -> None:
    path = folder() / part.path
    path.parent.mkdir(parents=True, exist_ok=True)
    files.replace(path, _content(part), mode=0o644)
    if part.width == tlog.WIDTH:
        # tlog-tiles lets partial ones go when the full one is there.
        shutil.rmtree(path.with_name(f"{path.name}.p"), ignore_errors=True)


def _content(part: tlog.Part) -> bytes:
    if part.level is not None:
        return b"".join(tiles.nodes(part.level, part.n * tlog.WIDTH, part.width))
    start = part.n * tlog.WIDTH
    rows = Entry.objects.filter(index__gte=start, index__lt=start + part.width).order_by("index")
    return tlog.bundle([bytes(body) for body in rows.values_list("body", flat=True)])
