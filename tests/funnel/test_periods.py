"""Days, weeks, months, quarters and years of a zone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.funnel import Every, observe, periods
from tests.funnel.made import MODEL, walk


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def found(
    every: Every, first: str, last: str, zone: str = "UTC", **how: Any
) -> list[tuple[str, str, str, bool]]:
    start = walk("a", ("processing", 0))[0].now
    rows = walk("a", ("processing", (at(first) - start).total_seconds() / 86400))
    scope = observe(rows, MODEL, until=at(last), zone=zone, **how)
    return [
        (one.name, f"{one.start:%m-%d %H:%M}", f"{one.end:%m-%d %H:%M}", one.whole)
        for one in periods(scope, every)
    ]


@pytest.mark.parametrize(
    ("every", "first", "last", "zone", "expected"),
    [
        (
            "month", "2024-01-31 12:00", "2024-03-01", "UTC",
            [
                ("2024-01", "01-01 00:00", "02-01 00:00", True),
                ("2024-02", "02-01 00:00", "03-01 00:00", True),
            ],
        ),
        # What is known includes its last instant.
        (
            "month",
            "2024-02-01",
            "2024-02-01",
            "UTC",
            [("2024-02", "02-01 00:00", "03-01 00:00", False)],
        ),
        (
            "quarter", "2024-11-05", "2025-01-02", "UTC",
            [
                ("2024-Q4", "10-01 00:00", "01-01 00:00", True),
                ("2025-Q1", "01-01 00:00", "04-01 00:00", False),
            ],
        ),
        (
            "year", "2024-11-05", "2024-12-05", "UTC",
            [("2024", "01-01 00:00", "01-01 00:00", False)],
        ),
        (
            "week", "2024-12-29 23:00", "2024-12-31", "UTC",
            [
                ("2024-W52", "12-23 00:00", "12-30 00:00", True),
                ("2025-W01", "12-30 00:00", "01-06 00:00", False),
            ],
        ),
        # In Berlin the last instants of January in UTC are February, and summer time has begun.
        (
            "month", "2024-02-29 23:30", "2024-03-31 23:00", "Europe/Berlin",
            [
                ("2024-03", "02-29 23:00", "03-31 22:00", True),
                ("2024-04", "03-31 22:00", "04-30 22:00", False),
            ],
        ),
        # A day of 23 hours, and one that begins at one o'clock.
        (
            "day", "2024-03-31 00:00", "2024-03-31 12:00", "Europe/Berlin",
            [("2024-03-31", "03-30 23:00", "03-31 22:00", False)],
        ),
        (
            "day", "2017-10-14 12:00", "2017-10-15 12:00", "America/Sao_Paulo",
            [
                ("2017-10-14", "10-14 03:00", "10-15 03:00", True),
                ("2017-10-15", "10-15 03:00", "10-16 02:00", False),
            ],
        ),
    ],
)  # fmt: skip
def test_periods_begin_in_the_zone(
    every: Every, first: str, last: str, zone: str, expected: list[tuple[str, str, str, bool]]
) -> None:
    assert found(every, first, last, zone) == expected


def test_the_window_cuts_the_first_and_the_last() -> None:
    window = (at("2024-01-10"), at("2024-03-15"))
    assert found("month", "2023-05-01", "2024-06-01", window=window) == [
        ("2024-01", "01-10 00:00", "02-01 00:00", False),
        ("2024-02", "02-01 00:00", "03-01 00:00", True),
        ("2024-03", "03-01 00:00", "03-15 00:00", False),
    ]
    whole = (at("2024-01-01"), at("2024-02-01"))
    assert found("month", "2023-05-01", "2024-06-01", window=whole) == [
        ("2024-01", "01-01 00:00", "02-01 00:00", True)
    ]


def test_nothing_has_no_periods() -> None:
    assert periods(observe([], MODEL), "month") == ()
    assert (
        found("day", "2024-01-01", "2024-06-01", window=(at("2024-02-01"), at("2024-02-01"))) == []
    )
    # A window behind all that is known.
    assert found("day", "2024-01-01", "2024-02-01", window=(at("2024-03-01"), None)) == []


def test_an_unknown_period_is_told() -> None:
    with pytest.raises(LifecycleError, match="no period named 'fortnight': use 'day'"):
        periods(observe([], MODEL), "fortnight")  # type: ignore[arg-type]


def test_the_ends_of_the_calendar_are_no_error() -> None:
    (only,) = periods(
        observe(walk("a", ("processing", 0)), MODEL, window=(at("9999-12-01"), None),
                until=at("9999-12-31"), zone="America/New_York"),
        "year",
    )  # fmt: skip
    assert (only.name, only.end, only.whole) == ("9999", None, False)
