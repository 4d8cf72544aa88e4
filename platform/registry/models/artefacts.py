"""Encrypted files of the store."""

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q


class Artefact(models.Model):
    """One encrypted file of the store. Destroying it is forgetting its key; the file goes after.

    The digest is of the plain bytes. A trunk state has none: it could be guessed from a prompt.
    """

    PERSONAL: ClassVar = {"digest", "wrapped_key", "size"}
    RETAINED: ClassVar = {"id", "kind", "stored_at", "destroyed_at", "removed_at"}

    class Kind(models.TextChoices):
        ADAPTER = "adapter", "Adapter"
        RECORDS = "records", "Record keys"
        INDEX = "index", "Aggregation index"
        TRUNK = "trunk", "Trunk state"
        EVIDENCE = "evidence", "Evidence bundle"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=16, choices=Kind)
    digest = models.CharField(max_length=64, blank=True)
    size = models.PositiveBigIntegerField()
    wrapped_key = models.BinaryField(null=True)
    stored_at = models.DateTimeField()
    destroyed_at = models.DateTimeField(null=True)
    removed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(wrapped_key__isnull=False, destroyed_at__isnull=True)
                | Q(wrapped_key__isnull=True, destroyed_at__isnull=False),
                name="registry_artefact_has_a_key_until_destroyed",
            ),
            models.CheckConstraint(
                condition=Q(removed_at__isnull=True) | Q(destroyed_at__isnull=False),
                name="registry_artefact_is_destroyed_before_removed",
            ),
        ]
        indexes = [
            models.Index(
                fields=["destroyed_at"],
                condition=Q(removed_at__isnull=True, destroyed_at__isnull=False),
                name="registry_artefact_to_remove",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.id}"
