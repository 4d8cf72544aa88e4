"""The REST API: every refusal is a problem document that names the field and repeats nothing."""

from uuid import uuid4

import pytest
from django.test import Client
from knox.models import AuthToken

from erasure.models import DeletionRequest
from registry.services import intake
from tests import worlds
from tests.corpus import tables
from tests.registry.conftest import FIRST_OF_0, FIRST_OF_1
from tests.worlds import NOON, rows_of, write

pytestmark = pytest.mark.django_db

URL = "/api/v1/requests"
GOOD = {"subject": FIRST_OF_0, "regulation": "gdpr"}


class Caller:
    """An upstream system with a token."""

    def __init__(self, user=None) -> None:
        self.client = Client(raise_request_exception=False)
        self.headers = {}
        if user is not None:
            self.headers = {"Authorization": f"Bearer {AuthToken.objects.create(user)[1]}"}

    def post(self, body, **more):
        return self.client.post(
            URL, body, content_type="application/json", headers=self.headers, **more
        )

    def get(self, path=""):
        return self.client.get(f"{URL}{path}", headers=self.headers)


@pytest.fixture
def people(db, tmp_path):
    """Two people whom requests may name."""
    films = tmp_path / "films.csv"
    films.write_text("item,title\n" + "".join(f"{item},Film {item}\n" for item in worlds.ITEMS))
    intake.take_catalogue(path=films, actor="test", at=NOON)
    rows = [row for person in (FIRST_OF_0, FIRST_OF_1) for row in rows_of(person)]
    intake.take_interactions(path=write(tmp_path / "rows.csv", rows), actor="test", at=NOON)


@pytest.fixture
def olivia(people):
    return worlds.user("olivia", "officer")


@pytest.fixture
def officer(olivia):
    return Caller(olivia)


def is_problem(answer, status: int) -> dict:
    """The answer's problem document, which says nothing of who was named."""
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert {"type", "title", "status", "detail"} <= set(body)
    assert body["status"] == status
    assert "person-" not in answer.content.decode()
    assert "ada-lovelace" not in answer.content.decode()
    return body


def test_a_request_is_filed_read_and_listed(officer):
    answer = officer.post(GOOD)

    body = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"{URL}/{body['id']}"
    assert body["receipt"].startswith("expunge-receipt-1.")
    assert (body["state"], body["scope"]) == ("awaiting_approval", "whole")
    assert "person-" not in answer.content.decode()
    read = officer.get(f"/{body['id']}").json()
    assert read == {key: value for key, value in body.items() if key != "receipt"}
    assert officer.get().json() == {"requests": [read]}


def test_items_may_be_named(officer):
    items = [row.item for row in rows_of(FIRST_OF_0)[:2]]

    body = officer.post({**GOOD, "items": items}).json()

    assert (body["scope"], body["plan"]["interactions"]) == ("items", "2")


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer nonsense"}])
def test_nobody_gets_in_without_a_token(people, headers):
    caller = Caller()
    caller.headers = headers
    before = tables.state()

    for answer in (caller.post(GOOD), caller.get(), caller.get(f"/{uuid4()}")):
        is_problem(answer, 401)
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert tables.changed(before) == set()


def test_a_person_who_was_switched_off_does_not_get_in(olivia, officer):
    olivia.is_active = False
    olivia.save()

    is_problem(officer.get(), 401)


@pytest.mark.parametrize("role", ["approver", "auditor", "engineer"])
def test_other_roles_read_and_do_not_file(people, role):
    caller = Caller(worlds.user("somebody", role))

    is_problem(caller.post(GOOD), 403)
    assert caller.get().status_code == 200
    assert not DeletionRequest.objects.exists()


def test_nobody_reads_without_a_role(people):
    caller = Caller(worlds.user("somebody", "nothing"))

    is_problem(caller.get(), 403)
    is_problem(caller.post(GOOD), 403)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({**GOOD, "item": ["m1"]}, "#"),
        ({**GOOD, "ada-lovelace": "m1"}, "#"),
        ({**GOOD, "regulation": "ada-lovelace"}, "#/regulation"),
        ({"subject": FIRST_OF_0}, "#/regulation"),
        ({"regulation": "gdpr"}, "#/subject"),
        ({**GOOD, "subject": ""}, "#/subject"),
        ({**GOOD, "subject": None}, "#/subject"),
        ({**GOOD, "subject": ["ada-lovelace"]}, "#/subject"),
        ({**GOOD, "subject": {"id": "ada-lovelace"}}, "#/subject"),
        ({**GOOD, "subject": True}, "#/subject"),
        ({**GOOD, "subject": "ada-lovelace" * 20}, "#/subject"),
        ({**GOOD, "subject": "ada-lovelace\x00"}, "#/subject"),
        ('{"subject": "ada-lovelace\\ud800", "regulation": "gdpr"}', "#/subject"),
        ({**GOOD, "items": "ada-lovelace"}, "#/items"),
        ({**GOOD, "items": [["ada-lovelace"]]}, "#/items/0"),
        ({**GOOD, "items": {"ada-lovelace": 1}}, "#/items"),
    ],
)
def test_a_body_of_another_shape_is_refused_by_field(officer, body, pointer):
    before = tables.state()

    problem = is_problem(officer.post(body), 400)

    assert [error["pointer"] for error in problem["errors"]] == [pointer]
    assert tables.changed(before) == set()


@pytest.mark.parametrize("body", ["[]", '"ada-lovelace"', "7", "null", "{", "", '["ada-lovelace"]'])
def test_a_body_that_is_no_object_is_refused(officer, body):
    is_problem(officer.post(body), 400)
    assert not DeletionRequest.objects.exists()


def test_a_body_of_another_type_is_refused(officer):
    answer = officer.client.post(URL, "subject=ada-lovelace", "text/csv", headers=officer.headers)

    is_problem(answer, 415)


def test_a_second_request_is_told_of_the_first(officer):
    first = officer.post(GOOD).json()

    problem = is_problem(officer.post(GOOD), 409)

    assert problem["request"] == first["id"]
    assert problem["errors"][0]["pointer"] == "#/subject"
    assert DeletionRequest.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({**GOOD, "subject": "ada-lovelace"}, "#/subject"),
        ({**GOOD, "items": []}, "#/items"),
        ({**GOOD, "items": ["ada-lovelace"]}, "#/items"),
        ({**GOOD, "items": ["m1", "m1"]}, "#/items"),
    ],
)
def test_what_cannot_be_filed_is_refused_by_field(officer, body, pointer):
    before = tables.state()

    problem = is_problem(officer.post(body), 422)

    assert [error["pointer"] for error in problem["errors"]] == [pointer]
    assert tables.changed(before) == set()


def test_a_request_that_is_not_there_is_not_found(officer):
    is_problem(officer.get(f"/{uuid4()}"), 404)
    for name in ("/nonsense", "/DR-2026-9999", "/7"):
        is_problem(officer.get(name), 404)


@pytest.mark.parametrize(
    "path", ["/api", "/api/", "/api/v1/", "/api/v2/x", f"{URL}/", f"{URL}/%00", f"{URL}/a/b/"]
)
def test_an_address_that_is_not_there_is_a_problem_too(officer, path):
    for method in ("get", "post", "delete", "options"):
        for headers in (officer.headers, {}):
            is_problem(getattr(officer.client, method)(path, headers=headers), 404)


def test_a_request_is_read_by_its_number_too(officer):
    filed = officer.post(GOOD).json()

    assert officer.get(f"/{filed['number']}").json() == officer.get(f"/{filed['id']}").json()


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_a_request_is_not_changed_over_rest(officer, method):
    made = officer.post({**GOOD, "subject": FIRST_OF_1}).json()
    change = getattr(officer.client, method)

    for path in (URL, f"{URL}/{made['id']}"):
        is_problem(change(path, headers=officer.headers), 405)
