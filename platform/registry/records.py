"""Record keys as committed sets: what a training, the panel or the cache was made from.

A set says at most what was consumed: of the panel's people and of those with cached states it
holds every interaction, as a proof of absence from more is one of absence from less.
"""

from collections.abc import Iterable
from uuid import UUID

from registry import storage
from registry.models import Artefact
from verifier import csmt
from verifier.sets import BadSet, CommittedSet


def committed(keys: Iterable[bytes], *, shard: int = 0) -> CommittedSet:
    """The set of these record keys.

    A record has no name but its content, and one person's same content comes once: its id is the
    first half of its key, its multiplicity 1.

    Args:
        keys: 32 octets each, none twice.
        shard: where they train; 0 for what is of no shard.
    """
    return CommittedSet.of((key, value_of(key, shard=shard)) for key in keys)


def value_of(key: bytes, *, shard: int) -> bytes:
    """What a set says of one record."""
    return csmt.value_of(UUID(bytes=key[:16]), shard=shard, multiplicity=1)


def stored(artefact: Artefact) -> CommittedSet:
    """A set, from the store.

    Raises:
        registry.storage.Corrupt, registry.storage.Destroyed: it cannot be read.
    """
    try:
        return CommittedSet.decode(storage.get(artefact))
    except BadSet as error:
        raise storage.Corrupt(f"{artefact} is no committed set") from error
