"""Working time: when open time or working days are over [S21]."""

from __future__ import annotations

import sys
from bisect import bisect_left
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import accumulate, count
from typing import Any
from zoneinfo import ZoneInfo

import attrs
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lifecycle_fsm.errors import MissingExtra, RecordError
from lifecycle_fsm.model.rules import WEEKDAYS, Calendar, Length, spans_of
from lifecycle_fsm.silos.working_time import WorkingTime
from tests.lengths import examples

BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"
OFFICE = "09:00-17:00"
BREAK = "09:00-12:00, 13:00-17:00"
ALWAYS = dict.fromkeys(WEEKDAYS, "00:00-24:00")
NIGHTS = dict.fromkeys(WEEKDAYS, "00:00-06:00")
MINUTE, HOUR, DAY, ZERO = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1), timedelta(0)


def calendar(
    hours: str | Mapping[str, str] = OFFICE, zone: str = BERLIN, name: str = "office", **more: Any
) -> Calendar:
    return Calendar(name=name, hours=hours, zone=zone, **more)


def days(count: int) -> Length:
    return Length(count * DAY, "days")


def weeks(count: int) -> Length:
    return Length(7 * count * DAY, "weeks")


def after(one: Calendar | None, start: str, length: Length | timedelta) -> str:
    """The due time on the wall of the calendar's zone, for a start on that wall.

    A time that comes twice is told apart by its offset, on either side.
    """
    zone = ZoneInfo(one.zone if one else "UTC")
    given_start = datetime.fromisoformat(start)
    if given_start.tzinfo is None:
        given_start = given_start.replace(tzinfo=zone)
    due = WorkingTime(one).after(given_start.astimezone(UTC), length)
    assert due.tzinfo is UTC
    local = due.astimezone(zone)
    twice = local.utcoffset() != local.replace(fold=1 - local.fold).utcoffset()
    assert local.replace(second=0, microsecond=0) == local
    return local.isoformat(" ", "minutes")[: None if twice else 16]


# 2024-04-29 is a Monday; 1 May is a holiday all over Germany, 8 March in Berlin.
EXAMPLES: list[tuple[str, Calendar | None, str, Length | timedelta, str]] = [
    ("no calendar", None, "2024-05-04 03:10", 4 * HOUR, "2024-05-04 07:10"),
    ("no calendar, days", None, "2024-05-04 03:10", days(2), "2024-05-06 03:10"),
    ("within a day", calendar(), "2024-04-29 10:30", 4 * HOUR, "2024-04-29 14:30"),
    ("over a night", calendar(), "2024-04-29 15:00", 4 * HOUR, "2024-04-30 11:00"),
    ("over a weekend", calendar(), "2024-05-03 16:00", 4 * HOUR, "2024-05-06 12:00"),
    ("from Friday evening", calendar(), "2024-05-03 20:00", 4 * HOUR, "2024-05-06 13:00"),
    ("from Sunday", calendar(), "2024-05-05 11:00", 4 * HOUR, "2024-05-06 13:00"),
    ("from before opening", calendar(), "2024-04-29 03:00", 4 * HOUR, "2024-04-29 13:00"),
    ("from opening", calendar(), "2024-04-29 09:00", 4 * HOUR, "2024-04-29 13:00"),
    ("from closing", calendar(), "2024-04-29 17:00", 4 * HOUR, "2024-04-30 13:00"),
    ("up to closing", calendar(), "2024-04-29 13:00", 4 * HOUR, "2024-04-29 17:00"),
    ("a whole day of hours", calendar(), "2024-04-29 09:00", 8 * HOUR, "2024-04-29 17:00"),
    ("a week of hours", calendar(), "2024-04-29 09:00", 40 * HOUR, "2024-05-03 17:00"),
    ("nothing, open", calendar(), "2024-04-29 10:30", ZERO, "2024-04-29 10:30"),
    ("nothing, at opening", calendar(), "2024-04-29 09:00", ZERO, "2024-04-29 09:00"),
    ("nothing, at closing", calendar(), "2024-04-29 17:00", ZERO, "2024-04-30 09:00"),
    ("nothing, closed", calendar(), "2024-05-04 12:00", ZERO, "2024-05-06 09:00"),
    ("over a lunch break", calendar(BREAK), "2024-04-29 11:00", 4 * HOUR, "2024-04-29 16:00"),
    ("up to a lunch break", calendar(BREAK), "2024-04-29 11:00", HOUR, "2024-04-29 12:00"),
    ("from a lunch break", calendar(BREAK), "2024-04-29 12:30", HOUR, "2024-04-29 14:00"),
    (
        "spans that touch",
        calendar("09:00-12:00, 12:00-17:00"),
        "2024-04-29 11:00",
        4 * HOUR,
        "2024-04-29 15:00",
    ),
    (
        "over a holiday",
        calendar(holidays="DE-BE"),
        "2024-04-30 16:00",
        4 * HOUR,
        "2024-05-02 12:00",
    ),
    (
        "from a holiday of Berlin",
        calendar(holidays="DE-BE"),
        "2024-03-08 10:00",
        4 * HOUR,
        "2024-03-11 13:00",
    ),
    (
        "that is none in Germany",
        calendar(holidays="DE"),
        "2024-03-08 10:00",
        4 * HOUR,
        "2024-03-08 14:00",
    ),
    (
        "a holiday by the name of its part",
        calendar(holidays="DE-Berlin"),
        "2024-03-08 10:00",
        4 * HOUR,
        "2024-03-11 13:00",
    ),
    (
        "a holiday that is observed in the year before",
        calendar(zone=NEW_YORK, holidays="US"),
        "2021-12-30 16:00",
        4 * HOUR,
        "2022-01-03 12:00",
    ),
    (
        "over closed days",
        calendar(closed=("2024-05-02", "2024-05-03")),
        "2024-05-01 16:00",
        4 * HOUR,
        "2024-05-06 12:00",
    ),
    (
        "over a month that is closed",
        calendar(closed=[f"2024-08-{day:02}" for day in range(1, 32)]),
        "2024-07-31 16:00",
        4 * HOUR,
        "2024-09-02 12:00",
    ),
    # Berlin puts its clocks forward on 2024-03-31, from 02:00 to 03:00, and back on 2024-10-27,
    # from 03:00 to 02:00; New York on 2024-03-10 and on 2024-11-03, from 02:00 to 01:00.
    ("an hour is left out", calendar(NIGHTS), "2024-03-31 00:00", 5 * HOUR, "2024-03-31 06:00"),
    ("and one more", calendar(NIGHTS), "2024-03-31 00:00", 6 * HOUR, "2024-04-01 01:00"),
    ("an hour comes twice", calendar(NIGHTS), "2024-10-27 00:00", 7 * HOUR, "2024-10-27 06:00"),
    (
        "due the first time",
        calendar(NIGHTS),
        "2024-10-27 00:00",
        2.5 * HOUR,
        "2024-10-27 02:30+02:00",
    ),
    (
        "due the second time",
        calendar(NIGHTS),
        "2024-10-27 00:00",
        3.5 * HOUR,
        "2024-10-27 02:30+01:00",
    ),
    (
        "New York, an hour is left out",
        calendar(NIGHTS, NEW_YORK),
        "2024-03-10 00:00",
        5 * HOUR,
        "2024-03-10 06:00",
    ),
    (
        "New York, an hour comes twice",
        calendar(NIGHTS, NEW_YORK),
        "2024-11-03 00:00",
        7 * HOUR,
        "2024-11-03 06:00",
    ),
    ("office, forward", calendar(), "2024-03-29 16:00", 4 * HOUR, "2024-04-01 12:00"),
    ("office, back", calendar(), "2024-10-25 16:00", 4 * HOUR, "2024-10-28 12:00"),
    (
        "round the clock, forward",
        calendar(ALWAYS),
        "2024-03-31 01:00",
        4 * HOUR,
        "2024-03-31 06:00",
    ),
    (
        "opens in the hour that is left out",
        calendar(dict.fromkeys(WEEKDAYS, "02:30-06:00")),
        "2024-03-31 00:00",
        HOUR,
        "2024-03-31 04:00",
    ),
    (
        "opens at the moment at which it is left out",
        calendar(dict.fromkeys(WEEKDAYS, "02:00-06:00")),
        "2024-03-31 00:00",
        ZERO,
        "2024-03-31 03:00",
    ),
    (
        "closes in the hour that is left out",
        calendar(dict.fromkeys(WEEKDAYS, "01:00-02:30")),
        "2024-03-31 00:00",
        1.25 * HOUR,
        "2024-04-01 01:15",
    ),
    (
        "open in the hour that is left out",
        calendar(dict.fromkeys(WEEKDAYS, "02:15-02:45")),
        "2024-03-31 00:00",
        MINUTE,
        "2024-04-01 02:16",
    ),
    (
        "opens in the hour that comes twice",
        calendar(dict.fromkeys(WEEKDAYS, "02:30-06:00")),
        "2024-10-27 00:00",
        HOUR,
        "2024-10-27 02:30+01:00",
    ),
    (
        "closes in the hour that comes twice",
        calendar(dict.fromkeys(WEEKDAYS, "01:00-02:30")),
        "2024-10-27 00:00",
        2 * HOUR,
        "2024-10-28 01:30",
    ),
    (
        "closed in the hour that comes twice",
        calendar(dict.fromkeys(WEEKDAYS, "01:00-02:30")),
        "2024-10-27 02:10+01:00",
        ZERO,
        "2024-10-28 01:00",
    ),
    (
        "nothing, and hours that are left out",
        calendar({"sun": "02:15-02:45"}),
        "2024-03-30 12:00",
        ZERO,
        "2024-04-07 02:15",
    ),
    (
        "a day that begins at one o'clock",
        calendar(ALWAYS, "America/Sao_Paulo"),
        "2018-11-03 23:00",
        2 * HOUR,
        "2018-11-04 02:00",
    ),
    (
        "a day that never was",
        calendar(ALWAYS, "Pacific/Apia"),
        "2011-12-29 23:00",
        2 * HOUR,
        "2011-12-31 01:00",
    ),
    ("a working day", calendar(), "2024-04-29 10:30", days(1), "2024-04-30 10:30"),
    ("24 hours are open time", calendar(), "2024-04-29 10:30", 24 * HOUR, "2024-05-02 10:30"),
    ("25 hours are one more", calendar(), "2024-04-29 10:30", 25 * HOUR, "2024-05-02 11:30"),
    ("48 hours too", calendar(), "2024-04-29 10:30", 48 * HOUR, "2024-05-07 10:30"),
    ("two, over a weekend", calendar(), "2024-05-02 10:30", days(2), "2024-05-06 10:30"),
    ("one from Friday evening", calendar(), "2024-05-03 20:00", days(1), "2024-05-07 09:00"),
    ("one from opening", calendar(), "2024-04-29 09:00", days(1), "2024-04-30 09:00"),
    ("one from closing", calendar(), "2024-04-29 17:00", days(1), "2024-05-01 09:00"),
    (
        "one over a holiday",
        calendar(holidays="DE-BE"),
        "2024-04-30 16:00",
        days(1),
        "2024-05-02 16:00",
    ),
    (
        "one, to a day that closes earlier",
        calendar({"mon": OFFICE, "tue": "10:00-14:00"}),
        "2024-04-29 16:00",
        days(1),
        "2024-04-30 14:00",
    ),
    (
        "one, to a day that opens later",
        calendar({"mon": OFFICE, "tue": "10:00-14:00"}),
        "2024-04-29 09:30",
        days(1),
        "2024-04-30 10:00",
    ),
    (
        "one, to a lunch break",
        calendar({"mon": OFFICE, "tue": BREAK}),
        "2024-04-29 12:30",
        days(1),
        "2024-04-30 13:00",
    ),
    (
        "one, to the beginning of a lunch break",
        calendar({"mon": OFFICE, "tue": BREAK}),
        "2024-04-29 12:00",
        days(1),
        "2024-04-30 12:00",
    ),
    ("one, forward", calendar(ALWAYS), "2024-03-30 12:00", days(1), "2024-03-31 12:00"),
    ("one, back", calendar(ALWAYS), "2024-10-26 12:00", days(1), "2024-10-27 12:00"),
    (
        "one, to a time that is left out",
        calendar(ALWAYS),
        "2024-03-30 02:30",
        days(1),
        "2024-03-31 03:00",
    ),
    (
        "one, to the last moment that is left out",
        calendar(ALWAYS),
        "2024-03-30 02:59:59.500",
        days(1),
        "2024-03-31 03:00",
    ),
    (
        "one, past a day whose hours are left out",
        calendar({"sun": "02:15-02:45"}),
        "2024-03-24 02:20",
        days(1),
        "2024-04-07 02:20",
    ),
    (
        "open on Mondays for years",
        calendar({"mon": OFFICE}),
        "2024-04-29 10:30",
        days(300),
        "2030-01-28 10:30",
    ),
    (
        "one, to a time that comes twice",
        calendar(ALWAYS),
        "2024-10-26 02:30",
        days(1),
        "2024-10-27 02:30+02:00",
    ),
    (
        "one, from the second time",
        calendar(ALWAYS),
        "2024-10-27 02:30+01:00",
        days(1),
        "2024-10-28 02:30",
    ),
    # Until 2011 St. John's put its clocks back one minute behind midnight.
    (
        "back over midnight",
        calendar({"sat": "00:00-24:00", "sun": "00:00-24:00"}, "America/St_Johns"),
        "2010-11-06 22:00",
        4 * HOUR,
        "2010-11-07 01:00",
    ),
    (
        "back over midnight, to a day that is closed",
        calendar({"sat": "00:00-24:00", "mon": "00:00-24:00"}, "America/St_Johns"),
        "2010-11-06 22:00",
        4 * HOUR,
        "2010-11-08 02:00",
    ),
    (
        "back over midnight, one",
        calendar({"sun": "00:00-24:00", "tue": OFFICE, "thu": OFFICE}, "America/St_Johns"),
        "2010-11-06 23:30-03:30",
        days(1),
        "2010-11-09 09:00",
    ),
    ("a week", calendar(), "2024-04-29 10:30", weeks(1), "2024-05-06 10:30"),
    ("a week, no calendar", None, "2024-05-04 03:10", weeks(1), "2024-05-11 03:10"),
    ("a week is less than ten days", calendar(), "2024-04-29 10:30", days(10), "2024-05-13 10:30"),
    ("a week from a closed day", calendar(), "2024-05-04 12:00", weeks(1), "2024-05-13 09:00"),
    ("a week from a night", calendar(), "2024-04-29 20:00", weeks(1), "2024-05-07 09:00"),
    ("a week from closing", calendar(), "2024-04-29 17:00", weeks(1), "2024-05-07 09:00"),
    ("a week to a break", calendar(BREAK), "2024-04-29 12:30", weeks(1), "2024-05-06 13:00"),
    (
        "two weeks to a holiday",
        calendar(holidays="DE-BE"),
        "2024-04-17 10:30",
        weeks(2),
        "2024-05-02 09:00",
    ),
    ("a week, forward", calendar(), "2024-03-27 16:00", weeks(1), "2024-04-03 16:00"),
    ("a week, back", calendar(), "2024-10-23 16:00", weeks(1), "2024-10-30 16:00"),
    (
        "a week to a time that is left out",
        calendar(ALWAYS),
        "2024-03-24 02:30",
        weeks(1),
        "2024-03-31 03:00",
    ),
    (
        "a week to a time that comes twice",
        calendar(ALWAYS),
        "2024-10-20 02:30",
        weeks(1),
        "2024-10-27 02:30+02:00",
    ),
    (
        "a week from the second time",
        calendar(ALWAYS),
        "2024-10-27 02:30+01:00",
        weeks(1),
        "2024-11-03 02:30",
    ),
]


@pytest.mark.parametrize(
    ("one", "start", "length", "due"),
    [example[1:] for example in EXAMPLES],
    ids=[example[0] for example in EXAMPLES],
)
def test_s21_examples(
    one: Calendar | None, start: str, length: Length | timedelta, due: str
) -> None:
    assert after(one, start, length) == due


def test_s21_parts_of_a_second_count() -> None:
    working = WorkingTime(calendar(zone="UTC"))
    start = datetime(2024, 4, 29, 16, 59, 59, 999_999, tzinfo=UTC)
    assert working.after(start, timedelta(microseconds=1)) == datetime(2024, 4, 29, 17, tzinfo=UTC)
    assert working.after(start, timedelta(microseconds=2)) == datetime(
        2024, 4, 30, 9, 0, 0, 1, tzinfo=UTC
    )


def test_s4_a_start_of_any_zone_is_the_instant_that_it_means() -> None:
    working = WorkingTime(calendar())
    local = datetime(2024, 4, 29, 16, tzinfo=ZoneInfo(BERLIN))
    for start in (local, local.astimezone(UTC), local.astimezone(UTC).replace(tzinfo=None)):
        due = working.after(start, 2 * HOUR)
        assert due == datetime(2024, 4, 30, 10, tzinfo=ZoneInfo(BERLIN))
        assert due.tzinfo is UTC


@pytest.mark.parametrize("length", [Length(ZERO), Length(HOUR), days(1), days(3)])
def test_three_years_without_open_time_are_waited_for_and_one_day_more_is_not(
    length: Length,
) -> None:
    first = date(2024, 1, 1)
    closed = [(first + number * DAY).isoformat() for number in range(3 * 365 + 1)]
    start = datetime(2024, 1, 1, tzinfo=UTC)
    working = WorkingTime(calendar(ALWAYS, "UTC", closed=closed))
    assert working.after(start, length) == datetime(2027, 1, 1, tzinfo=UTC) + length.time
    working = WorkingTime(calendar(ALWAYS, "UTC", closed=[*closed, "2027-01-01"]))
    with pytest.raises(RecordError, match=r"'office' has no open time in the three years before"):
        working.after(start, length)


@pytest.mark.parametrize("one", [None, calendar(), calendar(ALWAYS, "Asia/Tokyo")])
def test_what_cannot_be_counted_is_an_error(one: Calendar | None) -> None:
    working = WorkingTime(one)
    with pytest.raises(RecordError, match="cannot be negative"):
        working.after(datetime(2024, 1, 1, tzinfo=UTC), -MINUTE)
    most = timedelta(days=999_999_999)
    lengths = (HOUR, 30 * HOUR, timedelta.max, most, days(1), weeks(1), Length(most, "days"))
    for length in lengths:
        with pytest.raises(RecordError, match="beyond the years 1 to 9999"):
            working.after(datetime(9999, 12, 31, 23, 30, tzinfo=UTC), length)


# How a calendar is refused. What its texts may be is tested with the model.

WRONG: list[tuple[Calendar, str]] = [
    (calendar(zone="Europe/Berln"), "zone: there is no time zone .* 'Europe/Berlin'"),
    (calendar("9-17"), "hours.mon, tue, wed, thu, fri: '9-17' is no opening time"),
    (calendar({}), "hours: it is never open"),
    (calendar(closed=["2024-02-30"]), r"closed\[0\]: '2024-02-30' is not"),
    (calendar(holidays="germany"), "holidays: 'germany' is no code"),
    (calendar(holidays="XX"), "holidays: no holidays are known of a country 'XX'"),
    (calendar(holidays="GER"), "of a country 'GER': .* did you mean 'DE'"),
    (calendar(holidays="DE-BER"), "DE has no part 'BER': .* BB, BE, .* did you mean 'BE'"),
    (calendar(holidays="MT-X"), "MT has no parts with holidays of their own: write 'MT'"),
]


@pytest.mark.parametrize(("one", "message"), WRONG, ids=[message for _, message in WRONG])
def test_a_wrong_calendar_is_refused_with_its_name_the_place_and_the_remedy(
    one: Calendar, message: str
) -> None:
    with pytest.raises(RecordError, match=f"^the calendar 'office': .*{message}"):
        WorkingTime(one)


def test_everything_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(RecordError) as caught:
        WorkingTime(calendar("9-17", zone="Mars/Base", closed=["soon"]))
    lines = str(caught.value).splitlines()
    assert [line.split(": ")[1] for line in lines] == [
        "zone",
        "hours.mon, tue, wed, thu, fri",
        "closed[0]",
    ]


def test_the_library_of_holidays_is_needed_by_who_has_holidays_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "holidays", None)
    assert after(calendar(), "2024-04-30 16:00", 4 * HOUR) == "2024-05-01 12:00"
    with pytest.raises(MissingExtra, match=r"'office' .*lifecycle-fsm\[calendar\]") as caught:
        WorkingTime(calendar(holidays="DE-BE"))
    assert (caught.value.extra, caught.value.package) == ("calendar", "holidays")


def test_what_was_asked_before_has_no_influence() -> None:
    one = calendar(BREAK, holidays="DE-BE")
    asked = WorkingTime(one)
    starts = [datetime(2024, 1, 1, 11, tzinfo=UTC) + number * 7 * HOUR for number in range(1500)]
    there = [asked.after(start, 4 * HOUR) for start in starts]
    back = [asked.after(start, 4 * HOUR) for start in reversed(starts)]
    assert there == back[::-1]
    assert there[::50] == [WorkingTime(one).after(start, 4 * HOUR) for start in starts[::50]]


# Properties. The oracle goes through the minutes of UTC, one by one, with a clock on the wall
# whose hands are never put back: while the clocks show an hour for the second time, it stands.

CHANGES = {
    BERLIN: ["2024-03-31T01:00", "2024-10-27T01:00"],
    NEW_YORK: ["2024-03-10T07:00", "2024-11-03T06:00"],
    "Australia/Lord_Howe": ["2024-10-05T15:30", "2024-04-06T15:00"],  # by half an hour
    "America/Sao_Paulo": ["2018-11-04T03:00", "2018-02-18T02:00"],  # at midnight
    "America/Havana": ["2024-03-10T05:00", "2024-11-03T05:00"],  # to and from midnight
    "America/St_Johns": ["2010-11-07T02:31", "2010-03-14T03:31"],  # back over midnight
    "Pacific/Apia": ["2011-12-30T10:00"],  # a day is left out
    "Asia/Kathmandu": ["2024-06-01T00:00"],  # none, 5 hours 45 minutes ahead
    "UTC": ["2024-06-01T00:00"],
}


@cache
def walls(zone: str, first: datetime) -> tuple[list[datetime], list[datetime]]:
    """What the wall shows, minute by minute, for 70 days: as it is, and never put back."""
    place = ZoneInfo(zone)
    numbers = range(70 * 24 * 60)
    shown = [(first + n * MINUTE).astimezone(place).replace(tzinfo=None) for n in numbers]
    return shown, list(accumulate(shown, max))


class Oracle:
    """Looks at each minute for itself."""

    def __init__(self, case: Case) -> None:
        one = case.calendar
        self.first = case.change - 7 * DAY
        self.start = (case.start - self.first) // MINUTE
        self.wall, self.shown = walls(one.zone, self.first)
        self.spans = spans_of(one)
        self.closed = set(map(date.fromisoformat, one.closed))

    def is_open(self, number: int) -> bool:
        shown = self.shown[number]
        minute = shown.hour * 60 + shown.minute
        return shown.date() not in self.closed and any(
            opening <= minute < closing for opening, closing in self.spans[shown.weekday()]
        )

    def after(self, length: Length) -> datetime:
        if length.counts == "weeks":
            number = max(self.start, bisect_left(self.shown, self.wall[self.start] + length.time))
            return self.first + self.opening(number) * MINUTE
        number = self.opening(self.start)
        if length.counts == "days":
            number = self.after_days(number, length.time // DAY)
        else:
            left = length.time // MINUTE
            while left:
                left -= self.is_open(number)
                number += 1
        return self.first + number * MINUTE

    def opening(self, number: int) -> int:
        return next(one for one in count(number) if self.is_open(one))

    def after_days(self, number: int, length: int) -> int:
        day = self.shown[number].date()
        passed = max(self.wall[number] - midnight(day), ZERO)
        for _ in range(length):
            number = bisect_left(self.shown, midnight(day + DAY))
            number = self.opening(number)
            day = self.shown[number].date()
        begin, end = (bisect_left(self.shown, midnight(each)) for each in (day, day + DAY))
        within = [one for one in range(begin, end) if self.is_open(one)]
        due = bisect_left(self.shown, midnight(day) + passed)
        if due in within or due - 1 in within:
            return due
        return next((one for one in within if one > due), within[-1] + 1)


def midnight(day: date) -> datetime:
    return datetime.combine(day, datetime.min.time())


@st.composite
def written_hours(draw: st.DrawFn) -> dict[str, str]:
    """Hours of a week, to the quarter of an hour or to the minute."""
    step = draw(st.sampled_from([15, 15, 1]))
    marks = st.integers(0, 24 * 60 // step).map(lambda number: number * step)
    open_days = draw(st.lists(st.sampled_from(WEEKDAYS), min_size=1, max_size=7, unique=True))
    written = {}
    for day in open_days:
        cuts = sorted(draw(st.lists(marks, min_size=2, max_size=6, unique=True)))
        pairs = list(zip(cuts[::2], cuts[1::2], strict=False))
        if draw(st.integers(0, 4)) == 0:
            pairs = [(0, 24 * 60)]
        written[day] = ", ".join(
            f"{a // 60:02}:{a % 60:02}-{b // 60:02}:{b % 60:02}" for a, b in pairs
        )
    return written


@attrs.frozen
class Case:
    """A calendar, a minute near to a change of its clocks, and lengths of open time.

    The lengths are at most three weeks of it, or a look at each minute would take years.
    """

    calendar: Calendar
    change: datetime
    start: datetime
    lengths: tuple[timedelta, ...]


@st.composite
def cases(draw: st.DrawFn, lengths: int = 0, step: timedelta = timedelta.resolution) -> Case:
    zone = draw(st.sampled_from(sorted(CHANGES)))
    change = datetime.fromisoformat(draw(st.sampled_from(CHANGES[zone]))).replace(tzinfo=UTC)
    start = change + draw(st.integers(-4 * 24 * 60, 24 * 60)) * MINUTE
    closed = draw(st.sets(st.integers(-3, 9), max_size=2))
    hours = draw(written_hours())
    one = calendar(
        hours, zone, closed=[(change.date() + day * DAY).isoformat() for day in sorted(closed)]
    )
    week = sum(closing - opening for spans in spans_of(one).values() for opening, closing in spans)
    most = min(30 * HOUR, 3 * week * MINUTE) // step
    drawn = tuple(draw(st.integers(0, most)) * step for _ in range(lengths))
    return Case(one, change, start, drawn)


counts = st.integers(1, 4)
working_days = counts.map(days)
instants = st.timedeltas(ZERO, 7 * DAY)


@settings(max_examples=examples(40), deadline=None)
@given(case=cases(lengths=1, step=MINUTE))
def test_open_time_is_what_a_look_at_each_minute_finds(case: Case) -> None:
    (length,) = case.lengths
    due = WorkingTime(case.calendar).after(case.start, length)
    assert due == Oracle(case).after(Length(length))


@settings(max_examples=100, deadline=None)
@given(case=cases(), length=st.one_of(working_days, counts.map(weeks)))
def test_days_and_weeks_are_what_a_look_at_each_minute_finds(case: Case, length: Length) -> None:
    due = WorkingTime(case.calendar).after(case.start, length)
    assert due == Oracle(case).after(length)


@settings(max_examples=100, deadline=None)
@given(case=cases(lengths=2), later=instants)
def test_later_or_longer_is_never_due_before(case: Case, later: timedelta) -> None:
    working, start, (length, more) = WorkingTime(case.calendar), case.start, case.lengths
    due = working.after(start, length)
    assert due >= start + length
    assert due <= working.after(start + later, length)
    longer = working.after(start, length + more)
    assert longer > due if more else longer == due


@settings(max_examples=100, deadline=None)
@given(case=cases(), later=instants, length=counts, more=counts)
def test_a_working_day_later_or_longer_is_never_due_before(
    case: Case, later: timedelta, length: int, more: int
) -> None:
    working, start, zone = WorkingTime(case.calendar), case.start, ZoneInfo(case.calendar.zone)
    due = working.after(start, days(length))
    assert start < due < working.after(start, days(length + more))
    # Of two starts while the clocks show an hour twice, the later may show the earlier time, and
    # with it have the earlier due time: days go by what the clock shows.
    first, second = (
        working.after(each, ZERO).astimezone(zone).replace(tzinfo=None)
        for each in (start, start + later)
    )
    assume(first <= second)
    assert due <= working.after(start + later, days(length))


@settings(max_examples=100, deadline=None)
@given(
    case=cases(),
    unit=st.sampled_from([lambda count: Length(count * HOUR), days, weeks]),
    lengths=st.lists(st.integers(1, 30), min_size=2, max_size=4),
    seconds=st.integers(0, 60),
)
def test_s21_of_two_promises_in_one_unit_the_longer_is_never_due_first(
    case: Case, unit: Callable[[int], Length], lengths: list[int], seconds: int
) -> None:
    """Over weekends, breaks, closed days and changes of the clocks; 23, 24 and 25 hours too, and
    wherever the entry falls."""
    working, start = WorkingTime(case.calendar), case.start + seconds * timedelta(seconds=1)
    dues = [working.after(start, unit(length)) for length in sorted(lengths)]
    assert dues == sorted(dues)
    assert dues[0] >= start
    if unit is weeks:
        assert [working.after(due, ZERO) for due in dues] == dues  # all in open time


@settings(max_examples=100, deadline=None)
@given(case=cases(lengths=2))
def test_open_time_adds_up(case: Case) -> None:
    """To wait for one length and then for another is to wait for both, if the second is any time at
    all. Nothing more to wait for is over at once in open time, or else at the next opening."""
    working, start, (length, more) = WorkingTime(case.calendar), case.start, case.lengths
    due = working.after(start, length)
    if more:
        assert working.after(due, more) == working.after(start, length + more)
    opening = working.after(due, ZERO)
    assert working.after(opening, ZERO) == opening >= due
    if more:
        assert working.after(opening, more) == working.after(start, length + more)
