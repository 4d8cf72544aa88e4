"""What is in the log gets attested, each thing once, by a key that the log announced."""

import pytest
from django.db import DatabaseError, connection
from django.utils import timezone

from evidence import attesting, identity, keys
from evidence.models import Attestation
from evidence.placing import place
from ledger import log
from ledger.kinds import Kind
from registry.models import AdapterVersion, Release
from registry.services import live
from verifier import dsse, statements
from verifier.strict import BadDocument

pytestmark = pytest.mark.django_db(transaction=True)


def attest() -> int:
    place()
    return attesting.bring_up_to_date(actor="test", at=timezone.now())


def attest_all() -> None:
    while attest() or Release.objects.count() > len(of_kind("release")):
        pass
    place()


def of_kind(kind: str) -> list[statements.Statement]:
    """Statements, read as a stranger would: by the announced key alone."""
    signer = (keys.attestor().public_key(), identity.name())
    rows = Attestation.objects.filter(kind=kind).order_by("made_at", "pk")
    return [statements.read(bytes(row.envelope), signers=[signer]) for row in rows]


def test_every_adapter_is_attested_with_the_set_that_it_was_trained_on(trained):
    attest_all()

    made = {
        s.subject[f"{name}/adapter.safetensors"]: s
        for s in of_kind("adapter")
        for name in {next(iter(s.subject)).rsplit("/", 1)[0]}
    }
    assert set(made) == set(AdapterVersion.objects.values_list("digest", flat=True))
    for adapter in AdapterVersion.objects.all():
        head = made[adapter.digest].dependencies["training-set-head"]
        assert head["annotations"]["csmtRoot"] == adapter.named["records"]["root"]
        assert head["annotations"]["leafCount"] == adapter.named["records"]["count"]


def test_a_release_is_attested_with_its_adapters_and_the_sets_of_panel_and_cache(trained):
    attest_all()

    (said,) = of_kind("release")
    release = live.release()
    assert said.predicate["release"] == str(release.pk)
    assert {m["weights"] for m in said.predicate["adapters"]} == {
        member.adapter.digest for member in live.members(release)
    }
    panel = log.history(release)[0].facts["panel"]
    assert said.predicate["sets"]["panel"] == {
        "csmtRoot": panel["root"],
        "leafCount": panel["count"],
    }


def test_what_was_destroyed_is_attested_with_the_request_that_it_was_for(completed):
    attest_all()

    erased = [s for s in of_kind("destruction") if s.predicate["reason"] == "erased"]
    assert {s.predicate["request"] for s in erased} == {completed.pk.urn}
    assert sum(int(s.predicate["trunkStates"]) for s in erased) == int(
        completed.erased["trunk_states"]
    )
    gone = [name for s in erased for name in s.subject if name.startswith("adapter-")]
    assert len(gone) == int(completed.erased["adapters"])


def test_nothing_is_attested_twice_and_the_key_is_announced_once(trained):
    attest_all()
    before = Attestation.objects.count()

    attest_all()

    assert Attestation.objects.count() == before
    announced = log.history(identity.target(keys.attestor()))
    assert [event.kind for event in announced] == [Kind.KEY_ANNOUNCED]


def test_of_two_who_attest_one_event_the_second_signs_and_logs_nothing(trained):
    """Both looked before either of them wrote."""
    attest_all()
    row = Attestation.objects.first()
    payload = dsse.Envelope.parse(bytes(row.envelope)).payload
    told = len(log.history(row.about))

    made = attesting.attest(
        payload, about=row.about, source=row.source, actor="test", at=timezone.now()
    )

    assert not made
    assert Attestation.objects.filter(source=row.source).count() == 1
    assert len(log.history(row.about)) == told


def test_what_waits_for_its_place_is_attested_once_it_has_one(trained):
    """A statement names positions; before there are any there is nothing to sign."""
    assert attesting.bring_up_to_date(actor="test", at=timezone.now()) == 0
    assert not Attestation.objects.exists()

    attest_all()

    assert len(of_kind("adapter")) == AdapterVersion.objects.count()


def test_one_call_attests_what_waits_for_each_other(trained):
    """The release waits for the set of the cache, and that for its place."""
    attesting.catch_up(actor="test", at=timezone.now())
    place()

    assert len(of_kind("adapter")) == AdapterVersion.objects.count()
    assert len(of_kind("release")) == Release.objects.count()


def test_what_cannot_be_stated_is_named_and_holds_up_no_other(trained, monkeypatch, caplog):
    state, broken = attesting.statements.adapter, []

    def first_fails(made):
        if not broken:
            broken.append(made)
            raise BadDocument("adapter: malformed")
        return state(made)

    monkeypatch.setattr(attesting.statements, "adapter", first_fails)

    attest()

    assert broken
    assert len(of_kind("adapter")) == AdapterVersion.objects.count() - 1
    assert "cannot be attested: adapter: malformed" in caplog.text


def test_every_envelope_is_named_in_the_log(trained):
    attest_all()

    for row in Attestation.objects.all():
        (event,) = [e for e in log.history(row.about) if e.event_id == row.event]
        assert event.facts["envelope"] == row.digest == Attestation.digest_of(bytes(row.envelope))


@pytest.mark.parametrize("table", ["evidence_attestation", "evidence_certificate"])
def test_what_was_signed_is_never_rewritten(completed, table):
    attest_all()
    issue(completed)
    with pytest.raises(DatabaseError, match="is final"), connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET digest = repeat('0', 64)")
    with pytest.raises(DatabaseError, match="is final"), connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {table}")


def issue(request) -> None:
    from evidence import issuing

    issuing.issue(request=request, actor="test", at=timezone.now())
