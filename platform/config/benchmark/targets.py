"""What was wanted of the ledger, what was measured, and whether the one meets the other."""

from collections.abc import Mapping
from typing import Any


def rows(measured: Mapping[str, Any], command: str) -> list[dict[str, Any]]:
    """One object a target, in the form of the engine's: with spreads for intervals."""

    def row(
        target: str, goal: str, is_met: bool, value: float, spread: object = None
    ) -> dict[str, Any]:
        return {
            "target": target,
            "goal": goal,
            "value": value,
            "spread": spread,
            "met": is_met,
            "command": command,
        }

    def most(target: str, goal: float, unit: str, told: Mapping[str, Any]) -> dict[str, Any]:
        value = told["value"]
        return row(target, f"<= {goal:g}{unit}", value <= goal, value, told.get("spread"))

    def least(target: str, goal: float, unit: str, told: Mapping[str, Any]) -> dict[str, Any]:
        value = told["value"]
        return row(target, f">= {goal:,.0f}{unit}", value >= goal, value, told.get("spread"))

    writing, proofs = measured["throughput"], measured["by_size"]["proofs"]
    last, absence, checked = proofs[-1], measured["set"]["absence"], measured["verifier"]
    keys, verified = measured["set"]["keys"], measured["by_size"]["verified"]
    return [
        least(
            "events appended by two processes, 50 a commit by append_all, and placed",
            10_000,
            "/s",
            writing["per_second"]["append_all"],
        ),
        most(
            "time of the same, over that of plain INSERTs of the same rows, 50 a commit",
            2,
            "x",
            writing["times_the_plain"]["append_all"]["insert"],
        ),
        most(
            "an event adds to a business transaction", 0.3, " ms", measured["cost"]["milliseconds"]
        ),
        most(
            f"inclusion proof at {last['events']:,} events, median",
            5,
            " ms",
            {"value": last["milliseconds"]},
        ),
        most(
            f"inclusion proof at {last['events']:,} events, the largest (O(log n))",
            32 * (last["events"] - 1).bit_length(),
            " octets",
            {"value": last["octets_most"]},
        ),
        most(
            f"non-membership proof at {keys:,} records, the largest",
            1000,
            " octets",
            {"value": absence["octets_most"]},
        ),
        most(
            f"non-membership proof at {keys:,} records, median",
            1,
            " ms",
            {"value": absence["milliseconds"]},
        ),
        most(
            f"verify_log of {verified:,} events",
            60,
            " s",
            {"value": measured["by_size"]["verify_seconds"]},
        ),
        least(
            "keys of a committed set built, one process",
            100_000,
            "/s",
            measured["set"]["per_second"],
        ),
        most(
            f"verifying the absence of {checked['erased']:,} keys from {checked['sets']} sets of "
            f"{checked['members']:,}",
            2,
            " s",
            checked["seconds"],
        ),
    ]
