"""What the demo leaves behind: var/demo/summary.json, and a table that a person can read."""

import json
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
    more = ("recipe", "request", "erased_shard", "erased_slice", "request_completed")
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


def table(figures: dict[str, Any]) -> Table:
    """The same, for a person."""
    rows = Table(title="Expunge: one person, erased and proven", show_header=False)
    rows.add_column(justify="left")
    rows.add_column(justify="left")
    rows.add_row("People and interactions", f"{figures['subjects']}, {figures['interactions']:,}")
    rows.add_row(
        "Quality (AUC) before, after", f"{_auc(figures, 'before')}, {_auc(figures, 'after')}"
    )
    place = f"shard {figures['erased_shard']}, slice {figures['erased_slice']}"
    rows.add_row("Erased", f"{figures['erased_commitments']} interactions of one person, {place}")
    rows.add_row("Time to clean", f"{figures['time_to_clean_s']:.2f} s (approval to fallback live)")
    rows.add_row("Time to restored", f"{figures['time_to_restored_s']:.1f} s (to full quality)")
    rows.add_row(
        "Retrained shard, replayed", _verdict(figures["replay_identical"], "bit-identical")
    )
    unchanged = figures["untouched_shards_unchanged"]
    rows.add_row("Other shards' digests", _verdict(unchanged, "have not moved"))
    absent = figures["erased_found_in_live"] == 0
    rows.add_row("Erased records in live manifests", _verdict(absent, "none"))
    entries = f"{figures['events']} entries verify"
    rows.add_row("Log", _verdict(figures["log_verified"], entries))
    rows.add_row("Live digest", figures["live_digest"])
    rows.add_row(
        "Wall time, peak memory", f"{figures['wall_s']:.0f} s, {figures['peak_rss_mb']:.0f} MB"
    )
    return rows


def _auc(figures: dict[str, Any], when: str) -> str:
    value = figures[f"auc_{when}"]
    return "not defined" if value is None else f"{value:.4f}"


def _verdict(holds: bool, words: str) -> str:
    return f"✓ {words}" if holds else f"✗ NOT {words}"


def _rounded(value: Any) -> Any:
    return round(value, 4) if isinstance(value, float) else value
