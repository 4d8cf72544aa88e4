"""The validation panel: how well each adapter does on held-out samples."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from corpus.models import Subject
from registry.models.adapters import AdapterVersion
from registry.models.recipes import Recipe


class PanelRow(models.Model):
    """One person's held-out sample in the validation panel that weighs the adapters."""

    PERSONAL: ClassVar = {"id", "recipe", "subject", "key", "label", "embedding"}
    RETAINED: ClassVar[set[str]] = set()

    recipe = models.ForeignKey(Recipe, models.PROTECT, related_name="panel")
    subject = models.ForeignKey(Subject, models.CASCADE, related_name="panel_rows")
    key = models.CharField(max_length=64)
    label = models.BooleanField()
    embedding = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["recipe", "subject"], name="registry_panel_row_once_per_subject"
            ),
        ]

    def __str__(self) -> str:
        return "A panel row"


class PanelError(models.Model):
    """How far one adapter is off on one panel row: 1 minus the probability of the label."""

    PERSONAL: ClassVar = {"id", "row", "adapter", "error"}
    RETAINED: ClassVar[set[str]] = set()

    row = models.ForeignKey(PanelRow, models.CASCADE, related_name="errors")
    adapter = models.ForeignKey(AdapterVersion, models.PROTECT, related_name="panel_errors")
    error = models.FloatField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["row", "adapter"], name="registry_panel_error_once"),
            models.CheckConstraint(
                condition=Q(error__gte=0, error__lte=1),
                name="registry_panel_error_is_a_probability",
            ),
        ]

    def __str__(self) -> str:
        return "A panel error"
