"""Opening a request: every refusal names the field and repeats nothing, and leaves no trace."""

import threading

import pytest
from django.db import connection
from django.utils import timezone

from corpus import vault
from erasure import services
from erasure.clocks import Regulation
from erasure.models import DeletionRequest, RequestedItem
from erasure.services import filing
from erasure.services.filing import MayNotFile
from ledger import log
from tests import worlds
from tests.corpus import tables
from tests.locks import PATIENCE
from tests.registry.conftest import FIRST_OF_0, FIRST_OF_1, PEOPLE
from tests.worlds import rows_of
from verifier import receipts

pytestmark = pytest.mark.django_db(transaction=True)


def file(by, subject=FIRST_OF_0, items=None):
    return services.file(
        subject=subject, items=items, regulation=Regulation.GDPR, filed_by=by, at=timezone.now()
    )


@pytest.mark.parametrize(
    ("subject", "items", "field", "message"),
    [
        ("nobody-at-all", None, "subject", "nobody is known by this id"),
        ("", None, "subject", "nobody is known by this id"),
        ("\udcff\udcfe", None, "subject", "nobody is known by this id"),
        (FIRST_OF_0, [], "items", "names no item"),
        (FIRST_OF_0, ["hidden-film"], "items", "item 1 is not among this person's interactions"),
        (FIRST_OF_0, ["\udcff"], "items", "item 1 is not among this person's interactions"),
        (FIRST_OF_0, ["m1"] * 1001, "items", "names more than 1000 items"),
        (FIRST_OF_0, ["m1", "m1"], "items", "names an item twice"),
    ],
)
def test_what_cannot_be_filed_is_refused_by_field(world, subject, items, field, message):
    before = tables.state()

    with pytest.raises(services.BadRequest) as caught:
        file(world.officer, subject, items)

    assert (caught.value.field, str(caught.value)) == (field, message)
    assert tables.changed(before) == set()


def test_an_item_of_somebody_else_is_named_by_its_position(world):
    theirs = {row.item for row in rows_of(FIRST_OF_1)} - {row.item for row in rows_of(FIRST_OF_0)}
    ours = rows_of(FIRST_OF_0)[0].item

    with pytest.raises(services.BadRequest, match=r"^item 2 is not among this person's"):
        file(world.officer, FIRST_OF_0, [ours, sorted(theirs)[0]])


@pytest.mark.parametrize("role", ["approver", "auditor", "engineer", "nothing"])
def test_only_an_officer_files(world, role):
    other = worlds.user("somebody", role)
    before = tables.state()

    with pytest.raises(MayNotFile):
        file(other)
    assert tables.changed(before) == set()


def test_an_officer_who_was_switched_off_files_nothing(world):
    world.officer.is_active = False
    world.officer.save()

    with pytest.raises(MayNotFile):
        file(world.officer)


def test_a_second_request_for_the_same_person_is_told_of_the_first(world):
    first = world.file(FIRST_OF_0)
    before = tables.state()

    with pytest.raises(services.AlreadyOpen) as caught:
        file(world.officer, items=[rows_of(FIRST_OF_0)[0].item])

    assert caught.value.request == first
    assert str(caught.value) == f"{first} is open for this person already"
    assert tables.changed(before) == set()


def test_a_withdrawn_request_makes_room_for_another(world):
    first = world.file(FIRST_OF_0)
    services.cancel(request=first, by=world.officer, at=timezone.now())

    second, _ = file(world.officer)

    assert second.state == "awaiting_approval"


def test_many_requests_at_once_for_one_person_open_one(world):
    opened, refused = at_once(world, [FIRST_OF_0] * 5)

    assert (len(opened), len(refused)) == (1, 4)
    assert {type(error) for error in refused} == {services.AlreadyOpen}
    assert DeletionRequest.objects.count() == 1


def test_requests_filed_at_once_have_numbers_of_their_own_and_none_is_left_out(world):
    opened, refused = at_once(world, PEOPLE[:6])

    year = timezone.now().year
    assert refused == []
    assert sorted(r.number for r in opened) == [f"DR-{year}-{n:04d}" for n in range(1, 7)]


def at_once(world, subjects):
    start, opened, refused = threading.Barrier(len(subjects)), [], []

    def worker(subject):
        try:
            start.wait(PATIENCE)
            opened.append(file(world.officer, subject)[0])
        except Exception as error:
            refused.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=worker, args=[subject]) for subject in subjects]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return opened, refused


def test_numbers_go_on_past_9999(world):
    first = world.file(FIRST_OF_0)
    year = timezone.now().year
    DeletionRequest.objects.filter(pk=first.pk).update(number=f"DR-{year}-9999")

    second, _ = file(world.officer, FIRST_OF_1)
    third, _ = file(world.officer, PEOPLE[2])

    assert (second.number, third.number) == (f"DR-{year}-10000", f"DR-{year}-10001")


def test_filing_does_nothing_if_it_cannot_be_logged(world, monkeypatch):
    before = tables.state()

    def full(*args, **kwargs):
        raise OSError("disk full")

    monkeypatch.setattr(log, "append", full)

    with pytest.raises(OSError, match="disk full"):
        file(world.officer, items=[rows_of(FIRST_OF_0)[0].item])
    assert tables.changed(before) == set()


def test_a_person_erased_while_a_request_is_filed_is_not_known_any_more(world, monkeypatch):
    """The first request went through between finding the person and locking them."""
    first = world.file(FIRST_OF_0)
    services.approve(request=first, by=world.approver, at=timezone.now())
    find = vault.find

    def meanwhile(external_id):
        found = find(external_id)
        thread = threading.Thread(target=erase)
        thread.start()
        thread.join()
        return found

    def erase():
        services.execute(request=first, actor="test", at=timezone.now())
        connection.close()

    monkeypatch.setattr(filing.vault, "find", meanwhile)

    with pytest.raises(services.BadRequest, match="nobody is known by this id"):
        file(world.officer)

    assert DeletionRequest.objects.count() == 1


def test_the_receipt_is_kept_nowhere_and_its_public_half_is(world):
    request, receipt = file(world.officer)
    secret = bytes.fromhex(receipt.removeprefix(receipts.PREFIX))

    assert len(bytes(request.receipt)) == 32
    assert tables.naming(secret, receipt.encode()) == {}
    (event,) = log.history(request)
    assert event.facts["receipt"] == bytes(request.receipt).hex()


def test_a_request_for_items_names_them_and_no_more(world):
    items = [row.item for row in rows_of(FIRST_OF_0)[:3]]

    request, _ = file(world.officer, items=items)

    named = RequestedItem.objects.filter(request=request)
    assert set(named.values_list("item__external_id", flat=True)) == set(items)
    assert (request.scope, request.plan["interactions"]) == ("items", "3")
