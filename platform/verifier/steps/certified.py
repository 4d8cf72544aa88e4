"""Step 3: the certificate is the one that was logged, vouches for every file, and is in time."""

from datetime import timedelta
from hashlib import sha256
from typing import Final

from verifier.case import CERTIFICATE, CHECKPOINT, CONSISTENCY, ENTRIES, STAMPED, Case
from verifier.report import Refused

PROVES: Final = "It was issued at that moment, and every file here belongs to it."
OUT_OF_TIME: Final = 13
# Between machines, and between the beginning of a change and its commit.
CLOCKS_DIFFER: Final = timedelta(hours=1)
LONGEST: Final = timedelta(days=732)
# The certificate cannot name its own digest, nor what the log says after it.
_UNLISTED: Final = {CERTIFICATE, CHECKPOINT, CONSISTENCY, ENTRIES, STAMPED}


def check(case: Case) -> str:
    """Find the certificate's entry, and compare files and times.

    Raises:
        Refused: something differs.
    """
    said = case.certificate
    digest = sha256(case.files[CERTIFICATE]).hexdigest()
    found = [
        each
        for each in case.log.of("certificate.issued", target=case.request)
        if each.fact("certificate") == digest
    ]
    if len(found) != 1:
        raise Refused("the log does not say that this certificate was issued")
    case.issued = found[0]
    if case.issued.fact("level") != said.level or case.issued.fact("live") != said.live.digest:
        raise Refused("the log says something else of the certificate than it says itself")
    listed = {
        name: sha256(data).hexdigest() for name, data in case.files.items() if name not in _UNLISTED
    }
    if listed != said.files:
        raise Refused("a file is not the one that the certificate lists, or one is not listed")
    _check_names(case)
    if said.origin not in {each.partition("+")[0] for each in case.keys}:
        raise Refused("the certificate is of another log than the key")
    if said.issuer not in {each.identity for each in case.ring.attestors}:
        raise Refused("nobody whose signatures are here is the issuer")
    _check_times(case)
    return f"issued at {said.issued_at:%Y-%m-%d %H:%M}, valid until {said.valid_until:%Y-%m-%d}"


def _check_names(case: Case) -> None:
    """Files are those that the certificate speaks of: none is idle, none is missing."""
    said = case.certificate
    expected = {f"attestations/{each}.json" for each in said.attestations.all}
    expected |= {f"sets/{each.root.hex()}.absent" for each in said.sets}
    expected |= {f"sets/{each.root.hex()}.present" for each in said.before}
    if expected != {name for name in case.files if name.startswith(("attestations/", "sets/"))}:
        raise Refused("attestations or proofs are not those that the certificate speaks of")
    for name, data in case.files.items():
        if name.startswith("attestations/") and name[13:77] != sha256(data).hexdigest():
            raise Refused("an attestation is not the one that its name says")


def _check_times(case: Case) -> None:
    said, issued = case.certificate, case.issued
    if said.issued_at != issued.second:
        raise Refused("the certificate is of another time than its entry", code=OUT_OF_TIME)
    for index in said.cited:
        entry = case.log.at(index)
        if index >= issued.index or (entry is not None and entry.at > issued.at):
            raise Refused("the certificate cites what came after it", code=OUT_OF_TIME)
    latest = None
    for each in case.log:
        if latest is not None and latest - each.at > CLOCKS_DIFFER:
            raise Refused("the log goes back in time", code=OUT_OF_TIME)
        latest = max(each.at, latest or each.at)
    if said.valid_until - said.issued_at > LONGEST:
        raise Refused("the certificate is valid for too long", code=OUT_OF_TIME)
    if case.now < said.issued_at:
        raise Refused("the certificate is not valid yet", code=OUT_OF_TIME)
    if said.valid_until <= said.issued_at or case.now > said.valid_until:
        raise Refused("the certificate has expired", code=OUT_OF_TIME)
