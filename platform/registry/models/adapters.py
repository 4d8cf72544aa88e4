"""What was trained, from which data, and the states it was trained over."""

import json
import uuid
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from corpus.models import Subject
from registry.models.artefacts import Artefact
from registry.models.recipes import Recipe


class AdapterVersion(models.Model):
    """The LoRA weights of one shard up to one slice, with the manifest of what made them.

    ``set_event`` is the log's event that names the root of ``records``, from before the training.
    An adapter without one is older than such events, and no release takes it.
    """

    PERSONAL: ClassVar[set[str]] = set()
    RETAINED: ClassVar = {
        "id", "recipe", "shard", "slice", "epoch", "parent", "weights", "records", "manifest",
        "manifest_digest", "digest", "samples", "cumulative_samples", "seconds", "started_at",
        "trained_at", "set_event",
    }  # fmt: skip

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    recipe = models.ForeignKey(Recipe, models.PROTECT, related_name="adapters")
    shard = models.PositiveSmallIntegerField()
    slice = models.PositiveSmallIntegerField()
    epoch = models.PositiveBigIntegerField()
    parent = models.ForeignKey("self", models.PROTECT, null=True, related_name="children")
    weights = models.OneToOneField(Artefact, models.PROTECT, related_name="adapter")
    records = models.OneToOneField(Artefact, models.PROTECT, related_name="record_list")
    manifest = models.BinaryField()
    manifest_digest = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)
    samples = models.PositiveIntegerField()
    cumulative_samples = models.PositiveIntegerField()
    seconds = models.FloatField()
    set_event = models.UUIDField(null=True)
    started_at = models.DateTimeField(null=True)
    trained_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["recipe", "shard", "slice", "epoch"], name="registry_adapter_once_per_epoch"
            ),
            models.CheckConstraint(
                condition=Q(slice=0, parent__isnull=True) | Q(slice__gt=0, parent__isnull=False),
                name="registry_adapter_starts_from_the_slice_before",
            ),
        ]

    def __str__(self) -> str:
        return f"adapter {self.shard}.{self.slice} (epoch {self.epoch})"

    @property
    def named(self) -> dict[str, Any]:
        """The manifest, parsed."""
        parsed: dict[str, Any] = json.loads(bytes(self.manifest))
        return parsed


class TrunkState(models.Model):
    """A cached hidden state of one person's sample. Derived personal data, purged with them."""

    PERSONAL: ClassVar = {"id", "subject", "key", "artefact"}
    RETAINED: ClassVar[set[str]] = set()

    subject = models.ForeignKey(Subject, models.CASCADE, related_name="trunk_states")
    key = models.CharField(max_length=64)
    artefact = models.OneToOneField(Artefact, models.PROTECT, related_name="trunk_state")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["subject", "key"], name="registry_trunk_state_cached_once"
            ),
        ]

    def __str__(self) -> str:
        return "A trunk state"


class CacheSet(models.Model):
    """The records of everybody with cached states, committed at one moment; the newest counts."""

    PERSONAL: ClassVar[set[str]] = set()
    RETAINED: ClassVar = {"id", "records", "root", "states", "event", "committed_at"}

    records = models.OneToOneField(Artefact, models.PROTECT, related_name="cache_set")
    root = models.CharField(max_length=64)
    states = models.PositiveBigIntegerField()
    event = models.UUIDField(unique=True)
    committed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"Cached states, committed as {self.root[:16]}"
