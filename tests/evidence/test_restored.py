"""A restored database whose log was brought back: what it erases again is certified too."""

import pytest
from django.db import connection
from django.utils import timezone

from erasure import services
from erasure.models import DeletionRequest
from evidence.placing import place
from ledger import guards
from registry.services import live
from tests.erasure.test_replay import dumps
from tests.evidence.test_exported import certificate_of, export
from tests.evidence.test_odd_cases import attest_all, completed, holds
from tests.registry.conftest import FIRST_OF_0, FIRST_OF_1
from tests.worlds import rows_of

__all__ = ["dumps"]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def copied() -> dict[str, bytes]:
    """The log's tables, as a newer copy has them."""
    found = {}
    with connection.cursor() as cursor:
        for table in guards.TABLES:
            with cursor.copy(f"COPY {table} TO STDOUT") as rows:
                found[table] = b"".join(map(bytes, rows))
    return found


def bring_back(tables: dict[str, bytes]) -> None:
    """Put them in the place of the dump's, as a superuser can."""
    standing = [each for each in guards.TRIGGERS if each[1] != "refuse_truncate"]
    with connection.cursor() as cursor:
        for table, trigger in standing:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {trigger}")
        # The stamps of heads refer to heads, so the one goes first and comes last.
        for table in sorted(tables):
            cursor.execute(f"DELETE FROM {table}")
        for table in sorted(tables, reverse=True):
            with cursor.copy(f"COPY {table} FROM STDIN") as rows:
                rows.write(tables[table])
        for table, trigger in standing:
            cursor.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger}")


@pytest.mark.parametrize("items", [False, True])
def test_an_erasure_that_is_applied_again_is_certified(trained, dumps, items):
    named = [row.item for row in rows_of(FIRST_OF_0)[:2]] if items else None
    attest_all()
    dumps.take()
    lost = completed(trained, trained.erase(FIRST_OF_0, named))
    trained.erase(FIRST_OF_1)
    trained.train()
    attest_all()
    place()
    tables = copied()
    number = live.release().pk
    dumps.restore()
    bring_back(tables)
    place()

    assert services.replay(actor="test", at=timezone.now()).failed == []
    again = completed(trained, DeletionRequest.objects.get(pk=lost.pk))

    assert live.release().pk <= number
    assert holds(again)


def test_what_was_exported_of_a_release_that_was_lost_is_named(trained, dumps):
    """Its number is taken again, by a release of something else."""
    attest_all()
    dumps.take()
    trained.ingest(rows_of("person-9"))
    trained.train()
    export()
    number = live.release().pk
    attest_all()
    tables = copied()
    dumps.restore()
    bring_back(tables)

    request = completed(trained, trained.erase(FIRST_OF_0))
    said = certificate_of(request)

    assert live.release().pk >= number
    assert len(said["exports"]) == 1
