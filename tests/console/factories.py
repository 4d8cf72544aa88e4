"""Rows as a running platform would leave them, without running it."""

import itertools
from datetime import timedelta
from hashlib import sha256

from django.contrib.auth.models import Group, User
from django.db import transaction
from django.utils import timezone

from corpus import vault
from corpus.people import Known
from erasure.clocks import CLOCKS, Regulation
from erasure.models import DeletionRequest
from erasure.services import DenialReason
from erasure.states import ERASED, State
from ledger import heads, log, sequencer
from ledger.kinds import Kind
from registry.models import AdapterVersion, Artefact, Recipe, Release, Slice, TrainingRun

PASSWORD = "correct horse battery"
PERSON = "customer-4821"
PLAN = {
    "interactions": "212",
    "training_samples": "210",
    "trunk_states": "212",
    "panel_rows": "1",
    "shard": "3",
    "slice": "1",
    "slices_to_retrain": "2",
    "slices_total": "12",
    "adapters": "2",
    "expected_seconds": "524",
}
ERASED_COUNTS = {
    "interactions": "212",
    "trunk_states": "212",
    "panel_rows": "1",
    "adapters": "2",
    "index": "1",
    "time_to_clean_s": "1.7",
}
CHECKS = (
    "states_destroyed",
    "records_absent",
    "lists_committed",
    "adapters_fresh",
    "old_destroyed",
)
# The way to each state; a request is walked along it, so that its log is like a real one's.
WAY = {
    State.AWAITING_APPROVAL: [],
    State.APPROVED: [State.APPROVED],
    State.EXECUTING: [State.APPROVED, State.EXECUTING],
    State.VERIFYING: [State.APPROVED, State.EXECUTING, State.VERIFYING],
    State.FAILED: [State.APPROVED, State.EXECUTING, State.VERIFYING, State.FAILED],
    State.COMPLETED: [State.APPROVED, State.EXECUTING, State.VERIFYING, State.COMPLETED],
    State.DENIED: [State.DENIED],
    State.CANCELLED: [State.CANCELLED],
}
count = itertools.count(1)


def user(name, role=None, **fields):
    """Somebody who can sign in, in at most one role."""
    made = User.objects.create_user(name, password=PASSWORD, **fields)
    if role:
        made.groups.add(Group.objects.get_or_create(name=role)[0])
    return made


def subject(external_id=PERSON):
    """A person whom the vault knows."""
    with transaction.atomic():
        Known(at=timezone.now()).meet([external_id])
    return vault.find(external_id)


def artefact(kind):
    made = f"{kind}{next(count)}"
    return Artefact.objects.create(
        kind=kind,
        digest=sha256(made.encode()).hexdigest(),
        size=1,
        wrapped_key=b"k",
        stored_at=timezone.now(),
    )


def recipe(*, shards=4, slices=3):
    """The current recipe, with all its slices."""
    made = Recipe.objects.create(
        digest=sha256(b"recipe").hexdigest(),
        name="small",
        body={},
        base_digest="b" * 64,
        is_current=True,
        registered_at=timezone.now(),
    )
    Slice.objects.bulk_create(
        Slice(recipe=made, shard=shard, slice=number)
        for shard in range(shards)
        for number in range(slices)
    )
    return made


def adapter(place, *, at, parent=None):
    """A fresh adapter for one slice."""
    name = f"adapter {next(count)}"
    return AdapterVersion.objects.create(
        recipe=place.recipe,
        shard=place.shard,
        slice=place.slice,
        epoch=place.epoch,
        parent=parent,
        weights=artefact(Artefact.Kind.ADAPTER),
        records=artefact(Artefact.Kind.RECORDS),
        manifest=b"{}",
        manifest_digest=sha256(name.encode()).hexdigest(),
        digest=sha256(name.encode()).hexdigest(),
        samples=1,
        cumulative_samples=1,
        seconds=1.0,
        trained_at=at,
    )


def trained(made, *, at):
    """Fresh adapters for every slice of a recipe."""
    for shard in made.slices.order_by("shard").values_list("shard", flat=True).distinct():
        parent = None
        for place in made.slices.filter(shard=shard).order_by("slice"):
            parent = adapter(place, at=at, parent=parent)


def release(made, kind=Release.Kind.FULL, *, at=None):
    """Put a release live in place of the one before."""
    at = at or timezone.now()
    Release.objects.filter(is_live=True).update(is_live=False, replaced_at=at)
    return Release.objects.create(
        recipe=made,
        kind=kind,
        index=artefact(Artefact.Kind.INDEX),
        index_digest="1" * 64,
        epochs={},
        live_digest=sha256(f"release {next(count)}".encode()).hexdigest(),
        panel_rows=1,
        switched_at=at,
    )


def running(place, *, done=58, total=100, attempt=1):
    """A worker that trains a slice right now."""
    now = timezone.now()
    return TrainingRun.objects.create(
        kind=TrainingRun.Kind.ADAPTER,
        recipe=place.recipe,
        shard=place.shard,
        slice=place.slice,
        epoch=place.epoch,
        state=TrainingRun.State.RUNNING,
        attempt=attempt,
        worker="00000000-0000-4000-8000-000000000001",
        leased_until=now + timedelta(minutes=2),
        phase="training",
        done=done,
        total=total,
        created_at=now,
        started_at=now,
    )


def ticket(filed_by, *, state=State.AWAITING_APPROVAL, decided_by=None, person=None, **fields):
    """A request in any state, with the log that led there."""
    received_at = fields.pop("received_at", timezone.now() - timedelta(days=2))
    regulation = fields.pop("regulation", Regulation.GDPR)
    due_on = CLOCKS[regulation].due(received_at, zone="UTC")
    later = received_at + timedelta(days=1)
    if state not in (State.AWAITING_APPROVAL, State.CANCELLED):
        fields |= {"decided_by": decided_by, "decided_at": later}
    if state in ERASED:
        fields = {"clean_at": later, "erased": ERASED_COUNTS, **fields}
    elif person is None:
        person = subject(f"{PERSON}-{next(count)}")
    if state == State.DENIED:
        fields = {"failure": DenialReason.LEGAL_CLAIMS, **fields}
    if state == State.FAILED:
        fields = {"failure": "old_destroyed", **fields}
    if state == State.COMPLETED:
        fields = {"completed_at": later, "restored_at": later, **fields}
    made = DeletionRequest.objects.create(
        number=fields.pop("number", f"DR-2026-{next(count):04}"),
        subject=person,
        scope=fields.pop("scope", DeletionRequest.Scope.WHOLE),
        regulation=regulation,
        state=state,
        filed_by=filed_by,
        received_at=received_at,
        due_on=fields.pop("due_on", due_on),
        receipt=b"r" * 32,
        plan=fields.pop("plan", PLAN),
        **fields,
    )
    filer, second = f"user:{filed_by.pk}", f"user:{decided_by.pk}" if decided_by else "system"
    with transaction.atomic():
        log.append(Kind.REQUEST_FILED, actor=filer, on=made, at=received_at, facts={})
        was = State.AWAITING_APPROVAL
        for to in WAY[state]:
            facts = {"from": was.value, "to": to.value}
            if to in (State.FAILED, State.COMPLETED):
                held = dict.fromkeys(CHECKS, "yes")
                if to == State.FAILED:
                    held["old_destroyed"] = "no"
                log.append(Kind.VERIFICATION_DONE, actor="system", on=made, at=later, facts=held)
            log.append(Kind.REQUEST_MOVED, actor=second, on=made, at=later, facts=facts)
            was = to
    return made


def sign():
    """Give every event its place, and sign the tree."""
    sequencer.drain_all()
    return heads.sign(at=timezone.now())
