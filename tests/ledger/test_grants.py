"""What is granted is what a role's work takes: no column more, and no table less."""

import threading

import pytest
from django.db import ProgrammingError, connection

from config import embedded
from ledger import hardening
from tests.ledger.test_hardening import acting_as, execute, roles, what_went_through
from tests.locks import until_somebody_waits

__all__ = ["roles"]

NOT_GRANTED = {"42501"}
# Orders, times and ids that the database gives, and whoever could choose them would.
GIVEN = [
    ("app", "INSERT INTO ledger_outbox (id) VALUES (DEFAULT)"),
    ("app", "INSERT INTO ledger_outbox (enqueued_at) VALUES (DEFAULT)"),
    ("sequencer", "INSERT INTO ledger_entry (integrated_at) VALUES (DEFAULT)"),
    ("sequencer", "INSERT INTO ledger_tile (id) VALUES (DEFAULT)"),
    ("sequencer", "UPDATE ledger_sequencerstate SET id = id"),
]


@pytest.mark.parametrize(("who", "statement"), GIVEN)
def test_nobody_chooses_what_the_database_gives(roles, who, statement):
    """Refused as not granted, and not for what else is wrong with the row."""
    assert what_went_through(getattr(roles, who), [statement], refused=NOT_GRANTED) == []


@pytest.mark.parametrize("table", ["corpus_subject", "django_migrations", "ledger_outbox"])
def test_no_role_empties_a_table_at_once(roles, table):
    """TRUNCATE fires no trigger of a row, and asks no policy."""
    for role in roles.limited:
        assert what_went_through(role, [f"TRUNCATE {table} CASCADE"], refused=NOT_GRANTED) == []


def test_every_role_can_begin_a_command(roles):
    """Whether the schema is up to date and the keys are the same ones is read before all else."""
    for role in roles.limited:
        with acting_as(role):
            embedded.ready()


def test_of_two_who_harden_at_once_the_second_finds_it_done(roles):
    """Both would find the same differences, and the second be told of a lock or a duplicate."""
    execute(f'REVOKE SELECT ON ledger_entry FROM "{roles.reader}"')
    second, threads = [], []

    def again():
        try:
            second.append(hardening.harden())
        finally:
            connection.close()

    def meanwhile(run, statement, params, many, context):
        result = run(statement, params, many, context)
        if not threads and statement.startswith("GRANT SELECT"):
            threads.append(threading.Thread(target=again))
            threads[0].start()
            until_somebody_waits(or_=lambda: not threads[0].is_alive())
        return result

    with connection.execute_wrapper(meanwhile):
        first = hardening.harden()
    threads[0].join()

    assert [each.what for each in first] == [f"{roles.reader} lacks SELECT on table ledger_entry"]
    assert second == [[]]


def test_a_mistake_of_ours_is_not_put_on_the_user(roles):
    execute(f'REVOKE SELECT ON ledger_entry FROM "{roles.reader}"')

    def mistaken(run, statement, params, many, context):
        wrong = statement.startswith("GRANT SELECT")
        return run("GRANT" if wrong else statement, params, many, context)

    with connection.execute_wrapper(mistaken), pytest.raises(ProgrammingError, match="syntax"):
        hardening.harden()
