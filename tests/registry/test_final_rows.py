"""The database keeps the past: adapters, destroyed artefacts and epochs are never rewritten."""

import pytest
from django.db import IntegrityError, connection

from registry.models import AdapterVersion, Artefact
from tests.worlds import World, rows_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture
def world(tmp_path, settings):
    world = World(tmp_path / "a", settings)
    world.ingest([row for number in range(6) for row in rows_of(f"person-{number}")])
    world.train()
    return world


@pytest.mark.parametrize("role", ["origin", "replica"])
@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE registry_adapterversion SET digest = 'x'",
        "UPDATE registry_adapterversion SET manifest = ''",
        "DELETE FROM registry_panelerror; DELETE FROM registry_adapterversion",
        "UPDATE registry_slice SET epoch = epoch - 1",
        "UPDATE registry_slice SET shard = shard + 100",
        "UPDATE registry_artefact SET wrapped_key = 'x', destroyed_at = NULL "
        "WHERE destroyed_at IS NOT NULL",
        # Put in again afterwards with the key of before: nothing refers to a cached state's file.
        "DELETE FROM registry_artefact WHERE destroyed_at IS NOT NULL AND kind = 'trunk'",
        "DELETE FROM registry_slice",
    ],
)
def test_the_database_refuses_to_rewrite(world, sql, role):
    world.erase("person-0")
    before = AdapterVersion.objects.count(), Artefact.objects.filter(destroyed_at=None).count()

    with connection.cursor() as cursor:
        cursor.execute(f"SET session_replication_role = {role}")
        try:
            with pytest.raises(IntegrityError):
                cursor.execute(sql)
        finally:
            cursor.execute("SET session_replication_role = origin")

    after = AdapterVersion.objects.count(), Artefact.objects.filter(destroyed_at=None).count()
    assert after == before
