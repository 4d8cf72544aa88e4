"""Signed notes and checkpoints, byte for byte as C2SP's signed-note and tlog-checkpoint say.

A note is text, a blank line, and one line per signature. Ed25519 (type 0x01) is the only type
that is read here; lines of other types are other people's keys, and ignored.
"""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from typing import Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519: Final = b"\x01"
DASH: Final = "\u2014 "
# C2SP asks for at least 16; a note with more than this is an attack on our time.
MOST_SIGNATURES: Final = 100
LARGEST_SIZE: Final = 2**63 - 1


class BadNote(ValueError):
    """A note, a checkpoint or a key is malformed, or not signed as it must be."""


@dataclass(frozen=True)
class Checkpoint:
    """What a tree head says: which log, how many entries, and their root (32 octets)."""

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        _check_name(self.origin)
        if type(self.size) is not int or not 0 <= self.size <= LARGEST_SIZE:
            raise BadNote(f"checkpoint: {self.size!r} is not a size")
        if len(self.root) != 32:
            raise BadNote(f"checkpoint: the root has {len(self.root)} octets, not 32")

    def text(self) -> str:
        """The three lines that are signed, each with its newline."""
        return f"{self.origin}\n{self.size}\n{_encode(self.root)}\n"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the text of a verified note.

        Raises:
            BadNote: it is not exactly what ``text`` would write. Extension lines are refused: not
                every kind of signature covers them.
        """
        lines = text.split("\n")
        if len(lines) != 4 or lines[3]:
            raise BadNote(f"checkpoint: expected 3 lines, found {len(lines) - 1}")
        origin, size, root, _ = lines
        if not re.fullmatch(r"0|[1-9][0-9]{0,18}", size):
            raise BadNote(f"checkpoint: {size!r} is not a size")
        return cls(origin, int(size), _decode(root))


@dataclass(frozen=True)
class Signer:
    """A private key and the name it signs under."""

    name: str
    key: Ed25519PrivateKey

    @property
    def vkey(self) -> str:
        """The public half, as others are given it."""
        return vkey_of(self.name, self.key.public_key())


def key_id(name: str, public: bytes) -> bytes:
    """The first 4 octets of ``SHA-256(name || 0x0A || 0x01 || public key)``."""
    return hashlib.sha256(name.encode() + b"\n" + ED25519 + public).digest()[:4]


def vkey_of(name: str, key: Ed25519PublicKey) -> str:
    """``name+hex(key id)+base64(0x01 || public key)``."""
    _check_name(name)
    public = key.public_bytes_raw()
    return f"{name}+{key_id(name, public).hex()}+{_encode(ED25519 + public)}"


def parse_vkey(vkey: str) -> tuple[str, bytes, Ed25519PublicKey]:
    """Return the name, the key id and the key.

    Raises:
        BadNote: it is malformed, of another type than Ed25519, or names another key's id.
    """
    parts = vkey.split("+", 2)
    if len(parts) != 3:
        raise BadNote("verification key: expected name+id+key")
    name, id_, encoded = parts
    _check_name(name)
    raw = _decode(encoded)
    if len(raw) != 33 or raw[:1] != ED25519:
        raise BadNote(f"verification key of {name}: not an Ed25519 key")
    if id_ != key_id(name, raw[1:]).hex():
        raise BadNote(f"verification key of {name}: {id_} is not its id")
    return name, key_id(name, raw[1:]), Ed25519PublicKey.from_public_bytes(raw[1:])


def sign_note(text: str, *signers: Signer) -> str:
    """Sign a text with each key; two keys at once are how one takes over from another.

    Args:
        text: ends in a newline, and holds no other control character.

    Raises:
        BadNote: the text cannot be a note's, or nobody signs.
    """
    _check_text(text)
    if not text.endswith("\n") or not signers:
        raise BadNote("note: needs a text that ends in a newline, and a signer")
    lines = []
    for signer in signers:
        _check_name(signer.name)
        id_ = key_id(signer.name, signer.key.public_key().public_bytes_raw())
        signature = signer.key.sign(text.encode())
        lines.append(f"{DASH}{signer.name} {_encode(id_ + signature)}\n")
    return text + "\n" + "".join(lines)


def verify_note(note: str | bytes, *vkeys: str) -> str:
    """Return the text, if a known key signed it and no known key's signature is wrong.

    Raises:
        BadNote: the note is malformed, a known key's signature fails, or none is there.
    """
    known = {(name, id_): key for name, id_, key in map(parse_vkey, vkeys)}
    text, signatures = _split(note)
    verified = False
    for name, id_, signature in signatures:
        key = known.get((name, id_))
        if key is None:
            continue
        try:
            key.verify(signature, text.encode())
        except InvalidSignature:
            raise BadNote(f"note: the signature of {name} is wrong") from None
        verified = True
    if not verified:
        raise BadNote("note: no known key signed it")
    return text


def _split(note: str | bytes) -> tuple[str, list[tuple[str, bytes, bytes]]]:
    """The text, and (name, key id, signature) of every line after the last blank one."""
    if isinstance(note, bytes):
        try:
            note = note.decode()
        except UnicodeDecodeError:
            raise BadNote("note: not UTF-8") from None
    _check_text(note)
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
    _check_name(name)
    raw = _decode(encoded)
    if len(raw) < 5:
        raise BadNote("note: a signature is too short")
    return name, raw[:4], raw[4:]


def _check_text(text: str) -> None:
    if any(each < " " and each != "\n" for each in text):
        raise BadNote("note: holds a control character")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadNote("note: not UTF-8") from None


def _check_name(name: str) -> None:
    if not name or "+" in name or any(each.isspace() or each < " " for each in name):
        raise BadNote("name: empty, or holds a space or a plus sign")
    _check_text(name)


def _encode(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _decode(text: str) -> bytes:
    """Standard base64, and only the one spelling that encoding would give."""
    try:
        raw = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise BadNote("not base64") from None
    if _encode(raw) != text:
        raise BadNote("not canonical base64")
    return raw
