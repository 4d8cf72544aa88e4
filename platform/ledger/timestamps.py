"""RFC 3161: an authority of the operator's choice says when a tree head was there.

``EXPUNGE_TSA`` is the authority's address, and ``EXPUNGE_TSA_CERTIFICATES`` a file of the
certificates, PEM, that its answers must lead to. Only what they verify is kept.
"""

import hashlib
import http.client
import urllib.error
import urllib.request
from datetime import datetime
from pathlib import Path
from typing import Final

import rfc3161_client as rfc3161
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from django.conf import settings

from ledger.models import LARGEST_TOKEN, HeadTimestamp, TreeHead

SECONDS: Final = 5
SHA256: Final = x509.ObjectIdentifier("2.16.840.1.101.3.4.2.1")
STAMPS: Final = ExtendedKeyUsageOID.TIME_STAMPING


class CannotTimestamp(RuntimeError):
    """There is no timestamp of the newest head, for a reason that the message says."""


class BadTimestamp(ValueError):
    """A timestamp is not what the configured certificates vouch for."""


def stamp(*, at: datetime) -> HeadTimestamp | None:
    """Have the newest tree head stamped, and keep the answer.

    Returns:
        The timestamp; None if no authority is configured, or the newest head has one.

    Raises:
        CannotTimestamp: the authority cannot be asked, or its answer does not verify.
    """
    head = TreeHead.objects.order_by("-size").first()
    if not settings.EXPUNGE_TSA or head is None or HeadTimestamp.objects.filter(head=head).exists():
        return None
    if not settings.EXPUNGE_TSA_CERTIFICATES:
        raise CannotTimestamp("EXPUNGE_TSA_CERTIFICATES: needed to verify what EXPUNGE_TSA answers")
    request = (
        rfc3161.TimestampRequestBuilder()
        .data(head.note.encode())
        .hash_algorithm(rfc3161.HashAlgorithm.SHA256)
        .nonce(nonce=True)
        .build()
    )
    token = _ask(settings.EXPUNGE_TSA, request.as_bytes())
    try:
        stamped_at = verified(token, head.note, nonce=request.nonce)
    except BadTimestamp as bad:
        raise CannotTimestamp(f"EXPUNGE_TSA: {bad}") from None
    made, is_new = HeadTimestamp.objects.get_or_create(
        head=head, defaults={"token": token, "stamped_at": stamped_at, "made_at": at}
    )
    # Another process may have been faster; its answer is as good.
    return made if is_new else None


def newest(below: int | None = None) -> HeadTimestamp | None:
    """The timestamp of the largest head that has one, of at most ``below`` entries if given."""
    kept = HeadTimestamp.objects.select_related("head").order_by("-head_id")
    return (kept if below is None else kept.filter(head_id__lte=below)).first()


def verified(token: bytes, note: str, *, nonce: int | None = None) -> datetime:
    """The time at which the authority saw a head's note.

    Args:
        token: an RFC 3161 response in DER.
        nonce: the request's; None for an answer that was kept, whose nonce was checked then.

    Raises:
        BadTimestamp: it is malformed, refused, of something else, or not by the configured
            authority, at a time when its certificate held.
    """
    try:
        response = rfc3161.decode_timestamp_response(token)
    except ValueError:
        raise BadTimestamp("the answer is not an RFC 3161 response") from None
    if response.status != rfc3161.PKIStatus.GRANTED:
        raise BadTimestamp("the authority refused")
    digest = hashlib.sha256(note.encode()).digest()
    failed = "no certificate"
    for builder in _verifiers():
        asked = builder if nonce is None else builder.nonce(nonce)
        try:
            asked.build().verify(response, digest)
        # The library parses what it verifies as it goes.
        except (rfc3161.VerificationError, ValueError) as error:
            failed = str(error)
            continue
        info = response.tst_info
        if info.message_imprint.hash_algorithm != SHA256:
            raise BadTimestamp("its digest is not SHA-256")
        return info.gen_time
    raise BadTimestamp(f"the timestamp does not verify ({failed})")


def _verifiers() -> list[rfc3161.VerifierBuilder]:
    """One for each of the authority's certificates in the file, or one for whatever roots vouch."""
    try:
        pem = Path(settings.EXPUNGE_TSA_CERTIFICATES).read_bytes()
        given = x509.load_pem_x509_certificates(pem)
    except (OSError, ValueError):
        raise BadTimestamp("EXPUNGE_TSA_CERTIFICATES: not a file of PEM certificates") from None
    leaves = [each for each in given if _stamps(each)]
    roots = [each for each in given if each not in leaves] or leaves
    return [
        rfc3161.VerifierBuilder(tsa_certificate=leaf, roots=[*roots])
        for leaf in leaves or [None]  # type: ignore[list-item]
    ]


def _stamps(certificate: x509.Certificate) -> bool:
    """Whether it is an authority's own, and not one that vouches for others."""
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except x509.ExtensionNotFound:
        return False
    return STAMPS in usage.value


def _ask(url: str, request: bytes) -> bytes:
    if not url.startswith(("http://", "https://")):
        raise CannotTimestamp("EXPUNGE_TSA: not an address that begins with http:// or https://")
    headers = {"Content-Type": "application/timestamp-query"}
    try:
        asked = urllib.request.Request(url, request, headers, method="POST")
        with urllib.request.urlopen(asked, timeout=SECONDS) as answer:
            token: bytes = answer.read(LARGEST_TOKEN + 1)
    except urllib.error.HTTPError as refused:
        with refused:
            raise CannotTimestamp(f"EXPUNGE_TSA: answered {refused.code}") from None
    # Of an address that is none, urllib raises ValueError.
    except (OSError, ValueError, http.client.HTTPException):
        raise CannotTimestamp("EXPUNGE_TSA: did not answer") from None
    if len(token) > LARGEST_TOKEN:
        raise CannotTimestamp("EXPUNGE_TSA: the answer is too long")
    return token
