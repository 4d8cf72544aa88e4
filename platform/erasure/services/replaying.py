"""Erasing once more what the erasure ledger has and a restored database lacks.

Each erasure is a transaction of its own and goes the way of the first one, so it can be broken off
and begun again, and whatever must hold after an erasure holds after this one.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction

from corpus import ingest, vault
from corpus.models import Subject
from erasure import tombstones
from erasure.models import DeletionRequest, RequestedItem
from erasure.services import execution
from erasure.states import ERASED, State
from erasure.tombstones import Tombstone
from registry import storage
from verifier import receipts

REPLAYED = {"replayed": "yes"}


class CannotReplay(Exception):
    """An erasure of the ledger cannot be applied to this database."""


@dataclass
class Replayed:
    """Of the ledger's erasures: those applied now, and why not the others."""

    applied: list[str] = field(default_factory=list)
    there: int = 0
    unknown: int = 0
    failed: list[str] = field(default_factory=list)


def replay(*, actor: str, at: datetime) -> Replayed:
    """Apply every erasure that the erasure ledger has and the database lacks. Safe to repeat.

    Returns:
        What was applied, by number; how many were there already; how many are of people whom
        this database does not know, because they came after it was dumped; and, in a sentence
        each, those that cannot be applied, which hold up none of the others.

    Raises:
        tombstones.LedgerUnreadable: the ledger is gone or damaged; nothing was applied.
    """
    done = Replayed()
    for stone in tombstones.read():
        if DeletionRequest.objects.filter(pk=UUID(stone.request), state__in=ERASED).exists():
            done.there += 1
            continue
        try:
            if _replay(stone, actor=actor, at=at):
                done.applied.append(stone.number)
            else:
                done.unknown += 1
        except (CannotReplay, execution.AnotherKey) as error:
            done.failed.append(str(error))
    storage.remove_destroyed(actor=actor, at=at)
    return done


@transaction.atomic(durable=True)
def _replay(stone: Tombstone, *, actor: str, at: datetime) -> bool:
    """False if the person is not in this database."""
    subject = Subject.objects.select_for_update().filter(pk=UUID(stone.subject)).first()
    if subject is None:
        return False
    request = _ticket(stone, subject, actor=actor, at=at)
    if stone.scope == DeletionRequest.Scope.ITEMS:
        _name_items(request, stone, subject)
    execution.apply(request=request, actor=actor, at=at, again=stone)
    return True


def _ticket(stone: Tombstone, subject: Subject, *, actor: str, at: datetime) -> DeletionRequest:
    """The request, approved: as the dump has it, or made from what the ledger says of it."""
    pk = UUID(stone.request)
    if DeletionRequest.objects.filter(number=stone.number).exclude(pk=pk).exists():
        raise CannotReplay(
            f"{stone.number}: another request has this number; "
            f"replay_erasures comes before anything is filed in a restored database"
        )
    # One at a time was open for this person, so what is open besides had ended by then.
    open_ones = DeletionRequest.objects.filter(subject=subject, state=State.AWAITING_APPROVAL)
    for other in open_ones.exclude(pk=pk):
        other.move(State.CANCELLED, actor=actor, at=at, facts=REPLAYED)
    decided_at = datetime.fromisoformat(stone.decided_at)
    request = DeletionRequest.objects.filter(pk=pk).first()
    if request is None:
        return DeletionRequest.objects.create(
            id=pk,
            number=stone.number,
            subject=subject,
            scope=stone.scope,
            regulation=stone.regulation,
            state=State.APPROVED,
            filed_by=_account(stone.filed_by),
            received_at=datetime.fromisoformat(stone.received_at),
            due_on=date.fromisoformat(stone.due_on),
            decided_by=_account(stone.decided_by),
            decided_at=decided_at,
            receipt=bytes.fromhex(stone.receipt),
        )
    if request.state == State.AWAITING_APPROVAL:
        request.move(
            State.APPROVED,
            actor=actor,
            at=at,
            facts=REPLAYED,
            decided_by=_account(stone.decided_by),
            decided_at=decided_at,
        )
    return request


def _account(pk: str) -> User:
    """Who filed or decided; an account that nobody can use, if theirs came after the dump."""
    if found := User.objects.filter(pk=int(pk)).first():
        return found
    lost, _ = User.objects.get_or_create(
        username=f"lost-account-{pk}", defaults={"is_active": False}
    )
    return lost


def _name_items(request: DeletionRequest, stone: Tombstone, subject: Subject) -> None:
    """Find what was erased by its record keys, which this database's key makes again."""
    key, records = vault.subject_key(subject), set(stone.records)
    items = {
        interaction.item_id
        for interaction, content in ingest.contents(subject.pk, vault.external_id(subject))
        if receipts.record_key(key, content).hex() in records
    }
    RequestedItem.objects.bulk_create(
        [RequestedItem(request=request, item_id=item) for item in sorted(items)],
        ignore_conflicts=True,
    )
