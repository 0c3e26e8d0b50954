"""Windows in words: whole days, weeks and months of the zone, against the calendar of Python."""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.report.relative_windows import read_window

BERLIN = ZoneInfo("Europe/Berlin")
AT = datetime(2025, 5, 14, 22, 30, tzinfo=UTC)  # in Berlin it is the 15th, a Thursday


def window(text: str) -> tuple[str, ...]:
    return tuple(
        "" if at is None else f"{at.astimezone(BERLIN):%Y-%m-%d %H:%M}".removesuffix(" 00:00")
        for at in read_window(text, AT, "Europe/Berlin")
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("all", ("", "")),
        ("today", ("2025-05-15", "")),
        ("yesterday", ("2025-05-14", "2025-05-15")),
        ("last 90 days", ("2025-02-14", "2025-05-15")),
        ("this week", ("2025-05-12", "")),
        ("last  week", ("2025-05-05", "2025-05-12")),
        ("last 2 weeks", ("2025-04-28", "2025-05-12")),
        ("this month", ("2025-05-01", "")),
        ("last month", ("2025-04-01", "2025-05-01")),
        ("last 6 months", ("2024-11-01", "2025-05-01")),
        ("this quarter", ("2025-04-01", "")),
        ("last quarter", ("2025-01-01", "2025-04-01")),
        ("last 2 quarters", ("2024-10-01", "2025-04-01")),
        ("this year", ("2025-01-01", "")),
        ("last year", ("2024-01-01", "2025-01-01")),
        ("since 2025-01-02", ("2025-01-02", "")),
        ("before 2025-03-01T12:00", ("", "2025-03-01 12:00")),
        ("2025-01-01 to 2025-04-01", ("2025-01-01", "2025-04-01")),
        ("since 2025-01-01T00:00Z", ("2025-01-01 01:00", "")),
    ],
)
def test_r58_a_window_is_of_the_zone(text: str, expected: tuple[str, str]) -> None:
    assert window(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "last qarter", "this 2 weeks", "last 0 days", "since then", "2025-01-01", "a to b",
     "last 9999 years", "LAST MONTH"],
)  # fmt: skip
def test_what_names_no_window_is_told(text: str) -> None:
    with pytest.raises(LifecycleError, match="is no window: write all, today, this quarter"):
        read_window(text, AT)


DAYS = st.dates(date(1990, 1, 1), date(2060, 12, 31))


@given(DAYS, st.integers(1, 40))
def test_months_before_are_as_long_as_the_calendar_says(day: date, count: int) -> None:
    at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    start, end = read_window(f"last {count} months", at)
    assert start is not None
    assert end == datetime(day.year, day.month, 1, tzinfo=UTC)
    year, month, length = day.year, day.month, 0
    for _ in range(count):
        year, month = (year - 1, 12) if month == 1 else (year, month - 1)
        length += calendar.monthrange(year, month)[1]
    assert end - start == timedelta(days=length)


@given(DAYS, st.sampled_from(["day", "week", "month", "quarter", "year"]))
def test_the_period_before_ends_where_this_begins(day: date, unit: str) -> None:
    at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    this, last = read_window(f"this {unit}", at), read_window(f"last {unit}", at)
    assert last[1] == this[0]
    assert this[0] is not None
    assert this[0] <= at
    assert last == read_window(f"last 1 {unit}s", at)
    before = read_window(f"this {unit}", this[0] - timedelta(hours=1))
    assert last[0] == before[0]
