"""A new key-encryption key: every subject key is wrapped anew, then the old ones are forgotten.

In between both are accepted. Once the old key is gone, a dump of before opens no subject key.
"""

from django.db import transaction

from corpus import vault, wrapping
from corpus.models import SubjectKey, WrappingKey

MANY = 1_000


class StillInUse(Exception):
    """Subject keys are wrapped by a key that should be forgotten."""


def rewrap(*, limit: int = MANY) -> int:
    """Wrap every subject key by the first key-encryption key, ``limit`` in a transaction.

    Safe to break off and begin again. The keys themselves stay what they are, and so do the
    commitments made with them.

    Returns:
        How many were wrapped anew.

    Raises:
        wrapping.WrappingKeyMissing: a key that wrapped one of them is not here.
    """
    total = 0
    while moved := _some(limit):
        total += moved
    return total


@transaction.atomic(durable=True)
def _some(limit: int) -> int:
    by = wrapping.current()
    others = SubjectKey.objects.exclude(kek=by).order_by("pk")
    rows = list(others.select_for_update(of=("self",))[:limit])
    for row in rows:
        fresh = vault.wrapped(vault.opened(row), subject=row.subject_id, by=by)
        row.kek_id, row.wrapped = fresh.kek_id, fresh.wrapped
    SubjectKey.objects.bulk_update(rows, ["kek", "wrapped"])
    return len(rows)


def retire() -> list[str]:
    """Forget every key-encryption key but the first, for good.

    The database forgets before the keeper does: a crash in between leaves a key too many.

    Returns:
        The ids of those that are gone.

    Raises:
        StillInUse: one of them still wraps a subject key; nothing is forgotten.
    """
    before = wrapping.keeper().ids()
    _unnote()
    wrapping.keeper().keep(set(WrappingKey.objects.values_list("pk", flat=True)))
    return [id_ for id_ in before if id_ not in wrapping.keeper().ids()]


@transaction.atomic(durable=True)
def _unnote() -> None:
    by = wrapping.current()
    # Waits for whoever is wrapping with one of them; nobody begins to, as it is not the first.
    old = list(WrappingKey.objects.exclude(pk=by).select_for_update().order_by("pk"))
    used = SubjectKey.objects.exclude(kek=by).count()
    if used:
        raise StillInUse(f"{used} subject keys are not wrapped by {by} yet; run rewrap_keys")
    WrappingKey.objects.filter(pk__in=[row.pk for row in old]).delete()
