"""Step 2: the log's entries and heads are of the log whose key was given, and of one history."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from verifier import excerpt, merkle, notes
from verifier.case import BEFORE, CHECKPOINT, CONSISTENCY, ENTRIES, STAMPED, Case
from verifier.checkpoints import Checkpoint, decode
from verifier.keyring import Keyring
from verifier.report import Refused

PROVES: Final = "Each log entry used below has its place in the one log of your key."


def check(case: Case) -> str:
    """Verify heads and entries, and keep the entries.

    Raises:
        Refused, ValueError: they do not hold, or do not fit together.
    """
    head, witnesses = _head(case.files[CHECKPOINT], case.keys, case.ring)
    case.log = excerpt.parse(case.files[ENTRIES], head=head)
    _check_before(case, head)
    _check_stamped(case, head)
    case.witnesses = witnesses
    return f"size of the signed log: {head.size}; entries here: {len(case.log)}"


def _head(note: bytes, keys: Sequence[str], ring: Keyring) -> tuple[Checkpoint, int]:
    """The head, and how many witnesses cosigned it."""
    # The keys that were given first and by themselves: no key of the bundle's can stand in.
    if not notes.signed_by(note, *keys)[1]:
        raise Refused("its head is not signed by the key that was given")
    head = Checkpoint.parse(notes.verify_note(note, *keys))
    origins = {notes.parse_vkey(each)[0] for each in keys}
    if head.origin not in origins:
        raise Refused("a head is of another log than the key")
    if any(notes.parse_vkey(each)[0] != head.origin for each in ring.log):
        raise Refused("a key that is said to be the log's is of another name")
    known = dict.fromkeys([*keys, *ring.log, *ring.witnesses])
    ids = [notes.parse_vkey(each)[:2] for each in known]
    if len(set(ids)) != len(ids):
        raise Refused("a key of the bundle has the id of the one that was given")
    text, signed = notes.signed_by(note, *known)
    # Lines of keys that nobody named could not be told from decoration.
    if (text + "\n" + "".join(notes.lines_by(note, *known))).encode() != note:
        raise Refused("a head has a signature of an unknown key, or one twice")
    return head, len(set(ring.witnesses) & signed.keys())


def _earlier(case: Case, note: bytes) -> Checkpoint:
    """A head of before: of a key that was given, or of one that the log says it has retired since.

    The certificate vouches for the note, decoration and all; and what such a head says is proven by
    its consistency with the head of now.
    """
    retired = {each.fact("key") for each in case.log.of("log_key.retired")}
    known = [*case.keys, *(each for each in case.ring.log if each in retired)]
    before = Checkpoint.parse(notes.verify_note(note, *known))
    if before.origin != notes.parse_vkey(case.keys[0])[0]:
        raise Refused("a head is of another log than the key")
    return before


def _check_extends(case: Case, before: Checkpoint, head: Checkpoint, *, by: str) -> None:
    lines = case.files[by].decode("ascii").split("\n")
    if lines.pop() or len(lines) > 128:
        raise Refused("a consistency proof is malformed")
    merkle.verify_consistency(
        first=before.size,
        second=head.size,
        proof=[decode(line) for line in lines],
        first_root=before.root,
        second_root=head.root,
    )


def _check_before(case: Case, head: Checkpoint) -> None:
    if BEFORE not in case.files:
        return
    before = _earlier(case, case.files[BEFORE])
    if before.size > case.certificate.entries.applied:
        raise Refused("the head from before the erasure covers it")
    _check_extends(case, before, head, by=CONSISTENCY)


def _check_stamped(case: Case, head: Checkpoint) -> None:
    """A stamped head is this log's, and the response at least names it."""
    for name, note in case.files.items():
        if not name.startswith("timestamps/") or not name.endswith(".head"):
            continue
        stem = name.removesuffix(".head")
        stamped = _earlier(case, note)
        if str(stamped.size) != stem.partition("/")[2]:
            raise Refused("a stamped head is of another size than its name")
        _check_extends(case, stamped, head, by=STAMPED)
        if sha256(note).digest() not in case.files[f"{stem}.tsr"]:
            raise Refused("a timestamp is not of its head")
        covers = stamped.size > case.certificate.entries.applied
        tells = "covers the erasure" if covers else "is from before the erasure: not of its time"
        case.notes.append(
            f"A timestamp of head {stamped.size} is there, and {tells}. Unpack it and check it "
            f"with: openssl ts -verify -data {stem}.head -in {stem}.tsr -CAfile AUTHORITY.pem"
        )
