"""The people of a batch: found by their external ids, or made with a fresh key and identity."""

import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from django.conf import settings
from django.db import connection

from corpus import vault, wrapping
from corpus.models import Identity, Subject, SubjectKey

MANY = 500
RANK_TAG = b"expunge/rank/v1\x00"


@dataclass(frozen=True, slots=True)
class Person:
    """A subject's random id, and the key that commits to their interactions."""

    id: UUID
    key: bytes


def rank(external_id: str) -> bytes:
    """Where a person stands in a public-looking order that depends on nobody else."""
    return hmac.digest(settings.EXPUNGE_ORDER_KEY, RANK_TAG + external_id.encode(), "sha256")


class Known:
    """Everyone met so far in one batch, by external id. Lives no longer than the batch."""

    def __init__(self, *, at: datetime) -> None:
        self._at = at
        self._people: dict[str, Person] = {}

    def __getitem__(self, external_id: str) -> Person:
        return self._people[external_id]

    def met(self) -> dict[UUID, str]:
        """The external id of everyone met, by subject id."""
        return {person.id: external for external, person in self._people.items()}

    def meet(self, external_ids: Iterable[str]) -> None:
        """Find these people, or make those who are new.

        Those found are locked against an erasure until the caller's transaction ends.
        """
        strangers = {e: vault.lookup(e) for e in external_ids if e not in self._people}
        by_lookup = {lookup: external for external, lookup in strangers.items()}
        known = Subject.objects.filter(identity__lookup__in=list(by_lookup))
        locked = known.select_for_update(of=("self",), no_key=True).order_by("pk")
        ids = list(locked.values_list("pk", flat=True))
        # In a statement of its own: an erasure that we waited for may have turned a key, and the
        # one that waited would still see the old.
        found = SubjectKey.objects.filter(subject__in=ids).select_related("subject__identity")
        for row in found:
            lookup = bytes(row.subject.identity.lookup)
            self._people[by_lookup[lookup]] = Person(row.subject_id, vault.opened(row))
        if new := [e for e in strangers if e not in self._people]:
            self._make(new, strangers)

    def _make(self, external_ids: list[str], lookups: dict[str, bytes]) -> None:
        subjects, identities, keys = [], [], []
        by = wrapping.current()
        for external in external_ids:
            pk, key = uuid4(), secrets.token_bytes(32)
            sealed = vault.seal(external.encode(), purpose="identity", about=pk)
            subjects.append(Subject(id=pk, rank=rank(external), created_at=self._at))
            identities.append(Identity(subject_id=pk, lookup=lookups[external], sealed=sealed))
            keys.append(vault.wrapped(key, subject=pk, by=by))
            self._people[external] = Person(pk, key)
        Subject.objects.bulk_create(subjects)
        if len(subjects) > MANY:
            # A session that knew the table as empty checks every foreign key by reading all of it;
            # new statistics make it plan again (112 s against 5 s for 20,000 people, measured).
            with connection.cursor() as cursor:
                cursor.execute("ANALYZE corpus_subject")
        Identity.objects.bulk_create(identities)
        SubjectKey.objects.bulk_create(keys)
