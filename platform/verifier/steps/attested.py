"""Attestations: signed by a key that the log announced before it, and logged themselves."""

from verifier import spelling, statements
from verifier.case import Case
from verifier.excerpt import Entry
from verifier.keyring import Attestor
from verifier.report import Refused
from verifier.statements import Statement
from verifier.steps.certified import OUT_OF_TIME


def read(
    case: Case, digest: str, *, kind: str, target: str | None = None
) -> tuple[Statement, Entry]:
    """A statement of a kind, and the log entry of its attestation.

    Args:
        digest: SHA-256 of the envelope.
        target: what it is logged to be about; any if None.

    Raises:
        Refused, ValueError: it is not there, not signed as it must be, or not logged in order.
    """
    logged = [
        each
        for each in case.log.of("attestation.made", target=target)
        if each.fact("envelope") == digest and each.fact("kind") == kind
    ]
    if len(logged) != 1:
        raise Refused("the log does not say that an attestation was made")
    made = logged[0]
    if made.index >= case.issued.index or made.at > case.issued.at:
        raise Refused("an attestation was made after the certificate", code=OUT_OF_TIME)
    signers = [
        (each.key, each.identity) for each in case.ring.attestors if _is_announced(case, each, made)
    ]
    statement = statements.read(case.files[f"attestations/{digest}.json"], signers=signers)
    if statement.kind != kind:
        raise Refused("an attestation is of another kind")
    return statement, made


def _is_announced(case: Case, attestor: Attestor, made: Entry) -> bool:
    """Whether the log announced the key, with this identity, before the attestation."""
    entry = case.entry(attestor.index, "key.announced", attestor.target)
    return (
        entry.index < made.index
        and entry.fact("key") == spelling.encode(attestor.key.public_bytes_raw())
        and entry.fact("identity") == attestor.identity
    )
