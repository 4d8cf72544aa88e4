"""A restored backup brings nobody back: what was erased since the dump is erased again."""

import json

import psycopg
import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.utils import timezone

from corpus import vault
from corpus.models import Interaction, Subject
from erasure import services, tombstones
from erasure.models import DeletionRequest
from erasure.services import execution
from erasure.states import State
from ledger import heads, log, sequencer
from ledger.heads import CannotSign
from ledger.kinds import Kind
from registry import storage
from registry.models import AdapterVersion, Artefact, TrunkState
from registry.services import live
from tests import worlds
from tests.corpus import tables
from tests.registry.conftest import FIRST_OF_0, FIRST_OF_1, PEOPLE, SECOND_OF_0
from tests.worlds import World, rows_of
from verifier import receipts

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


class Dumps:
    """One dump of the whole database, taken and restored as its server copies it."""

    def __init__(self) -> None:
        self.live = connection.settings_dict["NAME"]
        self.copy = f"{self.live}_dump"

    def take(self) -> None:
        self._copy(self.live, self.copy)

    def restore(self) -> None:
        self._copy(self.copy, self.live)

    def drop(self) -> None:
        with self._server() as server:
            server.execute(f'DROP DATABASE IF EXISTS "{self.copy}"')

    def _copy(self, source: str, target: str) -> None:
        connection.close()
        with self._server() as server:
            server.execute(f'DROP DATABASE IF EXISTS "{target}"')
            server.execute(f'CREATE DATABASE "{target}" TEMPLATE "{source}"')

    def _server(self) -> psycopg.Connection:
        known = connection.get_connection_params()
        wanted = {k: known[k] for k in ("host", "port", "user", "password") if known.get(k)}
        return psycopg.connect(dbname="postgres", autocommit=True, **wanted)


@pytest.fixture
def dumps():
    """Take a dump and restore it."""
    made = Dumps()
    yield made
    made.drop()


def sign() -> None:
    sequencer.drain_all()
    heads.sign(at=timezone.now())


def replay() -> services.Replayed:
    return services.replay(actor="test", at=timezone.now())


def files_are_there(ids) -> bool:
    return any(storage.path_of(pk).exists() for pk in ids)


def test_a_restored_database_ends_as_the_twin_that_never_saw_what_went(
    trained, dumps, tmp_path, settings
):
    sign()
    gone, part = FIRST_OF_0, FIRST_OF_1
    items = [row.item for row in rows_of(part)]
    doomed = [
        *TrunkState.objects.filter(subject=vault.find(gone)).values_list("artefact", flat=True),
        *AdapterVersion.objects.filter(shard=0).values_list("weights", flat=True),
    ]
    dumps.take()
    person = vault.find(gone)
    needles = [gone.encode(), person.pk.hex.encode(), vault.subject_key(person)]
    # A chain: the second part's record keys are of the key that the first part left.
    trained.erase(part, items[:1])
    trained.erase(gone)
    trained.erase(part, [items[3]])
    kept = vault.subject_key(vault.find(part))
    numbers = [stone.number for stone in tombstones.read()]
    ours = trained.train().live_digest
    sign()

    dumps.restore()
    assert vault.find(gone) == person
    assert Interaction.objects.filter(subject=person).exists()
    with pytest.raises(CannotSign):
        heads.sign(at=timezone.now())
    done = replay()

    assert (done.applied, done.there, done.unknown, done.failed) == (numbers, 0, 0, [])
    assert tables.naming(*needles) == {}
    assert vault.subject_key(vault.find(part)) == kept
    left = Interaction.objects.filter(subject=vault.find(part))
    assert set(left.values_list("item__external_id", flat=True)) == {*items[1:3], *items[4:]}
    assert not worlds.contaminated()
    assert not files_are_there(doomed)
    assert not Artefact.objects.filter(pk__in=doomed, destroyed_at=None).exists()
    assert trained.train().live_digest == ours
    states = DeletionRequest.objects.values_list("state", flat=True)
    assert set(states) == {State.COMPLETED}

    twin = World(tmp_path / "twin", settings)
    rows = {who: rows_of(who) for who in PEOPLE if who != gone}
    rows[part] = [row for row in rows[part] if row.item not in {items[0], items[3]}]
    twin.ingest([row for each in rows.values() for row in each])
    assert twin.train().live_digest == ours


def test_a_replay_is_logged_and_a_second_one_changes_nothing(trained, dumps):
    dumps.take()
    request = trained.erase(FIRST_OF_0)
    counts, keys = request.erased, list(request.records.values_list("key", flat=True))
    dumps.restore()

    assert replay().applied == [request.number]

    again = DeletionRequest.objects.get()
    assert again.pk == request.pk
    assert again.erased == {k: v for k, v in counts.items() if k != "time_to_clean_s"}
    assert sorted(map(bytes, again.records.values_list("key", flat=True))) == sorted(
        map(bytes, keys)
    )
    opened = receipts.opened(again.sealed_key, receipt=trained.receipt, request=again.pk)
    assert len(opened) == 32
    told = {event.kind: event.facts for event in log.history(again)}
    assert told[Kind.ERASURE_APPLIED]["replayed"] == "yes"
    gone = {"fate": "destroyed", "key": receipts.key_digest(opened)}
    assert told[Kind.SUBJECT_KEY_DESTROYED] == gone
    before, lines = tables.state(), tombstones.path().read_bytes()

    second = replay()

    assert (second.applied, second.there) == ([], 1)
    assert tables.changed(before) == set()
    assert tombstones.path().read_bytes() == lines


@pytest.mark.parametrize("asked", ["awaiting", "approved"])
def test_a_request_that_the_dump_has_is_taken_on_from_there(trained, dumps, approve, asked):
    items = [rows_of(FIRST_OF_0)[2].item]
    request = trained.file(FIRST_OF_0, items)
    if asked == "approved":
        approve(trained, request)
    dumps.take()
    if asked == "awaiting":
        approve(trained, request)
    services.execute(request=request, actor="test", at=timezone.now())
    key = vault.subject_key(vault.find(FIRST_OF_0))
    dumps.restore()

    assert replay().applied == [request.number]

    ticket = DeletionRequest.objects.get()
    assert (ticket.state, ticket.decided_by) == (State.EXECUTING, trained.approver)
    assert ticket.plan == request.plan
    assert vault.subject_key(vault.find(FIRST_OF_0)) == key
    theirs = Interaction.objects.filter(subject=vault.find(FIRST_OF_0))
    assert not theirs.filter(item__external_id__in=items).exists()
    assert theirs.count() == len(rows_of(FIRST_OF_0)) - 1


def test_files_that_came_back_with_the_database_go_with_it_again(trained, dumps):
    person = vault.find(FIRST_OF_0)
    doomed = TrunkState.objects.filter(subject=person).values_list("artefact", flat=True)
    copies = {pk: storage.path_of(pk).read_bytes() for pk in doomed}
    dumps.take()
    trained.erase(FIRST_OF_0)
    trained.train()
    dumps.restore()
    for pk, data in copies.items():
        storage.path_of(pk).parent.mkdir(parents=True, exist_ok=True)
        storage.path_of(pk).write_bytes(data)

    replay()

    assert copies
    assert not files_are_there(copies)


def test_what_was_open_in_the_dump_and_ended_since_does_not_stand_in_the_way(trained, dumps):
    withdrawn = trained.file(FIRST_OF_0)
    dumps.take()
    services.cancel(request=withdrawn, by=trained.officer, at=timezone.now())
    request = trained.erase(FIRST_OF_0)
    dumps.restore()

    assert replay().applied == [request.number]

    states = dict(DeletionRequest.objects.values_list("number", "state"))
    assert states == {withdrawn.number: State.CANCELLED, request.number: State.EXECUTING}


def test_accounts_that_came_after_the_dump_are_two_that_nobody_can_use(trained, dumps):
    dumps.take()
    trained.officer = worlds.user("otto", "officer")
    trained.approver = worlds.user("anna", "approver")
    request = trained.erase(FIRST_OF_0)
    dumps.restore()

    assert replay().applied == [request.number]

    ticket = DeletionRequest.objects.get()
    assert ticket.filed_by != ticket.decided_by
    lost = User.objects.filter(username__startswith="lost-account-")
    assert set(lost) == {ticket.filed_by, ticket.decided_by}
    assert not lost.filter(is_active=True).exists()


def test_people_who_came_and_went_after_the_dump_are_counted(trained, dumps):
    dumps.take()
    trained.ingest(rows_of("ada-lovelace"))
    trained.erase("ada-lovelace")
    before_restore = len(tombstones.read())
    dumps.restore()
    before = tables.state()

    done = replay()

    assert before_restore == 1
    assert (done.applied, done.unknown) == ([], 1)
    assert tables.changed(before) == set()


def test_an_erasure_that_cannot_be_applied_again_holds_up_no_other(trained, dumps):
    dumps.take()
    taken = trained.erase(FIRST_OF_0)
    turned = trained.erase(FIRST_OF_1, [rows_of(FIRST_OF_1)[0].item])
    fine = trained.erase(SECOND_OF_0)
    dumps.restore()
    other = trained.file(PEOPLE[0])
    assert other.number == taken.number
    subject = vault.find(FIRST_OF_1)
    by = subject.subjectkey.kek_id
    vault.wrapped(b"k" * 32, subject=subject.pk, by=by).save(force_update=True)

    done = replay()

    assert done.applied == [fine.number]
    assert [error.partition(":")[0] for error in done.failed] == [taken.number, turned.number]
    assert "another request has this number" in done.failed[0]
    assert "another key for the person" in done.failed[1]
    assert vault.find(FIRST_OF_0)


class Died(Exception):
    """The process ended here."""


def test_a_crash_after_the_line_and_before_the_commit_loses_no_erasure(
    trained, approve, monkeypatch
):
    request = approve(trained, trained.file(FIRST_OF_0))
    append = tombstones.append
    with monkeypatch.context() as patch:

        def dies(stone):
            append(stone)
            raise Died

        patch.setattr(execution.tombstones, "append", dies)
        with pytest.raises(Died):
            services.execute(request=request, actor="test", at=timezone.now())
    assert vault.find(FIRST_OF_0)
    assert DeletionRequest.objects.get().state == State.APPROVED

    assert replay().applied == [request.number]

    assert not Subject.objects.filter(identity__lookup=vault.lookup(FIRST_OF_0)).exists()


def test_a_crash_in_a_replay_leaves_the_rest_to_the_next_one(trained, dumps, monkeypatch):
    dumps.take()
    numbers = [trained.erase(who).number for who in (FIRST_OF_0, FIRST_OF_1)]
    dumps.restore()
    before, apply = tables.state(), execution.apply
    with monkeypatch.context() as patch:

        def dies(*, request, **kwargs):
            apply(request=request, **kwargs)
            if request.number == numbers[1]:
                raise Died

        patch.setattr(execution, "apply", dies)
        with pytest.raises(Died):
            replay()
    assert DeletionRequest.objects.get().number == numbers[0]
    assert "corpus_interaction" in tables.changed(before)

    assert replay().applied == [numbers[1]]


def test_the_command_says_what_it_applied_and_that_the_log_was_rolled_back(trained, dumps, capsys):
    sign()
    dumps.take()
    request = trained.erase(FIRST_OF_0)
    trained.train()
    sign()
    dumps.restore()
    capsys.readouterr()

    with pytest.raises(CommandError, match="signed"):
        call_command("replay_erasures", "--json")

    told = json.loads(capsys.readouterr().out)
    assert told == {
        "applied": [request.number],
        "there": 0,
        "unknown": 0,
        "failed": [],
        "live_digest": live.release().live_digest,
    }
    with pytest.raises(vault.NobodyFound):
        vault.find(FIRST_OF_0)
