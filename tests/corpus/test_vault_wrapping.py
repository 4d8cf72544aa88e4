"""Subject keys are wrapped by a key that no dump of the database has, and that can be changed."""

import stat
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap, aes_key_wrap
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from corpus import rotation, services, vault, wrapping
from corpus.models import Subject, SubjectKey, WrappingKey
from corpus.wrapping import BadKeyEncryption, KeyFile, WrappingKeyMissing
from tests.corpus import tables
from tests.locks import PATIENCE, until_somebody_waits

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def file(settings):
    """Where the key-encryption keys lie."""
    return settings.EXPUNGE_LOG_KEYS / "kek.hex"


@pytest.fixture
def two(films, csv_file, take):
    """Two people, in a database whose keys were checked as a command does it."""
    services.check_keys(at=timezone.now())
    take(csv_file("ada-lovelace,m1,4,1000\ngrace-hopper,m2,5,1000\n"))
    return vault.find("ada-lovelace"), vault.find("grace-hopper")


def unlocked() -> dict[str, bytes]:
    """Every subject's key, opened."""
    return {str(s.pk): vault.subject_key(s) for s in Subject.objects.all()}


def test_a_dump_of_the_database_alone_opens_no_subject_key(two, file, settings):
    keys = [*unlocked().values(), bytes.fromhex(file.read_text())]

    assert tables.naming(*keys) == {}
    # Even whoever has the vault's key too, in another file of the same installation.
    for row in SubjectKey.objects.all():
        with pytest.raises(InvalidTag):
            vault.unseal(row.wrapped, purpose="subject-key", about=row.subject_id)


def test_the_file_is_for_its_owner_alone(two, file):
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_what_a_key_is_called_says_nothing_of_the_key(two, file):
    """The database knows the name, and a dump of it takes it along."""
    (id_,), key = KeyFile().ids(), file.read_text()

    assert not any(id_[at : at + 8] in key for at in range(0, len(id_) - 7, 2))


def test_no_nonce_comes_twice_under_one_key(two):
    """Two keys that were wrapped with one nonce give each other away."""
    (id_,) = KeyFile().ids()
    wrapped = [bytes(row.wrapped) for row in SubjectKey.objects.all()]
    wrapped += [KeyFile().wrap(b"k" * 32, by=id_, about=b"") for _ in range(9)]

    assert len({each[: wrapping.NONCE] for each in wrapped}) == 11


@pytest.mark.parametrize("put", ["nothing", "another key"])
def test_a_lost_or_a_wrong_key_is_one_sentence_and_nothing_is_made_in_its_place(
    two, file, take, csv_file, put
):
    (id_,) = KeyFile().ids()
    before = tables.state()
    file.unlink() if put == "nothing" else file.write_text("ab" * 32 + "\n")
    held = "has none" if put == "nothing" else f"holds {KeyFile().ids()[0]}"
    wanted = (
        rf"^subject keys are wrapped by the key-encryption key {id_}, and this installation "
        rf"{held}; put that key back \(kek.hex\), as without it they cannot be opened$"
    )

    with pytest.raises(WrappingKeyMissing, match=wanted):
        services.check_keys(at=timezone.now())
    with pytest.raises(WrappingKeyMissing, match=id_):
        vault.subject_key(two[0])
    with pytest.raises(CommandError, match=wanted):
        call_command("rewrap_keys")
    with pytest.raises(WrappingKeyMissing, match=id_):
        take(csv_file("ada-lovelace,m3,4,1000\n", name="more.csv"))

    assert tables.changed(before) == set()
    assert file.exists() == (put == "another key")


def test_a_lost_key_is_not_replaced_for_somebody_new(two, file, take, csv_file):
    file.unlink()

    with pytest.raises(WrappingKeyMissing, match="has none"):
        take(csv_file("alan-turing,m3,4,1000\n", name="more.csv"))

    assert not file.exists()


@pytest.mark.parametrize("text", ["", "nonsense\n", "ab" * 16 + "\n", "ab" * 32 + "\n\n", "\xff"])
def test_a_file_that_holds_no_keys_is_named(file, text):
    file.parent.mkdir()
    file.write_bytes(text.encode("latin-1"))

    with pytest.raises(BadKeyEncryption, match=r"^key file kek.hex: "):
        KeyFile().ids()


@pytest.mark.parametrize("name", ["nowhere.Nothing", "corpus.wrapping.NONCE", "KeyFile"])
def test_a_setting_that_names_no_class_is_named(db, settings, name):
    settings.EXPUNGE_KEY_ENCRYPTION = name

    with pytest.raises(BadKeyEncryption, match=r"^EXPUNGE_KEY_ENCRYPTION: "):
        wrapping.check()


def test_old_and_new_key_are_accepted_until_the_old_is_retired(two, take, csv_file):
    keys, (old,) = unlocked(), KeyFile().ids()
    new = KeyFile().make()
    take(csv_file("alan-turing,m3,4,1000\n", name="more.csv"))
    alan = vault.find("alan-turing")

    assert KeyFile().ids() == [new, old]
    assert SubjectKey.objects.get(subject=alan).kek_id == new
    assert set(SubjectKey.objects.exclude(subject=alan).values_list("kek", flat=True)) == {old}
    assert keys.items() <= unlocked().items()
    with pytest.raises(rotation.StillInUse, match=r"^2 subject keys are not wrapped by"):
        rotation.retire()
    assert KeyFile().ids() == [new, old]


def test_a_rotation_changes_no_subject_key_and_shreds_the_dumps_of_before(two):
    keys, (old,) = unlocked(), KeyFile().ids()
    dumped = list(SubjectKey.objects.all())
    new = KeyFile().make()

    assert rotation.rewrap(limit=1) == 2
    assert rotation.rewrap() == 0
    assert rotation.retire() == [old]

    assert unlocked() == keys
    assert KeyFile().ids() == list(WrappingKey.objects.values_list("pk", flat=True)) == [new]
    for row in dumped:
        with pytest.raises(WrappingKeyMissing, match=old):
            vault.opened(row)


def test_keys_of_before_there_was_a_key_encryption_key_open_and_move_under_it(two):
    keys = unlocked()
    for pk, key in keys.items():
        subject = Subject.objects.get(pk=pk)
        sealed = vault.seal(key, purpose="subject-key", about=subject.pk)
        SubjectKey.objects.filter(subject=subject).update(kek=None, wrapped=sealed)

    assert unlocked() == keys
    call_command("rewrap_keys", "--new", "--retire")

    assert unlocked() == keys
    assert not SubjectKey.objects.filter(kek=None).exists()
    assert len(KeyFile().ids()) == 1


def test_the_database_does_not_forget_a_key_that_still_wraps(two):
    forget = "DELETE FROM corpus_wrappingkey; SET CONSTRAINTS ALL IMMEDIATE"
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(forget)


def test_a_retirement_waits_for_whoever_is_wrapping_with_the_key(two):
    (old,) = KeyFile().ids()
    is_wrapping, may_commit = threading.Event(), threading.Event()
    ada = two[0]

    def ingest():
        try:
            with transaction.atomic(durable=True):
                by = wrapping.current()
                is_wrapping.set()
                may_commit.wait(PATIENCE)
                vault.wrapped(b"k" * 32, subject=ada.pk, by=by).save(force_update=True)
                return by
        finally:
            connection.close()

    def retire():
        try:
            rotation.rewrap()
            return rotation.retire()
        except rotation.StillInUse:
            return "still in use"
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        writer = pool.submit(ingest)
        assert is_wrapping.wait(PATIENCE)
        KeyFile().make()
        retirement = pool.submit(retire)
        until_somebody_waits(or_=retirement.done)
        may_commit.set()
        assert writer.result() == old
        assert retirement.result() == "still in use"

    assert vault.subject_key(ada) == b"k" * 32
    rotation.rewrap()
    assert rotation.retire() == [old]
    assert vault.subject_key(ada) == b"k" * 32


class Replaced(KeyFile):
    """A keeper whose key is replaced between two looks at it."""

    looks = 0

    def ids(self) -> list[str]:
        Replaced.looks += 1
        if Replaced.looks == 2:
            self.make()
        return super().ids()


def test_nobody_wraps_with_a_key_that_was_replaced_this_moment(two, settings):
    settings.EXPUNGE_KEY_ENCRYPTION = f"{__name__}.Replaced"

    with pytest.raises(WrappingKeyMissing, match="just replaced; try again"), transaction.atomic():
        wrapping.current()


def test_of_keys_made_at_once_none_is_lost(file):
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: KeyFile().make(), range(16)))

    assert sorted(KeyFile().ids()) == sorted(made)


class Elsewhere:
    """Stands for a key-management service: RFC 3394, and the keys never leave it."""

    held: dict[str, bytes] = {}

    def ids(self):
        return list(reversed(self.held))

    def make(self):
        name = f"projects/expunge/keys/{len(self.held)}"
        self.held[name] = bytes([len(self.held)]) * 32
        return name

    def keep(self, ids):
        first = self.ids()[0]
        for name in [n for n in self.held if n != first and n not in ids]:
            del self.held[name]

    def wrap(self, key, *, by, about):
        return aes_key_wrap(self.held[by], key) + about

    def unwrap(self, wrapped, *, by, about):
        if by not in self.held:
            raise wrapping.missing([by], held=self.held)
        assert wrapped.endswith(about)
        return aes_key_unwrap(self.held[by], wrapped.removesuffix(about))


def test_a_key_management_service_takes_the_files_place(settings, films, csv_file, take, file):
    settings.EXPUNGE_KEY_ENCRYPTION = f"{__name__}.Elsewhere"
    Elsewhere.held = {}
    services.check_keys(at=timezone.now())
    take(csv_file("ada-lovelace,m1,4,1000\n"))
    keys = unlocked()

    call_command("rewrap_keys", "--new", "--retire")

    assert unlocked() == keys
    assert Elsewhere().ids() == ["projects/expunge/keys/1"]
    assert SubjectKey.objects.get().kek_id == "projects/expunge/keys/1"
    assert not file.exists()


def test_rewrap_keys_says_what_it_did(two, capsys):
    (old,) = KeyFile().ids()

    call_command("rewrap_keys", "--new")
    new = KeyFile().ids()[0]
    assert f"2 subject keys wrapped anew by {new}" in capsys.readouterr().out
    call_command("rewrap_keys", "--retire")

    assert f"Forgotten: {old}" in capsys.readouterr().out
    assert KeyFile().ids() == [new]
