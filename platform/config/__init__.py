"""The top of the house: settings, addresses, commands, and the servers a newcomer needs."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
