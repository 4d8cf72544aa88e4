"""What the commands that take a file in have in common."""

from abc import ABC, abstractmethod
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from django.core.management.base import BaseCommand
from django.utils import timezone

from config import terminal
from registry.services.intake import Taken


class TakeIn(BaseCommand, ABC):
    """A command that takes in one CSV or Parquet file, all of it or nothing."""

    take: ClassVar[Callable[..., Taken]]

    def add_arguments(self, parser: ArgumentParser) -> None:
        """A path."""
        parser.add_argument("path", type=Path)
        terminal.add_json(parser)

    def handle(self, **options: Any) -> None:
        """Take the file in, and say what came of it."""
        with terminal.answering(options) as answer:
            with answer.progress() as bars:
                taken = type(self).take(
                    path=options["path"],
                    actor="cli",
                    at=timezone.now(),
                    on_rows=lambda rows: bars.move("rows", rows, None),
                )
            answer.say(self.told(taken))
            answer.give(self.given(taken))

    @abstractmethod
    def told(self, taken: Taken) -> str:
        """One line for a person."""

    @abstractmethod
    def given(self, taken: Taken) -> dict[str, Any]:
        """The JSON document."""


def people(count: int) -> str:
    """So many people, in words."""
    return f"{count:,} {'person' if count == 1 else 'people'}"
