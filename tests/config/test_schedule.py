"""What the scheduler rings for is there to be rung for."""

from django.conf import settings

from config.celery import app


def test_every_scheduled_task_is_one_that_a_worker_knows():
    app.loader.import_default_modules()

    rung = {each["task"] for each in settings.CELERY_BEAT_SCHEDULE.values()}

    assert rung <= set(app.tasks)
