"""Processes that write at the same time, and the sequencer beside them."""

import multiprocessing
from multiprocessing.context import ForkProcess
from multiprocessing.synchronize import Barrier
from time import sleep

from django.db import connections

from config.benchmark import writing
from config.benchmark.figures import Clock
from ledger import log, sequencer

WRITERS = 2
# The scheduler rings each second; the benchmark looks more often, for an end that it can time.
PAUSE = 0.02
PATIENCE = 60
FORK = multiprocessing.get_context("fork")


class WriterFailed(RuntimeError):
    """A writing process died; its traceback is on standard error."""


def seconds(way: str, *, events: int, batch: int, limit: int = 1024) -> float:
    """How long two processes take to write so many events, ``batch`` a commit.

    For a way through the log, until the sequencer, in this process, has given all of them their
    places; ``limit`` events a transaction.
    """
    # A child must not speak on its parent's connection.
    connections.close_all()
    ready = FORK.Barrier(WRITERS + 1)
    shares = [range(start, events, WRITERS) for start in range(WRITERS)]
    writers = [FORK.Process(target=_write, args=(way, share, batch, ready)) for share in shares]
    for writer in writers:
        writer.start()
    sequencer.drain_all()
    ready.wait(PATIENCE)
    with Clock() as clock:
        placed = 0
        while way in writing.LOGGED and placed < events:
            moved = sequencer.drain(limit=limit)
            placed += moved
            if moved < limit:
                _check(writers)
                sleep(PAUSE)
        for writer in writers:
            writer.join()
    _check(writers)
    return clock.seconds


def _check(writers: list[ForkProcess]) -> None:
    if any(writer.exitcode for writer in writers):
        raise WriterFailed("a writer ended before its events were written")


def _write(way: str, share: range, batch: int, ready: Barrier) -> None:
    events = [writing.event(number) for number in share]
    parts = [events[at : at + batch] for at in range(0, len(events), batch)]
    if way in writing.LOGGED:
        connections["default"].ensure_connection()
        ready.wait(PATIENCE)
        for part in parts:
            writing.LOGGED[way](part)
    else:
        rows = [[log.row_of(each) for each in part] for part in parts]
        connections["default"].ensure_connection()
        ready.wait(PATIENCE)
        for held in rows:
            writing.UNLOGGED[way](held)
    connections.close_all()
