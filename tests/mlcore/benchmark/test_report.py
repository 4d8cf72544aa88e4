"""The report holds what the result files say, and says so where there is none."""

import json
import math
import random
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from mlcore.benchmark import report
from mlcore.benchmark.report import markdown

COMMAND = "python -m mlcore.benchmark --size made-up"
KEYS = {"target", "goal", "value", "ci95", "met", "command"}
ROWS = 60


def told(result: dict, seconds: float = 1.0) -> dict:
    return {"job": "", "key": {"environment": {"torch": "made up"}}, "seconds": seconds,
            "result": result}  # fmt: skip


def figure(value: float) -> dict:
    return {"value": value, "ci95": [0.9 * value, 1.1 * value]}


def scored(*systems: tuple[str, float, int, int]) -> dict:
    """Results of systems whose scores favour what was liked by so much."""
    chance = random.Random(4)
    labels = [i % 3 == 0 for i in range(ROWS)]
    made = {}
    for system, lift, K, S in systems:
        for seed in (1, 2):
            scores = [chance.gauss(lift * label, 1) for label in labels]
            made[f"score/movielens/{seed}/{system}/K{K}/S{S}"] = told(
                {"system": system, "seed": seed, "shards": K, "slices": S, "auc": None,
                 "scores": scores, "labels": labels, "seconds": 1.0}
            )  # fmt: skip
    return made


def measured(*, speed: float = 50.0, equal: int = 200) -> dict:
    whats = ("one_interaction", "one_subject", "subjects_10")
    bases = ("retrain", "retrain_all_blocks", "apa_top", "apa")
    baseline = {
        "steps": 1000, "timed_steps": 10, "whole": False,
        "seconds": {what: figure(100.0) for what in whats},
        "samples_trained": dict.fromkeys(whats, 4321),
    }  # fmt: skip
    return {
        "measure/erasure": told({
            "training_rows": 4321,
            "ours": {what: {"seconds": figure(3.5), "samples_trained": 77} for what in whats},
            "baselines": dict.fromkeys(bases, baseline),
            "ratios": {base: {what: figure(speed) for what in whats} for base in bases},
        }),
        "measure/throughput": told(
            {"single": 50.0, "ours": 47.0, "ratio": figure(0.94), "batch_size": 32, "rows": 64,
             "from_prompts": {"single": 9.0, "ours": 8.9, "ratio": figure(0.99)}}
        ),
        "measure/clean": told({"seconds": figure(0.02), "largest": 0.03, "trials": 9}),
        "measure/twin": told({"histories": 200, "equal": equal}),
        "measure/moved": told({"rows": [
            {"partition": "semantic", "deleted": 1, "trials": 5, "others": 99.0, "moved": 31.0,
             "touched": 4.0, "share_touching_all": 1.0},
            {"partition": "user", "deleted": 1, "trials": 5, "others": 99.0, "moved": 0.0,
             "touched": 0.0, "share_touching_all": 0.0},
        ]}),
        "measure/storage": told({"rows": [
            {"shards": 4, "slices": 2, "adapters": 2048, "checkpoints": 3 * 2**20, "index": 10,
             "states": 2**31, "independent_a": 4096},
        ]}),
        "measure/slices": told({"late_share": 0.2, "requests_from_late": 0.8, "rows": [
            {"order": "any", "expected": 30.0, "measured": figure(31.0)},
            {"order": "likely leavers late", "expected": 12.0, "measured": figure(12.5)},
        ]}),
    }  # fmt: skip


SYSTEMS = (("retrain", 1.0, 1, 1), ("retrain_frozen_a", 0.9, 1, 1), ("ours", 1.6, 4, 2),
           ("sisa", 0.0, 4, 1), ("apa_d", 0.0, 4, 1), ("apa_nd", 0.0, 4, 1))  # fmt: skip


def written(config, results, folder: Path) -> tuple[str, list, dict]:
    report.write(config, results, folder, command=COMMAND)
    page = (folder / "README.md").read_text("utf-8")
    summary = json.loads((folder / "summary.json").read_text("utf-8"))
    return page, summary, json.loads((folder / "results.json").read_text("utf-8"))


def test_every_measured_figure_reaches_the_page(config, tmp_path):
    page, summary, held = written(config, {**scored(*SYSTEMS), **measured()}, tmp_path)

    for shown in ("4,321", "50×", "[45×, 55×]", "47.0", "0.94×", "0.99×", "2.0 KiB",
                  "0.020 [0.018, 0.022]", "3.0 MiB", "2.00 GiB", "31.0", "200 of 200", "12.5",
                  "10 of 1,000 steps timed", "torch", "0.7428"):  # fmt: skip
        assert shown in page, shown
    assert "None" not in page
    assert "nan" not in page
    assert {*held["jobs"]} == {*scored(*SYSTEMS), *measured()}
    assert "scores" not in json.dumps(held)
    assert all({*row} == KEYS and row["command"] == COMMAND for row in summary)
    assert [row for row in summary if not row["met"]] == []


@pytest.mark.parametrize(
    ("results", "target", "value"),
    [
        (measured(speed=24.9), "retrain, same recipe", 24.9),
        (measured(equal=199), "twin", 0.995),
        (scored(("retrain", 2.0, 1, 1), ("ours", 0.1, 4, 2)), "AUC minus retrain", None),
    ],
)
def test_a_target_that_is_missed_says_so(config, tmp_path, results, target, value):
    page, summary, _ = written(config, results, tmp_path)

    row = next(row for row in summary if target in row["target"])
    assert row["met"] is False
    assert row["value"] is not None
    assert value is None or row["value"] == pytest.approx(value)
    line = next(line for line in page.splitlines() if row["target"] in line)
    assert line.endswith("| no |")


def test_two_hundred_histories_are_wanted_and_not_only_a_share(config, tmp_path):
    few = {"measure/twin": told({"histories": 20, "equal": 20})}

    _, summary, _ = written(config, few, tmp_path)

    row = next(row for row in summary if "twin" in row["target"])
    assert (row["value"], row["met"]) == (1.0, False)


def test_what_has_not_run_is_told_and_not_met(config, tmp_path):
    page, summary, _ = written(config, {}, tmp_path)

    assert not any(row["met"] for row in summary)
    assert all(row["value"] is None for row in summary)
    assert page.count("| not run |") == len(summary)
    assert "no `--data bookcrossing=FOLDER` was given" in page


def test_the_difference_from_retrain_is_over_the_seeds_that_both_have(config, tmp_path):
    results = scored(*SYSTEMS)
    del results["score/movielens/2/retrain/K1/S1"]

    _, summary, _ = written(config, results, tmp_path)

    auc = {
        system: _auc(results[f"score/movielens/1/{place}"]["result"])
        for system, place in (("retrain", "retrain/K1/S1"), ("ours", "ours/K4/S2"))
    }
    row = next(row for row in summary if "AUC minus retrain" in row["target"])
    assert row["value"] == pytest.approx(auc["ours"] - auc["retrain"])


def _auc(result: dict) -> float:
    """By the definition."""
    rows = list(zip(result["scores"], result["labels"], strict=True))
    pairs = [(liked, other) for liked, a in rows if a for other, b in rows if not b]
    return sum(liked > other for liked, other in pairs) / len(pairs)


def test_the_same_results_give_the_same_bytes(config, tmp_path):
    results = {**scored(*SYSTEMS), **measured()}
    for folder in ("one", "two"):
        report.write(config, results, tmp_path / folder, command=COMMAND)

    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert {"README.md", "results.json", "summary.json", "erasure.svg", "moved.svg",
            "quality-movielens.svg", "grid.svg"} <= {*names}  # fmt: skip
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_every_plot_is_labelled_and_named_on_the_page(config, tmp_path):
    page, _, _ = written(config, {**scored(*SYSTEMS), **measured()}, tmp_path)

    for plot in tmp_path.glob("*.svg"):
        texts = [element.text for element in ElementTree.parse(plot).iter()
                 if element.tag.endswith("text")]  # fmt: skip
        assert f"]({plot.name})" in page
        assert any(text and ("AUC" in text or "slower" in text or "%" in text) for text in texts)


def test_a_figure_that_json_cannot_hold_leaves_the_old_report(config, tmp_path):
    report.write(config, measured(), tmp_path, command=COMMAND)
    before = (tmp_path / "README.md").read_bytes()
    bad = {**measured(), "measure/clean": told({"seconds": figure(math.inf), "largest": math.inf,
                                                "trials": 1})}  # fmt: skip

    with pytest.raises(ValueError, match="JSON"):
        report.write(config, bad, tmp_path, command="another")

    assert (tmp_path / "README.md").read_bytes() == before


@pytest.mark.parametrize(
    ("value", "shown"), [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (5 * 2**30, "5.00 GiB")]
)
def test_bytes_are_told_in_powers_of_1024(value, shown):
    assert markdown.size(value) == shown


def test_an_interval_that_holds_zero_is_no_difference(config, tmp_path):
    """Of two equals, one always has the better value."""
    alike = scored(("retrain", 1.0, 1, 1), ("ours", 0.55, 4, 2), ("sisa", 0.5, 4, 1))

    _, summary, _ = written(config, alike, tmp_path)

    row = next(row for row in summary if "sisa" in row["target"])
    assert row["ci95"][0] < 0 < row["value"]
    assert row["met"] is False
