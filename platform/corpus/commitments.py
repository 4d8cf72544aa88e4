"""The record keys of many people at once, in three queries."""

from collections.abc import Collection
from uuid import UUID

from corpus import canonical, vault
from corpus.models import Identity, Interaction, SubjectKey
from verifier import receipts


def record_keys(subjects: Collection[UUID]) -> list[bytes]:
    """The commitment to every interaction of these people, 32 octets each, ascending."""
    sealed = Identity.objects.filter(subject__in=subjects).values_list("subject_id", "sealed")
    names = {pk: vault.unseal(each, purpose="identity", about=pk).decode() for pk, each in sealed}
    wrapped = SubjectKey.objects.filter(subject__in=subjects)
    keys = {row.subject_id: vault.opened(row) for row in wrapped}
    rows = Interaction.objects.filter(subject__in=subjects)
    return sorted(
        receipts.record_key(
            keys[subject],
            canonical.interaction(subject=names[subject], item=item, value=value, at=at),
        )
        for subject, item, value, at in rows.values_list(
            "subject_id", "item__external_id", "value", "at"
        )
    )
