"""An event exists if and only if its change committed, and nobody can read it two ways."""

import json
from datetime import UTC, datetime, timedelta, timezone
from threading import Thread
from uuid import UUID

import pytest
import rfc8785
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from hypothesis import example, given
from hypothesis import strategies as st

from ledger import log, sequencer
from ledger.kinds import Kind
from ledger.log import NotInTransaction, NotLoggable
from ledger.models import LARGEST_BODY, Entry, Outbox
from tests.ledger.conftest import NOON


def append(**changes):
    given = {"actor": "user:1", "on": "registry.TrainingRun:7", "at": NOON, "facts": {}} | changes
    return log.append(given.pop("kind", Kind.RUN_STARTED), **given)


@pytest.mark.django_db(transaction=True)
def test_an_event_exists_if_its_change_commits():
    with transaction.atomic():
        user = User.objects.create(username="ada")
        event_id = append(on=user)

    assert User.objects.exists()
    assert Outbox.objects.get().event_id == event_id


@pytest.mark.django_db(transaction=True)
def test_no_event_exists_if_its_change_rolls_back():
    @transaction.atomic
    def crash_after_append():
        append(on=User.objects.create(username="ada"))
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        crash_after_append()

    assert not User.objects.exists()
    assert not Outbox.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_append_outside_a_transaction_is_refused():
    with pytest.raises(NotInTransaction, match=r"run\.started"):
        append()

    assert not Outbox.objects.exists()


def test_the_body_is_canonical_json_with_the_documented_keys(db):
    at = datetime(2026, 3, 1, 14, 30, 0, 5, tzinfo=timezone(timedelta(hours=2)))

    event_id = append(at=at, facts={"b": ["2", {"é": "\u2028"}], "a": "1"})

    body = bytes(Outbox.objects.get().body)
    assert body.decode() == (
        '{"actor":"user:1","at":"2026-03-01T12:30:00.000005Z",'
        f'"eventId":"{event_id}",'
        '"facts":{"a":"1","b":["2",{"é":"\u2028"}]},'
        '"target":"registry.TrainingRun:7","type":"run.started","v":"1"}'
    )


def test_a_model_is_named_by_its_app_class_and_key(db):
    user = User.objects.create(username="ada")

    append(on=user)

    assert Outbox.objects.get().target == f"auth.User:{user.pk}"


def test_a_choice_is_written_as_its_value(db):
    append(facts={"kind": Kind.RUN_LOST})

    assert json.loads(Outbox.objects.get().body)["facts"] == {"kind": "run.lost"}


@pytest.mark.parametrize(
    ("facts", "place"),
    [
        ({"rate": 0.125}, r"facts\.rate: .*float"),
        ({"count": 31337}, "int"),
        ({"ready": True}, "bool"),
        ({"ended": None}, "NoneType"),
        ({"at": NOON}, "datetime"),
        ({"run": UUID(int=5)}, "UUID"),
        ({"body": b"secret"}, "bytes"),
        ({"pair": ("a", "b")}, "tuple"),
        ({"list": ["a", ["b", 31337]]}, r"facts\.list\[1\]\[1\]: .*int"),
        ({"map": {"deep": {"er": 0.125}}}, r"facts\.map\.deep\.er: .*float"),
        ({31337: "a"}, "facts: has a key of type int"),
        ({"map": {None: "a"}}, r"facts\.map: has a key of type NoneType"),
        ({"text": "nul\0"}, r"facts\.text: .*not text"),
        ({"text": "\ud800"}, r"facts\.text: .*not text"),
        ({"map": {"nul\0": "a"}}, r"not text"),
    ],
)
def test_what_two_readers_could_read_apart_is_refused(db, facts, place):
    with pytest.raises(NotLoggable, match=place) as refused:
        append(facts=facts)

    assert not any(value in str(refused.value) for value in ("31337", "0.125", "secret"))
    assert not Outbox.objects.exists()


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"at": NOON.replace(tzinfo=None)}, "at: has no time zone"),
        ({"actor": ""}, "actor: is empty"),
        ({"actor": 1}, "actor: is int"),
        ({"on": ""}, "target: must have 1 to 200"),
        ({"on": "x" * 201}, "target: must have 1 to 200"),
        ({"on": User()}, r"auth\.User has no primary key"),
    ],
)
def test_an_event_without_a_time_an_actor_or_a_target_is_refused(db, changes, match):
    with pytest.raises(NotLoggable, match=match):
        append(**changes)


def test_a_kind_that_nobody_defined_is_refused(db):
    with pytest.raises(ValueError, match=r"run\.sprinted"):
        append(kind="run.sprinted")


def test_a_body_may_fill_an_entry_and_no_more(db):
    append(facts={"pad": ""})
    room = LARGEST_BODY - len(bytes(Outbox.objects.get().body))

    append(facts={"pad": "x" * room})
    with pytest.raises(NotLoggable, match=f"{LARGEST_BODY + 1} bytes"):
        append(facts={"pad": "x" * (room + 1)})

    assert len(bytes(Outbox.objects.latest("id").body)) == LARGEST_BODY


@pytest.mark.parametrize(
    ("column", "value"), [("target", "somebody:else"), ("event_id", str(UUID(int=1)))]
)
def test_a_waiting_event_cannot_say_something_else_than_its_body(db, column, value):
    append()
    columns = {"event_id": "event_id", "target": "target", column: f"'{value}'"}
    body = bytes(Outbox.objects.get().body).replace(b"user:1", b"user:2")

    with (
        pytest.raises(IntegrityError, match=f"ledger_outbox_{column}_is_the_bodys"),
        connection.cursor() as cursor,
    ):
        cursor.execute(
            f"WITH gone AS (DELETE FROM ledger_outbox RETURNING *) "
            f"INSERT INTO ledger_outbox (event_id, target, body) "
            f"SELECT {columns['event_id']}, {columns['target']}, %s FROM gone",
            [body],
        )


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        (f'{{"eventId":"{UUID(int=1)}"}}', "target_is_the_bodys"),
        ('{"target":"a"}', "event_id_is_the_bodys"),
    ],
)
def test_a_body_that_lacks_its_id_or_target_is_refused_by_the_database(db, body, rule):
    with pytest.raises(IntegrityError, match=rule):
        Outbox.objects.create(event_id=UUID(int=1), target="a", body=body.encode())


def test_history_tells_placed_events_then_waiting_ones(db, write):
    placed = write(3)
    write(2, on="registry.TrainingRun:2")
    sequencer.drain_all()
    waiting = write(2)

    events = log.history("registry.TrainingRun:1")

    assert [event.event_id for event in events] == placed + waiting
    assert [event.index for event in events] == [0, 1, 2, None, None]
    assert events[0].leaf_hash == bytes(Entry.objects.get(pk=0).leaf_hash)
    assert events[3].leaf_hash is None
    assert {(event.kind, event.actor, event.at) for event in events} == {
        (Kind.RUN_STARTED, "test", NOON)
    }
    assert events[4].facts == {"number": "1"}
    assert events[0].at.tzinfo == UTC


@pytest.mark.django_db(transaction=True)
def test_history_tells_an_event_once_that_gets_its_place_meanwhile(write):
    written = write(2)

    def drain():
        sequencer.drain()
        connection.close()

    def drain_after(execute, sql, params, many, context):
        result = execute(sql, params, many, context)
        if 'FROM "ledger_outbox"' in sql:
            thread = Thread(target=drain)
            thread.start()
            thread.join()
        return result

    with connection.execute_wrapper(drain_after):
        events = log.history("registry.TrainingRun:1")

    assert [event.event_id for event in events] == written
    assert [event.index for event in events] == [0, 1]


def test_history_of_a_model_is_found_by_the_model(db):
    user = User.objects.create(username="ada")
    append(kind=Kind.USER_CREATED, on=user, facts={"role": "officer"})

    (event,) = log.history(user)

    assert (event.kind, event.facts) == (Kind.USER_CREATED, {"role": "officer"})


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


@given(
    st.recursive(
        TEXTS,
        lambda each: st.lists(each, max_size=3) | st.dictionaries(TEXTS, each, max_size=4),
        max_leaves=12,
    )
)
@example({"\uffff": "", "\U00010000": "", "a": '\x1f\x7f\u2028"\\'})
def test_an_entry_is_spelt_as_the_standard_says_whatever_is_in_it(facts):
    """The quick way of most events and the library's give the same octets."""
    at, number = datetime(2026, 3, 1, tzinfo=UTC), UUID(int=7)

    body = log.body_of(
        Kind.RUN_STARTED, event_id=number, actor="a", target="b", at=at, facts={"f": facts}
    )

    assert body == rfc8785.dumps(json.loads(body))
    assert json.loads(body)["facts"] == {"f": facts}
