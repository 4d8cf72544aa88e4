"""Every table of the database as it stands, to see that nothing in it moved or names somebody."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction


def names() -> list[str]:
    """All tables but Django's own record of migrations."""
    with connection.cursor() as cursor:
        found = connection.introspection.table_names(cursor)
    return sorted(set(found) - {"django_migrations"})


def state() -> dict[str, tuple[int, str]]:
    """Of every table the number of its rows, and a digest of them all."""
    every = " UNION ALL ".join(
        f"SELECT '{table}', count(*), "
        f"md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM \"{table}\" AS t"
        for table in names()
    )
    with connection.cursor() as cursor:
        cursor.execute(every)
        return {table: (count, digest) for table, count, digest in cursor.fetchall()}


def changed(before: dict[str, tuple[int, str]]) -> set[str]:
    """The tables that are not what they were."""
    now = state()
    return {table for table in now if now[table] != before[table]}


def naming(*needles: bytes) -> dict[str, set[bytes]]:
    """The tables with a row that holds one of these, as text, as bytes, or as their hexadecimal."""
    found: dict[str, set[bytes]] = {}
    with connection.cursor() as cursor:
        for table in names():
            cursor.execute(f'SELECT * FROM "{table}"')
            for row in cursor.fetchall():
                cells = b"\x1f".join(_bytes(cell) for cell in row)
                for needle in needles:
                    if needle in cells or needle.hex().encode() in cells:
                        found.setdefault(table, set()).add(needle)
    return found


ENABLED = {"O": "ENABLE", "A": "ENABLE ALWAYS", "R": "ENABLE REPLICA"}


@contextmanager
def superuser(*tables: str) -> Iterator[Any]:
    """A cursor of somebody whom no trigger of these tables stops. Afterwards they stand again."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass::text, tgname, tgenabled FROM pg_trigger "
            "WHERE NOT tgisinternal AND tgenabled <> 'D' AND tgrelid::regclass::text = ANY(%s)",
            [list(tables)],
        )
        stood = cursor.fetchall()
        for table, name, _ in stood:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {name}")
        yield cursor
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table, name, how in stood:
            cursor.execute(f"ALTER TABLE {table} {ENABLED[how]} TRIGGER {name}")


def _bytes(cell: object) -> bytes:
    return bytes(cell) if isinstance(cell, bytes | memoryview) else str(cell).encode()
