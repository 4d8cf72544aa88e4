"""The verifier reads a person's copy as the ingestion reads it: the same octets, the same keys."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus import canonical as theirs
from corpus import reading
from verifier import records

TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=20)
VALUES = st.decimals(-99_999_999, 99_999_999, places=4)
ZONES = st.integers(-840, 840).map(lambda minutes: timezone(timedelta(minutes=minutes)))
# A day from either end, so that no zone leads out of what Python can hold.
TIMES = st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1), timezones=ZONES)


@given(subject=TEXT, item=TEXT, value=VALUES, at=TIMES)
def test_an_interaction_has_the_canonical_form_of_the_platform(subject, item, value, at):
    given = {"subject": subject, "item": item, "value": value, "at": at}

    assert records.canonical(**given) == theirs.interaction(**given)


@pytest.mark.parametrize(
    "value", ["3", "3.0", "+3.50", "-0", "-0.0000", "0.0001000", " 7 ", "00012"]
)
@pytest.mark.parametrize(
    "moment",
    [
        "0", "-1", "1772366400", "1772366400.25", " 5 ", "2026-03-01", "2026-03-01T12:00:00",
        "2026-03-01T12:00:00Z", "2026-03-01T12:00:00.123456+05:30", "20260301T120000Z",
    ],
)  # fmt: skip
def test_a_row_is_read_as_the_ingestion_reads_it(tmp_path, value, moment):
    path = tmp_path / "rows.csv"
    path.write_text(f"\ufeffitem,timestamp,subject,value\nfilm,{moment},anna,{value}\n\n")
    (raw,) = reading.rows(path, required=records.COLUMNS)

    assert records.read(path.read_bytes(), subject="anna") == [
        theirs.interaction(
            subject=reading.identifier(raw, "subject"),
            item=reading.identifier(raw, "item"),
            value=reading.number(raw, "value"),
            at=reading.moment(raw, "timestamp"),
        )
    ]


def test_only_rows_of_the_person_count():
    raw = b"subject,item,value,timestamp\nbert,x,no number,never\nanna,y,1,0\nAnna,z,1,0\n"

    assert records.read(raw, subject="anna") == [
        records.canonical(
            subject="anna", item="y", value=Decimal(1), at=datetime(1970, 1, 1, tzinfo=UTC)
        )
    ]
