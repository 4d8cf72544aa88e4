"""Bringing the live release up to date, and waiting for it.

Rings for a worker; if none comes, does the work here. Either way the runs are leased rows, so it
does not matter who does them.
"""

import time
from collections.abc import Callable

from django.utils import timezone

from registry import tasks
from registry.models import Recipe, Release, TrainingRun
from registry.services import live, runs

# How long a ring may take to be heard before this process does the work itself.
PATIENCE_SECONDS = 3.0
LOOK_SECONDS = 0.2

OnRuns = Callable[[list[TrainingRun]], None]


class TrainingFailed(RuntimeError):
    """A run failed for good; what was live before still is."""


def bring_up_to_date(
    *,
    recipe: Recipe,
    actor: str,
    on_runs: OnRuns = lambda _: None,
    patience: float = PATIENCE_SECONDS,
) -> Release:
    """Train what is stale, build the release, and return it once it is live.

    Args:
        on_runs: told the rows of all that runs, at every look.
        patience: seconds until this process does what no worker has taken.

    Raises:
        TrainingFailed: naming the run and why it failed.
    """
    started = timezone.now()
    runs.plan(recipe=recipe, actor=actor, at=started, retry=True)
    tasks.call()
    quiet_since = time.monotonic()
    while not live.is_current(recipe):
        runs.reap(actor=actor, at=timezone.now())
        runs.plan(recipe=recipe, actor=actor, at=timezone.now())
        if failed := recipe.runs.filter(
            state=TrainingRun.State.FAILED, ended_at__gte=started
        ).first():
            raise TrainingFailed(f"{runs.why(failed)}; what was live before still is")
        running = list(recipe.runs.filter(state=TrainingRun.State.RUNNING))
        on_runs(running)
        if running:
            quiet_since = time.monotonic()
        elif time.monotonic() - quiet_since >= patience:
            patience = 0.0  # nobody heard the ring: from here on this process is the worker
            if _work_here(on_runs):
                continue
        time.sleep(LOOK_SECONDS)
    return live.release()


def _work_here(on_runs: OnRuns) -> bool:
    from registry import work  # torch: only loaded where work is done

    def show(run: TrainingRun, phase: str, done: int, total: int) -> None:
        run.phase, run.done, run.total = phase, done, total
        on_runs([run])

    return work.work_once(on_progress=show) is not None
