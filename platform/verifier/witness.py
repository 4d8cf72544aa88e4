"""A witness, as C2SP's tlog-witness describes it: it cosigns a log's heads, and only forwards.

Somebody else than the log's operator runs it. It keeps one file a log, the last checkpoint that it
cosigned, and a key; whoever shows it a history that does not extend that file is refused.
"""

import base64
import fcntl
import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from verifier import merkle, notes
from verifier.checkpoints import decode

MOST_HASHES: Final = 63
PREFIX: Final = "PRIVATE+KEY+"


class BadWitness(ValueError):
    """The witness cannot work with its folder, its key or the logs that it was given."""


@dataclass(frozen=True)
class Answer:
    """A status of HTTP, a body, and its type."""

    status: int
    body: str
    content_type: str = "text/plain; charset=utf-8"


class Witness:
    """One witness, with a folder of its own that no other process may use meanwhile.

    Args:
        folder: where ``witness.key`` and the last checkpoints are; made with mode 0700.
        name: the name that it signs under.
        vkeys: the verification keys of the logs that it watches; several of one log may be there.

    Raises:
        BadWitness: the folder is another process's or another name's, or a key is malformed.
    """

    def __init__(self, folder: Path, *, name: str, vkeys: Sequence[str]) -> None:
        try:
            logs = [(notes.parse_vkey(each)[0], each) for each in vkeys]
        except notes.BadNote as bad:
            raise BadWitness(f"a log's {bad}") from None
        self._logs: Mapping[str, list[str]] = {
            origin: [vkey for each, vkey in logs if each == origin] for origin, _ in logs
        }
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self._lock = Lock()
        # Held until the process ends, and released by the kernel even if it is killed.
        self._held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._held)
            raise BadWitness("another process is this witness already") from None
        self._cosigner = _key(folder / "witness.key", name)

    def close(self) -> None:
        """Let another process be this witness."""
        os.close(self._held)

    @property
    def vkey(self) -> str:
        """What the logs' policies name it by."""
        return self._cosigner.vkey

    def add_checkpoint(self, body: bytes, *, at: int) -> Answer:
        """Cosign a checkpoint that extends the last one; what ``POST /add-checkpoint`` answers.

        Args:
            body: ``old N``, hashes of a consistency proof, a blank line, and the checkpoint.
            at: now, in seconds since 1970.
        """
        try:
            old, proof, note = _parse(body)
            origin = note.partition("\n")[0]
            vkeys = self._logs.get(origin)
            if vkeys is None:
                return Answer(404, "this log is not watched here\n")
            text, signed = notes.signed_by(note, *vkeys)
        except _Malformed as bad:
            return Answer(400, f"{bad}\n")
        except notes.BadNote as bad:
            return Answer(403, f"{bad}\n")
        if not signed:
            return Answer(403, "none of this log's known keys signed it\n")
        try:
            checkpoint = notes.Checkpoint.parse(text)
        except notes.BadNote as bad:
            return Answer(400, f"{bad}\n")
        if old > checkpoint.size:
            return Answer(400, "the old size is larger than the checkpoint's\n")
        # One at a time: between the look at the last one and its replacement nobody else comes.
        with self._lock:
            return self._cosign(checkpoint, note, old=old, proof=proof, vkeys=vkeys, at=at)

    def _cosign(
        self,
        checkpoint: notes.Checkpoint,
        note: str,
        *,
        old: int,
        proof: Sequence[bytes],
        vkeys: Sequence[str],
        at: int,
    ) -> Answer:
        last = self._last(checkpoint.origin)
        seen = Answer(409, f"{last.size}\n", "text/x.tlog.size")
        if old != last.size or (old == checkpoint.size and checkpoint.root != last.root):
            return seen
        if old in (0, checkpoint.size):
            holds = not proof
        else:
            try:
                merkle.verify_consistency(
                    first=old,
                    second=checkpoint.size,
                    proof=proof,
                    first_root=last.root,
                    second_root=checkpoint.root,
                )
                holds = True
            except merkle.NotProven:
                holds = False
        if not holds:
            return Answer(422, "the consistency proof does not hold\n")
        text, line = checkpoint.text(), self._cosigner.line(checkpoint.text(), at=at)
        # With the log's own signatures, which are evidence, and none of anybody else's.
        kept = [*notes.lines_by(note, *vkeys), line]
        _keep(self._path(checkpoint.origin), text + "\n" + "".join(kept))
        return Answer(200, line)

    def _last(self, origin: str) -> notes.Checkpoint:
        path = self._path(origin)
        if not path.exists():
            return notes.Checkpoint(origin, 0, merkle.EMPTY)
        return notes.Checkpoint.parse(notes.verify_note(path.read_bytes(), self.vkey))

    def _path(self, origin: str) -> Path:
        return self._folder / f"{hashlib.sha256(origin.encode()).hexdigest()}.checkpoint"


class _Malformed(ValueError):
    """The body of a request is not what the protocol says."""


def _parse(body: bytes) -> tuple[int, list[bytes], str]:
    try:
        head, blank, note = body.decode().partition("\n\n")
    except UnicodeDecodeError:
        raise _Malformed("the body is not UTF-8") from None
    first, *lines = head.split("\n")
    old = re.fullmatch(r"old (0|[1-9][0-9]{0,18})", first)
    if old is None or not blank or len(lines) > MOST_HASHES:
        raise _Malformed("expected a line of the old size, up to 63 hashes and a blank line")
    try:
        proof = [decode(line) for line in lines]
    except notes.BadNote:
        raise _Malformed("a hash is not base64") from None
    if any(len(each) != merkle.SIZE for each in proof):
        raise _Malformed(f"a hash is not {merkle.SIZE} octets")
    return int(old[1]), proof, note


def _key(path: Path, name: str) -> notes.Cosigner:
    """The key in the witness's folder, made with mode 0600 if there is none."""
    if not path.exists():
        made = notes.Cosigner(name, Ed25519PrivateKey.generate())
        id_ = made.vkey.split("+", 2)[1]
        raw = base64.b64encode(made.kind + made.key.private_bytes_raw()).decode()
        _keep(path, f"{PREFIX}{name}+{id_}+{raw}\n")
    try:
        named, id_, encoded = path.read_text().strip().removeprefix(PREFIX).split("+", 2)
        key = Ed25519PrivateKey.from_private_bytes(base64.b64decode(encoded, validate=True)[1:])
    except ValueError:
        raise BadWitness("witness.key: not a signing key") from None
    cosigner = notes.Cosigner(named, key)
    if cosigner.vkey.split("+", 2)[1] != id_:
        raise BadWitness("witness.key: not the key that it says it is")
    if named != name:
        raise BadWitness(f"witness.key: made for {named}, not for {name}")
    return cosigner


def _keep(path: Path, text: str) -> None:
    """Write whole and rename, on disk when this returns: a crash leaves the old or the new file."""
    draft = path.with_suffix(".draft")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    opened = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
