"""What a worker does with a run: claim it, do it, and say how it ended."""

import logging
import time
from collections.abc import Callable
from uuid import UUID, uuid4

from django.utils import timezone

from mlcore.base_model import PromptTooLong, UnsupportedBase
from mlcore.recipe import BadRecipe
from mlcore.training import LossNotFinite
from registry import indexing, training
from registry.bases import BaseMissing
from registry.bench import BaseChanged, bench_of
from registry.models import TrainingRun
from registry.services import adapters, releases, runs
from registry.services.runs import LeaseLost

logger = logging.getLogger(__name__)

# One process, one worker: the name changes with every start.
WORKER = uuid4()
# Often enough for a moving bar, seldom enough that the beats cost nothing.
BEAT_SECONDS = 0.5

# The engine is deterministic: these come again at every attempt.
CERTAIN = (
    BadRecipe,
    BaseChanged,
    BaseMissing,
    LossNotFinite,
    PromptTooLong,
    UnsupportedBase,
    releases.MixedEnvironments,
)

OnProgress = Callable[[TrainingRun, str, int, int], None]


def work_once(
    *, run_id: UUID | None = None, on_progress: OnProgress = lambda *_: None
) -> TrainingRun | None:
    """Claim one run that can start, and do it. None if there is nothing to claim.

    A run that fails is given back with the class of its error, and never its text.
    """
    run = runs.claim(run_id=run_id, worker=WORKER, at=timezone.now())
    if run is None:
        return None
    try:
        _do(run, on_progress)
    except LeaseLost:
        logger.info("overtaken: %s", run.pk)
        # If the run is still ours its snapshot was too old: hand it back to be planned anew.
        runs.give_back(run=run, worker=WORKER, at=timezone.now())
    except Exception as error:
        # The outermost loop: whatever went wrong, the run must not stay leased.
        logger.error("run %s failed: %s", run.pk, type(error).__name__)
        runs.give_up(
            run=run,
            worker=WORKER,
            failure=type(error).__name__[:40],
            is_final=isinstance(error, CERTAIN),
            at=timezone.now(),
        )
    run.refresh_from_db()
    return run


def _do(run: TrainingRun, on_progress: OnProgress) -> None:
    beaten = 0.0

    def progress(phase: str, done: int, total: int) -> None:
        nonlocal beaten
        if done < total and time.monotonic() - beaten < BEAT_SECONDS:
            return
        beaten = time.monotonic()
        runs.beat(run=run, worker=WORKER, phase=phase, done=done, total=total, at=timezone.now())
        on_progress(run, phase, done, total)

    bench = bench_of(run.recipe)
    if run.kind == TrainingRun.Kind.RELEASE:
        assert run.epoch is not None
        panel = indexing.build(bench, epoch=run.epoch, progress=progress)
        releases.put_live(run=run, worker=WORKER, panel=panel, at=timezone.now())
        return
    assert run.shard is not None
    assert run.slice is not None
    task = training.read(run)
    data = task.data
    committed = adapters.commit(
        run=run, worker=WORKER, records=data.records, epoch=data.epoch, at=timezone.now()
    )
    trained = training.fit(
        bench,
        task,
        shard=run.shard,
        slice_=run.slice,
        committed=committed,
        progress=progress,
    )
    adapters.promote(run=run, worker=WORKER, trained=trained, at=timezone.now())
