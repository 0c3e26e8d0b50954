"""How a calendar is written: its zone, its hours and its closed days, read and checked [S21].

This is the part that needs no data of holidays and computes no times; the clock does both.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import TypeAlias

from lifecycle_fsm.errors import RecordError, suggest
from lifecycle_fsm.model.agreements import WEEKDAYS, Calendar
from lifecycle_fsm.zones import find_zone

#: Spans of open time of one day, each from a minute after midnight up to another.
Minutes: TypeAlias = tuple[tuple[int, int], ...]

_MIDNIGHT = 24 * 60
_SPAN = re.compile(r"([0-9]{1,2}):([0-9]{2})\s*-\s*([0-9]{1,2}):([0-9]{2})")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CODE = re.compile(r"[A-Z]{2,3}(-\S.*)?")


def spans_of(calendar: Calendar) -> Mapping[int, Minutes]:
    """When each day of the week is open: for Monday, 0, to Sunday, 6, the spans in minutes after
    midnight. A closed day has none; a span that ends at ``24:00`` ends at minute 1440.

    Raises:
        RecordError: a weekday or a text cannot be read; see :func:`calendar_faults` for all of
            what is wrong.
    """
    spans: dict[int, Minutes] = dict.fromkeys(range(7), ())
    for name, text in calendar.hours.items():
        spans[_weekday(name)] = _read_spans(text)
    return spans


def closed_dates(calendar: Calendar) -> frozenset[date]:
    """The days that the calendar itself names as closed.

    Raises:
        RecordError: one of them is no date.
    """
    return frozenset(map(_read_date, calendar.closed))


def calendar_faults(calendar: Calendar) -> Iterator[str]:
    """Everything that is wrong with how the calendar is written, each with its place in it and
    what to write in its stead. Whether a code of holidays is known, only the clock can tell."""
    if not isinstance(calendar.zone, str):
        yield f"zone: {calendar.zone!r} is no text: write it as Europe/Berlin"
    else:
        try:
            find_zone(calendar.zone)
        except RecordError as error:
            yield f"zone: {error}"
    if not calendar.hours:
        yield (
            "hours: it is never open: write when it is, such as "
            'hours = "09:00-17:00" for Monday to Friday'
        )
    # What is said of several days at once is wrong once.
    faults: dict[str, list[str]] = {}
    for name, text in calendar.hours.items():
        try:
            _weekday(name)
            _read_spans(text)
        except RecordError as error:
            faults.setdefault(str(error), []).append(str(name))
    for fault, names in faults.items():
        yield f"hours.{', '.join(names)}: {fault}"
    yield from _code_faults(calendar.holidays)
    for number, text in enumerate(calendar.closed):
        try:
            _read_date(text)
        except RecordError as error:
            yield f"closed[{number}]: {error}"


def _code_faults(code: object) -> Iterator[str]:
    if code == "" or (isinstance(code, str) and _CODE.fullmatch(code)):
        return
    capitals = str(code).upper()
    near = f"; did you mean {capitals!r}?" if _CODE.fullmatch(capitals) else ""
    yield (
        f"holidays: {code!r} is no code of a country: write its ISO code in capitals, such as DE, "
        f"and for a part of it DE-BE{near}"
    )


def _weekday(name: object) -> int:
    if name not in WEEKDAYS:
        raise RecordError(
            f"{name!r} is no day of the week: write {', '.join(WEEKDAYS)}"
            f"{suggest(str(name).lower(), WEEKDAYS)}"
        )
    return WEEKDAYS.index(str(name))


def _read_spans(text: object) -> Minutes:
    spans: list[tuple[int, int]] = []
    for one in (text if isinstance(text, str) else "").split(","):
        span = one.strip()
        found = _SPAN.fullmatch(span)
        if found is None:
            raise RecordError(
                f"{text!r} is no opening time: write 09:00-17:00, or with a break "
                "09:00-12:00, 13:00-17:00; leave out a day that is closed"
            )
        opening, closing = _minute(found[1], found[2]), _minute(found[3], found[4])
        if opening >= closing:
            raise RecordError(
                f"{span} does not end after it begins: end it at 24:00 at the latest, and write "
                "what lies behind midnight as hours of the next day"
            )
        if spans and opening < spans[-1][1]:
            raise RecordError(
                f"{span} begins before the span in front of it has ended: write the spans in "
                "their order, none inside another"
            )
        spans.append((opening, closing))
    return tuple(spans)


def _minute(hour: str, minute: str) -> int:
    after_midnight = int(hour) * 60 + int(minute)
    if int(minute) > 59 or after_midnight > _MIDNIGHT:
        raise RecordError(f"{hour}:{minute} is no time of a day: write 00:00 to 24:00")
    return after_midnight


def _read_date(text: object) -> date:
    try:
        # Python reads more than this, such as 2024-W52-2, which few would take for a date.
        if isinstance(text, str) and _DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise RecordError(f'{text!r} is not the text of a date: write "2024-12-24"')
