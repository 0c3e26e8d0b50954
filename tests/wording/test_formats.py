"""Lengths of time, numbers, shares and instants: alike wherever they are read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from lifecycle_fsm.wording import (
    duration,
    format_amount,
    format_date,
    format_day,
    format_instant,
    format_number,
    format_signed,
    lasting,
    percent,
)


@pytest.mark.parametrize(
    ("length", "short", "said"),
    [
        (timedelta(0), "0 s", "no time"),
        (timedelta(seconds=40), "40 s", "less than a minute"),
        (timedelta(seconds=59.5), "1 min", "1 minute"),
        (timedelta(minutes=75), "75 min", "75 minutes"),
        (timedelta(minutes=90, seconds=29), "90 min", "90 minutes"),
        (timedelta(minutes=90, seconds=30), "2 h", "2 hours"),
        (timedelta(hours=2, minutes=29), "2 h", "2 hours"),
        (timedelta(hours=2, minutes=30), "3 h", "3 hours"),
        (timedelta(hours=2, minutes=45), "3 h", "3 hours"),
        (timedelta(hours=3, minutes=30), "4 h", "4 hours"),
        (timedelta(hours=47, minutes=29), "47 h", "47 hours"),
        (timedelta(hours=47, minutes=30), "2.0 d", "2 days"),
        (timedelta(days=3.5), "3.5 d", "3.5 days"),
        (timedelta(days=9.96), "10 d", "10 days"),
        (timedelta(days=30.5), "31 d", "31 days"),
        (timedelta(days=1234), "1,234 d", "1,234 days"),
    ],
)
def test_a_length_is_the_same_in_a_story_and_in_a_picture(
    length: timedelta, short: str, said: str
) -> None:
    assert (duration(length), lasting(length)) == (short, said)


def test_a_length_that_is_not_known() -> None:
    assert (duration(None), duration(None, "not yet")) == ("–", "not yet")


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0%"), (0.27, "27%"), (1, "100%"), (0.034, "3.4%"), (0.0001, "<0.1%"),
                        (None, "–")]
)  # fmt: skip
def test_shares(value: float | None, text: str) -> None:
    assert percent(value) == text


@pytest.mark.parametrize(
    ("value", "number", "signed"),
    [
        (0, "0", "+0"),
        (12345, "12,345", "+12,345"),
        (-5, "−5", "−5"),
        (0.1 + 0.2, "0.3", "+0.3"),
        (123456789012, "123,456,789,012", "+123,456,789,012"),
    ],
)
def test_numbers(value: float, number: str, signed: str) -> None:
    assert (format_number(value), format_signed(value)) == (number, signed)


def test_amounts() -> None:
    texts = [format_amount(value) for value in (1234.5, 9.0, -2.25, None)]
    assert texts == ["1,234.50", "9", "−2.25", "no amount"]


def test_instants_are_in_the_times_of_a_zone() -> None:
    at = datetime(2025, 3, 31, 22, 5, tzinfo=UTC)
    assert format_date(at, "Europe/Berlin") == "2025-04-01"
    assert format_instant(at, "Europe/Berlin") == "2025-04-01 00:05 (Europe/Berlin)"
    assert format_day(at, UTC) == "31 Mar 2025"
    assert format_day(at, ZoneInfo("Europe/Berlin"), clock=True) == "1 Apr 2025 00:05"
