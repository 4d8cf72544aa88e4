"""Erasures that are unlike the demo's, each of which once could not be certified."""

from datetime import timedelta

import pytest
from django.db.transaction import atomic
from django.utils import timezone

from erasure import services
from evidence import attesting, identity, issuing, keys, placing
from evidence.models import Attestation
from evidence.placing import place
from evidence.scene import CannotCertify
from ledger import heads, log, publishing, sequencer, signing
from ledger.kinds import Kind
from ledger.models import Outbox
from registry import storage
from registry.models import Release, TrunkState
from registry.services import caching, live
from tests.registry.conftest import (
    FIRST_OF_0,
    FIRST_OF_1,
    FIRST_OF_2,
    SECOND_OF_0,
    SECOND_OF_1,
)
from tests.worlds import Row, rows_of
from verifier import bundle

pytestmark = pytest.mark.django_db(transaction=True)


def completed(world, request):
    """Train what an erasure left to train, if there is anything to serve, and settle."""
    if Release.objects.exists():
        world.train()
    services.settle(actor="test", at=timezone.now())
    request.refresh_from_db()
    assert request.state == "completed"
    return request


def holds(request) -> bool:
    issued = issuing.issue(request=request, actor="test", at=timezone.now())
    raw = storage.get(issued.bundle)
    return bundle.check(raw, keys=signing.vkeys(), now=timezone.now()).exit_code == 0


def attest_all() -> None:
    attesting.catch_up(actor="test", at=timezone.now())


def test_somebody_of_whom_nothing_was_learnt_is_certified(world):
    """The adapter comes out as it was: equal weights, and yet another adapter."""
    world.ingest([Row("lonely", "m1", 5, 1000)])
    world.train()
    attest_all()

    assert holds(completed(world, world.erase("lonely")))


def test_somebody_who_was_never_trained_on_is_certified(trained):
    attest_all()
    trained.ingest([Row("late", "m1", 5, 1000)])

    assert holds(completed(trained, trained.erase("late")))


def test_somebody_alone_in_a_slice_of_whom_nothing_was_learnt_is_certified(empty):
    """The adapter that is destroyed has the weights of the one before it, which serves on."""
    others = [FIRST_OF_0, FIRST_OF_1, SECOND_OF_1, FIRST_OF_2]
    lonely = Row(SECOND_OF_0, "m1", 5, 1000)
    empty.ingest([lonely, *(row for person in others for row in rows_of(person))])
    empty.train()
    attest_all()

    assert holds(completed(empty, empty.erase(SECOND_OF_0)))


def test_the_last_of_all_is_certified(empty):
    """What serves then is the base model alone."""
    people = [FIRST_OF_0, FIRST_OF_1, FIRST_OF_2]
    empty.ingest([row for person in people for row in rows_of(person)])
    empty.train()
    attest_all()

    for person in people:
        request = completed(empty, empty.erase(person))

    assert not live.members(live.release())
    assert holds(request)


def test_partly_and_then_wholly_erased_each_has_its_certificate(trained):
    attest_all()
    items = [row.item for row in rows_of(FIRST_OF_0)]
    some = completed(trained, trained.erase(FIRST_OF_0, items[:4]))
    assert holds(some)

    whole = completed(trained, trained.erase(FIRST_OF_0))

    assert holds(whole)
    assert holds(some)


@pytest.mark.parametrize("step", ["file", "approve", "execute"])
def test_a_step_on_a_machine_whose_clock_runs_ahead_is_certified(trained, monkeypatch, step):
    attest_all()
    take = getattr(services, step)

    def ahead(*, at, **given):
        return take(at=at + timedelta(minutes=10), **given)

    monkeypatch.setattr(services, step, ahead)
    request = completed(trained, trained.erase(FIRST_OF_0))

    later = timezone.now() + timedelta(minutes=11)
    issued = issuing.issue(request=request, actor="test", at=later)
    assert bundle.check(storage.get(issued.bundle), keys=signing.vkeys(), now=later).level == "L2"


def test_an_attestors_key_can_be_replaced(trained):
    attest_all()
    (signing.folder() / "attest.key").unlink()

    request = completed(trained, trained.erase(FIRST_OF_0))

    assert holds(request)


def test_what_cannot_be_stated_holds_up_nothing_else(trained, caplog):
    with atomic():
        log.append(
            Kind.ARTEFACTS_DESTROYED,
            actor="test",
            on="registry.Store",
            at=timezone.now(),
            facts={"adapters": [], "why": "superseded"},
        )

    attest_all()

    assert "cannot be attested" in caplog.text
    assert Attestation.objects.filter(kind="release").exists()


def test_a_head_that_witnesses_take_their_time_for_is_waited_for(trained, monkeypatch):
    """Another process sequences here, and a head is stored before it is public."""
    attest_all()
    request = completed(trained, trained.erase(FIRST_OF_0))

    def meanwhile(_):
        if Outbox.objects.exists():
            sequencer.drain_all()
            monkeypatch.setattr(publishing, "publish", lambda: False)
            heads.sign(at=timezone.now())
            monkeypatch.setattr(publishing, "publish", publish)
        else:
            publish()

    publish = publishing.publish
    monkeypatch.setattr(sequencer, "may_drain", lambda: False)
    monkeypatch.setattr(placing.time, "sleep", meanwhile)

    assert holds(request)


def test_a_fallback_is_not_certified_and_nothing_is_logged_of_it(trained):
    attest_all()
    request = completed(trained, trained.erase(FIRST_OF_0))
    trained.erase(FIRST_OF_1)

    with pytest.raises(CannotCertify, match="a fallback serves"):
        holds(request)
    assert not [e for e in log.history(request) if e.kind == Kind.CERTIFICATE_ISSUED]


def test_a_set_of_the_cache_from_amid_an_erasure_is_made_anew(trained, monkeypatch):
    """It was read before the erasure and logged after it: with the person, and newer than all."""
    attest_all()
    read = caching.commitments.record_keys
    then = read(list(TrunkState.objects.values_list("subject", flat=True).distinct()))
    request = completed(trained, trained.erase(FIRST_OF_0))
    attest_all()
    monkeypatch.setattr(caching.commitments, "record_keys", lambda people: then)
    caching.commit(actor="test", at=timezone.now())
    monkeypatch.setattr(caching.commitments, "record_keys", read)
    place()

    assert holds(request)


def test_a_key_that_was_announced_twice_vouches_for_what_it_signed_in_between(trained):
    """Two processes that begin at once both find that nobody did."""
    attest_all()
    name = identity.target(keys.attestor())
    (said,) = log.history(name)
    with atomic():
        log.append(said.kind, actor="test", on=name, at=timezone.now(), facts=said.facts)

    assert holds(completed(trained, trained.erase(FIRST_OF_0)))


def test_what_went_live_before_switches_named_scorers_is_made_anew(trained, monkeypatch):
    append = log.append

    def as_before(kind, *, facts, **given):
        known = {name: fact for name, fact in facts.items() if name != "scorers"}
        return append(kind, facts=known, **given)

    with monkeypatch.context() as then:
        then.setattr(log, "append", as_before)
        request = completed(trained, trained.erase(FIRST_OF_0))

    with pytest.raises(CannotCertify, match="train --anew"):
        holds(request)
    assert Kind.CERTIFICATE_ISSUED not in {event.kind for event in log.history(request)}
