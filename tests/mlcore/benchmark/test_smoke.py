"""The whole program, as CI runs it: every job of the smallest size, and its report."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mlcore.conftest import ROOT

DEADLINE = 280


@pytest.mark.slow
def test_the_smallest_size_runs_everything_and_reports_it(tmp_path):
    assets = Path(os.environ["EXPUNGE_ASSETS"])
    out = tmp_path / "out"

    done = subprocess.run(
        [sys.executable, "-m", "mlcore.benchmark", "--size", "smoke", "--assets", str(assets),
         "--work", str(tmp_path / "work"), "--out", str(out), "--json"],
        cwd=ROOT, text=True, capture_output=True, timeout=DEADLINE, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary == json.loads((out / "summary.json").read_text("utf-8"))
    assert all(row["value"] is not None for row in summary), "every target was measured"
    twin = next(row for row in summary if "twin" in row["target"])
    assert twin["value"] == 1.0
    page = (out / "README.md").read_text("utf-8")
    assert "After and twin are identical, bit for bit" in page
    assert str(tmp_path) not in page
    assert {path.name for path in out.glob("*.svg")} == {
        "erasure.svg", "grid.svg", "moved.svg", "quality-movielens.svg",
    }  # fmt: skip
