"""The measures of the log: writing, what an event costs, proofs by size, verifying all of it."""

from collections.abc import Callable
from random import Random
from statistics import median
from typing import Any, Final

from django.db import connection, transaction

from config.benchmark import writers, writing
from config.benchmark.figures import Clock, quantile, spread
from config.benchmark.sizes import Sizes
from ledger import heads, log, proofs, tiles, verify
from ledger.log import NewEvent
from ledger.models import Entry
from verifier import merkle

Tell = Callable[[str], None]
BATCH: Final = 50
# To grow the log, which is not what is measured: events a commit, and held in memory.
GROWING: Final = 1000
AT_ONCE: Final = 100_000


class DoesNotHold(AssertionError):
    """What was measured was also checked, and is wrong."""


def throughput(sizes: Sizes, tell: Tell) -> dict[str, Any]:
    """Events a second by each way, 50 a commit, and its time over each plain way's.

    A repeat takes all ways one after the other, and ratios are within a repeat.
    """
    with connection.cursor() as cursor:
        cursor.execute(writing.PLAIN)
    ways = (*writing.LOGGED, *writing.UNLOGGED)
    took: dict[str, list[float]] = {way: [] for way in ways}
    for repeat in range(sizes.repeats):
        tell(f"writing, {repeat + 1} of {sizes.repeats}")
        for way in ways:
            took[way].append(writers.seconds(way, events=sizes.events, batch=BATCH))
    return {
        "per_second": {way: spread([sizes.events / each for each in took[way]]) for way in ways},
        "times_the_plain": {
            way: {
                plain: spread([a / b for a, b in zip(took[way], took[plain], strict=True)])
                for plain in writing.UNLOGGED
            }
            for way in writing.LOGGED
        },
    }


def cost(sizes: Sizes, tell: Tell) -> dict[str, Any]:
    """Milliseconds that one event adds to a transaction that writes a row of its own.

    Transactions with and without take turns; a repeat's figure is the difference of the medians.
    """
    tell("the cost of an event")
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE business (id bigint PRIMARY KEY, note text)")
    added, alone = [], []
    for _ in range(sizes.repeats):
        took: dict[bool, list[float]] = {False: [], True: []}
        for number in range(2 * sizes.transactions):
            has_event = bool(number % 2)
            # What happened is known to whoever logs it: making one up is not part of the cost.
            event = writing.event(number) if has_event else None
            with Clock() as clock:
                _business(event)
            took[has_event].append(1000 * clock.seconds)
        alone.append(median(took[False]))
        added.append(median(took[True]) - alone[-1])
    return {"milliseconds": spread(added), "milliseconds_without": spread(alone)}


def by_size(sizes: Sizes, tell: Tell) -> dict[str, Any]:
    """Inclusion proofs of random entries as the log grows, then a verification of the whole."""
    rows, reached = [], 0
    for size in sizes.logs:
        tell(f"a log of {size:,} events")
        while reached < size:
            more = min(size - reached, AT_ONCE)
            writers.seconds("append_all", events=more, batch=GROWING, limit=10 * GROWING)
            reached += more
        rows.append({"events": size, **_inclusion(size, sizes.proofs)})
    heads.sign(at=writing.AT)
    tell(f"verifying {reached:,} events")
    with Clock() as clock:
        report = verify.verify()
    if not report.ok or report.entries != reached:
        raise DoesNotHold(f"the log does not verify: {report.first_difference}")
    return {"proofs": rows, "verified": reached, "verify_seconds": clock.seconds}


@transaction.atomic
def _business(event: NewEvent | None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO business SELECT coalesce(max(id), 0) + 1, 'x' FROM business")
    if event is not None:
        log.append(event.kind, actor=event.actor, on=event.on, at=event.at, facts=event.facts)


def _inclusion(size: int, count: int) -> dict[str, Any]:
    """Each proof is verified too, outside of the time."""
    chosen, root = Random(size), tiles.root_at(size)
    took, octets = [], []
    # As in a process that just began.
    tiles.remembered.clear()
    for index in [chosen.randrange(size) for _ in range(count + 1)]:
        with Clock() as clock:
            proof = proofs.inclusion(index, size)
        leaf = bytes(Entry.objects.values_list("leaf_hash", flat=True).get(index=index))
        merkle.verify_inclusion(leaf=leaf, index=index, size=size, proof=proof, root=root)
        took.append(1000 * clock.seconds)
        octets.append(sum(map(len, proof)))
    first, *rest = took
    return {
        "first_milliseconds": first,
        "milliseconds": median(rest),
        "milliseconds_95": quantile(rest, 0.95),
        "octets": median(octets),
        "octets_most": max(octets),
    }
