"""The ledger's benchmark says what was measured, of one run, and leaves nothing behind."""

import json
from dataclasses import replace
from statistics import median

import pytest
from django.db import connection

from config.benchmark import database, figures, report, sizes, targets, writers, writing
from config.benchmark.run import run
from ledger import heads
from ledger.models import Entry, Outbox

pytestmark = pytest.mark.django_db(transaction=True)
TINY = replace(sizes.SMOKE, events=60, transactions=3, logs=(3, 300), keys=200, members=50)


def databases():
    with connection.cursor() as cursor:
        cursor.execute("SELECT datname FROM pg_database WHERE datname LIKE 'expunge_benchmark%'")
        return [name for (name,) in cursor.fetchall()]


@pytest.fixture
def result():
    return run(TINY, command="manage.py benchmark_ledger", tell=lambda _: None)


def test_a_run_has_a_row_for_each_target_in_the_engines_form(result):
    form = {"target", "goal", "value", "spread", "met", "command"}
    assert all(row.keys() == form for row in result["targets"])
    assert len(result["targets"]) == 10
    for row in result["targets"]:
        goal = float(row["goal"].split()[1].rstrip("/sx").replace(",", ""))
        met = row["value"] <= goal if row["goal"].startswith("<=") else row["value"] >= goal
        assert row["met"] is met


def test_ratios_are_those_of_one_repeat_each(result):
    told = result["measured"]["throughput"]
    for way, beside in told["times_the_plain"].items():
        for plain, ratio in beside.items():
            logged, unlogged = told["per_second"][way], told["per_second"][plain]
            pairs = zip(unlogged["repeats"], logged["repeats"], strict=True)
            assert ratio["repeats"] == pytest.approx([a / b for a, b in pairs])
            assert ratio["value"] == median(ratio["repeats"])


def test_what_is_written_is_what_was_measured(result, tmp_path):
    path = tmp_path / "new" / "ledger.json"

    report.write(result, path)

    assert json.loads(path.read_text())["targets"] == result["targets"]
    page = path.with_suffix(".md").read_text()
    assert all(row["target"] in page for row in result["targets"])
    assert "(ledger-proofs.svg)" in page
    assert (path.parent / "ledger-proofs.svg").read_bytes().startswith(b"<?xml")


def test_the_installations_own_log_and_key_are_left_alone(settings):
    name, keys = connection.settings_dict["NAME"], settings.EXPUNGE_LOG_KEYS

    def crash():
        with database.own():
            writers.seconds("append_all", events=20, batch=10)
            assert heads.sign(at=writing.AT).size == 20
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        crash()

    assert connection.settings_dict["NAME"] == name
    assert not databases()
    assert not Entry.objects.exists()
    assert not keys.exists()
    assert not settings.EXPUNGE_STORE.exists()


@pytest.mark.parametrize("way", ["append", "append_all"])
def test_the_clock_stops_when_every_event_has_its_place(way):
    with database.own():
        assert writers.seconds(way, events=70, batch=10) > 0

        assert Entry.objects.count() == 70
        assert not Outbox.objects.exists()


@pytest.mark.parametrize("way", ["insert", "copy"])
def test_plain_statements_write_the_same_number_of_rows(way):
    with database.own():
        with connection.cursor() as cursor:
            cursor.execute(writing.PLAIN)
        writers.seconds(way, events=70, batch=10)

        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*), min(octet_length(body)) > 250 FROM plain")
            assert cursor.fetchone() == (70, True)


def test_a_writer_that_dies_fails_the_run():
    with database.own():
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE ledger_outbox ADD CHECK (target NOT LIKE '%:7')")

        with pytest.raises(writers.WriterFailed):
            writers.seconds("append_all", events=20, batch=1)


def test_a_target_that_is_missed_says_so(result):
    measured = result["measured"]
    slow = measured | {"by_size": measured["by_size"] | {"verify_seconds": 61.0}}

    missed = [row for row in targets.rows(slow, "x") if row["target"].startswith("verify_log")]

    assert [(row["value"], row["met"]) for row in missed] == [(61.0, False)]


def test_a_median_has_the_least_and_the_most_beside_it():
    assert figures.spread([3.0, 1.0, 9.0]) == {
        "value": 3.0,
        "spread": [1.0, 9.0],
        "repeats": [3.0, 1.0, 9.0],
    }
