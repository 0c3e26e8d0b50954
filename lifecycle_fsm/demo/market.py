"""The world that people live in: its calendar, its companies, its fairs, and outages.

An instant is a whole number of seconds since :data:`START`, in UTC. People live by the clock of
Berlin, which is one hour ahead of UTC, two in summer.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Container
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate

import attrs

from lifecycle_fsm.demo import word_lists
from lifecycle_fsm.demo.chance import Chance, Spread

# ------------------------------------------------------------------ the calendar

START = datetime(2024, 1, 1, tzinfo=UTC)
END = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = (END - START).days
MINUTE, HOUR, DAY = 60, 3_600, 86_400
#: The second at which all made-up activity ends.
OVER = DAYS * DAY
_GROWTH = 20  # percent more people at the end than at the beginning

#: How active people are, in percent: by weekday from Monday, and by month.
_WEEKDAYS = (88, 100, 100, 96, 78, 16, 18)
_MONTHS = (92, 100, 108, 100, 98, 94, 78, 52, 112, 112, 104, 84)
_CHRISTMAS = ((12, 22), (1, 3))  # quiet from one to the other
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
_HOURS = {
    6: 1, 7: 4, 8: 9, 9: 13, 10: 14, 11: 13, 12: 8, 13: 9, 14: 13, 15: 12, 16: 10, 17: 7, 18: 4,
    19: 3, 20: 4, 21: 3, 22: 1,
}  # fmt: skip


def second(day: str, hour: int = 0) -> int:
    """The second at which an hour of a day begins in Berlin."""
    number = _day_number(day)
    return number * DAY + hour * HOUR - _OFFSET[number]


def instant(at: int) -> datetime:
    """Convert a second to a datetime."""
    return START + timedelta(seconds=at)


def second_of(at: datetime) -> int:
    """Convert a datetime to a second."""
    return int((at - START).total_seconds())


def days_between(first: str, last: str) -> frozenset[int]:
    """The numbers of the days from one to another, both included."""
    return frozenset(range(_day_number(first), _day_number(last) + 1))


def _day_number(day: str) -> int:
    return (date.fromisoformat(day) - START.date()).days


def _last_sunday(year: int, month: int) -> date:
    last = date(year, month, 31)
    return last - timedelta(days=(last.weekday() + 1) % 7)


def _offset(day: date) -> int:
    """How far the clock of Berlin is ahead of UTC."""
    summer = _last_sunday(day.year, 3) <= day < _last_sunday(day.year, 10)
    return 2 * HOUR if summer else HOUR


def _busy(day: date) -> int:
    """How much happens on a day, as a percentage of a good one."""
    if (day.month, day.day) >= _CHRISTMAS[0] or (day.month, day.day) < _CHRISTMAS[1]:
        return _QUIET
    share = _WEEKDAYS[day.weekday()] * _MONTHS[day.month - 1] // 100
    return share // 4 if day in HOLIDAYS else share


# A year longer than the made-up time: what is due then is looked up, but never becomes an activity.
_DATES = [START.date() + timedelta(days=number) for number in range(DAYS + 400)]
_OFFSET = [_offset(day) for day in _DATES]
_BUSY = [_busy(day) for day in _DATES]
_OPEN = [day.weekday() < 5 and day not in HOLIDAYS for day in _DATES]
_NEW = tuple(accumulate(_BUSY[number] * (100 * DAYS + _GROWTH * number) for number in range(DAYS)))


def arrival(chance: Chance) -> int:
    """Draw when a new person comes: rarely at night, in August or at Christmas; more each month."""
    day = bisect_right(_NEW, chance.number(0, _NEW[-1] - 1))
    return max(0, _daytime(chance, day))


def visit(chance: Chance, after: int, days: Spread) -> int:
    """Draw when a person comes back: about so many days later, on a day when people do so."""
    gap = chance.number(*days)
    day = after // DAY + gap
    if not gap:
        later = after + chance.number(20 * MINUTE, 5 * HOUR)
        if (later + HOUR) % DAY > 6 * HOUR:
            return later
        day += 1
    while day < len(_BUSY) and not chance.share(_BUSY[day] / 100):
        day += 1
    soonest = after + chance.number(MINUTE, HOUR)
    return max(soonest, _daytime(chance, min(day, len(_DATES) - 1)))


def _daytime(chance: Chance, day: int) -> int:
    hour = chance.weighted(_HOURS)
    return day * DAY - _OFFSET[day] + hour * HOUR + chance.number(0, HOUR - 1)


def office(at: int, minutes: int, away: Container[int] = ()) -> int:
    """The instant after so many minutes of office time.

    Args:
        at: the start.
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


# ------------------------------------------------------------------ companies


@attrs.frozen
class Account:
    """A company that may buy, and whether the data provider knows it."""

    name: str
    domain: str
    country: str
    industry: str
    employees: int
    known: bool


_NEW_COMPANY = 0.4  # of the people come from a company that is new
_KNOWN = 0.9  # of the companies are known to the data provider
_EMPLOYEES: Spread = (3, 9, 22, 48, 85, 150, 320, 900, 7_000)
_INDUSTRY = {
    trade: industry
    for industry, trades in word_lists.INDUSTRIES.items()
    for trade in trades.split()
}
_NAMES = len(word_lists.COMPANY_NAMES) * len(word_lists.TRADES)
_STEP = 611  # has no factor in common with the number of names, so that each occurs once


class Accounts:
    """Companies: a person brings a new one, or is a colleague of an earlier person, so that large
    accounts grow larger."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._people = Counter[str]()  # of each company
        self._first_name = Chance(seed, "accounts").number(0, _NAMES - 1)
        self.all: list[Account] = []
        self._employers: list[Account] = []  # of each person

    def next(self, chance: Chance) -> Account:
        """The company of the next person."""
        account = None
        if self._employers and not chance.share(_NEW_COMPANY):
            account = chance.choice(self._employers)
        # Nobody meets every employee of a company.
        if account is None or self._people[account.domain] * 4 >= account.employees:
            account = self._new(len(self.all))
            self.all.append(account)
        self._employers.append(account)
        self._people[account.domain] += 1
        return account

    def _new(self, number: int) -> Account:
        chance = Chance(self._seed, "account", number)
        repeats, position = divmod(number, _NAMES)
        place = (self._first_name + position * _STEP) % _NAMES
        word, trade = divmod(place, len(word_lists.TRADES))
        name = f"{word_lists.COMPANY_NAMES[word]} {word_lists.TRADES[trade]}"
        if repeats:
            more, place = divmod(repeats - 1, len(word_lists.PLACES))
            name += f" {word_lists.PLACES[place]}" + (f" {more + 1}" if more else "")
        return Account(
            name=name,
            domain=f"{name.lower().translate(word_lists.PLAIN_LETTERS)}.example",
            country=chance.weighted(word_lists.COUNTRY_WEIGHTS),
            industry=_INDUSTRY.get(word_lists.TRADES[trade], "manufacturing"),
            employees=chance.number(*_EMPLOYEES),
            known=chance.share(_KNOWN),
        )


# ------------------------------------------------------------------ fairs and outages


@attrs.frozen
class Fair:
    """An event whose visitors are imported as one list, in the morning a few days later."""

    name: str
    imported: int  # the second
    by: str  # who sent the list, which does not make it a list of sales


FAIRS = {
    Fair("Makers' Fair 2024", second("2024-03-18", 9), "marketing"): 18,
    Fair("Supply Days 2024", second("2024-05-27", 10), "sales"): 13,
    Fair("Industry Week 2024", second("2024-09-23", 9), "marketing"): 20,
    Fair("Founders' Forum 2024", second("2024-11-11", 10), "marketing"): 9,
    Fair("Makers' Fair 2025", second("2025-03-17", 9), "marketing"): 22,
    Fair("Supply Days 2025", second("2025-05-26", 10), "sales"): 15,
    Fair("Industry Week 2025", second("2025-09-22", 9), "marketing"): 24,
    Fair("Founders' Forum 2025", second("2025-11-10", 10), "marketing"): 11,
}


@attrs.frozen
class Outage:
    """The data provider does not answer; missing data are filled in when it is back."""

    begins: int
    ends: int
    filled: int  # the night in which the missing data were fetched


OUTAGES = (
    Outage(second("2024-09-30", 14), second("2024-10-07", 11), second("2024-10-09", 3)),
    Outage(second("2025-06-24", 6), second("2025-06-26", 16), second("2025-06-28", 3)),
)


def outage_at(at: int) -> Outage | None:
    """The outage at an instant, if there is one."""
    return next((outage for outage in OUTAGES if outage.begins <= at < outage.ends), None)
