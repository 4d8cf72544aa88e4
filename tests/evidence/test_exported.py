"""A certificate names the copies that left before the erasure, of whatever had learned of it."""

import json

import pytest
from django.utils import timezone

from evidence import issuing
from evidence.models import Certificate
from ledger import signing
from registry import storage
from registry.services import exports, live
from tests.registry.conftest import FIRST_OF_0, FIRST_OF_1, SECOND_OF_0
from tests.worlds import rows_of
from verifier import archive, bundle

pytestmark = pytest.mark.django_db(transaction=True)


def export() -> None:
    release = live.release()
    now = timezone.now()
    exports.note(release=release, merged="0" * 64, document=b"{}", actor="test", at=now)


def certified(world, person) -> dict:
    request = world.erase(person)
    world.train()
    request.refresh_from_db()
    return certificate_of(request)


def certificate_of(request) -> dict:
    certificate = issuing.issue(request=request, actor="test", at=timezone.now())
    raw = storage.get(certificate.bundle)
    assert bundle.check(raw, keys=signing.vkeys(), now=timezone.now()).exit_code == 0
    return json.loads(archive.read(raw)["certificate.json"])


def test_what_was_exported_with_the_person_in_it_is_named(trained):
    export()

    said = certified(trained, FIRST_OF_0)

    assert len(said["exports"]) == 1
    assert "exports" in said["notErased"]
    kept = Certificate.objects.get()
    assert [str(index) for index in kept.exports] == said["exports"]


def test_the_ticket_tells_which_copies_somebody_has_to_see_to(trained, client):
    export()
    (position,) = certified(trained, FIRST_OF_0)["exports"]
    request = Certificate.objects.get().request
    client.force_login(trained.officer)

    page = client.get(f"/requests/{request.number}/").content.decode()

    assert f"exported before, at log entries {position}. Whoever has these copies" in page


def test_what_was_exported_of_a_later_slice_had_learned_from_an_earlier_one(trained):
    """The slice that was exported never read the person; the one that it began with did."""
    trained.erase(SECOND_OF_0)
    trained.train()
    export()

    assert len(certified(trained, FIRST_OF_0)["exports"]) == 1


def test_an_export_of_a_release_that_was_superseded_before_is_named_too(trained):
    export()
    trained.ingest(rows_of("person-9"))
    trained.train()

    assert len(certified(trained, FIRST_OF_1)["exports"]) == 1


def test_an_export_that_never_held_the_person_is_not(trained):
    trained.erase(FIRST_OF_0)
    trained.train()
    export()
    trained.ingest(rows_of("person-9"))
    trained.train()

    said = certified(trained, "person-9")

    assert said["exports"] == []
    assert "exports" not in said["notErased"]
