"""Doorbells for GPU workers: an id in, nothing out. Each may ring twice, or never."""

from typing import Any
from uuid import UUID

from celery import shared_task
from django.utils import timezone

from registry.doorbell import ring
from registry.models import Recipe, Release
from registry.services import runs, scorers


@shared_task
def work(*, run_id: str, **_: Any) -> None:
    """Do a run, then ring for those that can start now. A run that another has is left alone."""
    from registry import work as worker  # torch: only a GPU worker loads it, and only when it works

    run = worker.work_once(run_id=UUID(run_id))
    if run is not None:
        go_on(recipe=run.recipe)


@shared_task
def sweep(**_: Any) -> None:
    """Take back what silent workers held, plan what an erasure left to do, and ring for it all."""
    runs.reap(actor="sweeper", at=timezone.now())
    scorers.retire_silent(actor="sweeper", at=timezone.now())
    serving = Release.objects.select_related("recipe").filter(is_live=True).first()
    recipe = Recipe.objects.filter(is_current=True).first()
    if recipe and serving and serving.kind == Release.Kind.FALLBACK:
        runs.plan(recipe=recipe, actor="sweeper", at=timezone.now())
    call()


def go_on(*, recipe: Recipe) -> None:
    """Plan what is left of a recipe's work, if any was asked for, and ring for it."""
    if recipe.is_current:
        runs.plan(recipe=recipe, actor="worker", at=timezone.now())
    call()


def call() -> None:
    """Ring for every run that can start."""
    for pk in runs.ready().values_list("pk", flat=True):
        ring(work, run_id=str(pk))
