"""Every table of the database as it stands, to see that nothing in it moved or names somebody."""

from django.db import connection


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


def _bytes(cell: object) -> bytes:
    return bytes(cell) if isinstance(cell, bytes | memoryview) else str(cell).encode()
