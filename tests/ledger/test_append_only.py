"""The database itself refuses to change what the log holds."""

import importlib

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, transaction

from ledger import log, sequencer
from ledger.kinds import Kind
from ledger.models import Entry, Outbox, SequencerState
from tests.ledger.conftest import NOON, TABLES
from verifier import merkle

pytestmark = pytest.mark.django_db

ROLES = ("origin", "replica")


@pytest.fixture
def guarded(db):
    """The triggers as the migrations make them: the tests' setup stands refuse_truncate down."""
    operations = [
        operation
        for name in ("0002_append_only", "0006_timestamps_stay")
        for operation in importlib.import_module(f"migrations.ledger.{name}").Migration.operations
    ]
    with connection.cursor() as cursor:
        for operation in reversed(operations):
            cursor.execute(operation.reverse_sql)
        for operation in operations:
            cursor.execute(operation.sql)


def refused(sql, role, match):
    """Run it in a savepoint, as an ordinary session or as a replica, and see it refused."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL session_replication_role = {role}")
        with pytest.raises(DatabaseError, match=match), transaction.atomic():
            cursor.execute(sql)
        cursor.execute("SET LOCAL session_replication_role = origin")


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("table", ["ledger_entry", "ledger_tile", "ledger_treehead"])
def test_what_is_logged_cannot_be_updated_or_deleted(logged, guarded, table, role):
    logged(257)
    column = {"ledger_entry": "body", "ledger_tile": "hashes", "ledger_treehead": "root"}[table]

    refused(f"UPDATE {table} SET {column} = {column}", role, "append-only: UPDATE")
    refused(f"DELETE FROM {table}", role, "append-only: DELETE")


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("table", TABLES)
def test_nothing_of_the_log_can_be_truncated(guarded, table, role):
    refused(f"TRUNCATE {table}", role, "append-only: TRUNCATE")


@pytest.mark.parametrize("role", ROLES)
def test_a_waiting_event_cannot_be_edited(write, guarded, role):
    write(1)

    refused("UPDATE ledger_outbox SET body = body", role, "append-only: UPDATE")


@pytest.mark.parametrize("role", ROLES)
def test_a_waiting_event_cannot_be_deleted(write, role):
    """Nothing would tell that it had ever been there."""
    write(2)

    refused(
        "DELETE FROM ledger_outbox WHERE id = (SELECT min(id) FROM ledger_outbox); "
        "SET CONSTRAINTS ALL IMMEDIATE",
        role,
        "append-only: DELETE on ledger_outbox refused, event .* has no place in the log",
    )

    assert Outbox.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_a_deleted_event_is_back_when_its_deleter_could_not_commit(write):
    (event,) = write(1)

    with pytest.raises(DatabaseError, match=f"event {event} has no place"):
        Outbox.objects.all().delete()

    assert sequencer.drain() == 1
    assert Entry.objects.get().event_id == event


def test_an_event_is_not_let_go_for_an_entry_with_other_bytes(write):
    (event,) = write(1)
    sequencer.drain()
    Outbox.objects.create(
        event_id=event,
        target="a:1",
        body=log.body_of(
            Kind.RUN_FAILED, event_id=event, actor="test", target="a:1", at=NOON, facts={}
        ),
    )

    refused("DELETE FROM ledger_outbox; SET CONSTRAINTS ALL IMMEDIATE", "origin", "has no place")


@pytest.mark.parametrize("role", ROLES)
def test_the_state_only_grows(logged, guarded, role):
    logged(3)

    for size in (0, 2, 3):
        refused(f"UPDATE ledger_sequencerstate SET next_index = {size}", role, "the log only grows")
    refused("DELETE FROM ledger_sequencerstate", role, "append-only: DELETE")


def insert(entries):
    Entry.objects.bulk_create(
        Entry(
            index=index,
            event_id=event.event_id,
            target=event.target,
            leaf_hash=leaf(bytes(event.body)),
            body=event.body,
        )
        for index, event, leaf in entries
    )


@pytest.mark.parametrize("indices", [(3, 5), (2, 3), (4, 5), (5, 6)])
def test_entries_that_do_not_go_on_where_the_log_ends_are_refused(logged, write, indices):
    logged(3)
    write(2)
    events = Outbox.objects.order_by("id")

    with pytest.raises(DatabaseError, match=r"gap: entries|duplicate key"), transaction.atomic():
        insert((i, event, merkle.leaf_hash) for i, event in zip(indices, events, strict=True))

    assert Entry.objects.count() == 3


def test_an_entry_with_the_wrong_leaf_prefix_is_refused(logged, write):
    """SHA-256 of the body alone would let a node pass for a leaf."""
    logged(3)
    write(1)

    with pytest.raises(DatabaseError, match="leaf hash is not"), transaction.atomic():
        insert([(3, Outbox.objects.get(), lambda body: merkle.hashlib.sha256(body).digest())])

    insert([(3, Outbox.objects.get(), merkle.leaf_hash)])
    assert Entry.objects.count() == 4


def test_entries_without_a_state_row_are_refused(write, superuser):
    write(1)
    superuser("DELETE FROM ledger_sequencerstate")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE ledger_entry ENABLE ALWAYS TRIGGER check_batch")

    with pytest.raises(DatabaseError, match="gap"), transaction.atomic():
        insert([(0, Outbox.objects.get(), merkle.leaf_hash)])

    assert not Entry.objects.exists()


def test_there_is_one_state_row(db):
    sequencer.drain()

    with pytest.raises(DatabaseError, match="ledger_state_is_one_row"):
        SequencerState.objects.create(id=2, next_index=0, root=merkle.EMPTY)


@pytest.mark.parametrize("model", [*apps.get_app_config("ledger").get_models()])
def test_every_column_of_the_log_is_classified(model):
    columns = {field.name for field in model._meta.concrete_fields}

    assert columns == model.PERSONAL | model.RETAINED
    assert not model.PERSONAL
