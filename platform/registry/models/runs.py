"""The queue of work for GPU workers: a row is the queue, a message only a nudge."""

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from registry.models.recipes import Recipe


class TrainingRun(models.Model):
    """One piece of work for a GPU worker: a slice to train, or the release to build.

    The row is the queue. A worker leases it, beats while it works, and loses it when it stops
    beating; then the sweeper hands it to another.
    """

    PERSONAL: ClassVar[set[str]] = set()
    RETAINED: ClassVar = {
        "id", "kind", "recipe", "shard", "slice", "epoch", "state", "attempt", "worker",
        "leased_until", "beat_at", "phase", "done", "total", "created_at", "started_at", "ended_at",
        "failure",
    }  # fmt: skip

    class Kind(models.TextChoices):
        ADAPTER = "adapter", "Train a slice"
        RELEASE = "release", "Build the release"

    class State(models.TextChoices):
        WAITING = "waiting", "Waits"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        OBSOLETE = "obsolete", "Overtaken by newer data"

    OPEN: ClassVar = (State.WAITING, State.RUNNING)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=16, choices=Kind)
    recipe = models.ForeignKey(Recipe, models.PROTECT, related_name="runs")
    shard = models.PositiveSmallIntegerField(null=True)
    slice = models.PositiveSmallIntegerField(null=True)
    epoch = models.PositiveBigIntegerField(null=True)
    state = models.CharField(max_length=16, choices=State, default=State.WAITING)
    attempt = models.PositiveSmallIntegerField(default=0)
    worker = models.UUIDField(null=True)
    leased_until = models.DateTimeField(null=True)
    beat_at = models.DateTimeField(null=True)
    phase = models.CharField(max_length=40, default="")
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    failure = models.CharField(max_length=40, default="", blank=True)

    class Meta:
        ordering: ClassVar = ["shard", "slice", "created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["recipe", "kind", "shard", "slice"],
                condition=Q(state__in=["waiting", "running"]),
                nulls_distinct=False,
                name="registry_run_one_open_per_slice",
            ),
            models.CheckConstraint(
                condition=Q(kind="release", shard__isnull=True, slice__isnull=True)
                | Q(kind="adapter", shard__isnull=False, slice__isnull=False),
                name="registry_run_names_what_it_makes",
            ),
            models.CheckConstraint(
                condition=Q(state="running", worker__isnull=False, leased_until__isnull=False)
                | (~Q(state="running") & Q(worker__isnull=True, leased_until__isnull=True)),
                name="registry_run_is_leased_iff_running",
            ),
            models.CheckConstraint(
                condition=Q(done__lte=F("total")), name="registry_run_progress_within_total"
            ),
        ]

    def __str__(self) -> str:
        if self.kind == self.Kind.RELEASE:
            return "the release"
        return f"shard {self.shard}, slice {self.slice}"
