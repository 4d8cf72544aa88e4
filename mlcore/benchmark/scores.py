"""Scoring jobs: one system's scores on the test rows, under one seed."""

import dataclasses
import time
from typing import Any

import torch

from mlcore import evaluation
from mlcore.aggregation import Index
from mlcore.baselines import scoring
from mlcore.baselines.systems import SYSTEMS
from mlcore.benchmark import trainings
from mlcore.benchmark.jobs import Job
from mlcore.benchmark.ours import OURS
from mlcore.benchmark.setting import Progress
from mlcore.benchmark.trainings import Training
from mlcore.benchmark.world import World
from mlcore.lora import common_a
from mlcore.recipe import Recipe
from mlcore.scoring import Scorer


def training_of(system: str, shards: int, slices: int) -> Training:
    """The adapters that a system mixes."""
    if system in OURS:
        one = OURS[system]
        if not one.is_split:
            return Training("ours", one.partition, 1, 1)
        return Training("ours", one.partition, shards, slices if one.is_sliced else 1)
    partition = SYSTEMS[system].partition
    return Training("rival", partition, 1 if partition == "all" else shards, 1)


def name(held: str, seed: int, system: str, shards: int, slices: int) -> str:
    """What the job is called; K and S are those that the system really has."""
    training = training_of(system, shards, slices)
    return f"score/{held}/{seed}/{system}/K{training.shards}/S{training.slices}"


def job(world: World, held: str, seed: int, system: str, made: Job, training: Training) -> Job:
    """Score the test rows with the adapters of a training job."""
    recipe = world.recipe(held, seed, shards=training.shards, slices=training.slices)
    if system in OURS and OURS[system].aggregation == "mean":
        recipe = dataclasses.replace(recipe, mix_scale=1.0)
    rival = {"temperature": world.config.quality["temperature_paper"]} if system in SYSTEMS else {}
    key = {
        **world.identity(held, recipe),
        "system": system,
        "training": made.digest,
        "rival": rival,
        "test_rows": world.config.data[held]["test_rows"],
    }

    def run(progress: Progress) -> dict[str, Any]:
        progress("scoring", 0, 1)
        rows = [world.row(one) for one in world.dealt(held, seed).test]
        start = time.perf_counter()
        if system in OURS:
            scores = _ours(world, held, seed, system, recipe, made)
        else:
            scores = _rival(world, held, seed, system, recipe, made)
        labels = [row.sample.label for row in rows]
        return {
            "system": system,
            "seed": seed,
            "shards": training.shards,
            "slices": training.slices,
            "auc": evaluation.auc(scores, labels),
            "scores": scores,
            "labels": labels,
            "seconds": time.perf_counter() - start,
        }

    place = f"K{training.shards}/S{training.slices}"
    return Job(f"score/{held}/{seed}/{system}/{place}", key, run, (f"rows/{held}", made.name))


def _ours(
    world: World, held: str, seed: int, system: str, recipe: Recipe, made: Job
) -> list[float]:
    trained = trainings.trained(world, made)
    assert trained.index is not None
    index = trained.index
    if OURS[system].aggregation == "uniform":
        # With nobody on the panel, every adapter weighs the same.
        index = Index(index.shards, index.embeddings[:0], torch.empty(0, len(index.shards)))
    scorer = Scorer(
        world.base,
        recipe,
        a=common_a(world.base, recipe),
        adapters={shard: b for shard, (_, b) in trained.adapters.items()},
        index=index,
    )
    return scorer.score([world.row(one).state for one in world.dealt(held, seed).test])


def _rival(
    world: World, held: str, seed: int, system: str, recipe: Recipe, made: Job
) -> list[float]:
    trained = trainings.trained(world, made)
    dealt = world.dealt(held, seed)
    ensemble = scoring.Ensemble(
        world.base,
        recipe,
        adapters=trained.adapters,
        panel=[world.row(one) for one in dealt.panel],
        neighbours=recipe.neighbours,
        temperature=world.config.quality["temperature_paper"],
        centres=scoring.centres([world.row(one) for one in dealt.train], trained.assignment),
    )
    return ensemble.score([world.row(one) for one in dealt.test], SYSTEMS[system].aggregation)
