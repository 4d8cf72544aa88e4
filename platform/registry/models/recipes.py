"""Ways of training, and who trains where.

The clock here is ``Slice.epoch``, a counter: it is raised under the row lock whenever the data of
a slice changes, and an adapter counts only while its epoch is its slice's."""

import dataclasses
from typing import ClassVar

from django.db import models
from django.db.models import Q

import mlcore.recipe
from corpus.models import Subject


class Recipe(models.Model):
    """One immutable way of training, known by the digest of all that decides the result."""

    PERSONAL: ClassVar[set[str]] = set()
    RETAINED: ClassVar = {
        "id", "digest", "name", "body", "base_digest", "is_current", "registered_at",
    }  # fmt: skip

    digest = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=100)
    body = models.JSONField()
    base_digest = models.CharField(max_length=64)
    is_current = models.BooleanField(default=False)
    registered_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["is_current"],
                condition=Q(is_current=True),
                name="registry_one_current_recipe",
            ),
        ]

    def __str__(self) -> str:
        return f"recipe {self.name}"

    @property
    def plain(self) -> mlcore.recipe.Recipe:
        """The same recipe, as the engine takes it."""
        modules = tuple(self.body["target_modules"])
        # PostgreSQL writes 1e16 as a whole number.
        reals = {
            field.name: float(self.body[field.name])
            for field in dataclasses.fields(mlcore.recipe.Recipe)
            if field.type is float
        }
        return mlcore.recipe.Recipe(**{**self.body, **reals, "target_modules": modules})


class AnchorFile(models.Model):
    """The public anchors of a semantic recipe, kept so that an erasure needs no file to place by.

    Known by what it holds: who reads it compares the digest.
    """

    PERSONAL: ClassVar[set[str]] = set()
    RETAINED: ClassVar = {"digest", "body"}

    digest = models.CharField(max_length=64, primary_key=True)
    body = models.BinaryField()

    def __str__(self) -> str:
        return f"anchors {self.digest[:16]}"


class Slice(models.Model):
    """One slice of one shard, and the epoch of the data that its adapter consumes.

    A change in slice j raises the epoch of every slice from j on, as each starts from the one
    before it.
    """

    PERSONAL: ClassVar[set[str]] = set()
    RETAINED: ClassVar = {"id", "recipe", "shard", "slice", "epoch"}

    recipe = models.ForeignKey(Recipe, models.PROTECT, related_name="slices")
    shard = models.PositiveSmallIntegerField()
    slice = models.PositiveSmallIntegerField()
    epoch = models.PositiveBigIntegerField(default=1)

    class Meta:
        ordering: ClassVar = ["recipe", "shard", "slice"]
        constraints = [
            models.UniqueConstraint(
                fields=["recipe", "shard", "slice"], name="registry_slice_exists_once"
            ),
        ]

    def __str__(self) -> str:
        return f"shard {self.shard}, slice {self.slice}"


class ShardMembership(models.Model):
    """Where one person's samples train under one recipe, as no one else's data decides."""

    PERSONAL: ClassVar = {"id", "recipe", "subject", "shard", "slice"}
    RETAINED: ClassVar[set[str]] = set()

    recipe = models.ForeignKey(Recipe, models.PROTECT, related_name="memberships")
    subject = models.ForeignKey(Subject, models.CASCADE, related_name="memberships")
    shard = models.PositiveSmallIntegerField()
    slice = models.PositiveSmallIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["recipe", "subject"], name="registry_membership_in_one_shard"
            ),
        ]
        indexes = [
            models.Index(fields=["recipe", "shard", "slice"], name="registry_membership_place")
        ]

    def __str__(self) -> str:
        return f"a member of shard {self.shard}, slice {self.slice}"


class FormerMembership(models.Model):
    """Where a person trained before they moved, until no adapter of that time can be read."""

    PERSONAL: ClassVar = {"id", "recipe", "subject", "shard", "slice"}
    RETAINED: ClassVar[set[str]] = set()

    recipe = models.ForeignKey(Recipe, models.PROTECT, related_name="+")
    subject = models.ForeignKey(Subject, models.CASCADE, related_name="former_memberships")
    shard = models.PositiveSmallIntegerField()
    slice = models.PositiveSmallIntegerField()

    def __str__(self) -> str:
        return f"once a member of shard {self.shard}, slice {self.slice}"
