"""Training jobs: the adapters of one partition, kept so that every aggregation reads the same."""

import dataclasses
import json
import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import safetensors.torch
import torch
from safetensors import safe_open

from mlcore import aggregation, anchors, manifest, partition, samples, trunk
from mlcore.aggregation import Index
from mlcore.baselines import partitions
from mlcore.baselines.training import train_shard
from mlcore.benchmark import data, files
from mlcore.benchmark.jobs import Job
from mlcore.benchmark.setting import Progress
from mlcore.benchmark.world import World
from mlcore.lora import Weights, common_a, top_of
from mlcore.recipe import Recipe
from mlcore.rows import Row
from mlcore.training import Step, TrainSample, train_slice


class Training(NamedTuple):
    """Which adapters are trained: by our engine or as the rivals do, by which partition."""

    engine: str  # "ours" or "rival"
    partition: str
    shards: int
    slices: int


@dataclass(frozen=True)
class Trained:
    """The adapters of a training job; ``index`` is there for ours, ``assignment`` for rivals."""

    adapters: Mapping[int, tuple[Weights, Weights]]  # shard to A and B; A is empty for ours
    index: Index | None
    assignment: tuple[int, ...]  # the shard of each training row


def name(held: str, seed: int, training: Training) -> str:
    """What the job is called."""
    place = f"K{training.shards}/S{training.slices}"
    return f"train/{held}/{seed}/{training.engine}-{training.partition}/{place}"


def anchors_job(world: World, held: str, shards: int) -> Job:
    """Fit public anchors on the catalogue of a data set."""
    catalogue = world.data[held].catalogue

    def run(progress: Progress) -> dict[str, Any]:
        progress("anchors", 0, 1)
        fitted = anchors.fit(world.base, catalogue, shards=shards, seed=world.config.recipe.seed)
        files.write(_anchors_file(world, made), anchors.to_bytes(fitted))
        return {"items": len(fitted.votes), "digest": fitted.digest}

    key = {
        "catalogue": manifest.digest(dict(catalogue)),
        "shards": shards,
        "seed": world.config.recipe.seed,
        "base": world.base.digest,
        "environment": world.environment,
    }
    made = Job(f"anchors/{held}/K{shards}", key, run)
    return made


def job(world: World, held: str, seed: int, training: Training, fitted: Job | None) -> Job:
    """Train the adapters of one partition, one file a shard.

    Args:
        fitted: the anchors' job, for our semantic partition.
    """
    recipe = world.recipe(held, seed, shards=training.shards, slices=training.slices)
    key = {**world.identity(held, recipe, scoring=False), "training": training._asdict()}
    if training.engine == "rival":
        key["learning_rate"] = world.config.quality["learning_rate_ab"]
    if fitted is not None:
        key["anchors"] = fitted.digest

    def run(progress: Progress) -> dict[str, Any]:
        folder = _folder(world, made)
        rows = [world.row(one) for one in world.dealt(held, seed).train]
        if training.engine == "ours":
            places = _places(world, held, seed, recipe, fitted)
            shards = _ours(world, recipe, rows, places, folder, progress)
            _index(world, held, seed, recipe, folder, shards, progress)
        else:
            shards = _rival(world, held, seed, training, recipe, rows, folder, progress)
        return {
            "shards": {str(shard): told for shard, told in shards.items()},
            "samples_trained": sum(told["samples_trained"] for told in shards.values()),
            "seconds": sum(told["seconds"] for told in shards.values()),
        }

    needs = (f"rows/{held}", *((fitted.name,) if fitted else ()))
    made = Job(name(held, seed, training), key, run, needs)
    return made


def trained(world: World, made: Job) -> Trained:
    """What a training job left."""
    folder = _folder(world, made)
    adapters = {}
    for file in sorted(folder.glob("*.safetensors")):
        if file.stem != "index":
            held = safetensors.torch.load(file.read_bytes())
            halves = ({}, {})  # type: tuple[Weights, Weights]
            for path, tensor in held.items():
                half, _, module = path.partition("/")
                halves[half == "b"][module] = tensor.clone()
            adapters[int(file.stem)] = halves
    index, assignment = folder / "index.safetensors", folder / "assignment.json"
    return Trained(
        adapters,
        aggregation.from_bytes(index.read_bytes()) if index.exists() else None,
        tuple(files.read_json(assignment)) if assignment.exists() else (),
    )


def _folder(world: World, made: Job) -> Path:
    return world.work / "adapters" / made.digest


def _anchors_file(world: World, fitted: Job) -> Path:
    return world.work / "anchors" / f"{fitted.digest}.json"


def _places(
    world: World, held: str, seed: int, recipe: Recipe, fitted: Job | None
) -> dict[str, tuple[int, int]]:
    """Subject to shard and slice, from what the subject trains on alone."""
    key = data.key("partition", seed)
    votes = None
    if fitted is not None:
        votes = anchors.from_bytes(_anchors_file(world, fitted).read_bytes())
        recipe = dataclasses.replace(recipe, partition="semantic", anchors=votes.digest)
    return {
        who: partition.place(who, [one.item for one in told], recipe, key=key, anchors=votes)
        for who, told in world.dealt(held, seed).ratings.items()
    }


def _ours(
    world: World,
    recipe: Recipe,
    rows: Sequence[Row],
    places: Mapping[str, tuple[int, int]],
    folder: Path,
    progress: Progress,
) -> dict[int, dict[str, Any]]:
    """The B after each shard's last slice; a shard that nobody is in has no adapter."""
    told: dict[int, dict[str, Any]] = {}
    for shard in sorted({shard for shard, _ in places.values()}):
        by_slice = [
            [row for row in rows if places[row.subject] == (shard, slice_)]
            for slice_ in range(recipe.slices)
        ]
        if not any(by_slice):
            continue

        def train(
            shard: int = shard, by_slice: list[list[Row]] = by_slice
        ) -> Generator[Step, None, tuple[Weights, Weights]]:
            b = None
            for slice_, members in enumerate(by_slice):
                own = {row.sample.order_key: row for row in members}
                b = yield from train_slice(
                    world.base,
                    recipe,
                    shard=shard,
                    slice_=slice_,
                    start=b,
                    samples=[
                        TrainSample(sample.order_key, own[sample.order_key].state, sample.label)
                        for sample in samples.in_order(row.sample for row in members)
                    ],
                )
            return {}, b or {}

        visits = recipe.epochs * sum(map(len, by_slice))
        told[shard] = _kept(folder / f"{shard}.safetensors", train(), visits, shard, progress)
    return told


def _rival(
    world: World,
    held: str,
    seed: int,
    training: Training,
    recipe: Recipe,
    rows: Sequence[Row],
    folder: Path,
    progress: Progress,
) -> dict[int, dict[str, Any]]:
    assignment = partitions.assign(
        training.partition,
        rows,
        shards=training.shards,
        seed=seed,
        ratings=world.dealt(held, seed).ratings,
    )
    files.write_json(folder / "assignment.json", assignment)
    told = {}
    for shard in sorted({*assignment}):
        members = [row for row, at in zip(rows, assignment, strict=True) if at == shard]
        steps = train_shard(
            world.base,
            recipe,
            members,
            shard=shard,
            learning_rate=world.config.quality["learning_rate_ab"],
        )
        visits = recipe.epochs * len(members)
        told[shard] = _kept(folder / f"{shard}.safetensors", steps, visits, shard, progress)
    return told


def _kept(
    file: Path,
    steps: Generator[Step, None, tuple[Weights, Weights]],
    visits: int,
    shard: int,
    progress: Progress,
) -> dict[str, Any]:
    """Train and write one adapter, or read what an interrupted run finished; then how it went."""
    if not file.exists():
        start = time.perf_counter()
        while True:
            try:
                step = next(steps)
            except StopIteration as stop:
                a, b = stop.value
                break
            progress(f"shard {shard}", step.done, step.total)
        told = {"samples_trained": visits, "seconds": time.perf_counter() - start}
        tensors = {f"a/{path}": tensor for path, tensor in a.items()}
        tensors |= {f"b/{path}": tensor for path, tensor in b.items()}
        whole = {path: tensor.contiguous() for path, tensor in tensors.items()}
        files.write(file, safetensors.torch.save(whole, metadata={"told": json.dumps(told)}))
    with safe_open(file, "pt") as opened:
        kept: dict[str, Any] = json.loads(opened.metadata()["told"])
    return kept


def _index(
    world: World,
    held: str,
    seed: int,
    recipe: Recipe,
    folder: Path,
    shards: Mapping[int, object],
    progress: Progress,
) -> None:
    """The panel's errors under every adapter, as the engine computes them."""
    top, a = top_of(world.base, recipe), common_a(world.base, recipe)
    panel = [world.row(one) for one in world.dealt(held, seed).panel]
    errors = torch.empty(len(panel), len(shards))
    for column, shard in enumerate(shards):
        progress(f"panel, shard {shard}", column, len(shards))
        held_b = safetensors.torch.load((folder / f"{shard}.safetensors").read_bytes())
        b = {
            path.removeprefix("b/"): tensor.to(world.base.device) for path, tensor in held_b.items()
        }
        for i, row in enumerate(panel):
            errors[i, column] = aggregation.panel_error(top, a, b, row.state, row.sample.label)
    embeddings = torch.stack([trunk.embed(row.state) for row in panel])  # (P, D)
    index = Index(tuple(shards), embeddings, errors)
    files.write(folder / "index.safetensors", aggregation.to_bytes(index))
