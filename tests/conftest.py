"""The database of the tests, on a real PostgreSQL, and a store of its own for each test."""

import pytest
from django.conf import settings as django_settings
from django.db import connection
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from config import embedded

# How long an example takes is the machine's affair: a busy one is no counter-example.
hypothesis_settings.register_profile(
    "expunge", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("expunge")

TABLES = ("outbox", "sequencerstate", "entry", "tile", "treehead", "headtimestamp")


@pytest.fixture(scope="session")
def django_db_modify_db_settings():
    """Start the embedded server, if it is the one in use, before the test database is made."""
    embedded.start()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """Stand down one trigger: pytest-django empties tables with TRUNCATE, and the log refuses."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"ALTER TABLE ledger_{table} DISABLE TRIGGER refuse_truncate")


@pytest.fixture(autouse=True)
def own_folders(settings, tmp_path):
    """A store, a log key and a broker of this test's own."""
    settings.EXPUNGE_STORE = tmp_path / "store"
    settings.EXPUNGE_KEYS = settings.EXPUNGE_LOG_KEYS = tmp_path / "keys"
    settings.EXPUNGE_LEASE_SECONDS = 60
    assert django_settings.EXPUNGE_VAR.name == "tests", "the tests must not touch an installation"
