"""Public holidays, from the library that keeps those of all countries [S21]."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING

from lifecycle_fsm.errors import MissingExtra, RecordError, suggest

if TYPE_CHECKING:
    from lifecycle_fsm.model.agreements import Calendar

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
