"""Who attests here: one identity, and the key that the log announces for it."""

from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.db import transaction

from evidence import keys
from ledger import log
from ledger.kinds import Kind
from verifier import dsse, spelling


def name() -> str:
    """The URI that this installation attests as."""
    return f"https://{settings.EXPUNGE_ORIGIN}/attestor"


def target(key: Ed25519PrivateKey) -> str:
    """What the log calls a key."""
    return target_of(dsse.key_id(key.public_key()))


def target_of(key_id: str) -> str:
    """The same, of a key whose id alone is known."""
    return f"evidence.Key:{key_id}"


@transaction.atomic(durable=True)
def announce(*, actor: str, at: datetime) -> None:
    """Say in the log which key attests, once: nobody has to believe one that a bundle brings."""
    key = keys.attestor()
    if log.history(target(key)):
        return
    facts = {
        "key": spelling.encode(key.public_key().public_bytes_raw()),
        "identity": name(),
    }
    log.append(Kind.KEY_ANNOUNCED, actor=actor, on=target(key), at=at, facts=facts)
