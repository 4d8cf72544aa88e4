"""The erasing transaction. Before it the person serves; after it nothing that serves saw them."""

import time
from datetime import datetime

from django.db import transaction

from corpus import services as corpus
from corpus.models import Subject
from erasure.models import DeletionRequest, ErasedRecord, RequestedItem
from erasure.states import State
from ledger import log
from ledger.kinds import Kind
from registry.services import retraction
from verifier import merkle


def execute(*, request: DeletionRequest, actor: str, at: datetime) -> None:
    """Erase what an approved request names, all of it in one transaction.

    Rows, cached states and panel rows are deleted; the keys of every file that may have learned
    from them are forgotten; the fallback release goes live; the subject's key is sealed to the
    receipt and destroyed; the record keys are listed on the ticket; all of it is logged.

    Raises:
        erasure.models.CannotMove: it is not approved, or another worker was first.
    """
    started = time.monotonic()
    _execute(request, actor, at)
    seconds = f"{time.monotonic() - started:.3f}"
    request.erased = {**request.erased, "time_to_clean_s": seconds}
    DeletionRequest.objects.filter(pk=request.pk).update(erased=request.erased)


@transaction.atomic(durable=True)
def _execute(request: DeletionRequest, actor: str, at: datetime) -> None:
    request.move(State.EXECUTING, actor=actor, at=at, clean_at=at)
    # Locked before anything else: an ingestion or a worker that touches this person waits here.
    assert request.subject_id is not None
    subject = Subject.objects.select_for_update().get(pk=request.subject_id)
    is_whole = request.scope == DeletionRequest.Scope.WHOLE
    items = None if is_whole else [named.item for named in request.items.select_related("item")]
    about = list(subject.deletion_requests.values_list("pk", flat=True))
    retracted = retraction.retract(subject=subject, items=items, actor=actor, at=at)
    erased = corpus.erase(
        subject=subject, items=items, receipt=bytes(request.receipt), request=request.pk
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
    root = merkle.root_of([merkle.leaf_hash(key) for key in erased.record_keys]).hex()
    facts = {**counts, "scope": request.scope, "records_root": root}
    log.append(Kind.ERASURE_APPLIED, actor=actor, on=request, at=at, facts=facts)
    fate = "destroyed" if is_whole else "rotated"
    log.append(Kind.SUBJECT_KEY_DESTROYED, actor=actor, on=request, at=at, facts={"fate": fate})
    request.refresh_from_db()
