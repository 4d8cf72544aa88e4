"""A Parquet file is read as strictly as a CSV file, whatever types its columns have."""

import datetime
import os
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet
import pytest

from tests.corpus.test_bad_files import SECRET, refused

pytestmark = pytest.mark.django_db

BAD_COLUMNS = {
    "a missing subject": ({"subject": ["bob", None]}, "row 2: subject is missing"),
    "a missing value": ({"value": [None, 3.0]}, "row 1: value is missing"),
    "a missing timestamp": ({"timestamp": [1, None]}, "row 2: timestamp is missing"),
    "a column of nothing": ({"item": pa.nulls(2)}, "row 1: item is missing"),
    "a nested subject": ({"subject": [{"id": SECRET}] * 2}, "row 1: subject is neither text nor"),
    "a list of items": ({"item": [["m1"], ["m2"]]}, "row 1: item is neither text nor"),
    "a nested value": ({"value": [[3], [4]]}, "row 1: value is not a number"),
    "a nested timestamp": ({"timestamp": [{"t": 1}, {"t": 2}]}, "row 1: timestamp is neither"),
    "a boolean subject": ({"subject": [True, False]}, "row 1: subject is neither text nor"),
    "a boolean value": ({"value": [True, False]}, "row 1: value is not a number"),
    "a boolean timestamp": ({"timestamp": [True, False]}, "row 1: timestamp is neither"),
    "a subject in floats": ({"subject": [1.0, 2.0]}, "row 1: subject is neither text nor"),
    "a subject in bytes": ({"subject": [SECRET.encode()] * 2}, "row 1: subject is neither text"),
    "a rating that is not a number": ({"value": [3.0, float("nan")]}, "row 2: value is not a"),
    "an infinite rating": ({"value": [float("-inf"), 3.0]}, "row 1: value is not a number"),
    "a rating with too many decimals": ({"value": [3.00001, 3.0]}, "row 1: value is not a"),
    "a rating that is too large": ({"value": [1e9, 3.0]}, "row 1: value is not a number"),
    "a decimal with too many decimals": (
        {"value": [Decimal("3.00001"), Decimal("3")]},
        "row 1: value is not a number",
    ),
    "a time that is not a number": ({"timestamp": [float("nan"), 1.0]}, "row 1: timestamp is"),
    "a time without end": ({"timestamp": [float("inf"), 1.0]}, "row 1: timestamp is"),
    "a time of day": ({"timestamp": [datetime.time(1, 2)] * 2}, "row 1: timestamp is neither"),
    "a time after the year 9999": (
        {"timestamp": pa.array([1, 10**12], pa.timestamp("s"))},
        "row 1 or later: cannot be read",
    ),
    "text that is not UTF-8": (
        {"subject": pa.array([b"bob", b"caf\xe9"]).cast(pa.binary()).view(pa.string())},
        "row 1 or later: cannot be read",
    ),
    "an unknown item": ({"item": ["m1", "hidden-film"]}, "row 2: item is not in the catalogue"),
    "a row of before": (
        {"subject": ["bob", "ada-lovelace"], "timestamp": [1, 1010]},
        "row 2: this subject, item and timestamp were ingested before",
    ),
}


@pytest.mark.parametrize("wrong", BAD_COLUMNS)
def test_a_bad_cell_is_named_and_nothing_is_half_written(known, parquet_file, take, wrong):
    columns, message = BAD_COLUMNS[wrong]

    refused(take, parquet_file(**columns), message)


def test_a_column_too_many_is_refused(known, parquet_file, take):
    refused(take, parquet_file(mood=["good", "bad"]), "header: column 5 is unknown")


def test_a_column_too_few_is_refused(known, tmp_path, take):
    path = tmp_path / "rows.parquet"
    pyarrow.parquet.write_table(pa.table({"subject": [SECRET], "item": ["m1"]}), path)

    refused(take, path, "header: column value is missing")


def test_a_column_twice_is_refused(known, tmp_path, take):
    path = tmp_path / "rows.parquet"
    columns = ["subject", "item", "value", "timestamp", "item"]
    pyarrow.parquet.write_table(pa.Table.from_arrays([pa.array([SECRET])] * 5, names=columns), path)

    refused(take, path, "header: column 2 is there twice")


def test_a_file_without_rows_is_refused(known, tmp_path, take):
    path = tmp_path / "rows.parquet"
    columns = ["subject", "item", "value", "timestamp"]
    pyarrow.parquet.write_table(pa.table({name: pa.array([], "string") for name in columns}), path)

    refused(take, path, "file: has no rows")


@pytest.mark.parametrize("kept", [0.99, 0.5, 0.01])
def test_a_file_cut_short_is_refused(known, parquet_file, take, kept):
    path = parquet_file()
    os.truncate(path, int(path.stat().st_size * kept))

    refused(take, path, "file: not Parquet, or cut short")


def test_a_file_with_broken_pages_is_refused(known, parquet_file, take):
    path = parquet_file()
    content = bytearray(path.read_bytes())
    content[4:60] = b"\xff" * 56
    path.write_bytes(content)

    refused(take, path, "row 1 or later: cannot be read")


def test_text_that_calls_itself_parquet_is_refused(known, csv_file, take):
    refused(take, csv_file(f"{SECRET},m1,3,2000\n", name="rows.parquet"), "file: not Parquet")
