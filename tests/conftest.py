"""The database of the tests, on a real PostgreSQL, and a store of its own for each test."""

import pytest
from django.conf import settings as django_settings
from django.core.management.commands import flush
from django.db import connection
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from config import embedded, places

# How long an example takes is the machine's affair: a busy one is no counter-example.
hypothesis_settings.register_profile(
    "expunge", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("expunge")

TABLES = ("outbox", "sequencerstate", "entry", "tile", "treehead", "headtimestamp")


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix):
    """Start the embedded server, if it is the one in use, before the test database is made.

    On another server, which the processes share, each makes a database of its own name.
    """
    embedded.start()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """Stand down one trigger: pytest-django empties tables with TRUNCATE, and the log refuses.

    Of the embedded server no test needs more than it has in memory: it waits for no disk.
    """
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"ALTER TABLE ledger_{table} DISABLE TRIGGER refuse_truncate")
        if places.is_embedded():
            cursor.execute("ALTER SYSTEM SET fsync = off")
            cursor.execute("ALTER SYSTEM SET full_page_writes = off")
            cursor.execute("SELECT pg_reload_conf()")


@pytest.fixture(scope="session", autouse=True)
def no_permissions():
    """An emptied database gets no rows of Django's own: roles here are groups, made by name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flush, "emit_post_migrate_signal", lambda *_, **__: None)
        yield


@pytest.fixture(autouse=True)
def own_folders(settings, tmp_path):
    """A store, a log key and a broker of this test's own."""
    settings.EXPUNGE_STORE = tmp_path / "store"
    settings.EXPUNGE_KEYS = settings.EXPUNGE_LOG_KEYS = tmp_path / "keys"
    settings.EXPUNGE_LEASE_SECONDS = 60
    assert django_settings.EXPUNGE_VAR.parent.name == "tests", (
        "the tests must not touch an installation"
    )
