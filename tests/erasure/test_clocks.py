"""Statutory dates are calendar dates where the controller is."""

from datetime import UTC, date, datetime

import pytest

from erasure.clocks import CLOCKS, Regulation


@pytest.mark.parametrize(
    ("regulation", "received", "due"),
    [
        ("gdpr", (2026, 1, 31), date(2026, 2, 28)),
        ("gdpr", (2028, 1, 31), date(2028, 2, 29)),
        ("gdpr", (2026, 3, 31), date(2026, 4, 30)),
        ("gdpr", (2026, 12, 31), date(2027, 1, 31)),
        ("uk_gdpr", (2026, 1, 30), date(2026, 2, 28)),
        ("ccpa", (2026, 1, 31), date(2026, 3, 17)),
        ("ccpa", (2028, 1, 31), date(2028, 3, 16)),
        ("lgpd", (2026, 2, 20), date(2026, 3, 7)),
    ],
)
def test_an_answer_is_due_by_the_calendar(regulation, received, due):
    at = datetime(*received, 12, tzinfo=UTC)

    assert CLOCKS[Regulation(regulation)].due(at, zone="UTC") == due


@pytest.mark.parametrize(
    ("zone", "due"),
    [
        ("Pacific/Auckland", date(2026, 4, 1)),
        ("UTC", date(2026, 3, 28)),
        ("America/Los_Angeles", date(2026, 3, 28)),
    ],
)
def test_the_day_of_receipt_is_that_of_the_controllers_time_zone(zone, due):
    at = datetime(2026, 2, 28, 20, tzinfo=UTC)

    assert CLOCKS[Regulation.GDPR].due(at, zone=zone) == due


def test_every_law_has_a_clock_and_says_where_it_comes_from():
    assert set(CLOCKS) == set(Regulation)
    assert all(any(sign.isdigit() for sign in clock.rule) for clock in CLOCKS.values())
