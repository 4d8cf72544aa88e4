"""What the demo leaves behind: var/demo/summary.json, and a table that a person can read."""

import json
import os
import platform
from pathlib import Path
from typing import Any

from rich.table import Table

from config.demo.journey import Journey

FIELDS = (
    "wall_s",
    "peak_rss_mb",
    "subjects",
    "interactions",
    "auc_before",
    "auc_after",
    "time_to_clean_s",
    "time_to_restored_s",
    "live_digest",
    "replay_identical",
    "untouched_shards_unchanged",
    "erased_commitments",
    "erased_found_in_live",
    "log_verified",
    "events",
)


def summary(journey: Journey) -> dict[str, Any]:
    """The figures of a run. What was not reached is null, and the claims that failed are named."""
    found = journey.found
    more = (
        "recipe", "request", "erased_shard", "erased_slice", "request_completed",
        "bundle_verified", "evidence_level",
    )  # fmt: skip
    return {
        **{name: _rounded(found.get(name)) for name in FIELDS},
        **{name: found.get(name) for name in more},
        "recipe": journey.recipe,
        "live_digest_before": found.get("live_before", {}).get("live_digest"),
        "live_digest_fallback": found.get("live_fallback", {}).get("live_digest"),
        "seconds": {name: round(value, 2) for name, value in journey.seconds.items()},
        "failed": journey.failed,
    }


def write(figures: dict[str, Any], folder: Path) -> Path:
    """Leave the figures at summary.json, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    path, draft = folder / "summary.json", folder / "summary.json.tmp"
    draft.write_text(json.dumps(figures, indent=2) + "\n")
    draft.rename(path)
    return path


def rows(figures: dict[str, Any]) -> list[tuple[str, str]]:
    """The figures in words, a pair a line."""
    place = f"shard {figures['erased_shard']}, slice {figures['erased_slice']}"
    clean, restored = figures["time_to_clean_s"], figures["time_to_restored_s"]
    return [
        ("People and interactions", f"{figures['subjects']}, {figures['interactions']:,}"),
        ("Quality (AUC) before, after", f"{_auc(figures, 'before')}, {_auc(figures, 'after')}"),
        ("Erased", f"{figures['erased_commitments']} interactions of one person, {place}"),
        ("Time to clean", f"{clean:.2f} s (approval to fallback live)"),
        ("Time to restored", f"{restored:.1f} s (approval to full quality)"),
        ("Retrained shard, replayed", _verdict(figures["replay_identical"], "bit-identical")),
        (
            "Other shards' digests",
            _verdict(figures["untouched_shards_unchanged"], "have not moved"),
        ),
        (
            "Erased records in live manifests",
            _verdict(figures["erased_found_in_live"] == 0, "none"),
        ),
        ("Log", _verdict(figures["log_verified"], f"{figures['events']} entries verify")),
        (
            "Evidence bundle",
            _verdict(figures["bundle_verified"], f"verifies, level {figures['evidence_level']}"),
        ),
        ("Live digest", figures["live_digest"]),
        ("Wall time", f"{figures['wall_s']:.0f} s"),
        ("Peak memory of one process", f"{figures['peak_rss_mb']:.0f} MB"),
    ]


def table(figures: dict[str, Any]) -> Table:
    """The figures for a person at a terminal."""
    shown = Table(title="Expunge: one person, erased and proven", show_header=False)
    shown.add_column()
    shown.add_column(overflow="fold")
    for pair in rows(figures):
        shown.add_row(*pair)
    return shown


def markdown(figures: dict[str, Any]) -> str:
    """The figures for a document, with the machine that they were measured on."""
    machine = (
        f"{os.cpu_count()} CPU cores, {platform.machine()}, Python {platform.python_version()}"
    )
    lines = [
        "# The demo, as it was last measured",
        "",
        f"Written by `manage.py demo --write` on {machine}. Another machine has other times, and, "
        "with another kind of processor or other keys, other digests.",
        "",
        "| | |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in rows(figures)),
        "",
        "Seconds by step: "
        + ", ".join(f"{name} {value:.0f}" for name, value in figures["seconds"].items())
        + ".",
    ]
    return "\n".join(lines) + "\n"


def _auc(figures: dict[str, Any], when: str) -> str:
    value = figures[f"auc_{when}"]
    return "not defined" if value is None else f"{value:.4f}"


def _verdict(holds: bool, words: str) -> str:
    return f"✓ {words}" if holds else f"✗ NOT {words}"


def _rounded(value: Any) -> Any:
    return round(value, 4) if isinstance(value, float) else value
