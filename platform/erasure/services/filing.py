"""Opening a request: the person is found, the plan made and frozen, the receipt handed out."""

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection, transaction

from corpus import vault
from corpus.models import Interaction, Item, Subject
from erasure import plans, roles
from erasure.clocks import CLOCKS, Regulation
from erasure.models import DeletionRequest, RequestedItem
from ledger import log
from ledger.kinds import Kind
from verifier import receipts

MOST_ITEMS = 1000


class BadRequest(ValueError):
    """What was asked cannot be done; `field` names the part, and the message never repeats it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class AlreadyOpen(BadRequest):
    """The person has a request that is not finished."""

    def __init__(self, request: DeletionRequest) -> None:
        super().__init__("subject", f"{request} is open for this person already")
        self.request = request


class MayNotFile(PermissionError):
    """Only officers file requests."""


@transaction.atomic(durable=True)
def file(
    *,
    subject: str,
    items: Sequence[str] | None,
    regulation: Regulation,
    filed_by: User,
    at: datetime,
) -> tuple[DeletionRequest, str]:
    """Open a request to erase a person, or some items of theirs.

    The person is locked first: two at once take turns, and an erasure of theirs goes before or
    waits. The unique index stands behind; it never has to speak, as the database's log would
    then keep a row that names the person.

    Returns:
        The request, and the receipt: a secret that is kept nowhere and shown once.

    Raises:
        BadRequest: naming the field.
        AlreadyOpen: carrying the request that is open.
        MayNotFile: the user is no officer.
    """
    if not roles.may_file(filed_by):
        raise MayNotFile("only an officer files requests")
    person = _locked(subject)
    if open_one := DeletionRequest.objects.open().filter(subject=person).first():
        raise AlreadyOpen(open_one)
    wanted = None if items is None else _items_of(person, items)
    receipt, public = receipts.new()
    request = DeletionRequest.objects.create(
        number=_next_number(at),
        subject=person,
        scope=DeletionRequest.Scope.WHOLE if wanted is None else DeletionRequest.Scope.ITEMS,
        regulation=regulation,
        filed_by=filed_by,
        received_at=at,
        due_on=CLOCKS[Regulation(regulation)].due(at, zone=settings.TIME_ZONE),
        receipt=public,
        plan=plans.of(person, wanted),
    )
    RequestedItem.objects.bulk_create(
        RequestedItem(request=request, item=item) for item in wanted or ()
    )
    facts = {
        "number": request.number,
        "scope": request.scope,
        "regulation": Regulation(regulation).value,
        "due": request.due_on.isoformat(),
        "receipt": public.hex(),
    }
    log.append(Kind.REQUEST_FILED, actor=f"user:{filed_by.pk}", on=request, at=at, facts=facts)
    return request, receipt


def _locked(external_id: str) -> Subject:
    try:
        found = vault.find(external_id)
        return Subject.objects.select_for_update(no_key=True).get(pk=found.pk)
    except (vault.NobodyFound, Subject.DoesNotExist):
        raise BadRequest("subject", "nobody is known by this id") from None


def _items_of(subject: Subject, items: Sequence[str]) -> list[Item]:
    if not items:
        raise BadRequest("items", "names no item")
    if len(items) > MOST_ITEMS:
        raise BadRequest("items", f"names more than {MOST_ITEMS} items")
    if len(set(items)) != len(items):
        raise BadRequest("items", "names an item twice")
    theirs = Interaction.objects.filter(subject=subject).values("item")
    found = {item.external_id: item for item in Item.objects.filter(pk__in=theirs)}
    for position, item in enumerate(items, start=1):
        if item not in found:
            raise BadRequest("items", f"item {position} is not among this person's interactions")
    return [found[item] for item in items]


def _next_number(at: datetime) -> str:
    """The next ticket number of the year: DR-2026-0001, DR-2026-0002, ..."""
    prefix = f"DR-{at.year}-"
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('erasure.number'))")
        cursor.execute(
            "SELECT coalesce(max(substr(number, %s)::int), 0) FROM erasure_deletionrequest "
            "WHERE number LIKE %s",
            [len(prefix) + 1, prefix + "%"],
        )
        (last,) = cursor.fetchone()
    return f"{prefix}{last + 1:04d}"
