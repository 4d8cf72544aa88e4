"""A run that is cut off goes on where it was, and ends as one that was not."""

import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from mlcore.benchmark import jobs
from mlcore.benchmark.display import Lines
from mlcore.benchmark.jobs import Job
from mlcore.benchmark.tables import BadConfig
from tests.mlcore.conftest import ROOT

DEADLINE = 240


def counted(name: str, ran: list[str], *, value: int = 0, needs: tuple[str, ...] = ()) -> Job:
    """A job that notes that it ran."""

    def run(progress):
        ran.append(name)
        return {"value": value}

    return Job(name, {"value": value}, run, needs)


def test_what_is_done_is_not_done_again(tmp_path):
    ran: list[str] = []
    planned = [counted("a", ran), counted("b", ran)]

    jobs.run(planned, tmp_path, Lines())
    jobs.run(planned, tmp_path, Lines())

    assert ran == ["a", "b"]


def test_a_job_whose_key_changed_is_another_job(tmp_path):
    ran: list[str] = []
    jobs.run([counted("a", ran, value=1)], tmp_path, Lines())
    jobs.run([counted("a", ran, value=2)], tmp_path, Lines())

    made = jobs.results([counted("a", ran, value=2)], tmp_path)

    assert ran == ["a", "a"]
    assert made["a"]["result"] == {"value": 2}


def test_a_job_that_breaks_leaves_no_result(tmp_path):
    def run(progress):
        raise ArithmeticError("loss is not a number")

    broken = Job("broken", {}, run)
    with pytest.raises(ArithmeticError):
        jobs.run([broken], tmp_path, Lines())

    assert not jobs.results([broken], tmp_path)
    assert not list(tmp_path.rglob("*.json"))


def test_a_result_that_json_cannot_hold_is_not_half_written(tmp_path):
    endless = Job("endless", {}, lambda progress: {"value": float("inf")})

    with pytest.raises(ValueError, match="JSON"):
        jobs.run([endless], tmp_path, Lines())

    assert not list((tmp_path / "results").glob("*") if (tmp_path / "results").exists() else [])


def test_choosing_a_job_brings_all_that_it_needs(tmp_path):
    ran: list[str] = []
    planned = [
        counted("rows", ran),
        counted("train/1", ran, needs=("rows",)),
        counted("train/2", ran, needs=("rows",)),
        counted("score/1", ran, needs=("train/1",)),
    ]

    assert [job.name for job in jobs.chosen(planned, "score/*")] == ["rows", "train/1", "score/1"]
    with pytest.raises(BadConfig, match="no job is called audit"):
        jobs.chosen(planned, "audit")


def test_two_runs_do_not_share_a_folder(tmp_path):
    with jobs.alone(tmp_path), pytest.raises(BadConfig, match="another run"), jobs.alone(tmp_path):
        pass


# The same command, with a signal at the worst moment: a result is written, and not yet in place.
CUT_OFF = """
import os, signal, sys
from pathlib import Path
from mlcore.benchmark.__main__ import main

replace, sent, left = os.replace, signal.Signals[sys.argv[1]], [None] * int(sys.argv[2])

def put(draft, path):
    if Path(path).parent.name == "results":
        if not left:
            os.kill(os.getpid(), sent)
        left.pop()
    replace(draft, path)

os.replace = put
sys.exit(main(sys.argv[3:]))
"""


def run(toml: Path, assets: Path, work: Path, *, program: Sequence[str]) -> tuple[int, str]:
    """The command on the small configuration, to its end: the exit code, and what it complained."""
    done = subprocess.run(
        [sys.executable, *program, "--config", str(toml), "--assets", str(assets),
         "--work", str(work), "--out", str(work / "out")],
        cwd=ROOT, text=True, capture_output=True, timeout=DEADLINE, check=False,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    return done.returncode, done.stderr


COMMAND = ("-m", "mlcore.benchmark")


def cut_off(sent: signal.Signals, *, after: int) -> tuple[str, ...]:
    """The program that sends itself a signal when so many results are in place."""
    return ("-c", CUT_OFF, sent.name, str(after))


def results(work: Path) -> dict[str, Path]:
    return {path.name: path for path in (work / "results").glob("*.json")}


def figures(work: Path) -> dict[str, object]:
    """What the scoring jobs found, without how long they took."""
    told = {name: json.loads(path.read_text("utf-8")) for name, path in results(work).items()}
    return {
        name: (one["result"]["scores"], one["result"]["auc"])
        for name, one in told.items()
        if name.startswith("score_")
    }


@pytest.mark.slow
def test_a_run_that_was_killed_goes_on_and_ends_as_one_that_was_not(tmp_path, toml, assets):
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    died, _ = run(toml, assets, killed, program=cut_off(signal.SIGKILL, after=4))
    before = {name: path.stat().st_mtime_ns for name, path in results(killed).items()}

    again, said = run(toml, assets, killed, program=COMMAND)
    straight, _ = run(toml, assets, whole, program=COMMAND)

    assert (died, again, straight) == (-signal.SIGKILL, 0, 0), said
    assert len(before) == 4 < len(results(killed)), "it was killed in the middle"
    after = {name: path.stat().st_mtime_ns for name, path in results(killed).items()}
    assert {name: after[name] for name in before} == before, "nothing was done again"
    assert said.count("done before") == len(before)
    assert figures(killed) == figures(whole) != {}


@pytest.mark.slow
def test_an_interrupted_run_says_how_to_go_on(tmp_path, toml, assets):
    work = tmp_path / "work"

    code, said = run(toml, assets, work, program=cut_off(signal.SIGINT, after=1))

    assert (code, len(results(work))) == (130, 1)
    assert f"to go on: python -m mlcore.benchmark --config {toml}" in said
    assert "Traceback" not in said
