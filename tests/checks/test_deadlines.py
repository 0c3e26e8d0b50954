"""How long a deadline lasts at the most: never shorter than the clock of the machine says."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle_fsm import Model
from lifecycle_fsm.checks.deadlines_met import longest
from lifecycle_fsm.model import Calendar, Deadline
from lifecycle_fsm.model.rules import Length
from lifecycle_fsm.silos.working_time import WorkingTime
from tests.machine.small import small

DAY = timedelta(days=1)
START = datetime(2024, 1, 1, tzinfo=UTC)
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
HOURS = st.dictionaries(
    st.sampled_from(DAYS),
    st.sampled_from(["09:00-17:00", "00:00-24:00", "08:00-12:00, 13:00-14:00", "02:00-02:30"]),
    min_size=1,
)
CLOSED = st.lists(st.integers(0, 400), max_size=12, unique=True).map(
    lambda days: [str(date(2024, 1, 1) + day * DAY) for day in days]
)
LENGTHS: st.SearchStrategy[timedelta | Length] = st.one_of(
    st.integers(1, 60).map(lambda days: Length(days * DAY, "days")),
    st.integers(1, 8).map(lambda weeks: Length(weeks * 7 * DAY, "weeks")),
    st.integers(1, 90).map(lambda hours: timedelta(hours=hours)),
    st.integers(1, 300).map(lambda minutes: timedelta(minutes=minutes)),
)


def with_deadlines(calendar: Calendar | None, *lengths: timedelta | Length) -> Model:
    """A model in which each deadline escalates the one before."""
    deadlines = [
        Deadline(
            name=f"d{at}",
            stage="a",
            after=length,
            calendar=calendar.name if calendar else "",
            escalates=f"d{at - 1}" if at else "",
        )
        for at, length in enumerate(lengths)
    ]
    return small(calendars=[calendar] if calendar else [], deadlines=deadlines)


def due(calendar: Calendar | None, start: datetime, *lengths: timedelta | Length) -> datetime:
    for length in lengths:
        start = WorkingTime(calendar).after(start, length)
    return start


@settings(max_examples=150, deadline=None)
@given(HOURS, CLOSED, st.lists(LENGTHS, min_size=1, max_size=3), st.integers(0, 400 * 24))
def test_no_deadline_lasts_longer_than_is_reckoned(
    hours: dict[str, str], closed: list[str], lengths: list[timedelta | Length], start: int
) -> None:
    calendar = Calendar(name="desk", zone="Europe/Berlin", hours=hours, closed=closed)
    model = with_deadlines(calendar, *lengths)
    entered = START + timedelta(hours=start)
    assert due(calendar, entered, *lengths) - entered <= longest(model, model.deadlines[-1])


@pytest.mark.parametrize("days", [1, 30, 200, 600])
def test_nor_with_public_holidays(days: int) -> None:
    pytest.importorskip("holidays")
    calendar = Calendar(
        name="desk", zone="Europe/Berlin", hours={"mon": "9:00-17:00"}, holidays="DE-BE"
    )
    length = Length(days * DAY, "days")
    model = with_deadlines(calendar, length)
    assert due(calendar, START, length) - START <= longest(model, model.deadlines[0])


def test_without_a_calendar_it_lasts_as_long_as_it_says() -> None:
    model = with_deadlines(None, 2 * DAY, timedelta(hours=3))
    assert longest(model, model.deadlines[1]) == 2 * DAY + timedelta(hours=3)


def test_with_one_it_is_not_reckoned_much_too_long() -> None:
    calendar = Calendar(
        name="desk", zone="Europe/Berlin", hours=dict.fromkeys(DAYS[:5], "9:00-17:00")
    )
    model = with_deadlines(calendar, Length(10 * DAY, "days"))
    assert longest(model, model.deadlines[0]) == 21 * DAY
