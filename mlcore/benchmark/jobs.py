"""Independent jobs in a fixed order, each with one result file: a second start skips what is there.

A job's file is named by the digest of its key, which holds all that decides the result. Nothing
is ever read that another configuration, base or environment made.
"""

import fcntl
import fnmatch
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlcore import manifest
from mlcore.benchmark import files
from mlcore.benchmark.display import Display
from mlcore.benchmark.setting import Progress
from mlcore.benchmark.tables import BadConfig


@dataclass(frozen=True)
class Job:
    """One piece of work: what it is called, all that decides its result, and how it is done.

    ``needs`` are the jobs whose files ``run`` reads; they come earlier in the order.
    """

    name: str
    key: Mapping[str, Any]
    run: Callable[[Progress], dict[str, Any]]
    needs: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 of the key, 64 hexadecimal digits."""
        return manifest.digest(_texts({"job": self.name, **self.key}))


def file(job: Job, work: Path) -> Path:
    """Where a job's result is kept."""
    return work / "results" / f"{job.name.replace('/', '_')}-{job.digest[:16]}.json"


def chosen(jobs: Sequence[Job], pattern: str | None) -> list[Job]:
    """The jobs whose names match, and all that they need, in order.

    Raises:
        BadConfig: if none does.
    """
    if pattern is None:
        return list(jobs)
    wanted = {job.name for job in jobs if fnmatch.fnmatchcase(job.name, pattern)}
    if not wanted:
        raise BadConfig(f"no job is called {pattern}; --list shows their names.")
    for job in reversed(jobs):
        if job.name in wanted:
            wanted |= {*job.needs}
    return [job for job in jobs if job.name in wanted]


def run(jobs: Sequence[Job], work: Path, display: Display) -> None:
    """Do the jobs that have no result yet. An interrupted one leaves none."""
    for place, job in enumerate(jobs, start=1):
        path = file(job, work)
        if path.exists():
            display.skipped(job.name, place, len(jobs))
            continue
        display.started(job.name, place, len(jobs))
        start = time.perf_counter()
        result = job.run(display.step)
        seconds = time.perf_counter() - start
        files.write_json(
            path, {"job": job.name, "key": job.key, "seconds": seconds, "result": result}
        )
        display.finished(job.name, place, len(jobs), seconds)


def results(jobs: Sequence[Job], work: Path) -> dict[str, Any]:
    """What is there: job to the file's content, in order."""
    return {job.name: files.read_json(path) for job in jobs if (path := file(job, work)).exists()}


@contextmanager
def alone(work: Path) -> Iterator[None]:
    """Hold the folder, so that two runs do not do the same jobs at once.

    Raises:
        BadConfig: if another run does. The lock goes with its process.
    """
    work.mkdir(parents=True, exist_ok=True)
    with (work / "lock").open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BadConfig(f"another run is using the folder {work}.") from error
        yield


def _texts(value: Any) -> Any:
    """Numbers as strings, since canonical JSON may round them."""
    if isinstance(value, Mapping):
        return {key: _texts(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_texts(one) for one in value]
    return repr(value) if isinstance(value, int | float) else value
