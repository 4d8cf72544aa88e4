"""The cache of trunk states is live state too: what it was made from is committed as well."""

from datetime import datetime

from django.db import connection, transaction

from corpus import commitments
from ledger import log
from ledger.kinds import Kind
from registry import records, storage
from registry.models import Artefact, CacheSet, TrunkState


@transaction.atomic(durable=True)
def commit(*, actor: str, at: datetime) -> CacheSet:
    """Log the set of the records of everybody who has cached states, from one snapshot.

    The log places the event after every change that the snapshot holds. An erasure that commits
    meanwhile is not in it; whoever needs a set without those records commits again.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    states = TrunkState.objects.count()
    people = TrunkState.objects.values_list("subject", flat=True).distinct()
    held = records.committed(commitments.record_keys(list(people)))
    facts = {"root": held.root.hex(), "count": str(len(held)), "states": str(states)}
    event = log.append(
        Kind.TRUNK_CACHE_COMMITTED, actor=actor, on="registry.TrunkState", at=at, facts=facts
    )
    return CacheSet.objects.create(
        records=storage.put(Artefact.Kind.RECORDS, held.encode(), at=at),
        root=held.root.hex(),
        states=states,
        event=event,
        committed_at=at,
    )
