"""Taking a person's data out of everything that was made from it, in the erasing transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from django.db.models import Q

from corpus import vault
from corpus.models import Item, Subject
from ledger import log
from ledger.kinds import Kind
from registry import storage
from registry.models import (
    AdapterVersion,
    FormerMembership,
    PanelRow,
    Recipe,
    Release,
    Slice,
    TrunkState,
)
from registry.services import live, places, releases


@dataclass(frozen=True)
class Retracted:
    """What stopped serving, and what serves instead."""

    fallback: Release | None
    slices: int
    adapters: int
    trunk_states: int
    panel_rows: int


def retract(
    *, subject: Subject, items: Sequence[Item] | None, request: UUID, actor: str, at: datetime
) -> Retracted:
    """Destroy all that was made from a person's data, and put the fallback release live.

    Runs inside the erasing transaction, which has locked the subject. Every adapter that may
    have seen the person is of their slice or a later one of their shard: each shard steps back
    to the last slice before, which never did. The keys of contaminated files are forgotten here,
    so from the commit on nobody can read them.

    Whoever stays, without some ``items``, may train elsewhere from now on: the adapters there have
    to be made again, but are clean, and go on serving.
    """
    seen = places.seen_in(subject.pk)
    left = set() if items is None else _place_without(subject, items)
    stale = places.raise_epochs(seen | left, actor=actor, at=at)
    releases.take_turns()
    contaminated = _adapters_of([row for row in stale if places.is_behind(row, seen)])
    FormerMembership.objects.filter(subject=subject).delete()
    panel_rows = PanelRow.objects.filter(subject=subject).delete()[1].get("registry.PanelRow", 0)
    why = {"why": "erased", "request": str(request)}
    trunk_states = _destroy_trunk_states(subject, why=why, actor=actor, at=at)
    fallback = _fall_back(contaminated, actor=actor, at=at)
    releases.destroy_adapters(contaminated, at=at)
    releases.log_destroyed(contaminated, why=why, actor=actor, at=at)
    return Retracted(
        fallback=fallback,
        slices=len(stale),
        adapters=len(contaminated),
        trunk_states=trunk_states,
        panel_rows=panel_rows,
    )


def _place_without(subject: Subject, items: Sequence[Item]) -> set[places.Place]:
    people = {subject.pk: vault.external_id(subject)}
    gone = [item.pk for item in items]
    changed: set[places.Place] = set()
    for recipe in Recipe.objects.order_by("pk"):
        changed |= places.place(recipe=recipe, people=people, without=gone)
    return changed


def _adapters_of(slices: list[Slice]) -> list[AdapterVersion]:
    """Every readable adapter of these slices, of whatever epoch: each may have seen the person."""
    if not slices:
        return []
    there = Q()
    for row in slices:
        there |= Q(recipe=row.recipe_id, shard=row.shard, slice=row.slice)
    found = AdapterVersion.objects.filter(there, weights__destroyed_at=None)
    # Not their keys: a worker that writes an error of one must not wait for us, as we may for it.
    return list(found.select_for_update(of=("self",), no_key=True).order_by("pk"))


def _destroy_trunk_states(
    subject: Subject, *, why: Mapping[str, str], actor: str, at: datetime
) -> int:
    states = TrunkState.objects.filter(subject=subject)
    ids = sorted(states.values_list("artefact_id", flat=True))
    states.delete()
    if ids:
        storage.destroy(ids, at=at)
        digest = sha256(b"".join(name.bytes for name in ids)).hexdigest()
        facts = {"trunk_states": str(len(ids)), "ids_sha256": digest, **why}
        log.append(Kind.ARTEFACTS_DESTROYED, actor=actor, on="registry.Store", at=at, facts=facts)
    return len(ids)


def _fall_back(contaminated: list[AdapterVersion], *, actor: str, at: datetime) -> Release | None:
    """Put the clean part of the live release live. None if nothing is live."""
    try:
        serving = live.release()
    except live.NothingLive:
        return None
    doomed = {adapter.pk for adapter in contaminated}
    adapters = {}
    for member in live.members(serving):
        clean = _last_clean(member.adapter, doomed)
        if clean is not None:
            adapters[member.shard] = clean
    return releases.switch(
        recipe=serving.recipe,
        kind=Release.Kind.FALLBACK,
        adapters=adapters,
        panel=None,
        actor=actor,
        at=at,
    )


def _last_clean(adapter: AdapterVersion | None, doomed: set[UUID]) -> AdapterVersion | None:
    """The adapter itself, or the last of those it was trained from that is clean and readable."""
    while adapter is not None and (
        adapter.pk in doomed
        or adapter.weights.destroyed_at is not None
        or adapter.set_event is None
        or not adapter.cumulative_samples
    ):
        adapter = adapter.parent
    return adapter
