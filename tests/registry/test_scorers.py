"""A scorer answers from what is live, says so in the log, and is missed when it falls silent."""

import threading
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction
from django.utils import timezone

from erasure import services
from ledger import log
from ledger.kinds import Kind
from registry import answering, storage
from registry.models import Release, Scorer
from registry.services import live, releases, scorers
from tests.locks import PATIENCE, until_somebody_waits
from tests.registry.conftest import FIRST_OF_0, FIRST_OF_1
from verifier import merkle

pytestmark = pytest.mark.django_db(transaction=True)

ADA, BOB = UUID(int=1), UUID(int=2)


def follow(scorer: UUID = ADA) -> Release:
    return scorers.follow(scorer=scorer, at=timezone.now())


def acknowledged(release: Release) -> list[str]:
    events = log.history(release)
    return [e.facts["scorer"] for e in events if e.kind == Kind.RELEASE_ACKNOWLEDGED]


def retired(scorer: UUID) -> list[str]:
    return [e.facts["why"] for e in log.history(f"registry.Scorer:{scorer}")]


def named(release: Release) -> dict[str, str]:
    switched = [e for e in log.history(release) if e.kind == Kind.RELEASE_SWITCHED]
    return switched[0].facts["scorers"]


def test_a_scorer_acknowledges_a_release_once(trained):
    assert follow() == follow() == live.release()

    assert acknowledged(live.release()) == [str(ADA)]


def test_the_same_bits_under_another_release_are_acknowledged_again(trained):
    before = follow()
    request = trained.erase(FIRST_OF_0)
    fallback = follow()
    trained.train()
    after = follow()

    assert request.fallback == fallback
    for release in (before, fallback, after):
        assert acknowledged(release) == [str(ADA)]


def test_an_answer_that_an_erasure_overtook_is_computed_again_from_what_serves(trained):
    seen = []

    def compute(release: Release) -> int:
        seen.append(release)
        if len(seen) == 1:
            trained.erase(FIRST_OF_0)
        return release.pk

    assert answering.answer(compute) == live.release().pk
    assert [release.kind for release in seen] == ["full", "fallback"]


def test_what_an_erasure_destroyed_amid_an_answer_is_no_error(trained):
    seen = []

    def compute(release: Release) -> int:
        if not seen:
            trained.erase(FIRST_OF_0)
        seen.append(release.pk)
        for member in live.members(release):
            storage.get(member.adapter.weights)
        return release.pk

    assert answering.answer(compute) == live.release().pk
    assert len(seen) == 2


@pytest.mark.parametrize("error", answering.OVERTAKEN)
def test_what_is_missing_while_its_release_is_live_is_an_error(trained, error):
    def compute(release: Release) -> int:
        raise error("gone")

    with pytest.raises(error):
        answering.answer(compute)


@pytest.mark.parametrize("error", answering.OVERTAKEN)
def test_what_is_missing_since_another_release_is_live_is_none(trained, error):
    def compute(release: Release) -> str:
        if release.kind == Release.Kind.FULL:
            trained.erase(FIRST_OF_0)
            raise error("gone")
        return release.kind

    assert answering.answer(compute) == "fallback"


def test_no_answer_is_given_while_what_serves_does_not_stand_still(trained):
    def compute(release: Release) -> None:
        with transaction.atomic():
            releases.take_turns()
            releases.switch(
                recipe=release.recipe,
                kind=Release.Kind.FULL,
                adapters={m.shard: m.adapter for m in live.members(release)},
                panel=None,
                actor="test",
                at=timezone.now(),
            )

    with pytest.raises(answering.Overtaken):
        answering.answer(compute)


def test_a_switch_names_those_who_may_still_answer(trained):
    follow(BOB)
    follow(ADA)
    gone = uuid4()
    follow(gone)
    scorers.retire(scorer=gone, at=timezone.now())

    release = trained.erase(FIRST_OF_0).fallback

    assert release.scorers == [str(ADA), str(BOB)]
    root = merkle.root_over([ADA.bytes, BOB.bytes]).hex()
    assert named(release) == {"root": root, "count": "2"}


def test_a_silent_scorer_is_retired_and_acknowledges_before_it_answers_again(trained):
    follow()
    later = timezone.now() + timedelta(hours=1)

    assert scorers.retire_silent(actor="test", at=later) == 1

    assert retired(ADA) == ["silent"]
    assert not Scorer.objects.exists()
    follow()
    assert acknowledged(live.release()) == [str(ADA), str(ADA)]


def test_a_scorer_that_answers_is_not_silent(trained, settings):
    settings.EXPUNGE_SCORER_LEASE_SECONDS = 30
    noon = timezone.now()
    scorers.follow(scorer=ADA, at=noon)
    scorers.follow(scorer=ADA, at=noon + timedelta(seconds=20))

    assert acknowledged(live.release()) == [str(ADA)]
    assert scorers.retire_silent(actor="test", at=noon + timedelta(seconds=45)) == 0
    assert scorers.retire_silent(actor="test", at=noon + timedelta(seconds=51)) == 1


def test_a_process_that_ends_says_so(trained):
    with answering.scoring():
        answering.answer(lambda release: release.pk)

    assert retired(answering.SCORER) == ["stopped"]
    assert not Scorer.objects.exists()


def test_a_process_that_never_answered_has_nothing_to_say(trained):
    with answering.scoring():
        pass

    assert retired(answering.SCORER) == []


def meanwhile(action):
    """Run something on a connection of its own; returns the thread and what it gave."""
    found = []

    def run():
        try:
            found.append(action())
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread, found


def test_who_joins_amid_a_switch_waits_and_follows_what_comes(trained, monkeypatch):
    """Else a scorer could acknowledge what is about to go, unseen by the switch that ends it."""
    request = trained.file(FIRST_OF_1)
    services.approve(request=request, by=trained.approver, at=timezone.now())
    switch, joined = releases.switch, []

    def slowly(**kwargs):
        joined.append(meanwhile(follow))
        until_somebody_waits(or_=lambda: not joined[0][0].is_alive())
        return switch(**kwargs)

    monkeypatch.setattr(releases, "switch", slowly)
    services.execute(request=request, actor="test", at=timezone.now())
    [(thread, found)] = joined
    thread.join(PATIENCE)

    request.refresh_from_db()
    assert found == [request.fallback]
    assert request.fallback.scorers == []
    assert acknowledged(request.fallback) == [str(ADA)]


def test_who_is_retired_amid_its_answer_acknowledges_again(trained):
    """Its row was there when it looked, and is gone when it asks for a longer lease."""
    follow()
    later = timezone.now() + timedelta(hours=1)
    with transaction.atomic():
        Scorer.objects.select_for_update().get(pk=ADA)
        thread, found = meanwhile(lambda: scorers.follow(scorer=ADA, at=later))
        until_somebody_waits(or_=lambda: not thread.is_alive())
        Scorer.objects.all().delete()
    thread.join(PATIENCE)

    assert found == [live.release()]
    assert acknowledged(live.release()) == [str(ADA), str(ADA)]
    assert Scorer.objects.get().pk == ADA


def test_who_asks_amid_a_switch_is_told_what_it_switched_to(trained, monkeypatch):
    """The row waits for the switch, and what was read before it is what serves no more."""
    follow()
    request = trained.file(FIRST_OF_1)
    services.approve(request=request, by=trained.approver, at=timezone.now())
    append, asking = log.append, []
    later = timezone.now() + timedelta(seconds=20)

    def slowly(kind, **kwargs):
        if kind == Kind.RELEASE_SWITCHED:
            asking.append(meanwhile(lambda: scorers.follow(scorer=ADA, at=later)))
            until_somebody_waits(or_=lambda: not asking[0][0].is_alive())
        return append(kind, **kwargs)

    monkeypatch.setattr(log, "append", slowly)
    services.execute(request=request, actor="test", at=timezone.now())
    [(thread, found)] = asking
    thread.join(PATIENCE)

    request.refresh_from_db()
    assert found == [request.fallback]


def test_who_stops_amid_a_switch_is_logged_after_it(trained, monkeypatch):
    """The certificate looks for it behind the switch that names it."""
    follow()
    request = trained.file(FIRST_OF_1)
    services.approve(request=request, by=trained.approver, at=timezone.now())
    append, stopping = log.append, []

    def slowly(kind, **kwargs):
        if kind == Kind.RELEASE_SWITCHED:
            stopping.append(meanwhile(lambda: scorers.retire(scorer=ADA, at=timezone.now())))
            until_somebody_waits(or_=lambda: not stopping[0][0].is_alive())
        return append(kind, **kwargs)

    monkeypatch.setattr(log, "append", slowly)
    services.execute(request=request, actor="test", at=timezone.now())
    [(thread, _)] = stopping
    thread.join(PATIENCE)

    request.refresh_from_db()
    assert request.fallback.scorers == [str(ADA)]
    from evidence import entries
    from evidence.placing import place

    place()
    (switched,) = entries.of_target(request.fallback, Kind.RELEASE_SWITCHED)
    (stopped,) = entries.of_target(f"registry.Scorer:{ADA}", Kind.SCORER_RETIRED)
    assert stopped.index > switched.index
