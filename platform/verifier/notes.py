"""Signed notes, byte for byte as C2SP's signed-note says: text, a blank line, signature lines.

``keys`` says which types of signatures there are. Lines of keys that nobody asked about are
ignored; a wrong one of a key that was asked about rejects the note.
"""

from typing import Final

from cryptography.exceptions import InvalidSignature

from verifier.checkpoints import BadNote, Checkpoint, check_name, check_text, decode
from verifier.keys import (
    DASH,
    ED25519,
    Cosigner,
    CosignerKey,
    Signer,
    key_id,
    line_of,
    parse_vkey,
    time_of,
    vkey_of,
)

__all__ = [
    "ED25519",
    "BadNote",
    "Checkpoint",
    "Cosigner",
    "Signer",
    "key_id",
    "lines_by",
    "parse_vkey",
    "sign_note",
    "signed_by",
    "verify_note",
    "vkey_of",
]

# C2SP asks for at least 16; a note with more than this is an attack on our time.
MOST_SIGNATURES: Final = 100


def sign_note(text: str, *signers: Signer) -> str:
    """Sign a text with each key; two keys at once are how one takes over from another.

    Args:
        text: ends in a newline, and holds no other control character.

    Raises:
        BadNote: the text cannot be a note's, or nobody signs.
    """
    check_text(text)
    if not text.endswith("\n") or not signers:
        raise BadNote("note: needs a text that ends in a newline, and a signer")
    return text + "\n" + "".join(signer.line(text) for signer in signers)


def verify_note(note: str | bytes, *vkeys: str) -> str:
    """Return the text, if a known key signed it and no known key's signature is wrong.

    Raises:
        BadNote: the note is malformed, a known key's signature fails, or none is there.
    """
    text, signed = signed_by(note, *vkeys)
    if not signed:
        raise BadNote("note: no known key signed it")
    return text


def signed_by(note: str | bytes, *vkeys: str) -> tuple[str, dict[str, int | None]]:
    """Return the text, and which of these keys signed it.

    Returns:
        By verification key, the time of its cosignature in seconds since 1970; None for a plain
        signature. Of none of these keys the dict is empty, and the text is anybody's.

    Raises:
        BadNote: the note is malformed, or a known key's signature fails.
    """
    known = {parsed[:2]: (vkey, parsed[2]) for vkey in vkeys for parsed in [parse_vkey(vkey)]}
    text, signatures = _split(note)
    signed: dict[str, int | None] = {}
    for name, id_, signature in signatures:
        if (name, id_) not in known:
            continue
        vkey, key = known[name, id_]
        try:
            key.verify(signature, text.encode())
        except InvalidSignature:
            raise BadNote(f"note: the signature of {name} is wrong") from None
        signed[vkey] = time_of(signature) if isinstance(key, CosignerKey) else None
    return text, signed


def lines_by(note: str | bytes, *vkeys: str) -> list[str]:
    """The signature lines of these keys, each once and with its newline. Checks no signature."""
    known = {parse_vkey(vkey)[:2] for vkey in vkeys}
    lines = [line_of(name, id_ + raw) for name, id_, raw in _split(note)[1] if (name, id_) in known]
    return [*dict.fromkeys(lines)]


def _split(note: str | bytes) -> tuple[str, list[tuple[str, bytes, bytes]]]:
    """The text, and (name, key id, signature) of every line after the last blank one."""
    if isinstance(note, bytes):
        try:
            note = note.decode()
        except UnicodeDecodeError:
            raise BadNote("note: not UTF-8") from None
    check_text(note)
    head, blank, tail = note.rpartition("\n\n")
    lines = tail.split("\n")
    # The last line ends in a newline too, so the split ends in an empty string.
    if not blank or lines.pop() or not lines:
        raise BadNote("note: expected a text, a blank line and signature lines")
    if len(lines) > MOST_SIGNATURES:
        raise BadNote(f"note: more than {MOST_SIGNATURES} signatures")
    return head + "\n", [_signature(line) for line in lines]


def _signature(line: str) -> tuple[str, bytes, bytes]:
    name, space, encoded = line.removeprefix(DASH).partition(" ")
    if not line.startswith(DASH) or not space:
        raise BadNote("note: malformed signature line")
    check_name(name)
    raw = decode(encoded)
    if len(raw) < 5:
        raise BadNote("note: a signature is too short")
    return name, raw[:4], raw[4:]
