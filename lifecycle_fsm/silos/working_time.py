"""Working time: when four hours of it are over, or two working days [S21]."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

from lifecycle_fsm.errors import MissingExtra, RecordError, suggest
from lifecycle_fsm.fields import to_utc
from lifecycle_fsm.model.rules import Calendar, Length, calendar_faults, closed_dates, spans_of
from lifecycle_fsm.zones import find_zone

if TYPE_CHECKING:
    from lifecycle_fsm.model.rules import Calendar


# ------------------------------------------------------------------ public holidays
#
# Public holidays, from the library that keeps those of all countries [S21].


_YEARS = 64


def public_holidays(calendar: Calendar) -> Callable[[int], frozenset[date]]:
    """The holidays that close the calendar's days, asked for by the year.

    Meant are the public holidays of ``calendar.holidays``, with the days on which they are
    observed where they fall on a weekend; half days and bank holidays are not among them. For a
    year that the library does not cover there are none. The laws of a country change, and the
    library with them, so a newer version of it may say otherwise of years to come.

    Raises:
        MissingExtra: the library is not installed.
        RecordError: it does not know the code.
    """
    code = calendar.holidays
    try:
        import holidays
    except ImportError:
        raise MissingExtra(
            "calendar", "holidays", f"the calendar {calendar.name!r} with holidays = {code!r}"
        ) from None
    country, _, part = code.partition("-")

    # Each year by itself: what was asked before can have no influence, nor can other threads.
    @lru_cache(maxsize=_YEARS)
    def of_year(year: int) -> frozenset[date]:
        return frozenset(
            holidays.country_holidays(country, subdiv=part or None, years=year, expand=False)
        )

    try:
        holidays.country_holidays(country, subdiv=part or None)
    except NotImplementedError:
        raise RecordError(
            f"the calendar {calendar.name!r}: holidays: {_remedy(country, part)}"
        ) from None
    return of_year


def _remedy(country: str, part: str) -> str:
    """What is wrong with a code that the library does not know, and what to write instead."""
    import holidays
    from holidays.registry import COUNTRIES

    if country not in holidays.list_supported_countries(include_aliases=True):
        # By its name, "GER" is Germany; by its letters it would be Georgia, "GE".
        codes = [code for name, code, *_ in COUNTRIES.values() if name.upper().startswith(country)]
        return (
            f"no holidays are known of a country {country!r}: write its ISO code, such as DE, or "
            "leave them out and name closed days"
            f"{suggest(codes[0], codes) if len(codes) == 1 else ''}"
        )
    entity = holidays.country_holidays(country)
    parts = sorted({*entity.subdivisions, *entity.subdivisions_aliases})
    if not parts:
        return f"{country} has no parts with holidays of their own: write {country!r}"
    return (
        f"{country} has no part {part!r}: write {country!r}, or with one of its parts, which are "
        f"{', '.join(entity.subdivisions)}{suggest(part, parts)}"
    )


# ------------------------------------------------------------------ working time


_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
_ZERO = timedelta(0)
#: Days in a row without any open time, three years of them, behind which the search is given up.
_LONGEST = 3 * 365 + 1
#: How many days one instance remembers.
_REMEMBERED = 2048
#: Open time of one day: from the first instant of each span up to its closing.
_Spans: TypeAlias = tuple[tuple[datetime, datetime], ...]


class WorkingTime:
    """Counts the open time of a calendar, or all time where there is no calendar.

    A day is open when its weekday has hours and it is neither a holiday nor named as closed: a
    weekend is nothing else than weekdays without hours. A span is open from its beginning up to
    its end, the end itself not being open any more.

    Hours are local times of the calendar's zone, and open time is real time. A span begins, and
    ends, at the first instant at which the clock on the wall shows its time or a later one. So
    where clocks are put forward, a time that is left out is the instant at which it is left out:
    ``00:00-06:00`` has five hours on that day, and a span within the hour that is missing has
    none. Where they are put back, a time that comes twice is the first of the two: ``00:00-06:00``
    has seven hours, and ``00:00-02:30`` has two and a half, as it does not open again.

    Args:
        calendar: the calendar of a model, or none to count round the clock.

    Raises:
        RecordError: the calendar is not written as it should be, with all that is wrong, or
            nothing is known of its holidays.
        MissingExtra: it has holidays, and the library for them is not installed.
    """

    __slots__ = (
        "_closed",
        "_even",
        "_holidays",
        "_hours",
        "_offset",
        "_open",
        "_open_from",
        "_zone",
        "calendar",
    )

    def __init__(self, calendar: Calendar | None) -> None:
        self.calendar = calendar
        self._zone: tzinfo = UTC
        if calendar is None:
            return
        faults = list(calendar_faults(calendar))
        if faults:
            name = f"the calendar {calendar.name!r}"
            raise RecordError("\n".join(f"{name}: {fault}" for fault in faults))
        self._zone = find_zone(calendar.zone)
        self._hours = {
            weekday: [(timedelta(minutes=start), timedelta(minutes=end)) for start, end in spans]
            for weekday, spans in spans_of(calendar).items()
        }
        self._closed = closed_dates(calendar)
        self._holidays = public_holidays(calendar) if calendar.holidays else None
        self._open = lru_cache(maxsize=_REMEMBERED)(self._spans_on)
        self._open_from = lru_cache(maxsize=_REMEMBERED)(self._first_open)
        self._even = lru_cache(maxsize=_REMEMBERED)(self._midnight_of)
        self._offset = lru_cache(maxsize=_REMEMBERED)(self._offset_at)

    def __repr__(self) -> str:
        return f"WorkingTime({self.calendar.name if self.calendar else None!r})"

    def after(self, start: datetime, length: Length | timedelta) -> datetime:
        """The instant, in UTC, at which so much time has passed since the start.

        In a calendar the unit of the length says what is counted; of two lengths in one unit the
        longer is never over first.

        A start outside of open time counts from the next opening on. A length of hours and minutes
        is open time, and over at the first instant at which there was that much of it: four hours
        from 13:00 on are over at a closing at 17:00 of that day, not at the opening of the next
        one, and what happens at that very instant is in time [S20]. No time at all is over at the
        start if that is open, or else at the next opening.

        Days are working days: the same local time so many open days later. Where that day has
        other hours, it is the next opening in it, or at the latest its closing.

        Weeks are weeks on the wall: the same local time so many weeks after the start, or the next
        opening behind it.

        Without a calendar it is the start and the length, added.

        Raises:
            RecordError: the length is negative, there is no open time for more than three years,
                or the year 9999 is over before that.
        """
        length = length if isinstance(length, Length) else Length(length)
        time = length.time
        if time < _ZERO:
            raise RecordError(f"a length of time cannot be negative: {time}")
        start = to_utc(start)
        try:
            # Open time cannot run faster, so this also ends what would be beyond all years.
            plain = start + time
            if self.calendar is None:
                return plain
            if length.counts == "days":
                return self._after_days(start, time // _DAY)
            if length.counts == "weeks":
                return self._after_weeks(start, time)
            return self._after_open_time(start, time)
        except OverflowError:
            raise RecordError(
                f"{time} after {start.isoformat()} is beyond the years 1 to 9999"
            ) from None

    def _after_open_time(self, start: datetime, length: timedelta) -> datetime:
        at, left = start, length
        day, spans = self._open_from(self._wall(start).date())
        while True:
            for opening, closing in spans:
                if closing <= at:
                    continue
                at = max(at, opening)
                over = at + left
                if over <= closing:
                    return over
                left -= closing - at
                at = closing
            day, spans = self._open_from(day + _DAY)

    def _after_days(self, start: datetime, count: int) -> datetime:
        wall = self._wall(start)
        day, spans = self._open_from(wall.date())
        while start >= spans[-1][1]:
            day, spans = self._open_from(day + _DAY)
        opening = next(opening for opening, closing in spans if start < closing)
        if start < opening:
            wall = self._wall(opening)
        # Less than nothing where clocks are put back over midnight: then the next opening counts.
        passed = wall - _midnight(day)
        for _ in range(count):
            day, spans = self._open_from(day + _DAY)
        over = self._shown(day, passed)
        for opening, closing in spans:
            if over <= closing:
                return max(over, opening)
        return spans[-1][1]

    def _after_weeks(self, start: datetime, time: timedelta) -> datetime:
        wall = self._wall(start) + time
        return self._after_open_time(max(start, _first_shown(wall, self._zone)), _ZERO)

    def _first_open(self, day: date) -> tuple[date, _Spans]:
        """The first day with open time, this one or a later one."""
        for _ in range(_LONGEST + 1):
            spans = self._open(day)
            if spans:
                return day, spans
            day += _DAY
        assert self.calendar is not None
        raise RecordError(
            f"the calendar {self.calendar.name!r} has no open time in the three years before "
            f"{day}: give it hours on more weekdays, or fewer closed days"
        )

    def _spans_on(self, day: date) -> _Spans:
        hours = self._hours[day.weekday()]
        if not hours or day in self._closed:
            return ()
        if self._holidays is not None and day in self._holidays(day.year):
            return ()
        even = self._even(day)
        if even is not None:
            return tuple([(even + opening, even + closing) for opening, closing in hours])
        spans = [(self._shown(day, start), self._shown(day, end)) for start, end in hours]
        return tuple([(opening, closing) for opening, closing in spans if opening < closing])

    def _shown(self, day: date, passed: timedelta) -> datetime:
        """The first instant at which the wall shows a time of that day, or a later one."""
        even = self._even(day)
        if even is not None:
            return even + passed
        return _first_shown(_midnight(day) + passed, self._zone)

    def _midnight_of(self, day: date) -> datetime | None:
        """The instant at which the day begins, if no clock is changed on it; else nothing."""
        offset = self._offset(day)
        if offset is None or offset != self._offset(day + _DAY):
            return None
        return (_midnight(day) - offset).replace(tzinfo=UTC)

    def _offset_at(self, day: date) -> timedelta | None:
        """The zone's offset as the day begins; nothing where a clock is changed just then."""
        midnight = _midnight(day).replace(tzinfo=self._zone)
        offset = midnight.utcoffset()
        return offset if midnight.replace(fold=1).utcoffset() == offset else None

    def _wall(self, instant: datetime) -> datetime:
        """What the clock on the wall shows."""
        return instant.astimezone(self._zone).replace(tzinfo=None)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time())


def _first_shown(wall: datetime, zone: tzinfo) -> datetime:
    """The first instant at which a clock on a wall of the zone shows that time or a later one."""
    before = wall.replace(tzinfo=zone, fold=0).utcoffset()
    after = wall.replace(tzinfo=zone, fold=1).utcoffset()
    assert before is not None
    assert after is not None
    if before >= after:
        return (wall - before).replace(tzinfo=UTC)
    # The time is left out: look for the whole second at which it is, behind the instant that would
    # show it with the clocks put forward already, up to the one with the clocks not yet so.
    early = (wall - after).replace(tzinfo=UTC, microsecond=0)
    late = (wall - before).replace(tzinfo=UTC, microsecond=0)
    while late - early > _SECOND:
        middle = early + (late - early) // _SECOND // 2 * _SECOND
        if middle.astimezone(zone).replace(tzinfo=None) < wall:
            early = middle
        else:
            late = middle
    return late
