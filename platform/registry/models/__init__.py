"""Models of the registry, one file a noun."""

from registry.models.adapters import AdapterVersion, CacheSet, TrunkState
from registry.models.artefacts import Artefact
from registry.models.panel import PanelError, PanelRow
from registry.models.recipes import (
    AnchorFile,
    FormerMembership,
    Recipe,
    ShardMembership,
    Slice,
)
from registry.models.releases import Release, ReleaseAdapter, Scorer
from registry.models.runs import TrainingRun

__all__ = [
    "AdapterVersion",
    "AnchorFile",
    "Artefact",
    "CacheSet",
    "FormerMembership",
    "PanelError",
    "PanelRow",
    "Recipe",
    "Release",
    "ReleaseAdapter",
    "Scorer",
    "ShardMembership",
    "Slice",
    "TrainingRun",
    "TrunkState",
]
