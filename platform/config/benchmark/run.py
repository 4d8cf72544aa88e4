"""One run: every measure, in databases of its own."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from config.benchmark import committed, database, ledger, machine, targets
from config.benchmark.sizes import Sizes


def run(sizes: Sizes, *, command: str, tell: Callable[[str], None]) -> dict[str, Any]:
    """Measure everything; ``command`` is what one would type for it.

    Returns:
        ``targets`` in the engine's form, and what they are made of.
    """
    measured: dict[str, Any] = {}
    with database.own():
        described = machine.describe()
        measured["throughput"] = ledger.throughput(sizes, tell)
        measured["cost"] = ledger.cost(sizes, tell)
    # Another log, so that its sizes are those of the table.
    with database.own():
        measured["by_size"] = ledger.by_size(sizes, tell)
    measured["set"] = committed.building(sizes, tell)
    measured["verifier"] = committed.verifying(sizes, tell)
    return {
        "command": command,
        "machine": described,
        "sizes": asdict(sizes),
        "targets": targets.rows(measured, command),
        "measured": measured,
    }
