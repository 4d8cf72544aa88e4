"""Step 10: the person's receipt opens the person's key, and the erased keys are their records'."""

import hmac
import re
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from verifier.case import SEALED, Case
from verifier.report import Refused

PROVES: Final = "The key that was destroyed is the one that this receipt opens."
_PREFIX: Final = "expunge-receipt-1."
_INFO: Final = b"expunge/receipt/v1"
_KEY: Final = b"expunge/subject-key/v1\0"
_RECORD: Final = b"expunge/rec/v1\0"
_SUITE: Final = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.CHACHA20_POLY1305)


def check(case: Case) -> str:
    """Open the sealed key, and recompute record keys if the records are at hand.

    Raises:
        Refused: the receipt is another's, or an erased key is not of these records.
    """
    assert case.receipt is not None
    key = _opened(case, case.receipt)
    gone = case.entry(case.certificate.entries.key_destroyed, "subject_key.destroyed")
    if sha256(_KEY + key).hexdigest() != gone.fact("key"):
        raise Refused("the sealed key is not the one that was destroyed")
    if case.records is None:
        return "the receipt opens the key that was destroyed; no records to compare with"
    known = {
        hmac.digest(key, _RECORD + sha256(record).digest(), "sha256") for record in case.records
    }
    if not known.issuperset(case.erased):
        raise Refused("a key that was erased is of none of these records")
    case.left = len(known) - len(case.erased)
    return f"of these records were erased: {len(case.erased)}; were not: {case.left}"


def _opened(case: Case, receipt: str) -> bytes:
    if not re.fullmatch(re.escape(_PREFIX) + "[0-9a-f]{64}", receipt, re.ASCII):
        raise Refused("this is not a receipt")
    secret = X25519PrivateKey.from_private_bytes(bytes.fromhex(receipt[len(_PREFIX) :]))
    info = _INFO + case.certificate.request.id.bytes
    try:
        return _SUITE.decrypt(case.files[SEALED], secret, info)
    except InvalidTag:
        raise Refused("the receipt is of another request") from None
