"""An exported adapter is signed as others check models, and by the key that we hand out."""

import json
from pathlib import Path

import pytest
from django.core.management import call_command

from evidence import keys
from ledger import signing

model_signing = pytest.importorskip("model_signing")

pytestmark = pytest.mark.django_db(transaction=True)


def verify(folder: Path) -> None:
    """As somebody who has the folder, the public key, and their own tool."""
    from model_signing.hashing import Config as Hashing
    from model_signing.verifying import Config

    signature = folder / "model.sig"
    hashing = Hashing().set_ignored_paths(paths=[signature], ignore_git_paths=False)
    config = Config().use_elliptic_key_verifier(public_key=signing.folder() / "models.pub")
    config.set_hashing_config(hashing).verify(folder, signature)


def test_every_exported_folder_verifies_with_a_strangers_tool(trained, tmp_path):
    out = tmp_path / "exported"

    call_command("export_release", "--out", str(out), "--json")

    folders = sorted(path for path in out.iterdir() if path.is_dir())
    assert "merged" in {path.name for path in folders}
    for folder in folders:
        verify(folder)
    assert keys.models().curve.name == "secp256r1"


def test_a_changed_adapter_does_not_verify(trained, tmp_path):
    out = tmp_path / "exported"
    call_command("export_release", "--out", str(out), "--json")
    config = out / "merged" / "adapter_config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "lora_alpha": 1}))

    with pytest.raises(ValueError, match=r"(?i)mismatch"):
        verify(out / "merged")
