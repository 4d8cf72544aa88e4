"""The erasing transaction. Before it the person serves; after it nothing that serves saw them."""

import time
from datetime import datetime

from cryptography.exceptions import InvalidTag
from django.db import transaction

from corpus import services as corpus
from corpus import vault
from corpus.models import Subject
from erasure import tombstones
from erasure.models import DeletionRequest, ErasedRecord, RequestedItem
from erasure.states import State
from erasure.tombstones import Tombstone
from ledger import log
from ledger.kinds import Kind
from registry.services import retraction
from verifier import merkle


class AnotherKey(Exception):
    """An erasure that is applied again is of another key than the person has."""


def execute(*, request: DeletionRequest, actor: str, at: datetime) -> None:
    """Erase what an approved request names, all of it in one transaction.

    Rows, cached states and panel rows are deleted; the keys of every file that may have learned
    from them are forgotten; the fallback release goes live; the subject's key is sealed to the
    receipt and destroyed; the record keys are listed on the ticket; all of it is logged. The
    erasure ledger has it before the database does.

    Raises:
        erasure.models.CannotMove: it is not approved, or another worker was first.
        tombstones.LedgerUnwritable: nothing was erased.
    """
    started = time.monotonic()
    _execute(request, actor, at)
    seconds = f"{time.monotonic() - started:.3f}"
    request.erased = {**request.erased, "time_to_clean_s": seconds}
    DeletionRequest.objects.filter(pk=request.pk).update(erased=request.erased)


@transaction.atomic(durable=True)
def _execute(request: DeletionRequest, actor: str, at: datetime) -> None:
    stone = apply(request=request, actor=actor, at=at)
    # Last, so that only the commit can still fail: a line too many is an approved request, which
    # the sweep erases; a line too few would come back with the next restored dump.
    tombstones.append(stone)


def apply(
    *, request: DeletionRequest, actor: str, at: datetime, again: Tombstone | None = None
) -> Tombstone:
    """Erase inside the caller's transaction, and return what the erasure ledger should hold.

    Args:
        again: the ledger's line, if this database lost the erasure and it is applied once more.
            A person who stays gets the key that they got then, so that what followed still fits.

    Raises:
        erasure.models.CannotMove: it is not approved, or another worker was first.
        AnotherKey: the line cannot be opened with the person's key.
    """
    at = request.no_earlier(at)
    request.move(State.EXECUTING, actor=actor, at=at, clean_at=at)
    # Locked before anything else: an ingestion or a worker that touches this person waits here.
    assert request.subject_id is not None
    person = request.subject_id
    subject = Subject.objects.select_for_update().get(pk=person)
    is_whole = request.scope == DeletionRequest.Scope.WHOLE
    items = None if is_whole else [named.item for named in request.items.select_related("item")]
    about = list(subject.deletion_requests.values_list("pk", flat=True))
    next_key = _next_key(again, subject, request) if again and not is_whole else None
    retracted = retraction.retract(
        subject=subject, items=items, request=request.pk, actor=actor, at=at
    )
    erased = corpus.erase(
        subject=subject,
        items=items,
        receipt=bytes(request.receipt),
        request=request.pk,
        next_key=next_key,
    )
    ErasedRecord.objects.bulk_create(
        ErasedRecord(request=request, key=key) for key in erased.record_keys
    )
    # Of withdrawn and denied requests too: they name what this person had.
    RequestedItem.objects.filter(request__in=about).delete()
    counts = {
        "interactions": str(len(erased.record_keys)),
        "trunk_states": str(retracted.trunk_states),
        "panel_rows": str(retracted.panel_rows),
        "adapters": str(retracted.adapters),
        "slices": str(retracted.slices),
        "index": "1" if retracted.fallback else "0",
    }
    # A person of whom a part was erased stays in the vault; the ticket forgets them all the same.
    DeletionRequest.objects.filter(pk=request.pk).update(
        subject=None, sealed_key=erased.sealed_key, fallback=retracted.fallback, erased=counts
    )
    root = merkle.root_over(erased.record_keys).hex()
    facts = {**counts, "scope": request.scope, "records_root": root}
    if again:
        facts["replayed"] = "yes"
    log.append(Kind.ERASURE_APPLIED, actor=actor, on=request, at=at, facts=facts)
    fate = "destroyed" if is_whole else "rotated"
    gone = {"fate": fate, "key": erased.key_digest}
    log.append(Kind.SUBJECT_KEY_DESTROYED, actor=actor, on=request, at=at, facts=gone)
    request.refresh_from_db()
    return Tombstone(
        request=str(request.pk),
        subject=str(person),
        scope=request.scope,
        number=request.number,
        regulation=request.regulation,
        filed_by=str(request.filed_by_id),
        decided_by=str(request.decided_by_id),
        received_at=request.received_at.isoformat(),
        decided_at=request.decided_at.isoformat() if request.decided_at else "",
        due_on=request.due_on.isoformat(),
        receipt=bytes(request.receipt).hex(),
        erased_at=at.isoformat(),
        records=() if is_whole else tuple(key.hex() for key in erased.record_keys),
        successor=erased.successor.hex() if erased.successor else "",
    )


def _next_key(again: Tombstone, subject: Subject, request: DeletionRequest) -> bytes:
    try:
        return vault.open_successor(
            bytes.fromhex(again.successor), under=vault.subject_key(subject), request=request.pk
        )
    except InvalidTag:
        raise AnotherKey(
            f"{request}: this database has another key for the person than they had then"
        ) from None
