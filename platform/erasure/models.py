"""One person's request to be forgotten, and how far we have got."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from corpus.models import Item, Subject
from erasure.clocks import CLOCKS, Clock, Regulation
from erasure.states import ERASED, NEXT, OPEN, State
from ledger import log
from ledger.kinds import Kind
from registry.models import Release


class CannotMove(Exception):
    """A request cannot take this step from where it is."""


class DeletionRequestQuerySet(models.QuerySet["DeletionRequest"]):
    """Questions about requests."""

    def open(self) -> "DeletionRequestQuerySet":
        """Those that still need something done."""
        return self.filter(state__in=OPEN)

    def named(self, name: str) -> "DeletionRequest | None":
        """The request with this id or number, if there is one."""
        try:
            return self.filter(pk=uuid.UUID(name)).first()
        except ValueError:
            return self.filter(number=name).first()

    def due_first(self) -> "DeletionRequestQuerySet":
        """Soonest statutory date first."""
        return self.order_by("due_on", "number")


class DeletionRequest(models.Model):
    """One person's request to be forgotten, and how far we have got.

    ``subject`` is there until the erasing transaction, and never after a whole erasure.
    """

    PERSONAL: ClassVar = {"subject", "sealed_key"}
    RETAINED: ClassVar = {
        "id", "number", "scope", "regulation", "state", "filed_by", "received_at", "due_on",
        "decided_by", "decided_at", "receipt", "plan", "erased", "fallback", "restored", "clean_at",
        "restored_at", "completed_at", "failure",
    }  # fmt: skip

    class Scope(models.TextChoices):
        WHOLE = "whole", "Everything about one person"
        ITEMS = "items", "Some items of one person"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.CharField(max_length=20, unique=True)
    subject = models.ForeignKey(
        Subject, models.SET_NULL, null=True, related_name="deletion_requests"
    )
    scope = models.CharField(max_length=16, choices=Scope)
    regulation = models.CharField(max_length=16, choices=Regulation)
    state = models.CharField(max_length=32, choices=State, default=State.AWAITING_APPROVAL)
    filed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="filed")
    received_at = models.DateTimeField()
    due_on = models.DateField()
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="decided"
    )
    decided_at = models.DateTimeField(null=True)
    receipt = models.BinaryField(max_length=32)
    sealed_key = models.BinaryField(null=True)
    plan = models.JSONField(default=dict)
    erased = models.JSONField(default=dict)
    fallback = models.ForeignKey(Release, models.PROTECT, null=True, related_name="+")
    restored = models.ForeignKey(Release, models.PROTECT, null=True, related_name="+")
    clean_at = models.DateTimeField(null=True)
    restored_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)
    failure = models.CharField(max_length=200, default="", blank=True)

    objects = DeletionRequestQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["subject"],
                condition=Q(state__in=OPEN),
                name="erasure_request_one_open_per_subject",
            ),
            models.CheckConstraint(
                condition=Q(state__in=State.values), name="erasure_request_known_state"
            ),
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("filed_by")),
                name="erasure_request_decided_by_a_second_person",
            ),
            models.CheckConstraint(
                condition=Q(state__in=[State.AWAITING_APPROVAL, State.CANCELLED])
                | Q(decided_by__isnull=False, decided_at__isnull=False),
                name="erasure_request_moves_on_by_a_decision",
            ),
            models.CheckConstraint(
                condition=Q(state__in=ERASED, clean_at__isnull=False)
                | (~Q(state__in=ERASED) & Q(clean_at__isnull=True)),
                name="erasure_request_clean_iff_erased",
            ),
            models.CheckConstraint(
                condition=Q(state=State.COMPLETED, completed_at__isnull=False)
                | (~Q(state=State.COMPLETED) & Q(completed_at__isnull=True)),
                name="erasure_request_completed_at_iff_completed",
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def clock(self) -> Clock:
        """The statutory clock that runs for this request."""
        return CLOCKS[Regulation(self.regulation)]

    @property
    def is_erased(self) -> bool:
        """Whether the rows are gone and nothing that serves can have read them."""
        return self.state in ERASED

    def no_earlier(self, at: datetime) -> datetime:
        """A step's time: that of the step before, if the clock that says it runs behind that one's.

        Steps are taken on several machines, and a certificate's times are in order.
        """
        taken = (self.received_at, self.decided_at, self.clean_at, self.restored_at)
        return max(at, *(each for each in taken if each is not None))

    def move(
        self,
        to: State,
        *,
        actor: str,
        at: datetime,
        facts: Mapping[str, Any] | None = None,
        **fields: Any,
    ) -> None:
        """Take one step of the table in states.py, and log it.

        The UPDATE is a compare-and-swap: of two workers that both saw the old state, one moves
        the request and the other gets CannotMove.
        """
        was = State(self.state)
        if to not in NEXT[was] and to in NEXT[State.AWAITING_APPROVAL]:
            raise CannotMove(f"{self}: was decided already; it is {was.label}")
        if to not in NEXT[was]:
            raise CannotMove(f"{self}: {was.label} does not lead to {to.label}")
        moved = type(self).objects.filter(pk=self.pk, state=was).update(state=to, **fields)
        if not moved:
            raise CannotMove(f"{self}: no longer {was.label}")
        moved_facts = {"from": was.value, "to": to.value, **(facts or {})}
        log.append(Kind.REQUEST_MOVED, actor=actor, on=self, at=at, facts=moved_facts)
        self.refresh_from_db()


class RequestedItem(models.Model):
    """An item that a partial request names. Deleted in the erasing transaction."""

    PERSONAL: ClassVar = {"id", "request", "item"}
    RETAINED: ClassVar[set[str]] = set()

    request = models.ForeignKey(DeletionRequest, models.CASCADE, related_name="items")
    item = models.ForeignKey(Item, models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["request", "item"], name="erasure_requested_item_named_once"
            ),
        ]

    def __str__(self) -> str:
        return "A requested item"


class ErasedRecord(models.Model):
    """The record key of one erased interaction: a random string once the subject's key is gone."""

    PERSONAL: ClassVar[set[str]] = set()
    RETAINED: ClassVar = {"id", "request", "key"}

    request = models.ForeignKey(DeletionRequest, models.CASCADE, related_name="records")
    key = models.BinaryField(max_length=32)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["request", "key"], name="erasure_record_listed_once"),
        ]

    def __str__(self) -> str:
        return "An erased record"
