"""Ask the configured witnesses to cosign a head, before anybody else sees it.

C2SP's tlog-witness. ``EXPUNGE_WITNESSES`` names a tlog-policy file; without one nobody is asked.
"""

import base64
import re
import urllib.error
import urllib.request
from pathlib import Path
from typing import Final

from django.conf import settings

from ledger import tiles
from verifier import merkle, notes, policy

SECONDS: Final = 5
LARGEST_ANSWER: Final = 64 * 1024


class NotWitnessed(RuntimeError):
    """The policy's quorum is not met, or its file cannot be used."""


def configured() -> policy.Policy | None:
    """The policy of witnesses; None if there is none.

    Raises:
        NotWitnessed: its file cannot be used.
    """
    if not settings.EXPUNGE_WITNESSES:
        return None
    try:
        return policy.parse(Path(settings.EXPUNGE_WITNESSES).read_text())
    except OSError as error:
        raise NotWitnessed(f"EXPUNGE_WITNESSES: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise NotWitnessed(f"EXPUNGE_WITNESSES: {error}") from None


def cosigned(note: str, *, before: int) -> str:
    """Return the head's note with the cosignatures of the policy's witnesses.

    Args:
        note: a signed head of this log.
        before: the size that the witnesses probably saw last; each says so if it was another.

    Raises:
        NotWitnessed: too few cosigned; the message says what each of the others answered.
    """
    wanted = configured()
    if wanted is None:
        return note
    signed, failures = set(), []
    head = notes.Checkpoint.parse(notes.signed_by(note)[0])
    text = note
    for each in wanted.witnesses.values():
        try:
            note += _ask(each, text, head, before=before)
            signed.add(each.vkey)
        except NotWitnessed as refused:
            failures.append(f"{each.name}: {refused}")
    if not wanted.is_met(signed):
        raise NotWitnessed("the quorum of witnesses is not met: " + "; ".join(failures))
    return note


def _ask(witness: policy.Witness, note: str, head: notes.Checkpoint, *, before: int) -> str:
    if witness.url is None:
        raise NotWitnessed("the policy names no address")
    status, answer = _post(witness.url, note, head, old=before)
    if status == 409 and re.fullmatch(r"0|[1-9][0-9]{0,18}", answer.removesuffix("\n")):
        if int(answer) > head.size:
            raise NotWitnessed(f"has seen {int(answer)} entries, and this head has {head.size}")
        status, answer = _post(witness.url, note, head, old=int(answer))
    if status != 200:
        raise NotWitnessed(f"answered {status}")
    try:
        lines = "".join(notes.lines_by(note + answer, witness.vkey))
        if not notes.signed_by(note + lines, witness.vkey)[1]:
            raise NotWitnessed("did not cosign")
    except notes.BadNote as bad:
        raise NotWitnessed(f"cosigned wrongly: {bad}") from None
    return lines


def _post(url: str, note: str, head: notes.Checkpoint, *, old: int) -> tuple[int, str]:
    path = merkle.consistency_path(old, head.size) if old else []
    proof = [base64.b64encode(hash_).decode() for hash_ in tiles.subtrees(path)]
    body = "\n".join([f"old {old}", *proof, "", note]).encode()
    request = urllib.request.Request(url.rstrip("/") + "/add-checkpoint", body, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            return answer.status, answer.read(LARGEST_ANSWER).decode(errors="replace")
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read(LARGEST_ANSWER).decode(errors="replace")
    except OSError:
        raise NotWitnessed("did not answer") from None
