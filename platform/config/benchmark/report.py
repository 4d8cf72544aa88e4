"""The files of a run: figures as JSON, tables as Markdown, one plot. No figure is typed by hand."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from config.benchmark import plots

WAYS: Final = {
    "append_all": "`log.append_all`, then the sequencer",
    "append": "`log.append`, then the sequencer",
    "insert": "plain table, one INSERT a row",
    "copy": "plain table, one COPY a commit",
}


def write(result: Mapping[str, Any], path: Path) -> None:
    """Write the JSON to ``path``, and tables and plot beside it under the same name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    plot = path.with_name(f"{path.stem}-proofs.svg")
    plot.write_bytes(plots.proofs(result["measured"]["by_size"]["proofs"]))
    path.with_suffix(".md").write_text(markdown(result, plot.name), "utf-8")
    path.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", "utf-8")


def markdown(result: Mapping[str, Any], plot: str) -> str:
    """All tables, one after the other."""
    measured, machine = result["measured"], result["machine"]
    writing, cost = measured["throughput"], measured["cost"]
    checked, absence = measured["verifier"], measured["set"]["absence"]
    return "\n".join(
        [
            "# Benchmark: the ledger\n",
            f"Written by `{result['command']}`; no figure is entered by hand. Figures are medians "
            f"of {result['sizes']['repeats']} repeats, with the least and the most beside them; "
            "those of proofs are over single proofs.\n",
            _table(("machine", ""), [*machine.items()]),
            "## Targets\n",
            target_table(result["targets"]),
            "## Writing\n",
            f"Two processes write {result['sizes']['events']:,} events of some 290 octets, 50 a "
            "commit. A time through the log ends when the sequencer has given the last one its "
            "place. The plain table has the outbox's columns and indexes, no checks, no triggers, "
            "and its rows were made before the clock began. Ratios are within a repeat.\n",
            _table(
                ("way", "events/s", "least, most", "times INSERT", "times COPY"),
                [
                    (
                        label,
                        f"{told['value']:,.0f}",
                        _between(told["spread"], 0),
                        *_ratios(writing["times_the_plain"].get(way)),
                    )
                    for way, label in WAYS.items()
                    for told in [writing["per_second"][way]]
                ],
            ),
            f"A transaction that writes one row takes {cost['milliseconds_without']['value']:.2f} "
            f"ms; one `append` in it adds {cost['milliseconds']['value']:.3f} ms "
            f"({_between(cost['milliseconds']['spread'], 3)}).\n",
            "## Inclusion proofs\n",
            f"![Time and octets of inclusion proofs by the log's size]({plot})\n",
            "The first proof of a process hashes the full tiles along the right edge of the log, "
            "and remembers their roots.\n",
            _table(
                ("events", "ms, median", "ms, 95 %", "ms, first", "octets, median", "octets, most"),
                [
                    (
                        f"{row['events']:,}",
                        f"{row['milliseconds']:.2f}",
                        f"{row['milliseconds_95']:.2f}",
                        f"{row['first_milliseconds']:.2f}",
                        f"{row['octets']:,.0f}",
                        f"{row['octets_most']:,}",
                    )
                    for row in measured["by_size"]["proofs"]
                ],
            ),
            "## Committed sets\n",
            f"In a set of {measured['set']['keys']:,} keys, a proof of absence takes "
            f"{absence['milliseconds']:.3f} ms to make (95 %: {absence['milliseconds_95']:.3f}) "
            f"and {absence['verify_milliseconds']:.3f} ms to verify, and has "
            f"{absence['octets']:,.0f} octets (at most {absence['octets_most']:,}, "
            f"of {absence['proofs']:,}).",
            f"The proofs that {checked['sets']} sets of {checked['members']:,} lack "
            f"{checked['erased']:,} keys have {checked['octets']:,} octets, and are verified in "
            f"{checked['seconds']['value']:.2f} s ({_between(checked['seconds']['spread'], 2)}).\n",
        ]
    )


def target_table(targets: Sequence[Mapping[str, Any]]) -> str:
    """Target, goal, figure, spread, met: as the engine's report shows its own."""
    return _table(
        ("target", "goal", "measured", "least, most", "met"),
        [
            (
                row["target"],
                row["goal"],
                f"{row['value']:,.4g}" if row["value"] < 1000 else f"{row['value']:,.0f}",
                _between(row["spread"], 0 if row["value"] >= 1000 else 3) if row["spread"] else "–",
                "yes" if row["met"] else "no",
            )
            for row in targets
        ],
    )


def _ratios(told: Mapping[str, Any] | None) -> tuple[str, str]:
    if told is None:
        return "–", "–"
    return f"{told['insert']['value']:.2f}×", f"{told['copy']['value']:.2f}×"


def _between(spread: Sequence[float], digits: int) -> str:
    return ", ".join(f"{each:,.{digits}f}" for each in spread)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    rule = ["---", *("---:" for _ in head[1:])]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows)) + "\n"
