"""When things happen: working days, office hours, holidays, dips and growth.

Inside the company an instant is a whole number of seconds since :data:`START`, in UTC. People live
by the clock of Berlin, which is an hour ahead of UTC, in summer two.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Container
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate

from lifecycle_fsm.demo.company.chance import Chance, Odds, Spread

START = datetime(2024, 1, 1, tzinfo=UTC)
END = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = (END - START).days
MINUTE, HOUR, DAY = 60, 3_600, 86_400
#: The second at which the story of the company ends.
OVER = DAYS * DAY
_GROWTH = 20  # percent more people at the end than at the beginning

#: How busy people are with such things, of a hundred: by weekday from Monday, and by month.
_WEEKDAYS = (88, 100, 100, 96, 78, 16, 18)
_MONTHS = (92, 100, 108, 100, 98, 94, 78, 52, 112, 112, 104, 84)
_CHRISTMAS = ((12, 22), (1, 3))  # to be quiet from one to the other
_QUIET = 18

_OPENS, _CLOSES = 9 * HOUR, 17 * HOUR
#: Public holidays on working days, on which nobody in sales works.
HOLIDAYS = frozenset(
    map(
        date.fromisoformat,
        """2024-01-01 2024-03-29 2024-04-01 2024-05-01 2024-05-09 2024-05-20 2024-10-03 2024-12-25
        2024-12-26 2025-01-01 2025-04-18 2025-04-21 2025-05-01 2025-05-29 2025-06-09 2025-10-03
        2025-12-25 2025-12-26 2026-01-01""".split(),
    )
)
#: Local hours at which people look at web pages and read their mail.
_HOURS: Odds[int] = Odds(
    {
        6: 1, 7: 4, 8: 9, 9: 13, 10: 14, 11: 13, 12: 8, 13: 9, 14: 13, 15: 12, 16: 10, 17: 7, 18: 4,
        19: 3, 20: 4, 21: 3, 22: 1,
    }
)  # fmt: skip


def second(day: str | date, hour: int = 0) -> int:
    """The second at which an hour of a day begins in Berlin."""
    number = (date.fromisoformat(str(day)) - START.date()).days
    return number * DAY + hour * HOUR - _OFFSET[number]


def instant(at: int) -> datetime:
    """A second as a time."""
    return START + timedelta(seconds=at)


def second_of(at: datetime) -> int:
    """A time as a second."""
    return int((at - START).total_seconds())


def _last_sunday(year: int, month: int) -> date:
    last = date(year, month, 31)
    return last - timedelta(days=(last.weekday() + 1) % 7)


def _summer(day: date) -> bool:
    return _last_sunday(day.year, 3) <= day < _last_sunday(day.year, 10)


def _busy(day: date) -> int:
    """How much happens on a day, of a hundred on a good one."""
    if (day.month, day.day) >= _CHRISTMAS[0] or (day.month, day.day) < _CHRISTMAS[1]:
        return _QUIET
    share = _WEEKDAYS[day.weekday()] * _MONTHS[day.month - 1] // 100
    return share // 4 if day in HOLIDAYS else share


# A year more than the company lives: what is due then is looked up, though it is never told.
_DATES = [START.date() + timedelta(days=number) for number in range(DAYS + 400)]
_OFFSET = [2 * HOUR if _summer(day) else HOUR for day in _DATES]
_BUSY = [_busy(day) for day in _DATES]
_OPEN = [day.weekday() < 5 and day not in HOLIDAYS for day in _DATES]
_NEW = tuple(accumulate(_BUSY[number] * (100 * DAYS + _GROWTH * number) for number in range(DAYS)))


def arrival(chance: Chance) -> int:
    """When a new person comes: seldom at night, in August and at Christmas, and more each month."""
    day = bisect_right(_NEW, chance.whole(0, _NEW[-1] - 1))
    return max(0, _hour(chance, day))


def visit(chance: Chance, after: int, days: Spread) -> int:
    """When somebody comes again who has been here: about so many days later, on a day on which
    people do such things."""
    gap = chance.of(days)
    day = after // DAY + gap
    if not gap:
        later = after + chance.whole(20 * MINUTE, 5 * HOUR)
        if (later + HOUR) % DAY > 6 * HOUR:
            return later
        day += 1
    while day < len(_BUSY) and not chance.share(_BUSY[day] / 100):
        day += 1
    return max(after + chance.whole(MINUTE, HOUR), _hour(chance, min(day, len(_DATES) - 1)))


def _hour(chance: Chance, day: int) -> int:
    return day * DAY - _OFFSET[day] + chance.one_of(_HOURS) * HOUR + chance.whole(0, HOUR - 1)


def office(at: int, minutes: int, away: Container[int] = ()) -> int:
    """The instant that lies so many minutes of office time later.

    Args:
        at: from when on.
        minutes: how long, from nine to five on working days.
        away: numbers of the days on which nobody is there.
    """
    left = minutes * MINUTE
    day = (at + _OFFSET[min(at // DAY, len(_OFFSET) - 1)]) // DAY
    while day < len(_DATES):
        if _OPEN[day] and day not in away:
            opens = day * DAY - _OFFSET[day] + _OPENS
            begins = max(at, opens)
            rest = opens + _CLOSES - _OPENS - begins
            if rest > left:
                return begins + left
            left -= max(rest, 0)
        day += 1
    return OVER


def days_between(first: str, last: str) -> frozenset[int]:
    """The numbers of the days from one to another, both included."""
    start, end = ((date.fromisoformat(one) - START.date()).days for one in (first, last))
    return frozenset(range(start, end + 1))
