"""The keys that attest are made once, kept from others, and never quietly replaced."""

import stat
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_public_key,
)

from evidence import keys
from evidence.keys import BadAttestorKey
from ledger import signing

RACERS = 8
both = pytest.mark.parametrize(
    ("name", "get"), [("attest.key", keys.attestor), ("models.key", keys.models)]
)


def put(folder, name, key, encryption=None):
    """Leave a key file as somebody else might."""
    folder.mkdir(exist_ok=True)
    made = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())
    (folder / name).write_bytes(made)


@both
def test_a_key_is_made_once_and_only_its_owner_reads_it(settings, name, get):
    first = get()

    assert get().public_key() == first.public_key()
    assert stat.S_IMODE((settings.EXPUNGE_LOG_KEYS / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(settings.EXPUNGE_LOG_KEYS.stat().st_mode) == 0o700


@both
def test_many_processes_at_once_agree_on_one_key(name, get):
    together = Barrier(RACERS)

    def race(_):
        together.wait()
        return get()

    with ThreadPoolExecutor(RACERS) as pool:
        found = [*pool.map(race, range(RACERS))]
    assert all(each.public_key() == found[0].public_key() for each in found)


def test_the_public_half_is_there_for_all_to_read(settings):
    key = keys.models()
    public = settings.EXPUNGE_LOG_KEYS / "models.pub"

    assert load_pem_public_key(public.read_bytes()) == key.public_key()
    assert stat.S_IMODE(public.stat().st_mode) == 0o644


def test_a_lost_public_half_is_written_again(settings):
    keys.models()
    public = settings.EXPUNGE_LOG_KEYS / "models.pub"
    was = public.read_bytes()
    public.unlink()

    keys.models()

    assert public.read_bytes() == was


def test_a_key_that_is_not_the_one_handed_out_is_refused(settings):
    """Whoever holds models.pub would see nothing but forgeries from here on."""
    keys.models()
    (settings.EXPUNGE_LOG_KEYS / "models.key").unlink()

    with pytest.raises(BadAttestorKey, match=r"models\.pub"):
        keys.models()


def test_the_files_go_when_the_log_goes(settings):
    keys.attestor()
    keys.models()

    made = {each.name for each in settings.EXPUNGE_LOG_KEYS.iterdir()}

    assert made == {"attest.key", "models.key", "models.pub"}
    assert made <= {*signing.FILES}


@both
def test_a_file_that_holds_no_key_is_refused_and_kept(settings, name, get):
    path = settings.EXPUNGE_LOG_KEYS / name
    path.parent.mkdir()
    path.write_text("nonsense")

    with pytest.raises(BadAttestorKey, match=f"{name}: not a private key"):
        get()
    assert path.read_text() == "nonsense"


@both
def test_a_key_under_a_password_is_refused(settings, name, get):
    encryption = BestAvailableEncryption(b"password")
    put(settings.EXPUNGE_LOG_KEYS, name, Ed25519PrivateKey.generate(), encryption)

    with pytest.raises(BadAttestorKey, match=f"{name}: not a private key"):
        get()


def test_a_key_of_the_other_kind_is_refused(settings):
    folder = settings.EXPUNGE_LOG_KEYS
    put(folder, "attest.key", ec.generate_private_key(ec.SECP256R1()))
    put(folder, "models.key", Ed25519PrivateKey.generate())

    for get in (keys.attestor, keys.models):
        with pytest.raises(BadAttestorKey, match="of another type"):
            get()


def test_a_model_key_on_another_curve_is_refused(settings):
    """Model signing reads none on secp256k1, and signs with another hash on P-384."""
    put(settings.EXPUNGE_LOG_KEYS, "models.key", ec.generate_private_key(ec.SECP384R1()))

    with pytest.raises(BadAttestorKey, match="not on P-256"):
        keys.models()
