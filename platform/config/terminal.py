"""How commands talk: progress on a terminal, one JSON document with --json, one line on failure."""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import CommandError
from django.db import OperationalError
from django.utils import timezone
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from config import embedded
from config.keys import BadKey
from config.provision import CannotFetch
from corpus.reading import BadFile
from corpus.rotation import StillInUse
from corpus.services import WrongKeys
from corpus.vault import NobodyFound
from corpus.wrapping import BadKeyEncryption, WrappingKeyMissing
from erasure.models import CannotMove
from erasure.services import BadRequest, NotAllowed
from erasure.services.filing import MayNotFile
from erasure.tombstones import LedgerUnreadable, LedgerUnwritable
from evidence.keys import BadAttestorKey
from ledger import heads, sequencer
from ledger.heads import CannotSign
from ledger.sequencer import LogBroken
from ledger.signing import BadLogKey
from mlcore.recipe import BadRecipe
from registry.bases import BaseMissing
from registry.driver import TrainingFailed
from registry.models import TrainingRun
from registry.services.live import NothingLive
from registry.services.recipes import NoRecipe

# What a person can cause and answer. Everything else is ours, and comes with a traceback.
EXPECTED = (
    BadAttestorKey,
    BaseMissing,
    TrainingFailed,
    BadFile,
    BadKey,
    BadKeyEncryption,
    BadLogKey,
    BadRecipe,
    BadRequest,
    CannotFetch,
    CannotMove,
    CannotSign,
    LedgerUnreadable,
    LedgerUnwritable,
    LogBroken,
    MayNotFile,
    NoRecipe,
    NobodyFound,
    NotAllowed,
    NothingLive,
    StillInUse,
    WrappingKeyMissing,
    WrongKeys,
    embedded.NoDatabase,
)


class Answer:
    """What a command has to say, in the one form that was asked for."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self.is_given = False
        self.out = Console(highlight=False)
        self.err = Console(stderr=True, highlight=False)

    def say(self, text: str) -> None:
        """One line for a person; nothing with --json."""
        if not self.as_json:
            self.out.print(text, soft_wrap=True)

    def show(self, thing: Any) -> None:
        """A table for a person; nothing with --json."""
        if not self.as_json:
            self.out.print(thing)

    def fail(self, error: str) -> None:
        """The one JSON document of a command that has not given its own."""
        if not self.is_given:
            self.give({"error": error})

    def give(self, document: Any) -> None:
        """The one JSON document; nothing without --json."""
        self.is_given = True
        if self.as_json:
            json.dump(document, sys.stdout, indent=2, default=str)
            sys.stdout.write("\n")

    @contextmanager
    def progress(self) -> Iterator["Bars"]:
        """Bars on standard error while it is a terminal, so that standard output stays clean."""
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        is_seen = self.err.is_terminal
        with Progress(*columns, console=self.err, transient=True, disable=not is_seen) as bars:
            yield Bars(bars, tell=None if is_seen or self.as_json else self.say)


class Bars:
    """One bar a piece of work, made when it is first heard of."""

    def __init__(self, bars: Progress, *, tell: Callable[[str], None] | None) -> None:
        self._bars = bars
        # Where nobody sees a bar, the beginning of each piece of work is a line.
        self._tell = tell
        self._tasks: dict[str, Any] = {}

    def move(self, what: str, done: int, total: int | None) -> None:
        """Move a bar."""
        if what not in self._tasks:
            self._tasks[what] = self._bars.add_task(what)
            if self._tell:
                self._tell(f"           {what}")
        self._bars.update(self._tasks[what], completed=done, total=total)

    def runs(self, running: list[TrainingRun]) -> None:
        """Move the bars of these runs."""
        for run in running:
            self.move(f"{run}: {run.phase}", run.done, run.total or None)

    def step(self, what: str) -> Callable[[str, int, int], None]:
        """A progress callback of the engine, under a heading."""
        return lambda phase, done, total: self.move(f"{what}: {phase}", done, total)


def add_json(parser: ArgumentParser) -> None:
    """Every command takes --json."""
    parser.add_argument(
        "--json", action="store_true", help="print one JSON document on standard output"
    )


@contextmanager
def answering(options: dict[str, Any], *also: type[Exception]) -> Iterator[Answer]:
    """Bring the servers up, run a command's body, and turn what people cause into one line.

    `also` names what this command alone expects: errors of modules that load torch.
    """
    answer = Answer(as_json=options["json"])
    expected: tuple[type[Exception], ...] = (*EXPECTED, *also)
    try:
        embedded.ready()
        try:
            yield answer
        except Exception:
            with suppress(LogBroken, CannotSign, BadLogKey):  # people must read why it failed
                sequence()
            raise
        sequence()
    except CommandError as error:
        answer.fail(str(error))
        raise
    except expected as error:
        field = f"{error.field}: " if isinstance(error, BadRequest) else ""
        answer.fail(f"{field}{error}")
        raise CommandError(f"{field}{error}") from None
    except Exception as error:
        answer.fail(type(error).__name__)
        raise


def sequence() -> None:
    """Give the events of this command their places in the log, and sign its head."""
    with suppress(OperationalError):  # no database: then there are no events either
        if sequencer.may_drain():
            sequencer.drain_all()
            heads.sign(at=timezone.now())


def user(name: str) -> User:
    """The account that a command acts for."""
    found = User.objects.filter(username=name, is_active=True).first()
    if found is None:
        raise CommandError("--as: there is no such user; make one with create_user")
    return found
