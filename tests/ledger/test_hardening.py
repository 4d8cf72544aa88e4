"""Each role can do its part in the log, and no more: tried on connections of their own."""

import secrets
from contextlib import contextmanager

import psycopg
import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import ProgrammingError, connection
from psycopg import sql

from config import accounts, terminal
from erasure.roles import Role
from erasure.states import State
from ledger import catalogue, guards, hardening, heads, sequencer
from ledger.models import Entry, Outbox
from ledger.verify import verify
from tests.ledger.conftest import NOON, TABLES
from tests.worlds import World, rows_of

PASSWORD = secrets.token_urlsafe(16)
# insufficient_privilege, check_violation, unique_violation.
REFUSED = {"42501", "23514", "23505"}


def execute(*statements):
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


@pytest.fixture
def roles(transactional_db):
    """The roles of the tests' database, gone with all they were granted when the test ends."""
    hardening.harden()
    roles = hardening.roles_of()
    for role in roles.limited:
        execute(f"ALTER ROLE \"{role}\" PASSWORD '{PASSWORD}'")
    yield roles
    execute(f'REASSIGN OWNED BY "{roles.owner}" TO CURRENT_USER')
    for role in (roles.owner, *roles.limited):
        execute(f'DROP OWNED BY "{role}"', f'DROP ROLE "{role}"')
    # As the tests' setup has it: they empty tables with TRUNCATE.
    execute(*(f"ALTER TABLE {table} DISABLE TRIGGER refuse_truncate" for table in TABLES))


@contextmanager
def acting_as(role):
    """Django on a connection that this role opened: there is nobody to go back to."""
    ours = dict(connection.settings_dict)
    connection.close()
    connection.settings_dict.update(USER=role, PASSWORD=PASSWORD)
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict.update(ours)


def what_went_through(role, statements, *, refused=REFUSED):
    """Try each statement in a session of the role's; return those that nobody refused.

    A statement that was refused for how it is spelt has tried nothing, and is among them.
    """
    at = connection.settings_dict
    where = {"host": at["HOST"], "port": at["PORT"], "dbname": at["NAME"]}
    given = {key: value for key, value in where.items() if value}
    passed = []
    for statement in statements:
        with psycopg.connect(**given, user=role, password=PASSWORD) as session:
            try:
                session.execute(sql.SQL(statement))
                session.commit()
            except psycopg.Error as error:
                session.rollback()
                if error.sqlstate not in refused:
                    passed.append(f"{statement}: {error}")
            else:
                passed.append(statement)
    return passed


def test_a_second_run_finds_nothing(roles):
    assert hardening.harden() == []
    assert hardening.differences() == []


def test_a_business_transaction_with_its_event_works_as_the_app_role(roles, client):
    with acting_as(roles.app):
        accounts.create(
            name="olivia", roles=[Role.OFFICER], password=PASSWORD, actor="test", at=NOON
        )
        with pytest.raises(ProgrammingError, match="permission denied"):
            sequencer.drain_all()
        terminal.sequence()  # a command's last step: another process's work here
        assert Outbox.objects.count() == 1
        assert client.login(username="olivia", password=PASSWORD)
        assert client.get("/requests/").status_code == 200
    with acting_as(roles.sequencer):
        assert sequencer.drain_all() == 1
        assert heads.sign(at=NOON).size == 1
        with pytest.raises(ProgrammingError, match="permission denied"):
            User.objects.exists()
    with acting_as(roles.reader):
        assert verify().first_difference is None
        assert Entry.objects.get().index == 0
        with pytest.raises(ProgrammingError, match="permission denied"):
            User.objects.exists()


@pytest.fixture
def world(transactional_db, tmp_path, settings):
    return World(tmp_path / "world", settings)


@pytest.mark.slow
def test_an_erasure_and_its_retraining_need_no_more_than_the_app_role(world, roles):
    with acting_as(roles.app):
        for person in ("ada", "bob", "eve", "joe"):
            world.ingest(rows_of(person))
        world.train()
        request = world.erase("ada")
        world.train()
    with acting_as(roles.sequencer):
        sequencer.drain_all()
        heads.sign(at=NOON)

    request.refresh_from_db()
    assert request.state == State.COMPLETED
    assert verify().ok


def test_a_tile_fills_as_the_sequencer_role(roles, write):
    with acting_as(roles.app):
        write(257)
    with acting_as(roles.sequencer):
        assert sequencer.drain_all() == 257
        heads.sign(at=NOON)

    assert verify().ok


COPY_OF_THE_FIRST = "SELECT event_id, target, body FROM ledger_entry WHERE index = 0"

NOBODYS = [
    *(
        f"UPDATE {table} SET {column} = {column}"
        for table, column in [
            ("ledger_outbox", "body"),
            ("ledger_entry", "body"),
            ("ledger_entry", "integrated_at"),
            ("ledger_tile", "hashes"),
            ("ledger_treehead", "note"),
        ]
    ),
    *(f"DELETE FROM {table}" for table in TABLES if table != "ledger_outbox"),
    *(f"TRUNCATE {table}" for table in TABLES),
    *(f"ALTER TABLE {table} DISABLE TRIGGER ALL" for table in TABLES),
    *(f"ALTER TABLE {table} DISABLE TRIGGER USER" for table in TABLES),
    *(f"DROP TRIGGER refuse_truncate ON {table}" for table in TABLES),
    *(f"DROP TABLE {table} CASCADE" for table in TABLES),
    "ALTER TABLE ledger_entry RENAME TO entries_of_before",
    "ALTER TABLE ledger_entry DROP CONSTRAINT ledger_entry_target_is_the_bodys",
    "CREATE TABLE more () INHERITS (ledger_entry)",
    "CREATE RULE quiet AS ON INSERT TO ledger_outbox DO INSTEAD NOTHING",
    "CREATE TRIGGER mine BEFORE INSERT ON ledger_entry FOR EACH ROW "
    "EXECUTE FUNCTION ledger_refuse()",
    "CREATE OR REPLACE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RETURN NULL; END $$",
    "ALTER FUNCTION ledger_refuse() RENAME TO ledger_refused",
    "ALTER FUNCTION ledger_check_batch() SET search_path = pg_temp, public",
    "DROP FUNCTION ledger_refuse() CASCADE",
    "SET session_replication_role = replica",
    "SELECT set_config('session_replication_role', 'replica', false)",
    "SELECT set_config('session_authorization', '{admin}', false)",
    "SELECT set_config('role', '{owner}', false)",
    "SET ROLE {owner}",
    "SET ROLE {admin}",
    "ALTER ROLE CURRENT_USER SET session_replication_role = replica",
    "ALTER ROLE CURRENT_USER SUPERUSER",
    "ALTER DATABASE {database} SET session_replication_role = replica",
    "GRANT {owner} TO CURRENT_USER",
    "CREATE SCHEMA mine",
    "CREATE TABLE public.mine (id int)",
    "COPY ledger_entry TO PROGRAM 'true'",
]
APPS = [
    f"INSERT INTO ledger_entry (index, event_id, target, leaf_hash, body) "
    f"SELECT 3, e.event_id, e.target, sha256('\\x00'::bytea || e.body), e.body "
    f"FROM ({COPY_OF_THE_FIRST}) e",
    "INSERT INTO ledger_sequencerstate VALUES (1, 0, sha256(''))",
    "UPDATE ledger_sequencerstate SET next_index = next_index + 1",
    "SELECT FROM ledger_sequencerstate FOR UPDATE",
    "INSERT INTO ledger_tile (level, n, hashes) VALUES (0, 0, decode(repeat('00', 8192), 'hex'))",
    "INSERT INTO ledger_treehead VALUES (9, sha256(''), 'note', now())",
    "DELETE FROM ledger_outbox",
    "INSERT INTO ledger_outbox (id, event_id, target, body) "
    "SELECT -1, gen_random_uuid(), target, body FROM ledger_outbox",
    "DELETE FROM django_migrations",
]
SEQUENCERS = [
    # A gap, by a position that is not the next one, and by moving the state first.
    "INSERT INTO ledger_entry (index, event_id, target, leaf_hash, body) SELECT 7, event_id, "
    "target, sha256('\\x00'::bytea || body), body FROM ledger_outbox",
    "UPDATE ledger_sequencerstate SET next_index = 7",
    "UPDATE ledger_sequencerstate SET next_index = 7; INSERT INTO ledger_entry (index, event_id, "
    "target, leaf_hash, body) SELECT 7, event_id, target, sha256('\\x00'::bytea || body), body "
    "FROM ledger_outbox",
    # The hash of the body alone, which would let a node of the tree pass for a leaf.
    "INSERT INTO ledger_entry (index, event_id, target, leaf_hash, body) SELECT 3, event_id, "
    "target, sha256(body), body FROM ledger_outbox",
    "UPDATE ledger_sequencerstate SET next_index = 2",
    "UPDATE ledger_sequencerstate SET root = sha256('x')",
    "UPDATE ledger_sequencerstate SET id = 2",
    "INSERT INTO ledger_sequencerstate VALUES (2, 0, sha256(''))",
    # An event that is taken and not placed.
    "DELETE FROM ledger_outbox",
    "INSERT INTO ledger_outbox (event_id, target, body) "
    "SELECT gen_random_uuid(), target, body FROM ledger_outbox",
    # A time that somebody chose.
    "INSERT INTO ledger_entry (index, event_id, target, leaf_hash, body, integrated_at) SELECT 3, "
    "event_id, target, sha256('\\x00'::bytea || body), body, '1999-01-01' FROM ledger_outbox",
    "DELETE FROM corpus_interaction",
    "SELECT FROM corpus_identity",
]


@pytest.mark.parametrize("who", ["app", "sequencer", "reader"])
def test_no_role_gets_past_the_log(roles, logged, write, who):
    logged(3)
    write(1)
    role = getattr(roles, who)
    names = {
        "owner": f'"{roles.owner}"',
        "admin": f'"{connection.settings_dict["USER"]}"',
        "database": f'"{connection.settings_dict["NAME"]}"',
    }
    own = {"app": APPS, "sequencer": SEQUENCERS, "reader": APPS + SEQUENCERS}[who]

    def filled(statement):
        for name, value in names.items():
            statement = statement.replace(f"'{{{name}}}'", "'" + value.strip('"') + "'")
            statement = statement.replace(f"{{{name}}}", value)
        return statement

    passed = what_went_through(role, [filled(each) for each in NOBODYS + own])

    assert passed == []
    sequencer.drain_all()
    heads.sign(at=NOON)
    assert (verify().first_difference, verify().entries) == (None, 4)
    assert hardening.differences() == []


DRIFT = [
    ("ALTER TABLE ledger_entry DISABLE TRIGGER refuse_rewrite", "trigger refuse_rewrite"),
    ("ALTER TABLE ledger_tile ENABLE TRIGGER refuse_truncate", "trigger refuse_truncate"),
    ("GRANT UPDATE ON ledger_entry TO {app}", "_app has UPDATE on table ledger_entry"),
    ("GRANT UPDATE (body) ON ledger_outbox TO {app}", "_app has UPDATE (body) on table"),
    ("GRANT INSERT ON ledger_outbox TO {app}", "_app has INSERT on table ledger_outbox"),
    ("GRANT SELECT ON ledger_entry TO PUBLIC", "PUBLIC has SELECT on table ledger_entry"),
    ("GRANT CREATE ON SCHEMA public TO PUBLIC", "PUBLIC has CREATE on schema public"),
    ("GRANT EXECUTE ON FUNCTION ledger_refuse() TO PUBLIC", "PUBLIC has EXECUTE on function"),
    (
        "GRANT SET ON PARAMETER session_replication_role TO {app}",
        "_app has SET on parameter session_replication_role",
    ),
    ("REVOKE SELECT ON ledger_entry FROM {reader}", "_reader lacks SELECT on table ledger_entry"),
    ("ALTER TABLE ledger_entry OWNER TO CURRENT_USER", "table ledger_entry belongs to"),
    ("ALTER FUNCTION ledger_refuse() OWNER TO CURRENT_USER", "function ledger_refuse() belongs"),
    *(
        (f"ALTER ROLE {{app}} {word}", f"_app is not NO{word}")
        for word in ("SUPERUSER", "CREATEDB", "CREATEROLE", "REPLICATION", "BYPASSRLS")
    ),
    ("ALTER ROLE {reader} NOLOGIN", "_reader is not LOGIN"),
    ("GRANT {owner} TO {app}", "_app is a member of"),
    ("GRANT pg_read_all_data TO {owner}", "_owner is a member of pg_read_all_data"),
    ("GRANT {sequencer} TO {app}", "_app is a member of"),
    ("GRANT pg_write_all_data TO {app}", "_app is a member of pg_write_all_data"),
]


def test_whatever_is_loosened_is_named_and_mended(roles):
    quoted = {name: f'"{role}"' for name, role in vars(roles).items()}
    for loosen, said in DRIFT:
        execute(loosen.format(**quoted))

        found = hardening.differences()
        assert any(said in each.what for each in found), (loosen, found)
        hardening.harden()
        assert hardening.differences() == [], loosen


REPLACED = [
    (
        "CREATE OR REPLACE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql "
        "SET search_path = pg_catalog AS $$ BEGIN RETURN NULL; END $$",
        "function ledger_refuse is not the one of the migrations",
    ),
    (
        "ALTER FUNCTION ledger_check_batch() SET search_path = pg_temp, public",
        "function ledger_check_batch is not the one of the migrations",
    ),
    ("DROP TRIGGER check_batch ON ledger_entry", "trigger check_batch on ledger_entry is missing"),
    (
        "DROP TRIGGER refuse_rewrite ON ledger_tile; CREATE TRIGGER refuse_rewrite BEFORE DELETE "
        "OR UPDATE ON ledger_tile FOR EACH ROW WHEN (false) EXECUTE FUNCTION ledger_refuse(); "
        "ALTER TABLE ledger_tile ENABLE ALWAYS TRIGGER refuse_rewrite",
        "trigger refuse_rewrite on ledger_tile is not the one of the migrations",
    ),
    (
        "CREATE TABLE more () INHERITS (ledger_entry)",
        "table more is a part of ledger_entry and has no guards of its own",
    ),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("loosen", "said"), REPLACED)
def test_a_guard_that_is_gone_or_another_one_is_named(loosen, said):
    before = {each.what for each in guards.differences(TABLES)}
    execute(loosen)

    assert {each.what for each in guards.differences(TABLES)} - before == {said}


@pytest.mark.django_db
def test_no_guard_of_the_log_is_left_uncompared():
    """One that is not written down could be dropped, and nothing would be missing."""
    there = catalogue.rows(catalogue.TRIGGERS, ledger=[*TABLES])

    assert {(table, name) for table, name, *_ in there} == set(guards.TRIGGERS)
    assert {name for name, _ in catalogue.rows(catalogue.FUNCTIONS)} == set(guards.FUNCTIONS)


def test_the_command_mends_then_finds_nothing_and_its_check_changes_nothing(roles, capsys):
    execute(f'GRANT UPDATE ON ledger_entry TO "{roles.app}"')

    with pytest.raises(CommandError, match="has UPDATE on table ledger_entry"):
        call_command("harden_database", check=True)
    assert len(hardening.differences()) == 1
    call_command("harden_database")
    assert "REVOKE UPDATE ON TABLE public.ledger_entry" in capsys.readouterr().out
    call_command("harden_database", check=True)
    assert "are as they should be" in capsys.readouterr().out


@pytest.mark.parametrize("prefix", ["a b", "1a", 'a"b', "x" * 54])
def test_a_prefix_that_cannot_begin_a_name_is_refused(prefix):
    with pytest.raises(hardening.CannotHarden, match="--prefix"):
        hardening.roles_of(prefix)
    assert max(map(len, vars(hardening.roles_of("x" * 53)).values())) == 63


def test_a_user_who_may_not_make_roles_is_told_so(roles):
    with acting_as(roles.app), pytest.raises(hardening.CannotHarden, match="use a superuser"):
        hardening.harden(prefix="another")
