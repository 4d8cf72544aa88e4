"""Step 10: the person's receipt opens the person's key, and the erased keys are their records'."""

from typing import Final

from cryptography.exceptions import InvalidTag

from verifier import receipts
from verifier.case import SEALED, Case
from verifier.report import Refused

PROVES: Final = "The key that was destroyed is the one that this receipt opens."


def check(case: Case) -> str:
    """Open the sealed key, and recompute record keys if the records are at hand.

    Raises:
        Refused: the receipt is another's, or an erased key is not of these records.
    """
    assert case.receipt is not None
    key = _opened(case, case.receipt)
    gone = case.entry(case.certificate.entries.key_destroyed, "subject_key.destroyed")
    if receipts.key_digest(key) != gone.fact("key"):
        raise Refused("the sealed key is not the one that was destroyed")
    if case.records is None:
        return "the receipt opens the key that was destroyed; no records to compare with"
    known = {receipts.record_key(key, record) for record in case.records}
    if not known.issuperset(case.erased):
        raise Refused("a key that was erased is of none of these records")
    case.left = len(known) - len(case.erased)
    return f"of these records were erased: {len(case.erased)}; were not: {case.left}"


def _opened(case: Case, receipt: str) -> bytes:
    try:
        return receipts.opened(
            case.files[SEALED], receipt=receipt, request=case.certificate.request.id
        )
    except InvalidTag:
        raise Refused("the receipt is of another request") from None
