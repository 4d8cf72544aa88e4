"""What serves. Exactly one release is live, and a switch is one row in one transaction."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from registry.models.adapters import AdapterVersion
from registry.models.artefacts import Artefact
from registry.models.recipes import Recipe


class Release(models.Model):
    """The adapters and the index that serve together. Exactly one is live."""

    PERSONAL: ClassVar[set[str]] = set()
    RETAINED: ClassVar = {
        "id", "recipe", "kind", "index", "index_digest", "epochs", "live_digest", "is_live",
        "panel_rows", "panel_records", "scorers", "switched_at", "replaced_at",
    }  # fmt: skip

    class Kind(models.TextChoices):
        FULL = "full", "Full strength"
        FALLBACK = "fallback", "Fallback"

    recipe = models.ForeignKey(Recipe, models.PROTECT, related_name="releases")
    kind = models.CharField(max_length=16, choices=Kind)
    index = models.OneToOneField(Artefact, models.PROTECT, related_name="release")
    index_digest = models.CharField(max_length=64)
    epochs = models.JSONField()
    live_digest = models.CharField(max_length=64)
    panel_rows = models.PositiveIntegerField()
    panel_records = models.OneToOneField(
        Artefact, models.PROTECT, null=True, related_name="panel_of"
    )
    # Who followed the release before when this one took its place, by id and in order.
    scorers = models.JSONField(default=list)
    is_live = models.BooleanField(default=True)
    switched_at = models.DateTimeField()
    replaced_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["is_live"], condition=Q(is_live=True), name="registry_one_live_release"
            ),
            models.CheckConstraint(
                condition=Q(is_live=True, replaced_at__isnull=True)
                | Q(is_live=False, replaced_at__isnull=False),
                name="registry_release_is_live_until_replaced",
            ),
        ]

    def __str__(self) -> str:
        return f"Release {self.pk}"


class ReleaseAdapter(models.Model):
    """The adapter of one shard in one release. A shard without one is out of the mix."""

    PERSONAL: ClassVar[set[str]] = set()
    RETAINED: ClassVar = {"id", "release", "shard", "adapter"}

    release = models.ForeignKey(Release, models.PROTECT, related_name="members")
    shard = models.PositiveSmallIntegerField()
    adapter = models.ForeignKey(AdapterVersion, models.PROTECT, related_name="served_in")

    class Meta:
        ordering: ClassVar = ["shard"]
        constraints = [
            models.UniqueConstraint(
                fields=["release", "shard"], name="registry_release_one_adapter_per_shard"
            ),
        ]

    def __str__(self) -> str:
        return f"shard {self.shard} of release {self.release_id}"


class Scorer(models.Model):
    """A process that scores, and the release that it last said it scores from.

    It is here as long as it may answer: who has no row acknowledges before the next answer.
    """

    PERSONAL: ClassVar[set[str]] = set()
    RETAINED: ClassVar = {"id", "release", "leased_until"}

    id = models.UUIDField(primary_key=True)
    release = models.ForeignKey(Release, models.PROTECT, related_name="followers")
    leased_until = models.DateTimeField()

    def __str__(self) -> str:
        return f"Scorer {self.pk}"
