"""Whose signatures a bundle holds, as it says itself: ``keys.json``. Nothing in it is trusted.

A log's key counts only if it was given from somewhere else; an attestor's only as far as an entry
of the log announces it; a witness's as far as the reader knows it.
"""

from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from verifier import dsse, notes, strict
from verifier.checkpoints import BadNote, decode
from verifier.keys import LENGTHS
from verifier.policy import COSIGNERS
from verifier.strict import BadDocument, Json


@dataclass(frozen=True)
class Attestor:
    """A key, the one identity it speaks as, and the log entry that says so."""

    identity: str
    index: int
    key: Ed25519PublicKey

    @property
    def target(self) -> str:
        """What the log calls the key."""
        return f"evidence.Key:{dsse.key_id(self.key)}"


@dataclass(frozen=True)
class Keyring:
    """Verification keys of the log and of witnesses, and attestors."""

    attestors: tuple[Attestor, ...]
    log: tuple[str, ...]
    witnesses: tuple[str, ...]


def parse(raw: bytes) -> Keyring:
    """Read ``keys.json``.

    Raises:
        BadDocument: it is malformed, a key is there twice, or a witness's key is not one.
    """
    fields = strict.members(strict.loads(raw), "keys", ("attestors", "log", "witnesses"))
    attestors = tuple(_attestor(each) for each in strict.items(fields["attestors"], "attestors"))
    log, witnesses = _vkeys(fields["log"]), _vkeys(fields["witnesses"])
    # Under another name it is still the same key, and two keys of one id could be mistaken.
    for part in (
        [notes.parse_vkey(each)[:2] for each in (*log, *witnesses)],
        [_material(each) for each in (*log, *witnesses)],
        [each.target for each in attestors],
    ):
        if len({*part}) != len(part):
            raise BadDocument("keys: one is there twice")
    if any(_material(each)[:1] not in COSIGNERS for each in witnesses):
        raise BadDocument("keys: a witness's is no cosigner's")
    return Keyring(attestors, log, witnesses)


def _attestor(value: Json) -> Attestor:
    fields = strict.members(value, "attestor", ("identity", "index", "key"))
    raw = strict.octets(fields["key"], "attestor: key")
    if len(raw) != LENGTHS[notes.ED25519]:
        raise BadDocument("attestor: its key is not 32 octets")
    return Attestor(
        identity=strict.uri(fields["identity"], "attestor: identity"),
        index=strict.number(fields["index"], "attestor: index"),
        key=Ed25519PublicKey.from_public_bytes(raw),
    )


def _material(vkey: str) -> bytes:
    """The type and the public key."""
    return decode(vkey.split("+", 2)[2])


def _vkeys(value: Json) -> tuple[str, ...]:
    found = []
    for each in strict.items(value, "keys", most=notes.MOST_SIGNATURES):
        if not isinstance(each, str):
            raise BadDocument("keys: one is no verification key")
        try:
            notes.parse_vkey(each)
        except BadNote:
            raise BadDocument("keys: one is malformed, or of a kind unknown here") from None
        found.append(each)
    return tuple(found)
