"""Working time: when four working hours are over, or two working days [S21]."""

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
# Public holidays, from the library that maintains those of all countries [S21].


_YEARS = 64


def public_holidays(calendar: Calendar) -> Callable[[int], frozenset[date]]:
    """The holidays that close the calendar's days, as a function of the year.

    These are the public holidays of ``calendar.holidays``, including the days on which they are
    observed if they fall on a weekend, but not half days and bank holidays. Years that the library
    does not cover have none. Countries change their laws, and the library follows, so a newer
    version of it may differ for future years.

    Raises:
        MissingExtra: the library is not installed.
        RecordError: the library does not know the code.
    """
    code = calendar.holidays
    try:
        import holidays
    except ImportError:
        raise MissingExtra(
            "calendar", "holidays", f"the calendar {calendar.name!r} with holidays = {code!r}"
        ) from None
    country, _, part = code.partition("-")

    # Each year separately: neither earlier calls nor other threads can have any influence.
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
    """The fault of a code that the library does not know, and what to write instead."""
    import holidays
    from holidays.registry import COUNTRIES

    if country not in holidays.list_supported_countries(include_aliases=True):
        # As the start of a name, "GER" means Germany; as a code it would be Georgia, "GE".
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
#: The search for open time ends after this many days in a row without any: three years.
_LONGEST = 3 * 365 + 1
#: How many days one instance caches.
_REMEMBERED = 2048
#: The open time of one day: each span from its first instant to its end.
_Spans: TypeAlias = tuple[tuple[datetime, datetime], ...]


class WorkingTime:
    """Counts the open time of a calendar, or all time if there is no calendar.

    A day is open if its weekday has hours and it is neither a holiday nor listed as closed; a
    weekend is just weekdays without hours. A span is open from its beginning up to but not
    including its end.

    Hours are local times of the calendar's zone, and open time is real time. A span begins, and
    ends, at the first instant at which the local clock shows its time or a later one. When clocks
    go forward, a skipped time therefore means the instant of the change: ``00:00-06:00`` has five
    hours on that day, and a span within the missing hour has none. When clocks go back, a time that
    occurs twice means the first of the two: ``00:00-06:00`` has seven hours, and ``00:00-02:30``
    has two and a half, because it does not open again.

    Args:
        calendar: the calendar of a model, or ``None`` to count around the clock.

    Raises:
        RecordError: the calendar has faults, all of which are listed, or its holidays are unknown.
        MissingExtra: the calendar has holidays, and the library for them is not installed.
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
        """The instant, in UTC, at which a length of time has passed since the start.

        With a calendar, the unit of the length determines what is counted. Of two lengths in one
        unit, the longer never ends first.

        A start outside open time counts from the next opening. A length of hours and minutes is
        open time, and ends at the first instant at which that much has passed: four hours from
        13:00 end at a closing at 17:00 of the same day, not at the next opening, and what happens
        at that very instant is in time [S20]. A length of zero ends at the start if that is open,
        otherwise at the next opening.

        Days are working days: the same local time that many open days later. If that day has other
        hours, it is the next opening on it, or at the latest its closing.

        Weeks are calendar weeks: the same local time that many weeks after the start, or the next
        opening after it.

        Without a calendar, the result is the start plus the length.

        Raises:
            RecordError: the length is negative, there is no open time for more than three years,
                or the result is after the year 9999.
        """
        length = length if isinstance(length, Length) else Length(length)
        time = length.time
        if time < _ZERO:
            raise RecordError(f"a length of time cannot be negative: {time}")
        start = to_utc(start)
        try:
            # Open time cannot run faster than this, so it also catches results beyond all years.
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
        # Negative if clocks go back over midnight: then the next opening counts.
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
        """The first day with open time, starting with this one."""
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
        """The first instant at which the local clock shows a time of that day, or a later one."""
        even = self._even(day)
        if even is not None:
            return even + passed
        return _first_shown(_midnight(day) + passed, self._zone)

    def _midnight_of(self, day: date) -> datetime | None:
        """The instant at which the day begins, or ``None`` if a clock changes on it."""
        offset = self._offset(day)
        if offset is None or offset != self._offset(day + _DAY):
            return None
        return (_midnight(day) - offset).replace(tzinfo=UTC)

    def _offset_at(self, day: date) -> timedelta | None:
        """The zone's offset at the start of the day, or ``None`` if a clock changes just then."""
        midnight = _midnight(day).replace(tzinfo=self._zone)
        offset = midnight.utcoffset()
        return offset if midnight.replace(fold=1).utcoffset() == offset else None

    def _wall(self, instant: datetime) -> datetime:
        """The time that the local clock shows."""
        return instant.astimezone(self._zone).replace(tzinfo=None)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time())


def _first_shown(wall: datetime, zone: tzinfo) -> datetime:
    """The first instant at which a local clock of the zone shows that time or a later one."""
    before = wall.replace(tzinfo=zone, fold=0).utcoffset()
    after = wall.replace(tzinfo=zone, fold=1).utcoffset()
    assert before is not None
    assert after is not None
    if before >= after:
        return (wall - before).replace(tzinfo=UTC)
    # The time is skipped. Search for the second of the change, between the instants that the time
    # would have with the offset after the change and with the one before it.
    early = (wall - after).replace(tzinfo=UTC, microsecond=0)
    late = (wall - before).replace(tzinfo=UTC, microsecond=0)
    while late - early > _SECOND:
        middle = early + (late - early) // _SECOND // 2 * _SECOND
        if middle.astimezone(zone).replace(tzinfo=None) < wall:
            early = middle
        else:
            late = middle
    return late
