"""The jobs of a run, in the order in which they are done."""

import json
import time
from functools import cache
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any

import mlcore
from mlcore import audit, determinism, manifest
from mlcore.audit import config as audits
from mlcore.audit.config import Config as AuditConfig
from mlcore.benchmark import data, measures, scores, trainings
from mlcore.benchmark.jobs import Job
from mlcore.benchmark.ours import OURS
from mlcore.benchmark.setting import Progress, Setting
from mlcore.benchmark.world import World
from mlcore.recipe import Recipe


def jobs(world: World) -> list[Job]:
    """Rows first, then what is measured on them, then quality by seed."""
    planned: dict[str, Job] = {}
    for held in world.data:
        _add(planned, _rows(world, held))
    for measure, table in world.config.measures.items():
        _add(planned, _measure(world, measure, table))
    config = world.config
    if config.audit is not None:
        _add(planned, _audit(world, *config.audit))
    K, S = config.quality["shards"], config.quality["slices"]
    # Seed by seed, so that a run that is stopped early has whole comparisons.
    for place, seed in enumerate(config.quality["seeds"]):
        for held in world.data:
            for system in config.systems:
                is_on = place < config.quality["ablation_seeds"] or system in config.main
                is_apt = not _is_semantic(system) or config.data[held]["anchors"]
                if is_on and is_apt:
                    _quality(planned, world, held, seed, system, K, S)
    for seed in config.grid["seeds"]:
        for shards in config.grid["shards"]:
            for slices in config.grid["slices"]:
                _quality(planned, world, "movielens", seed, "ours", shards, slices)
    return list(planned.values())


def _add(planned: dict[str, Job], job: Job) -> Job:
    """The job, or the same one from before."""
    return planned.setdefault(job.name, job)


def _is_semantic(system: str) -> bool:
    return system in OURS and OURS[system].partition == "semantic"


def _quality(
    planned: dict[str, Job],
    world: World,
    held: str,
    seed: int,
    system: str,
    shards: int,
    slices: int,
) -> None:
    training = scores.training_of(system, shards, slices)
    fitted = None
    if _is_semantic(system):
        fitted = _add(planned, trainings.anchors_job(world, held, training.shards))
    made = _add(planned, trainings.job(world, held, seed, training, fitted))
    _add(planned, scores.job(world, held, seed, system, made, training))


def _rows(world: World, held: str) -> Job:
    """Compute the states of every prompt. The prompts are the same under every seed."""
    seed = world.config.quality["seeds"][0]
    recipe = world.recipe(held, seed, shards=1, slices=1)

    def run(progress: Progress) -> dict[str, Any]:
        dealt = world.dealt(held, seed)
        told = [*dealt.train, *dealt.panel, *dealt.test]
        start = time.perf_counter()
        tokens = 0
        for done, one in enumerate(told, start=1):
            tokens += len(world.row(one).state)
            progress("states", done, len(told))
        return {
            "subjects": len(world.data[held].train),
            "training_rows": len(dealt.train),
            "panel_rows": len(dealt.panel),
            "test_rows": len(dealt.test),
            "liked": sum(one.sample.label for one in dealt.test) / max(1, len(dealt.test)),
            "tokens": tokens / max(1, len(told)),
            "seconds": time.perf_counter() - start,
        }

    key = {**world.identity(held, recipe), "seed": seed}
    return Job(f"rows/{held}", key, run)


def _audit(world: World, config: AuditConfig, recipe: Recipe) -> Job:
    """The membership audit, on the audit's own base and recipe and people of all MovieLens."""
    base = world.opened(recipe)
    everyone = data.movielens(world.folders["movielens"], {"subjects": 0, "test_rows": 0})

    def run(progress: Progress) -> dict[str, Any]:
        people = {who: everyone.interactions(who, seed=config.seed) for who in everyone.train}
        key = data.key("partition", config.seed)
        return audit.run(config, base, recipe, people, key=key, progress=progress)

    key = {
        "audit": audits.as_json(config),
        "recipe": recipe.canonical(),
        "base": base.digest,
        "environment": determinism.environment(),
        "sources": _sources(),
    }
    return Job("audit", key, run)


@cache
def _sources() -> str:
    """The digest of our own code: a measure that was written anew has not been measured yet.

    Trainings go without: what decides their bits is versioned, and they are what takes long.
    """
    home = Path(mlcore.__file__).parent
    return manifest.digest(
        {
            file.relative_to(home).as_posix(): sha256(file.read_bytes()).hexdigest()
            for file in sorted(home.rglob("*.py"))
        }
    )


def _measure(world: World, measure: str, table: Any) -> Job:
    """A measure on MovieLens, under the first seed."""
    seed = world.config.quality["seeds"][0]
    recipe = world.recipe("movielens", seed, shards=table["shards"], slices=table["slices"])
    own = {key: value for key, value in table.items() if key not in ("shards", "slices")}

    def run(progress: Progress) -> dict[str, Any]:
        held = world.data["movielens"]
        setting = Setting(
            base=world.base,
            recipe=recipe,
            people={who: held.interactions(who, seed=seed) for who in held.train},
            catalogue=held.catalogue,
            key=data.key("partition", seed),
            store=world.store,
            table=own,
            seed=seed,
            work=world.work,
            assets=world.assets,
        )
        module = import_module(f"{measures.__name__}.{measure}")
        result: dict[str, Any] = module.measure(setting, progress)
        # What cannot be written must not be found out at the end of the run.
        json.dumps(result, allow_nan=False)
        return result

    key = {**world.identity("movielens", recipe), "table": own, "sources": _sources()}
    return Job(f"measure/{measure}", key, run, ("rows/movielens",))
