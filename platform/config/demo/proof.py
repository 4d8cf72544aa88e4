"""The demo's last step: a bundle for one request, and a stranger's program that checks it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from erasure.models import DeletionRequest
from evidence import issuing
from ledger import files, signing
from registry import storage


def certify(*, request: DeletionRequest, receipt: str, folder: Path, actor: str) -> dict[str, Any]:
    """Issue the certificate, leave bundle.zip and log.pub in a folder, and verify them from there.

    The verifier runs in a process of its own that knows neither our database nor our keys. The
    receipt is handed over on its standard input: a secret has no place on a command line.

    Returns:
        What `python -m verifier --json` said.
    """
    certificate = issuing.issue(request=request, actor=actor, at=timezone.now())
    bundle, key = folder / "bundle.zip", folder / "log.pub"
    files.replace(bundle, storage.get(certificate.bundle), mode=0o644)
    files.replace(key, "".join(f"{vkey}\n" for vkey in signing.vkeys()), mode=0o644)
    command = [sys.executable, "-m", "verifier", str(bundle), "--key", str(key), "--json"]
    done = subprocess.run(
        [*command, "--receipt", "-"],
        input=f"{receipt}\n",
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(settings.ROOT / "platform")},
    )
    said: dict[str, Any] = json.loads(done.stdout)
    return said
