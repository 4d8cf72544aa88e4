"""Model signatures by the reader that OpenSSF publishes, on folders as PEFT loads them."""

import base64
import json
import subprocess
import sys
import warnings

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from evidence import model_signing
from verifier.strict import BadDocument

with warnings.catch_warnings():
    # Raised inside its dependencies on import; nothing of ours can answer it.
    warnings.simplefilter("ignore", DeprecationWarning)
    from model_signing import verifying

FILES = {"adapter_model.safetensors": b"weights", "adapter_config.json": b'{"r": 8}'}
KEY = ec.derive_private_key(7, ec.SECP256R1())


@pytest.fixture
def model(tmp_path):
    """A folder with the files, its signature and the public key beside it."""
    folder = tmp_path / "shard-02"
    folder.mkdir()
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    (tmp_path / "model.sig").write_bytes(model_signing.sign(FILES, key=KEY, name="shard-02"))
    pem = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "models.pub").write_bytes(pem)
    return folder


def check(folder):
    """Verify as their library does; raises ValueError unless the files are the signed ones."""
    beside = folder.parent
    config = verifying.Config().use_elliptic_key_verifier(public_key=beside / "models.pub")
    config.verify(folder, beside / "model.sig")


def command(folder):
    """Verify as their command does; return its exit code."""
    beside = folder.parent
    arguments = ["--signature", beside / "model.sig", "--public_key", beside / "models.pub", folder]
    line = [sys.executable, "-m", "model_signing", "verify", "key", *map(str, arguments)]
    return subprocess.run(line, capture_output=True, check=False).returncode


def payload():
    bundle = json.loads(model_signing.sign(FILES, key=KEY, name="shard-02"))
    return json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))


def flip(folder):
    (folder / "adapter_model.safetensors").write_bytes(b"Weights")


def rename(folder):
    (folder / "adapter_model.safetensors").rename(folder / "adapter_other.safetensors")


def swap(folder):
    for name, other in zip(FILES, reversed(FILES), strict=True):
        (folder / name).write_bytes(FILES[other])


def add(folder):
    (folder / "extra.py").write_text("import os")


def remove(folder):
    (folder / "adapter_config.json").unlink()


def test_their_library_accepts_our_signature(model):
    check(model)


@pytest.mark.slow
def test_their_command_accepts_our_signature_and_no_changed_file(model):
    assert command(model) == 0

    flip(model)

    assert command(model) == 1


@pytest.mark.parametrize("bend", [flip, rename, swap, add, remove])
def test_their_library_refuses_a_folder_that_is_not_the_signed_one(model, bend):
    bend(model)

    with pytest.raises(ValueError, match="Signature mismatch"):
        check(model)


def test_their_library_refuses_a_statement_that_was_changed_after_signing(model):
    path = model.parent / "model.sig"
    bundle = json.loads(path.read_text())
    flip(model)
    changed = {**FILES, "adapter_model.safetensors": b"Weights"}
    forged = model_signing.statement(changed, name="shard-02")
    bundle["dsseEnvelope"]["payload"] = base64.b64encode(forged).decode()
    path.write_text(json.dumps(bundle))

    with pytest.raises(Exception) as refused:  # noqa: PT011  cryptography's, without a message
        check(model)
    assert type(refused.value).__name__ == "InvalidSignature"


def test_their_library_refuses_the_key_of_another(model):
    other = ec.derive_private_key(8, ec.SECP256R1())
    signed = model_signing.sign(FILES, key=other, name="shard-02")
    (model.parent / "model.sig").write_bytes(signed)

    with pytest.raises(ValueError, match="Key mismatch"):
        check(model)


def test_a_signature_made_again_is_the_same_octets():
    backwards = dict(reversed(FILES.items()))

    assert model_signing.sign(FILES, key=KEY, name="a") == model_signing.sign(
        backwards, key=KEY, name="a"
    )


def test_files_are_listed_by_code_point():
    names = [each["name"] for each in payload()["predicate"]["resources"]]
    assert names == ["adapter_config.json", "adapter_model.safetensors"]
    files = dict.fromkeys(("a/b", "a-b", "Z", "a_b"), b"")
    listed = json.loads(model_signing.statement(files, name="a"))["predicate"]["resources"]
    assert [each["name"] for each in listed] == ["Z", "a-b", "a/b", "a_b"]


def test_the_subject_does_not_tell_names_apart():
    """The trap that keeps us from naming an adapter by it."""
    one, other = (
        json.loads(model_signing.statement({name: b"x"}, name="a")) for name in ("one", "other")
    )
    assert one["subject"] == other["subject"]
    assert one["predicate"]["resources"] != other["predicate"]["resources"]


@pytest.mark.parametrize("path", ["", "/a", "../a", "a//b", ".git", "a/.gitignore", "a\\b", "ä"])
def test_a_path_that_readers_skip_or_spell_otherwise_is_refused(path):
    with pytest.raises(BadDocument):
        model_signing.sign({path: b""}, key=KEY, name="a")


def test_a_model_without_files_is_refused():
    with pytest.raises(BadDocument, match="no file"):
        model_signing.sign({}, key=KEY, name="a")


def test_a_key_on_another_curve_is_refused():
    with pytest.raises(ValueError, match="not on P-256"):
        model_signing.sign(FILES, key=ec.derive_private_key(7, ec.SECP256K1()), name="a")
