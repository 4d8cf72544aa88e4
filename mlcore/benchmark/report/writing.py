"""Writing the report's files, all of them or, if anything is wrong, none."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlcore.benchmark import files
from mlcore.benchmark.config import Config
from mlcore.benchmark.report import cost, plots, quality, summary, tables


def write(
    config: Config, results: Mapping[str, Any], out: Path, *, command: str
) -> list[dict[str, Any]]:
    """Write README.md, the plots, results.json and summary.json; returns the summary.

    Args:
        results: the jobs' files by name; a job that has none is a dash in the tables.
        command: what made them, as one would type it.
    """
    found = quality.scored(results)
    targets = summary.summary(config, results, found, command)
    pages = [
        tables.head(config, results, targets, command),
        *tables.quality_pages(config, found),
        *cost.pages(config, results),
        tables.environment(results),
    ]
    drawn = plots.draw(config, results, found)
    files.write_json(out / "results.json", _without_rows(results, targets))
    files.write_json(out / "summary.json", targets)
    for name, data in drawn.items():
        files.write(out / name, data)
    files.write(out / "README.md", "\n".join(pages).encode())
    return targets


def _without_rows(results: Mapping[str, Any], targets: list[dict[str, Any]]) -> dict[str, Any]:
    """All figures; the scores of single rows stay in the work folder."""
    jobs = {
        name: {
            "seconds": told["seconds"],
            "result": {
                key: value
                for key, value in told["result"].items()
                if not name.startswith("score/") or key not in ("scores", "labels")
            },
        }
        for name, told in results.items()
    }
    return {"targets": targets, "jobs": jobs}
