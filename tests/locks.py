"""Knowing that somebody waits for a lock, so that a race is run the same way on any machine."""

import time
from collections.abc import Callable

from django.db import connection

PATIENCE = 120.0


def until_somebody_waits(*, or_: Callable[[], bool] = lambda: False) -> None:
    """Return once another session of this database waits for a lock, or ``or_`` is the case.

    Give what is the case if nobody has to wait, as that a thread has ended: a test whose lock is
    gone then goes on at once, and fails for what it asserts.
    """
    until = time.monotonic() + PATIENCE
    while not or_():
        with connection.cursor() as cursor:
            # Who is connected is otherwise what it was when this transaction first looked.
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(
                "SELECT EXISTS (SELECT FROM pg_locks JOIN pg_stat_activity USING (pid) "
                "WHERE NOT granted AND datname = current_database())"
            )
            if cursor.fetchone()[0]:
                return
        assert time.monotonic() < until, "nobody waits"
        time.sleep(0.01)
