"""Step 1: the archive is a bundle, octet for octet, and what is JSON in it can be read."""

import re
from collections.abc import Mapping
from typing import Final

from verifier import archive, case, certificate, keyring
from verifier.claims import Certificate
from verifier.keyring import Keyring
from verifier.report import Refused

PROVES: Final = "Every reader of this file finds the same files in it, and no others."
_REQUIRED: Final = {
    "README.txt", "certificate.json", "certificate.pdf", "erased.keys", "sealed.key", "keys.json",
    "log/checkpoint", "log/entries.json",
}  # fmt: skip
_NUMBER: Final = r"(?:0|[1-9]\d{0,18})"
_OPTIONAL: Final = re.compile(
    r"log/before|log/consistency|log/stamped|models/key\.pem|models/[0-9a-f]{64}\.sig"
    r"|attestations/[0-9a-f]{64}\.json|sets/[0-9a-f]{64}\.(?:absent|present)"
    rf"|timestamps/{_NUMBER}\.(?:head|tsr)",
    re.ASCII,
)


def check(raw: bytes) -> tuple[dict[str, bytes], Certificate, Keyring]:
    """The files of the bundle, its certificate, and whose signatures it says are there.

    Raises:
        Refused, ValueError: it is no bundle.
    """
    files = archive.read(raw)
    if not files.keys() >= _REQUIRED:
        raise Refused("a file that every bundle has is missing")
    if any(name not in _REQUIRED and not _OPTIONAL.fullmatch(name) for name in files):
        raise Refused("there is a file that no bundle has")
    _check_pairs(files)
    return files, certificate.parse(files[case.CERTIFICATE]), keyring.parse(files[case.KEYS])


def _check_pairs(files: Mapping[str, bytes]) -> None:
    """What belongs together is there together."""
    pairs = [(case.BEFORE, case.CONSISTENCY)]
    for name in files:
        if name.startswith("timestamps/"):
            stem = name.rpartition(".")[0]
            pairs += [(f"{stem}.head", f"{stem}.tsr"), (f"{stem}.head", case.STAMPED)]
    if any((one in files) != (other in files) for one, other in pairs):
        raise Refused("one of two files that belong together is missing")
    if case.STAMPED in files and not any(name.startswith("timestamps/") for name in files):
        raise Refused("a proof is of no head that is here")
    if any(name.endswith(".sig") for name in files) != ("models/key.pem" in files):
        raise Refused("signatures of models and their key are not there together")
