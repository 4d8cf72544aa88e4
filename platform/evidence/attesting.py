"""Attestations, made of what has its place in the log: nobody tells us of it, we look."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from django.db import connection, models, transaction
from django.db.models import Exists, OuterRef, Value
from django.db.models.functions import Cast, Concat

from evidence import entries, identity, keys, readings, statements
from evidence.entries import NotPlaced
from evidence.models import Attestation
from evidence.placing import place
from ledger import log
from ledger.kinds import Kind
from registry.models import AdapterVersion, Release
from registry.services import caching
from verifier import dsse
from verifier.statements import parse
from verifier.strict import BadDocument

logger = logging.getLogger(__name__)

# Any constant will do; whoever attests must use the same.
LOCK = 7_360_926

Thing = TypeVar("Thing", AdapterVersion, Release)
STORE = "registry.Store"
# A release waits for the cache's set to have its place, and that for the release's: a round each.
ROUNDS = 5


def catch_up(*, actor: str, at: datetime) -> None:
    """Place what is logged and attest it, until there is nothing left to attest.

    Raises:
        evidence.placing.NotSequenced: this process may not sequence, and nobody else did.
    """
    for _ in range(ROUNDS):
        place()
        if not bring_up_to_date(actor=actor, at=at):
            return


def bring_up_to_date(*, actor: str, at: datetime) -> int:
    """Attest every adapter, destruction and release that is in the log and is not attested yet.

    Adapters first: a release names their envelopes. What waits for its place in the log, or for
    an attestation, is attested the next time. Safe to call at any time.

    Returns:
        How many steps were taken: attestations, and commitments to the cache that they wait for.
    """
    identity.announce(actor=actor, at=at)
    made = 0
    for adapter in _missing(AdapterVersion.objects.exclude(set_event=None).order_by("trained_at")):
        with _one_of_many(adapter):
            source = readings.only(adapter, Kind.ADAPTER_TRAINED).event.event_id
            payload = statements.adapter(readings.adapter(adapter))
            made += attest(payload, about=adapter, source=source, actor=actor, at=at)
    for entry in entries.unattested(STORE, Kind.ARTEFACTS_DESTROYED):
        with _one_of_many(entry.event.event_id):
            source = entry.event.event_id
            payload = statements.destruction(readings.destruction(entry))
            made += attest(payload, about=STORE, source=source, actor=actor, at=at)
    for release in _missing(Release.objects.exclude(panel_records=None).order_by("pk")):
        with _one_of_many(release):
            switched = readings.only(release, Kind.RELEASE_SWITCHED)
            cache = readings.cache_after(switched)
            if cache is None:
                caching.commit(actor=actor, at=at)
                made += 1
                continue
            payload = statements.release(readings.release(release, cache))
            source = switched.event.event_id
            made += attest(payload, about=release, source=source, actor=actor, at=at)
    return made


@contextmanager
def _one_of_many(thing: object) -> Iterator[None]:
    """What has no place yet waits; what cannot be stated does not hold up the others."""
    try:
        yield
    except NotPlaced:
        return
    except BadDocument as error:
        logger.error("%s cannot be attested: %s", thing, error)


@transaction.atomic(durable=True)
def attest(
    payload: bytes, *, about: models.Model | str, source: UUID, actor: str, at: datetime
) -> bool:
    """Sign a statement and log the envelope's digest, unless this event is attested already."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
    if Attestation.objects.filter(source=source).exists():
        return False
    envelope = dsse.sign(payload, keys.attestor())
    digest = Attestation.digest_of(envelope)
    kind = parse(payload).kind
    facts = {"envelope": digest, "kind": kind, "source": str(source)}
    event = log.append(Kind.ATTESTATION_MADE, actor=actor, on=about, at=at, facts=facts)
    Attestation.objects.create(
        kind=Attestation.KINDS[kind],
        about=log.name_of(about),
        source=source,
        envelope=envelope,
        digest=digest,
        event=event,
        made_at=at,
    )
    return True


def _missing(things: models.QuerySet[Thing]) -> list[Thing]:
    name = Concat(Value(f"{things.model._meta.label}:"), Cast(OuterRef("pk"), models.CharField()))
    return list(things.filter(~Exists(Attestation.objects.filter(about=name))))
