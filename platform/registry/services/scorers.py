"""Who scores: each process follows the live release, says so in the log, and is missed if silent.

An answer counts only if its scorer follows what is live at the end of it (`registry/answering.py`),
so a scorer that was overtaken or retired answers no more until it has acknowledged what serves.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction

from ledger import log
from ledger.kinds import Kind
from registry.models import Release, Scorer
from registry.services import live, releases


def follow(*, scorer: UUID, at: datetime) -> Release:
    """The live release, once the log is told that this process scores from it.

    Cheap when it is told already: one query, and three now and then for a longer lease.

    Raises:
        registry.services.live.NothingLive: nothing was trained yet.
    """
    lease = timedelta(seconds=settings.EXPUNGE_SCORER_LEASE_SECONDS)
    followed = Scorer.objects.select_related("release__recipe", "release__index")
    mine = followed.filter(pk=scorer, release__is_live=True)
    row = mine.first()
    if row is not None and row.leased_until - at <= lease / 2:
        # A switch holds the row until it commits, and what was live before that is live no more.
        Scorer.objects.filter(pk=scorer, release=row.release).update(leased_until=at + lease)
        row = mine.first()
    return row.release if row else _acknowledge(scorer, at=at, until=at + lease)


@transaction.atomic(durable=True)
def _acknowledge(scorer: UUID, *, at: datetime, until: datetime) -> Release:
    # A switch names the scorers of its time: one that comes with it waits, and follows what is new.
    releases.take_turns()
    release = live.release()
    Scorer.objects.update_or_create(pk=scorer, defaults={"release": release, "leased_until": until})
    facts = {"scorer": str(scorer), "live": release.live_digest}
    log.append(Kind.RELEASE_ACKNOWLEDGED, actor=f"scorer:{scorer}", on=release, at=at, facts=facts)
    return release


@transaction.atomic(durable=True)
def retire(*, scorer: UUID, at: datetime) -> None:
    """Say that a process has given its last answer; nothing if it never gave one."""
    row = Scorer.objects.select_for_update().filter(pk=scorer).first()
    if row is not None:
        _retire(row, why="stopped", actor=f"scorer:{scorer}", at=at)


@transaction.atomic(durable=True)
def retire_silent(*, actor: str, at: datetime) -> int:
    """Retire those whose lease has run out: they must acknowledge before they answer again."""
    silent = Scorer.objects.select_for_update().filter(leased_until__lt=at).order_by("pk")
    for row in (found := list(silent)):
        _retire(row, why="silent", actor=actor, at=at)
    return len(found)


def _retire(row: Scorer, *, why: str, actor: str, at: datetime) -> None:
    facts = {"release": str(row.release_id), "why": why}
    log.append(Kind.SCORER_RETIRED, actor=actor, on=row, at=at, facts=facts)
    row.delete()
