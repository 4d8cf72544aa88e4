"""Saying how far a run is: bars on a terminal, lines anywhere else. All on stderr."""

import sys
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


class Display(Protocol):
    """What a run tells of itself; jobs are counted from 1."""

    def skipped(self, job: str, place: int, jobs: int) -> None:
        """The job had a result."""

    def started(self, job: str, place: int, jobs: int) -> None:
        """The job begins."""

    def step(self, what: str, done: int, total: int) -> None:
        """The running job did something."""

    def finished(self, job: str, place: int, jobs: int, seconds: float) -> None:
        """The job has a result."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


def best() -> Display:
    """Bars if stderr is a terminal."""
    console = Console(stderr=True)
    return Bars(console) if console.is_terminal else Lines()


class Lines:
    """One line a job."""

    def skipped(self, job: str, place: int, jobs: int) -> None:
        print(f"[{place}/{jobs}] {job}: done before", file=sys.stderr, flush=True)

    def started(self, job: str, place: int, jobs: int) -> None:
        print(f"[{place}/{jobs}] {job} ...", file=sys.stderr, flush=True)

    def step(self, what: str, done: int, total: int) -> None:
        pass

    def finished(self, job: str, place: int, jobs: int, seconds: float) -> None:
        print(f"[{place}/{jobs}] {job}: {seconds:.1f} s", file=sys.stderr, flush=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pass


class Bars:
    """Two bars: the jobs, and the steps of the one that runs."""

    def __init__(self, console: Console) -> None:
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
        )
        self._jobs = self._bars.add_task("jobs", total=None)
        self._steps = self._bars.add_task("", total=None, visible=False)

    def skipped(self, job: str, place: int, jobs: int) -> None:
        self._bars.update(self._jobs, completed=place, total=jobs)

    def started(self, job: str, place: int, jobs: int) -> None:
        self._bars.update(self._jobs, completed=place - 1, total=jobs)
        self._bars.reset(self._steps, description=job, total=None, visible=True)

    def step(self, what: str, done: int, total: int) -> None:
        self._bars.update(self._steps, description=what, completed=done, total=total)

    def finished(self, job: str, place: int, jobs: int, seconds: float) -> None:
        self._bars.console.print(f"{job}: {seconds:.1f} s", highlight=False)
        self._bars.update(self._jobs, completed=place)
        self._bars.update(self._steps, visible=False)

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bars.stop()
