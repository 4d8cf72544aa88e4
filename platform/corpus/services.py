"""What an erasure does to the corpus, and the check that the keys are still the same."""

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction

from corpus import ingest, vault, wrapping
from corpus.models import Batch, Deployment, Interaction, Item, Subject
from verifier import receipts


class WrongKeys(Exception):
    """The keys of this process are not those that the database was filled under."""


@transaction.atomic(durable=True)
def check_keys(*, at: datetime) -> None:
    """Compare the installation's keys with the database's fingerprints; note them if it is new.

    Raises:
        WrongKeys: naming the key, before anything is read or written with it.
        wrapping.WrappingKeyMissing: the same of a key-encryption key.
    """
    marks = {
        "partition": _mark(settings.EXPUNGE_PARTITION_KEY),
        "order": _mark(settings.EXPUNGE_ORDER_KEY),
        "vault": _mark(settings.EXPUNGE_VAULT_KEY),
    }
    noted, _ = Deployment.objects.get_or_create(id=1, defaults={**marks, "created_at": at})
    for name, mark in marks.items():
        if getattr(noted, name) != mark:
            raise WrongKeys(
                f"the {name} key is not the one that this database was filled under; "
                f"restore it, or start with an empty database"
            )
    wrapping.check()


def _mark(key: bytes) -> str:
    return hmac.digest(key, b"expunge/check/v1", "sha256").hex()[:32]


@dataclass(frozen=True)
class Erased:
    """What was erased: the record keys for the ticket, and the subject's key, sealed.

    ``key_digest`` is what the log says of that key, so that whoever opens the seal can compare.

    After a partial erasure ``successor`` is the person's next key, that only the last one opens.
    """

    record_keys: list[bytes]
    sealed_key: bytes
    key_digest: str
    successor: bytes | None


def erase(
    *,
    subject: Subject,
    items: Sequence[Item] | None,
    receipt: bytes,
    request: UUID,
    next_key: bytes | None = None,
) -> Erased:
    """Delete a person's interactions, and destroy the key that commits to them.

    Of a whole erasure nothing remains: identity, key and subject go too. After a partial one
    the person gets a fresh key, so that the old record keys can be linked to nobody. Only the
    receipt can open the old key. Runs inside the erasing transaction, which has locked the
    subject.

    Args:
        next_key: what a partial erasure that is applied again gave the person the first time.
    """
    external, key = vault.external_id(subject), vault.subject_key(subject)
    wanted = None if items is None else {item.pk for item in items}
    doomed = [
        (interaction, receipts.record_key(key, content))
        for interaction, content in ingest.contents(subject.pk, external)
        if wanted is None or interaction.item_id in wanted
    ]
    batches = {interaction.batch_id for interaction, _ in doomed}
    Batch.objects.filter(pk__in=batches).update(content=None)
    rows = Interaction.objects.filter(subject=subject)
    successor = None
    if wanted is None:
        rows.delete()
        subject.delete()
    else:
        rows.filter(item_id__in=wanted).delete()
        fresh = next_key or secrets.token_bytes(32)
        successor = vault.seal_successor(fresh, under=key, request=request)
        by = wrapping.current()
        vault.wrapped(fresh, subject=subject.pk, by=by).save(force_update=True)
    return Erased(
        record_keys=sorted({record for _, record in doomed}),
        sealed_key=receipts.seal(key, receipt=receipt, request=request),
        key_digest=receipts.key_digest(key),
        successor=successor,
    )
