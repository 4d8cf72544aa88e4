"""The erasing transaction: all of it or none of it, and nothing of the person after it."""

import pytest
from django.utils import timezone

from corpus import services as corpus
from corpus import vault
from corpus.models import Batch, Interaction, Subject
from erasure import desk, services, tasks
from erasure.models import CannotMove, DeletionRequest, ErasedRecord, RequestedItem
from erasure.states import State
from ledger import log
from registry import storage
from registry.models import AdapterVersion, Artefact, TrunkState
from registry.services import live
from tests import worlds
from tests.corpus import tables
from tests.registry.conftest import FIRST_OF_0, FIRST_OF_1, PEOPLE, SECOND_OF_0
from tests.worlds import rows_of
from verifier import receipts

pytestmark = pytest.mark.django_db(transaction=True)


def execute(request) -> None:
    services.execute(request=request, actor="test", at=timezone.now())


class Breaks:
    """Stand in for a function and break at its n-th call; count the calls until then."""

    def __init__(self, function, at: int) -> None:
        self.function, self.at, self.calls = function, at, 0

    def __call__(self, *args, **kwargs):
        self.calls += 1
        if self.calls == self.at:
            raise OSError("disk full")
        return self.function(*args, **kwargs)


STEPS = [
    *[(log, "append", call) for call in range(1, 7)],
    (storage, "put", 1),
    (storage, "destroy", 1),
    (storage, "destroy", 2),
    (storage, "destroy", 3),
    (corpus, "erase", 1),
    (receipts, "seal", 1),
    (vault, "subject_key", 1),
    (live, "epochs", 1),
    (ErasedRecord.objects, "bulk_create", 1),
]


def test_any_step_that_fails_takes_everything_back_and_the_old_release_serves_on(
    trained, approve, monkeypatch
):
    request = approve(trained, trained.file(FIRST_OF_0))
    before, serving = tables.state(), live.release()
    readable = list(AdapterVersion.objects.select_related("weights"))

    for module, name, call in STEPS:
        with monkeypatch.context() as patch:
            breaks = Breaks(getattr(module, name), call)
            patch.setattr(module, name, breaks)
            fresh = DeletionRequest.objects.get(pk=request.pk)

            with pytest.raises(OSError, match="disk full"):
                execute(fresh)

        assert breaks.calls == call
        assert tables.changed(before) == set(), (name, call)
    assert live.release() == serving
    assert all(storage.get(adapter.weights) for adapter in readable)
    execute(request)
    assert request.state == State.EXECUTING


def test_the_steps_that_are_broken_above_are_all_that_log(trained, approve, monkeypatch):
    """A seventh event in the transaction needs a seventh line there."""
    request = approve(trained, trained.file(FIRST_OF_0))
    counts = Breaks(log.append, 0)
    monkeypatch.setattr(log, "append", counts)

    execute(request)

    assert counts.calls == max(call for module, _, call in STEPS if module is log)


@pytest.mark.parametrize("state", [state for state in State if state != State.APPROVED])
def test_only_an_approved_request_erases(request_in, state):
    request = request_in(state)
    before = tables.state()

    with pytest.raises(CannotMove):
        execute(request)

    assert tables.changed(before) == set()


def test_an_erasure_happens_once_however_often_it_is_run(trained, approve):
    request = approve(trained, trained.file(FIRST_OF_0))
    stale = DeletionRequest.objects.get(pk=request.pk)
    execute(request)
    before = tables.state()

    with pytest.raises(CannotMove):
        execute(stale)
    assert tables.changed(before) == set()


def test_nothing_anywhere_names_a_person_who_was_erased(trained, approve):
    """Not by external id, subject, lookup, wrapped key, order key or record key of the vault."""
    subject = vault.find(FIRST_OF_0)
    needles = [
        FIRST_OF_0.encode(),
        str(subject.pk).encode(),
        subject.pk.hex.encode(),
        bytes(subject.rank),
        vault.lookup(FIRST_OF_0),
        vault.subject_key(subject),
        bytes(subject.identity.sealed),
        bytes(subject.subjectkey.wrapped),
        *map(bytes, subject.interactions.values_list("order_key", flat=True)),
    ]
    withdrawn = trained.file(FIRST_OF_0, [rows_of(FIRST_OF_0)[0].item])
    services.cancel(request=withdrawn, by=trained.officer, at=timezone.now())
    request = approve(trained, trained.file(FIRST_OF_0))
    assert {"corpus_subject", "corpus_identity", "corpus_interaction"} <= set(
        tables.naming(*needles)
    )

    execute(request)

    assert tables.naming(*needles) == {}
    assert not RequestedItem.objects.exists()
    assert not Batch.objects.exclude(content=None).exists()


def test_what_was_made_from_a_person_is_unreadable_from_the_commit_on(trained, approve):
    subject = vault.find(FIRST_OF_0)
    states = list(TrunkState.objects.filter(subject=subject).values_list("artefact", flat=True))
    adapters = AdapterVersion.objects.filter(shard=0).values_list("weights", flat=True)
    index = live.release().index_id
    doomed = [*states, *adapters, index]
    assert len(doomed) > 3

    execute(approve(trained, trained.file(FIRST_OF_0)))

    for artefact in Artefact.objects.filter(pk__in=doomed):
        with pytest.raises(storage.Destroyed):
            storage.get(artefact)
    assert Artefact.objects.filter(pk__in=doomed, wrapped_key=None).count() == len(doomed)


def test_a_partial_erasure_takes_the_named_items_and_turns_the_key(trained, approve):
    subject = vault.find(FIRST_OF_0)
    key, held = vault.subject_key(subject), subject.interactions.count()
    rows = rows_of(FIRST_OF_0)
    gone = [rows[0].item, rows[3].item]

    request = approve(trained, trained.file(FIRST_OF_0, gone))
    execute(request)

    left = Interaction.objects.filter(subject=subject)
    assert left.count() == held - 2
    assert not left.filter(item__external_id__in=gone).exists()
    assert vault.find(FIRST_OF_0) == subject
    assert vault.subject_key(subject) != key
    assert tables.naming(key) == {}
    assert request.records.count() == 2
    assert request.subject is None


def test_nobody_elses_rows_move(trained, approve):
    others = Subject.objects.exclude(pk=vault.find(FIRST_OF_0).pk)
    before = {s.pk: (s.rank, s.interactions.count(), vault.subject_key(s)) for s in others}

    execute(approve(trained, trained.file(FIRST_OF_0)))

    now = {s.pk: (s.rank, s.interactions.count(), vault.subject_key(s)) for s in others.all()}
    assert now == before
    assert len(now) == len(PEOPLE) - 1


def test_the_destroyed_key_opens_with_the_receipt_and_matches_the_record_keys(trained, approve):
    subject = vault.find(FIRST_OF_0)
    key = vault.subject_key(subject)
    request = trained.file(FIRST_OF_0)
    execute(approve(trained, request))

    opened = receipts.opened(request.sealed_key, receipt=trained.receipt, request=request.pk)

    assert opened == key
    assert request.records.count() == len(rows_of(FIRST_OF_0))


def test_the_sweep_finishes_what_was_approved_and_left_lying(trained, approve):
    request = approve(trained, trained.file(FIRST_OF_0))

    tasks.sweep()

    request.refresh_from_db()
    assert request.state == State.EXECUTING
    with pytest.raises(vault.NobodyFound):
        vault.find(FIRST_OF_0)


def test_one_request_that_cannot_be_erased_does_not_hold_up_the_others(
    trained, approve, monkeypatch, caplog
):
    stuck = approve(trained, trained.file(FIRST_OF_0))
    fine = approve(trained, trained.file(FIRST_OF_1))
    erase = corpus.erase

    def breaks(*, request, **kwargs):
        if request == stuck.pk:
            raise OSError(f"no room for {FIRST_OF_0}")
        return erase(request=request, **kwargs)

    monkeypatch.setattr(corpus, "erase", breaks)

    tasks.sweep()

    states = dict(DeletionRequest.objects.values_list("pk", "state"))
    assert states == {stuck.pk: State.APPROVED, fine.pk: State.EXECUTING}
    assert stuck.number in caplog.text
    assert FIRST_OF_0 not in caplog.text


def test_an_approval_erases_at_the_desk_and_plans_the_retraining(trained):
    request = trained.file(SECOND_OF_0)

    desk.approve(request=request, by=trained.approver, at=timezone.now())

    request.refresh_from_db()
    recipe = worlds.current()
    assert request.state == State.EXECUTING
    assert request.fallback == live.release()
    assert float(request.erased["time_to_clean_s"]) > 0
    assert set(recipe.runs.filter(state="waiting").values_list("shard", "slice")) == {(0, 1)}
