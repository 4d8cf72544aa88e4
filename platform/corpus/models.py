"""Who did what: subjects, their identities and keys, the catalogue, and interactions.

Every column is classified as personal or retained; a test fails for one that is not.
"""

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


class Deployment(models.Model):
    """Fingerprints of the keys that this database was filled under. One row.

    With another partition or order key everyone would silently move; with another vault key
    nobody could be found. So a mismatch stops every command.
    """

    PERSONAL: ClassVar[set[str]] = set()
    RETAINED: ClassVar = {"id", "partition", "order", "vault", "created_at", "is_demo"}

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    partition = models.CharField(max_length=32)
    order = models.CharField(max_length=32)
    vault = models.CharField(max_length=32)
    # Only what a demo filled may a demo empty.
    is_demo = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(id=1), name="corpus_deployment_is_one_row"),
        ]

    def __str__(self) -> str:
        return "This deployment"


class Item(models.Model):
    """A thing that people rate. Public: the catalogue is an input, not somebody's data."""

    PERSONAL: ClassVar[set[str]] = set()
    RETAINED: ClassVar = {"id", "external_id", "title", "attributes"}

    external_id = models.CharField(max_length=200, unique=True)
    title = models.CharField(max_length=500)
    attributes = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(external_id="") & ~Q(title=""), name="corpus_item_is_named"
            ),
        ]

    def __str__(self) -> str:
        return self.title


class Subject(models.Model):
    """A person, as everything outside the vault knows them: a random id.

    ``rank`` orders people by a keyed hash, so that "the first hundred" means the same people in
    any installation with the same order key, whoever else was ever there. ``is_likely_leaver`` is
    what the installation says of them (a region, say): a recipe may train such people last.
    """

    PERSONAL: ClassVar = {"id", "rank", "is_likely_leaver", "created_at"}
    RETAINED: ClassVar[set[str]] = set()

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    rank = models.BinaryField(max_length=32, unique=True)
    is_likely_leaver = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"subject {self.id}"


class Identity(models.Model):
    """The vault's entry: the external id, encrypted, and a keyed hash to find it by."""

    PERSONAL: ClassVar = {"subject", "lookup", "sealed"}
    RETAINED: ClassVar[set[str]] = set()

    subject = models.OneToOneField(Subject, models.CASCADE, primary_key=True)
    lookup = models.BinaryField(max_length=32, unique=True)
    sealed = models.BinaryField()

    class Meta:
        verbose_name_plural = "identities"

    def __str__(self) -> str:
        return "An identity"


class WrappingKey(models.Model):
    """The id of a key-encryption key that wraps subject keys. The key is not in the database."""

    PERSONAL: ClassVar[set[str]] = set()
    RETAINED: ClassVar = {"id", "noted_at"}

    id = models.CharField(max_length=64, primary_key=True)
    noted_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"Key-encryption key {self.id}"


class SubjectKey(models.Model):
    """K_s: the random key that commitments are made with, wrapped by the key ``kek``.

    One without a ``kek`` was wrapped by the vault's key, as all were once.
    """

    PERSONAL: ClassVar = {"subject", "kek", "wrapped"}
    RETAINED: ClassVar[set[str]] = set()

    subject = models.OneToOneField(Subject, models.CASCADE, primary_key=True)
    kek = models.ForeignKey(WrappingKey, models.PROTECT, null=True, related_name="+")
    wrapped = models.BinaryField()

    def __str__(self) -> str:
        return "A subject key"


class Batch(models.Model):
    """One ingested file. ``content`` is a keyed digest, so that the same file twice is a no-op.

    It is cleared when any person in the file is erased: the file then is not what is held, and
    the digest would be a trace of them.
    """

    PERSONAL: ClassVar = {"content"}
    RETAINED: ClassVar = {"id", "rows", "root", "ingested_at"}

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    content = models.BinaryField(max_length=32, unique=True, null=True)
    rows = models.PositiveIntegerField()
    root = models.CharField(max_length=64)
    ingested_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"batch {self.id}"


class Interaction(models.Model):
    """What one person thought of one item at one time. The unit that is ingested and erased.

    The key starts with the subject, so that the table can be hash-partitioned by subject.
    """

    PERSONAL: ClassVar = {"subject", "order_key", "item", "value", "at", "batch"}
    RETAINED: ClassVar[set[str]] = set()

    pk = models.CompositePrimaryKey("subject_id", "order_key")
    subject = models.ForeignKey(Subject, models.CASCADE, related_name="interactions")
    order_key = models.BinaryField(max_length=32)
    item = models.ForeignKey(Item, models.PROTECT, related_name="+")
    value = models.DecimalField(max_digits=12, decimal_places=4)
    at = models.DateTimeField()
    batch = models.ForeignKey(Batch, models.PROTECT, related_name="interactions")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["subject", "item", "at"], name="corpus_interaction_happened_once"
            ),
        ]

    def __str__(self) -> str:
        return "An interaction"
