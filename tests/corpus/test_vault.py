"""The vault: what it holds is bound to its row, and useless without its key."""

from uuid import uuid4

import pytest
from cryptography.exceptions import InvalidTag
from django.utils import timezone

from corpus import services, vault
from corpus.models import Deployment, Identity, SubjectKey
from tests.corpus import tables
from verifier import receipts

pytestmark = pytest.mark.django_db


@pytest.fixture
def two(films, csv_file, take):
    """Two people."""
    take(csv_file("ada-lovelace,m1,4,1000\ngrace-hopper,m2,5,1000\n"))
    return vault.find("ada-lovelace"), vault.find("grace-hopper")


def swap(model, column, one, two) -> None:
    ours, theirs = (getattr(model.objects.get(subject=s), column) for s in (one, two))
    model.objects.filter(subject=one).update(**{column: theirs})
    model.objects.filter(subject=two).update(**{column: ours})


def test_an_identity_moved_to_another_person_does_not_open(two):
    swap(Identity, "sealed", *two)

    for subject in two:
        with pytest.raises(InvalidTag):
            vault.external_id(subject)


def test_a_key_moved_to_another_person_does_not_open(two):
    swap(SubjectKey, "wrapped", *two)

    for subject in two:
        with pytest.raises(InvalidTag):
            vault.subject_key(subject)


def test_what_was_sealed_for_one_purpose_does_not_open_for_another():
    about = uuid4()
    sealed = vault.seal(b"plain", purpose="identity", about=about)

    assert vault.unseal(sealed, purpose="identity", about=about) == b"plain"
    with pytest.raises(InvalidTag):
        vault.unseal(sealed, purpose="subject-key", about=about)


def test_an_external_id_stands_nowhere_in_clear(two):
    assert tables.naming(b"ada-lovelace", b"grace-hopper") == {}


def test_a_person_is_found_by_a_hash_that_needs_the_vaults_key(two, settings):
    assert vault.find("ada-lovelace") == two[0]

    settings.EXPUNGE_VAULT_KEY = b"another key of thirty-two bytes."

    with pytest.raises(vault.NobodyFound, match=r"^nobody is known by this id$"):
        vault.find("ada-lovelace")


def test_a_receipt_opens_its_own_key_and_no_other():
    key, request = b"k" * 32, uuid4()
    receipt, public = receipts.new()
    other, _ = receipts.new()
    sealed = receipts.seal(key, receipt=public, request=request)

    assert receipts.opened(sealed, receipt=receipt, request=request) == key
    with pytest.raises(InvalidTag):
        receipts.opened(sealed, receipt=other, request=request)
    with pytest.raises(InvalidTag):
        receipts.opened(sealed, receipt=receipt, request=uuid4())
    with pytest.raises(ValueError, match="this is not a receipt"):
        receipts.opened(sealed, receipt="DR-2026-0001", request=request)


def test_a_successor_opens_for_its_own_request_under_the_key_that_it_followed():
    old, new, request = b"o" * 32, b"n" * 32, uuid4()
    sealed = vault.seal_successor(new, under=old, request=request)

    assert vault.open_successor(sealed, under=old, request=request) == new
    with pytest.raises(InvalidTag):
        vault.open_successor(sealed, under=new, request=request)
    with pytest.raises(InvalidTag):
        vault.open_successor(sealed, under=old, request=uuid4())


def test_no_nonce_comes_twice_under_one_key():
    """Two ciphertexts under one nonce give away what they hide."""
    about, key = uuid4(), b"k" * 32
    sealed = [vault.seal(key, purpose="identity", about=about) for _ in range(9)]
    sealed += [vault.seal_successor(key, under=key, request=about) for _ in range(9)]

    assert len({each[: vault.NONCE] for each in sealed}) == 18


def test_a_mask_shows_the_end_and_never_the_whole(films, csv_file, take):
    names = ["a", "abcd", "abcde", "abcdefgh", "abcdefghi", "ada-lovelace"]
    take(csv_file("".join(f"{name},m1,4,1000\n" for name in names)))

    shown = {name: vault.masked([vault.find(name).pk]) for name in names}

    texts = {name: next(iter(found.values())) for name, found in shown.items()}
    assert texts["ada-lovelace"] == "••••lace"
    assert all(name not in text for name, text in texts.items())


@pytest.mark.parametrize("name", ["partition", "order", "vault"])
def test_a_database_under_other_keys_is_refused_by_the_name_of_the_key(two, settings, name):
    services.check_keys(at=timezone.now())
    before = tables.state()
    setattr(settings, f"EXPUNGE_{name.upper()}_KEY", b"another key of thirty-two bytes.")

    with pytest.raises(services.WrongKeys, match=f"the {name} key is not the one"):
        services.check_keys(at=timezone.now())

    assert tables.changed(before) == set()


def test_the_marks_of_the_keys_are_not_the_keys(settings):
    services.check_keys(at=timezone.now())

    noted = Deployment.objects.get()
    assert settings.EXPUNGE_PARTITION_KEY.hex()[:32] != noted.partition
    assert tables.naming(settings.EXPUNGE_VAULT_KEY, settings.EXPUNGE_ORDER_KEY) == {}
