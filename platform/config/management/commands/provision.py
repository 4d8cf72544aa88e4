"""`provision`: fetch and convert the base model and the demo's data, once."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from config import provision, terminal
from registry import bases


class Command(BaseCommand):
    """Put SmolLM2-135M-Instruct, the tiny base and MovieLens-100K among the assets."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Nothing but --json."""
        terminal.add_json(parser)

    def handle(self, **options: Any) -> None:
        """Fetch what is missing."""
        with terminal.answering(options) as answer:
            answer.say("Base model: SmolLM2-135M-Instruct")
            smollm2 = provision.smollm2()
            answer.say("Data: MovieLens-100K")
            movielens = provision.movielens()
            tiny = bases.folder_of("tiny")
            answer.give({"smollm2": str(smollm2), "movielens": str(movielens), "tiny": str(tiny)})
