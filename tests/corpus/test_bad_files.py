"""A file that cannot be taken in gets one clear error, and leaves nothing behind."""

import os
import re

import pytest

from corpus.reading import BadFile
from tests.corpus import tables
from tests.corpus.conftest import HEADER

pytestmark = pytest.mark.django_db

SECRET = "grace-hopper-1906"
GOOD = "bob,m1,3,2000\n"

# What is wrong with the file, its content under the header, and the error.
BAD_ROWS = {
    "a rating that is no number": (f"{SECRET},m1,good,2000\n", "row 1 (line 2): value is not a"),
    "a rating that is not a number at all": (f"{SECRET},m1,nan,2000\n", "row 1 (line 2): value"),
    "an infinite rating": (f"{SECRET},m1,-inf,2000\n", "row 1 (line 2): value"),
    "a rating with an exponent": (f"{SECRET},m1,1e5,2000\n", "row 1 (line 2): value"),
    "a rating with too many decimals": (f"{SECRET},m1,3.00001,2000\n", "row 1 (line 2): value"),
    "a rating that is too large": (f"{SECRET},m1,123456789,2000\n", "row 1 (line 2): value"),
    "a hexadecimal rating": (f"{SECRET},m1,0x3,2000\n", "row 1 (line 2): value"),
    "no subject": (f"{GOOD},m1,3,2000\n", "row 2 (line 3): subject is missing"),
    "a blank subject": (f"{GOOD}  ,m1,3,2000\n", "row 2 (line 3): subject is missing"),
    "no item": (f"{GOOD}{SECRET},,3,2000\n", "row 2 (line 3): item is missing"),
    "no value": (f"{GOOD}{SECRET},m1,,2000\n", "row 2 (line 3): value is missing"),
    "no timestamp": (f"{GOOD}{SECRET},m1,3,\n", "row 2 (line 3): timestamp is missing"),
    "a row cut short": (f"{GOOD}{SECRET},m1\n", "row 2 (line 3): has 2 cells, the header 4"),
    "a row too long": (f"{SECRET},m1,3,2000,more\n", "row 1 (line 2): has 5 cells, the header 4"),
    "a bad row after a blank line": (
        f"{GOOD}\n{SECRET},m1,bad,2000\n",
        "row 2 (line 4): value is not a",
    ),
    "a row of empty cells": (f"{GOOD},,,\n", "row 2 (line 3): subject is missing"),
    "a time in milliseconds": (
        f"{SECRET},m1,3,1767225600000\n",
        "row 1 (line 2): timestamp is neither Unix seconds nor an ISO 8601 time; milliseconds?",
    ),
    "an unknown item": (f"{SECRET},hidden-film,3,2000\n", "row 1 (line 2): item is not in the"),
    "a row twice": (
        f"{SECRET},m1,3,2000\n{GOOD}{SECRET},m1,5,2000\n",
        "row 3 (line 4): the same subject, item and timestamp as row 1 (line 2)",
    ),
    "a row of before": (
        f"{GOOD}ada-lovelace,m2,5,1010\n",
        "row 2 (line 3): this subject, item and timestamp were ingested before",
    ),
    "a time in words": (f"{SECRET},m1,3,yesterday\n", "row 1 (line 2): timestamp is neither"),
    "a time after the year 9999": (f"{SECRET},m1,3,99999999999999\n", "row 1 (line 2): timestamp"),
    "a time of too many digits": (f"{SECRET},m1,3,{'9' * 500}\n", "row 1 (line 2): timestamp"),
    "a time before the year 1": (f"{SECRET},m1,3,-99999999999\n", "row 1 (line 2): timestamp"),
    "a 30th of February": (f"{SECRET},m1,3,2026-02-30\n", "row 1 (line 2): timestamp"),
    "a time that another zone pushes over the edge": (
        f"{SECRET},m1,3,9999-12-31T23:59:59-05:00\n",
        "row 1 (line 2): timestamp",
    ),
    "a quote that never ends": (f'{GOOD}"{SECRET},m1,3,2000\n', "row 2: not CSV"),
    "a quote in the middle": (f'"{SECRET}"x,m1,3,2000\n', "row 1: not CSV"),
    "a huge field": (f"{SECRET}{'x' * 200_000},m1,3,2000\n", "row 1: not CSV (field larger"),
    "an id too long": (f"{SECRET}{'x' * 200},m1,3,2000\n", "row 1 (line 2): subject is longer"),
    "a NUL in the subject": (f"{SECRET}\x00,m1,3,2000\n", "row 1 (line 2): subject has a control"),
    "a NUL in the item": (f"{SECRET},m1\x00,3,2000\n", "row 1 (line 2): item has a control"),
    "a NUL in the value": (f"{SECRET},m1,3\x00,2000\n", "row 1 (line 2): value"),
    "a NUL in the timestamp": (f"{SECRET},m1,3,20\x0000\n", "row 1 (line 2): timestamp"),
    "a control character": (
        f"{SECRET}\x1b[2J,m1,3,2000\n",
        "row 1 (line 2): subject has a control",
    ),
    "a line break in an id": (
        f'"{SECRET}\nx",m1,3,2000\n',
        "row 1 (line 3): subject has a control",
    ),
    "white space around an id": (f'"{SECRET} ",m1,3,2000\n', "row 1 (line 2): subject has a"),
    "nothing but the header": ("", "file: has no rows"),
}
BAD_HEADERS = {
    "an unknown column": ("subject,item,value,timestamp,mood\n", "header: column 5 is unknown"),
    "a missing column": ("subject,item,timestamp\n", "header: column value is missing"),
    "a doubled column": ("subject,item,value,timestamp,item\n", "header: column 2 is there twice"),
    "no header": (f"{SECRET},m1,3,2000\n", "header: column subject is missing"),
    "a header in capitals": (HEADER.upper(), "header: column subject is missing"),
    "a header with other separators": (
        HEADER.replace(",", ";"),
        "header: column subject is missing; the separator must be a comma",
    ),
    "a header with tabs": (
        HEADER.replace(",", "\t"),
        "header: column subject is missing; the separator must be a comma",
    ),
    "a header that is an open quote": (f'"{SECRET},m1\n', "header: not CSV"),
}


def refused(action, path, message: str) -> None:
    """Taking the file in raises one error, of one line, that quotes nothing; and moves nothing."""
    before = tables.state()

    with pytest.raises(BadFile) as caught:
        action(path)

    said = str(caught.value)
    assert said.startswith(message)
    assert "\n" not in said
    assert not re.search(f"{SECRET}|ada-lovelace|hidden-film|mood|good", said)
    assert tables.changed(before) == set()


@pytest.mark.parametrize("wrong", BAD_ROWS)
def test_a_bad_row_is_named_and_nothing_is_half_written(known, csv_file, take, wrong):
    content, message = BAD_ROWS[wrong]

    refused(take, csv_file(content), message)


@pytest.mark.parametrize("wrong", BAD_HEADERS)
def test_a_bad_header_is_named_by_its_column_and_not_repeated(known, csv_file, take, wrong):
    header, message = BAD_HEADERS[wrong]

    refused(take, csv_file(GOOD, header=header), message)


def test_text_that_is_not_utf8_is_refused_at_the_start(known, csv_file, take):
    refused(take, csv_file(b"caf\xe9,m1,3,2000\n"), "row 1 or shortly after: not UTF-8")


def test_a_header_that_is_not_utf8_is_named(known, csv_file, take):
    refused(take, csv_file(b"caf\xe9," + HEADER.encode() + GOOD.encode(), header=""), "header or")


def test_text_that_is_not_utf8_is_refused_deep_in_the_file(known, csv_file, take):
    lines = "".join(f"p{n},m1,3,{n}\n" for n in range(3_000)).encode()

    refused(take, csv_file(lines + b"caf\xe9,m1,3,2000\n"), "row ")


def test_text_in_utf16_is_refused(known, csv_file, take):
    refused(
        take,
        csv_file((HEADER + GOOD).encode("utf-16"), header=""),
        "header or shortly after: not UTF-8",
    )


def test_a_bad_row_after_many_good_ones_takes_them_all_back(known, csv_file, take):
    lines = "".join(f"p{n},m1,3,{n}\n" for n in range(20_500))

    refused(take, csv_file(f"{lines}{SECRET},m1,bad,1\n"), "row 20501 (line 20502): value")


def test_an_empty_file_is_refused(known, csv_file, take):
    refused(take, csv_file("", header=""), "file: is empty")


def test_a_path_that_leads_nowhere_is_refused(known, tmp_path, take, take_catalogue):
    refused(take, tmp_path / SECRET, "file: cannot be read (No such file")
    refused(take_catalogue, tmp_path / SECRET, "file: cannot be read (No such file")


def test_a_folder_is_not_a_file(known, tmp_path, take, take_catalogue):
    refused(take, tmp_path, "file: is a folder or a device")
    refused(take_catalogue, tmp_path, "file: is a folder or a device")


def test_a_file_over_the_limit_is_refused(known, csv_file, take, take_catalogue, settings):
    settings.EXPUNGE_MAX_INGEST_BYTES = 10

    refused(take, csv_file(GOOD), "file: 0 MiB is more than the 0 MiB of one batch; split it")
    refused(take_catalogue, csv_file("m9,Nine\n", header="item,title\n"), "file: 0 MiB is more")


def test_a_file_of_a_gigabyte_is_refused_before_it_is_read(known, csv_file, take):
    path = csv_file(GOOD)
    os.truncate(path, 2**30)

    refused(take, path, "file: 1,024 MiB is more than the 512 MiB of one batch; split it")


def test_the_same_file_twice_changes_nothing_the_second_time(known, take):
    before = tables.state()

    taken = take(known)

    assert not taken.is_new
    assert taken.rows == 2
    assert tables.changed(before) == set()
