"""The same bundle leaves by the console, the API and the command, and only for those who may."""

import json

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from knox.models import AuthToken

from evidence import issuing
from evidence.models import Certificate
from ledger import signing
from registry import storage
from tests import worlds
from verifier import bundle

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def auditor(completed):
    return worlds.user("anna", "auditor")


def signed_in(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def bearer(user) -> dict[str, str]:
    return {"Authorization": f"Bearer {AuthToken.objects.create(user)[1]}"}


def verifies(raw: bytes) -> bool:
    return bundle.check(raw, keys=signing.vkeys(), now=timezone.now()).exit_code == 0


def test_an_officer_issues_the_certificate_and_anybody_who_reads_takes_it(
    completed, trained, auditor
):
    page = f"/requests/{completed.number}/"
    assert "Issue the certificate" in signed_in(trained.officer).get(page).content.decode()

    answer = signed_in(trained.officer).post(f"{page}certify/", follow=True)

    assert f"A certificate of {completed.number} is issued" in answer.content.decode()
    reader = signed_in(auditor)
    assert verifies(reader.get(f"{page}evidence.zip").content)
    pdf = reader.get(f"{page}certificate.pdf")
    assert pdf.headers["Content-Type"] == "application/pdf"
    assert pdf.content.startswith(b"%PDF")
    assert "Issue it anew" not in reader.get(page).content.decode()


def test_whoever_only_reads_issues_nothing(completed, auditor):
    answer = signed_in(auditor).post(f"/requests/{completed.number}/certify/")

    assert answer.status_code == 403
    called = Client().post(f"/api/v1/requests/{completed.pk}/evidence", headers=bearer(auditor))
    assert called.status_code == 403
    assert not Certificate.objects.exists()


def test_nobody_takes_evidence_without_an_account(completed):
    issuing.issue(request=completed, actor="test", at=timezone.now())

    assert Client().get(f"/api/v1/requests/{completed.pk}/evidence").status_code == 401
    page = Client().get(f"/requests/{completed.number}/evidence.zip")
    assert (page.status_code, page.headers["Location"][:9]) == (302, "/sign-in/")


def test_the_api_issues_once_and_gives_the_same_bundle(completed, trained):
    url, headers = f"/api/v1/requests/{completed.number}/evidence", bearer(trained.officer)
    missing = Client().get(url, headers=headers)
    assert (missing.status_code, missing.json()["status"]) == (404, 404)

    first = Client().post(url, headers=headers)
    again = Client().post(url, headers=headers)

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    raw = Client().get(url, headers=headers).content
    assert raw == storage.get(Certificate.objects.get().bundle)
    assert verifies(raw)


def test_a_request_that_is_not_completed_is_a_conflict(trained):
    request = trained.erase("person-7")

    answer = Client().post(
        f"/api/v1/requests/{request.pk}/evidence", headers=bearer(trained.officer)
    )

    assert answer.status_code == 409
    assert "not completed" in answer.json()["detail"]


def test_the_command_writes_the_same_bundle_twice(completed, tmp_path, capsys):
    out = [tmp_path / "first.zip", tmp_path / "second.zip"]
    for path in out:
        capsys.readouterr()
        call_command("evidence", completed.number, "--out", str(path), "--json")
        said = json.loads(capsys.readouterr().out)

    assert out[0].read_bytes() == out[1].read_bytes()
    assert verifies(out[0].read_bytes())
    assert said["certificate"] == Certificate.objects.get().digest
