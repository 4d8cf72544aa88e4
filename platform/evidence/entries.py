"""Events that have their place in the log, read for attestations and bundles."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

from django.db import models
from django.db.models import Exists, F, Func, IntegerField, OuterRef, Q, Value
from django.db.models.lookups import GreaterThan

from evidence.models import Attestation
from ledger import log
from ledger.kinds import Kind
from ledger.log import LoggedEvent
from ledger.models import Entry


class NotPlaced(LookupError):
    """An event waits for its place in the log; the sequencer gives it one."""


@dataclass(frozen=True)
class Placed:
    """An entry of the log: its position, its bytes, and the event that they say."""

    index: int
    body: bytes
    event: LoggedEvent

    @property
    def digest(self) -> str:
        """SHA-256 of the entry's bytes."""
        return sha256(self.body).hexdigest()


def _placed(entry: Entry) -> Placed:
    body = bytes(entry.body)
    return Placed(entry.index, body, log.parse(body, index=entry.index))


def of_event(event_id: UUID | None) -> Placed:
    """The entry of an event.

    Raises:
        NotPlaced: it has none yet.
    """
    found = Entry.objects.filter(event_id=event_id).first() if event_id else None
    if found is None:
        raise NotPlaced(f"event {event_id} has no place in the log yet")
    return _placed(found)


def of_target(target: models.Model | str, *kinds: Kind, after: int = -1) -> list[Placed]:
    """The entries of these kinds about one thing, in order, from behind a position on."""
    return _found(Q(target=log.name_of(target), index__gt=after), kinds)


def of_kind(model: type[models.Model], kind: Kind) -> list[Placed]:
    """The entries of this kind about any thing of a model, in order."""
    return _found(Q(target__startswith=f"{model._meta.label}:"), [kind])


def unattested(target: str, kind: Kind) -> list[Placed]:
    """The entries of this kind about one thing that no attestation is of, in order."""
    attested = Attestation.objects.filter(source=OuterRef("event_id"))
    return _found(Q(~Exists(attested), target=target), [kind])


def _found(which: Q, kinds: Sequence[Kind]) -> list[Placed]:
    """Narrowed by the database, decided by what is parsed: a log is mostly something else."""
    found = Entry.objects.filter(which).order_by("index")
    says = Q()
    for kind in kinds:
        says |= Q(_says(kind))
    placed = map(_placed, found.filter(says))
    return [each for each in placed if not kinds or each.event.kind in kinds]


def _says(kind: Kind) -> GreaterThan:
    """Whether the one spelling of a kind stands somewhere in an entry."""
    spelt = Value(f'"type":"{kind.value}"'.encode())
    position = Func(
        spelt, F("body"), function="position", arg_joiner=" IN ", output_field=IntegerField()
    )
    return GreaterThan(position, 0)


def between(first: int, last: int) -> list[Placed]:
    """The entries from ``first`` to ``last``, both included."""
    found = Entry.objects.filter(index__gte=first, index__lte=last).order_by("index")
    return [_placed(entry) for entry in found]
