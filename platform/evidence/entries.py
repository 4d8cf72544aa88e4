"""Events that have their place in the log, read for attestations and bundles."""

from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

from django.db import models

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
    name = log.name_of(target)
    found = map(_placed, Entry.objects.filter(target=name, index__gt=after).order_by("index"))
    return [each for each in found if not kinds or each.event.kind in kinds]


def of_kind(model: type[models.Model], kind: Kind) -> list[Placed]:
    """The entries of this kind about any thing of a model, in order."""
    about = Entry.objects.filter(target__startswith=f"{model._meta.label}:").order_by("index")
    # Looked for before it is parsed: what happens to releases is mostly something else.
    found = (_placed(each) for each in about if kind.value.encode() in bytes(each.body))
    return [each for each in found if each.event.kind == kind]


def between(first: int, last: int) -> list[Placed]:
    """The entries from ``first`` to ``last``, both included."""
    found = Entry.objects.filter(index__gte=first, index__lte=last).order_by("index")
    return [_placed(entry) for entry in found]
