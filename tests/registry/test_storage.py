"""Each file is under a key of its own: without the key there is no file."""

import os
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from ledger.models import Outbox
from registry import storage
from registry.models import Artefact
from tests.worlds import NOON

pytestmark = pytest.mark.django_db

PLAIN = b"weights that somebody could be read from" * 20


@pytest.fixture
def stored():
    return storage.put(Artefact.Kind.ADAPTER, PLAIN, at=NOON)


def age(path, **by) -> None:
    """Let a file look older."""
    then = (timezone.now() - timedelta(**by)).timestamp()
    os.utime(path, (then, then))


def test_what_is_stored_is_read_back_and_lies_encrypted(stored):
    on_disk = storage.path_of(stored.pk).read_bytes()

    assert storage.get(stored) == PLAIN
    assert PLAIN[:16] not in on_disk
    assert stored.digest not in storage.path_of(stored.pk).name


def test_the_same_bytes_twice_have_two_keys_and_two_files(stored):
    again = storage.put(Artefact.Kind.ADAPTER, PLAIN, at=NOON)

    assert again.digest == stored.digest
    assert bytes(again.wrapped_key) != bytes(stored.wrapped_key)
    files = [storage.path_of(each.pk).read_bytes() for each in (stored, again)]
    assert files[0] != files[1]


def test_a_trunk_state_has_no_digest_to_guess_it_by():
    assert storage.put(Artefact.Kind.TRUNK, PLAIN, at=NOON).digest == ""


def test_a_destroyed_file_is_unreadable_at_once_though_it_still_lies_there(stored):
    assert storage.destroy([stored.pk], at=NOON) == 1

    stored.refresh_from_db()
    assert storage.path_of(stored.pk).exists()
    assert stored.wrapped_key is None
    with pytest.raises(storage.Destroyed):
        storage.get(stored)


def test_a_key_comes_back_if_its_destruction_is_rolled_back(stored):
    with transaction.atomic():
        storage.destroy([stored.pk], at=NOON)
        transaction.set_rollback(True)

    stored.refresh_from_db()
    assert storage.get(stored) == PLAIN


def test_destroying_twice_counts_once(stored):
    storage.destroy([stored.pk], at=NOON)

    assert storage.destroy([stored.pk], at=NOON + timedelta(days=1)) == 0
    stored.refresh_from_db()
    assert stored.destroyed_at == NOON


def test_a_destroyed_artefact_cannot_keep_its_key(stored):
    with pytest.raises(IntegrityError, match="has_a_key_until_destroyed"), transaction.atomic():
        Artefact.objects.filter(pk=stored.pk).update(destroyed_at=NOON)


@pytest.mark.parametrize("spoil", [lambda b: b[:-1], lambda b: b[:20], lambda b: b"", bytes.upper])
def test_a_changed_file_is_refused(stored, spoil):
    path = storage.path_of(stored.pk)
    path.write_bytes(spoil(path.read_bytes()))

    with pytest.raises(storage.Corrupt):
        storage.get(stored)


def test_a_missing_file_is_refused(stored):
    storage.path_of(stored.pk).unlink()

    with pytest.raises(storage.Corrupt):
        storage.get(stored)


def test_swapped_files_are_refused(stored):
    other = storage.put(Artefact.Kind.ADAPTER, b"other weights", at=NOON)
    ours, theirs = storage.path_of(stored.pk), storage.path_of(other.pk)
    kept = ours.read_bytes()
    ours.write_bytes(theirs.read_bytes())
    theirs.write_bytes(kept)

    for each in (stored, other):
        with pytest.raises(storage.Corrupt):
            storage.get(each)


def test_a_key_copied_to_another_row_opens_nothing(stored):
    other = storage.put(Artefact.Kind.ADAPTER, b"other weights", at=NOON)
    stored.wrapped_key = other.wrapped_key  # the database would refuse it

    with pytest.raises(storage.Corrupt):
        storage.get(stored)


def test_a_file_that_says_something_else_than_its_digest_is_refused(stored):
    stored.digest = "0" * 64  # the database would refuse it

    with pytest.raises(storage.Corrupt):
        storage.get(stored)


def test_the_files_of_the_destroyed_go_and_the_others_stay(stored):
    doomed = [storage.put(Artefact.Kind.TRUNK, PLAIN, at=NOON) for _ in range(3)]
    storage.destroy([each.pk for each in doomed], at=NOON)

    assert storage.remove_destroyed(actor="test", at=timezone.now()) == 3

    assert not any(storage.path_of(each.pk).exists() for each in doomed)
    assert storage.get(stored) == PLAIN
    assert set(Artefact.objects.exclude(removed_at=None)) == set(doomed)


def test_removing_twice_is_logged_once(stored):
    storage.destroy([stored.pk], at=NOON)
    storage.remove_destroyed(actor="test", at=timezone.now())
    logged = Outbox.objects.count()

    assert storage.remove_destroyed(actor="test", at=timezone.now()) == 0
    assert Outbox.objects.count() == logged


def test_a_file_without_a_row_goes_once_no_transaction_can_still_bring_the_row(stored, settings):
    with transaction.atomic():
        orphan = storage.path_of(storage.put(Artefact.Kind.INDEX, PLAIN, at=NOON).pk)
        transaction.set_rollback(True)
    stray = settings.EXPUNGE_STORE / "aa" / ("not-an-artefact-" * 2)
    stray.parent.mkdir(parents=True, exist_ok=True)
    stray.write_bytes(b"")
    draft = orphan.with_suffix(".tmp")
    draft.write_bytes(b"half a file")

    storage.remove_destroyed(actor="test", at=timezone.now())
    assert orphan.exists()

    for path in (orphan, stray, draft, storage.path_of(stored.pk)):
        age(path, days=1)
    storage.remove_destroyed(actor="test", at=timezone.now())
    assert not orphan.exists()
    assert not draft.exists()
    assert storage.get(stored) == PLAIN


def test_two_sweepers_at_once_do_not_trip_over_each_other(stored, monkeypatch):
    orphan = storage.path_of(stored.pk).with_name("f" * 32)
    orphan.write_bytes(b"")
    age(orphan, days=1)
    glob = type(orphan).glob

    def raced(self, pattern):
        found = list(glob(self, pattern))
        orphan.unlink(missing_ok=True)
        return found

    monkeypatch.setattr(type(orphan), "glob", raced)

    storage.remove_destroyed(actor="test", at=timezone.now())

    assert storage.get(stored) == PLAIN
