"""Who may do what in the database: four roles, and what differs from them.

What is wanted is written down once; each step compares it with the catalogue, and every difference
has the statement that mends it. So a second run finds nothing, and a check is a run that executes
nothing. How processes come to a role: docs/roles.md.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from django.apps import apps
from django.db import ProgrammingError, connection, transaction

from ledger import catalogue, guards
from ledger.catalogue import Difference

# PostgreSQL cuts names at 63 bytes; the longest role's name adds ten.
PREFIX: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,52}")
INSUFFICIENT_PRIVILEGE: Final = "42501"
PUBLIC: Final = "PUBLIC"
ATTRIBUTES: Final = ("LOGIN", "SUPERUSER", "CREATEDB", "CREATEROLE", "REPLICATION", "BYPASSRLS")

# Privileges of a table, each on some columns or, as an empty name, on the whole.
Privileges = Mapping[str, tuple[str, ...]]
Adds = Mapping[str, Privileges]

# What every command reads before it begins: whether the schema is up to date, and the keys' marks.
READ_BY_ALL: Final = ("corpus_deployment", "corpus_wrappingkey", "django_migrations")
# On a table, or on some of its columns: nobody chooses an outbox row's id, which is its order, nor
# since when it waits.
APP_ADDS: Final[Adds] = {
    "ledger_outbox": {"INSERT": ("event_id", "target", "body")},
}
SEQUENCER_ADDS: Final[Adds] = {
    "ledger_outbox": {"DELETE": ("",)},
    "ledger_sequencerstate": {
        "INSERT": ("id", "next_index", "root"),
        "UPDATE": ("next_index", "root"),
    },
    "ledger_entry": {"INSERT": ("index", "event_id", "target", "leaf_hash", "body")},
    "ledger_tile": {"INSERT": ("level", "n", "hashes")},
    "ledger_treehead": {"INSERT": ("size", "root", "note", "signed_at")},
    "ledger_headtimestamp": {"INSERT": ("head_id", "token", "stamped_at", "made_at")},
}

# Kind of object, its name, a column or nothing, the privilege, and who has it.
Grant = tuple[str, str, str, str, str]


class CannotHarden(Exception):
    """The roles cannot be made as they were asked for, or not by this user."""


@dataclass(frozen=True)
class Roles:
    """The four roles of one database. Roles belong to a server, so their names begin alike."""

    owner: str
    app: str
    sequencer: str
    reader: str

    @property
    def limited(self) -> tuple[str, str, str]:
        """Those that processes connect as, and that own nothing."""
        return (self.app, self.sequencer, self.reader)


def roles_of(prefix: str | None = None) -> Roles:
    """The roles' names: ``<prefix>_owner`` and so on, after the database if no prefix is given.

    Raises:
        CannotHarden: the prefix cannot begin a role's name.
    """
    chosen = prefix or str(connection.settings_dict["NAME"])
    if not PREFIX.fullmatch(chosen):
        raise CannotHarden(
            "a prefix of role names has 1 to 53 letters, digits, - and _, and begins with no "
            "digit; choose one with --prefix"
        )
    return Roles(*(f"{chosen}_{each}" for each in ("owner", "app", "sequencer", "reader")))


def harden(*, prefix: str | None = None) -> list[Difference]:
    """Make the database what ``differences`` compares it with, in one transaction.

    Returns:
        What differed. A difference without a statement still does: it needs a person.

    Raises:
        CannotHarden: the prefix cannot be used, or this user may not do it.
    """
    roles = roles_of(prefix)
    found = []
    try:
        with transaction.atomic(durable=True), connection.cursor() as cursor:
            # Two at once would find the same differences, and mend them twice.
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('ledger.hardening'))")
            for step in STEPS:
                for difference in [*step(roles)]:
                    if difference.mend is not None:
                        cursor.execute(difference.mend)
                    found.append(difference)
    except ProgrammingError as error:
        if getattr(error.__cause__, "sqlstate", None) != INSUFFICIENT_PRIVILEGE:
            raise
        raise CannotHarden(
            "this database user may not make the roles; use a superuser, or the database's owner "
            "with CREATEROLE"
        ) from None
    return found


def differences(*, prefix: str | None = None) -> list[Difference]:
    """What the roles, their grants and the guards of the log are otherwise than they should be.

    Raises:
        CannotHarden: the prefix cannot be used.
    """
    roles = roles_of(prefix)
    return [difference for step in STEPS for difference in step(roles)]


def _tables() -> list[str]:
    return sorted(model._meta.db_table for model in apps.get_app_config("ledger").get_models())


def _roles(roles: Roles) -> Iterator[Difference]:
    """The roles are there, and can do nothing but what is granted to them."""
    wanted = {roles.owner: (), **dict.fromkeys(roles.limited, ("LOGIN",))}
    found = {
        name: {word for word, has in zip(ATTRIBUTES, flags, strict=True) if has}
        for name, *flags in catalogue.rows(catalogue.ROLES, roles=[*wanted])
    }
    for name, may in wanted.items():
        if name not in found:
            words = " ".join(may or ("NOLOGIN",))
            yield Difference(
                what=f"role {name} is missing", mend=f"CREATE ROLE {_quoted(name)} {words}"
            )
        elif surplus := found[name] ^ set(may):
            words = " ".join(w if w in may else f"NO{w}" for w in ATTRIBUTES if w in surplus)
            yield Difference(
                what=f"role {name} is not {words}", mend=f"ALTER ROLE {_quoted(name)} {words}"
            )
    members = catalogue.rows(
        catalogue.MEMBERS, roles=[roles.owner, *roles.limited], owner=roles.owner
    )
    for of, member in members:
        yield Difference(
            what=f"role {member} is a member of {of}",
            mend=f"REVOKE {_quoted(of)} FROM {_quoted(member)}",
        )


def _admin(roles: Roles) -> Iterator[Difference]:
    """Whoever migrates the schema can still alter what the owner role owns."""
    query = "SELECT pg_has_role(current_user, oid, 'USAGE') FROM pg_roles WHERE rolname = %(owner)s"
    if catalogue.rows(query, owner=roles.owner) == [(False,)]:
        yield Difference(
            what=f"this user cannot act as {roles.owner}",
            mend=f"GRANT {_quoted(roles.owner)} TO CURRENT_USER",
        )


def _owners(roles: Roles) -> Iterator[Difference]:
    for kind, name, owner in catalogue.rows(catalogue.OWNERS, ledger=_tables()):
        if owner != roles.owner:
            yield Difference(
                what=f"{kind.lower()} {name} belongs to {owner}",
                mend=f"ALTER {kind} {_in_schema(kind, name)} OWNER TO {_quoted(roles.owner)}",
            )


def _schema(roles: Roles) -> Iterator[Difference]:
    """An owner must be able to make what it owns: ALTER ... OWNER asks for that."""
    wanted = {("SCHEMA", "public", "", each, roles.owner) for each in ("CREATE", "USAGE")}
    found = set(catalogue.rows(catalogue.GRANTS, roles=[roles.owner]))
    return _statements("GRANT", wanted - found)


def _surplus(roles: Roles) -> Iterator[Difference]:
    return _statements("REVOKE", _granted(roles) - set(_wanted(roles)))


def _missing(roles: Roles) -> Iterator[Difference]:
    # A step of its own: to revoke a privilege on a table revokes it on the columns too.
    return _statements("GRANT", set(_wanted(roles)) - _granted(roles))


def _granted(roles: Roles) -> set[Grant]:
    return set(catalogue.rows(catalogue.GRANTS, roles=[*roles.limited]))


def _wanted(roles: Roles) -> Iterator[Grant]:
    """Everything that the three limited roles may do, and all that is open to everybody."""
    (database,) = catalogue.rows("SELECT quote_ident(current_database())")[0]
    for role in roles.limited:
        yield ("DATABASE", database, "", "CONNECT", role)
        yield ("SCHEMA", "public", "", "USAGE", role)
    # An ingestion stages its rows in a temporary table.
    yield ("DATABASE", database, "", "TEMPORARY", roles.app)

    ledger = _tables()
    for (table,) in catalogue.rows(catalogue.TABLES):
        if table in ledger or table in READ_BY_ALL:
            for role in roles.limited:
                yield ("TABLE", table, "", "SELECT", role)
        if table in ledger:
            yield from _on(table, SEQUENCER_ADDS.get(table, {}), roles.sequencer)
            yield from _on(table, APP_ADDS.get(table, {}), roles.app)
        elif table != "django_migrations":
            for privilege in ("SELECT", "INSERT", "UPDATE", "DELETE"):
                yield ("TABLE", table, "", privilege, roles.app)


def _on(table: str, adds: Privileges, role: str) -> Iterator[Grant]:
    for privilege, columns in adds.items():
        for column in columns:
            yield ("TABLE", table, column, privilege, role)


def _statements(verb: str, grants: Iterable[Grant]) -> Iterator[Difference]:
    """One statement for each object and role; its sentence says what is the case."""
    columns: dict[tuple[str, str, str], dict[str, list[str]]] = {}
    for kind, name, column, privilege, role in sorted(grants):
        columns.setdefault((kind, name, role), {}).setdefault(privilege, []).append(column)
    for (kind, name, role), privileges in columns.items():
        words = ", ".join(each for item in privileges.items() for each in _clauses(*item))
        to = role if role == PUBLIC else _quoted(role)
        has, preposition = ("lacks", "TO") if verb == "GRANT" else ("has", "FROM")
        yield Difference(
            what=f"{role} {has} {words} on {kind.lower()} {name}",
            mend=f"{verb} {words} ON {kind} {_in_schema(kind, name)} {preposition} {to}",
        )


def _clauses(privilege: str, columns: list[str]) -> Iterator[str]:
    """A privilege on the whole, and on columns by their names, as GRANT spells them."""
    if "" in columns:
        yield privilege
    if named := [column for column in columns if column]:
        yield f"{privilege} ({', '.join(named)})"


def _guards(_: Roles) -> Iterator[Difference]:
    return guards.differences(_tables())


def _in_schema(kind: str, name: str) -> str:
    """Named in full where it is in a schema; a function's regprocedure may be already."""
    return f"public.{name}" if kind in {"TABLE", "SEQUENCE"} else name


def _quoted(role: str) -> str:
    return f'"{role}"'


STEPS: Final[tuple[Callable[[Roles], Iterator[Difference]], ...]] = (
    _roles,
    _admin,
    _schema,
    _owners,
    _surplus,
    _missing,
    _guards,
)
