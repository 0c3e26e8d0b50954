"""The people in sales: who covers what, how fast they answer, and how well they close."""

from __future__ import annotations

import attrs

from lifecycle_fsm.demo.company.chance import Spread
from lifecycle_fsm.demo.company.seasons import days_between
from lifecycle_fsm.stable import stable_choice


@attrs.frozen
class Developer:
    """Somebody of the sales-development team, who answers leads."""

    name: str
    answers: Spread  # minutes of office time
    slow: float  # of the leads wait for days
    forgets: float  # of the leads are never answered
    by_taking_over: float  # of the leads are accepted by a change of owner, the others by a call
    away: frozenset[int]


@attrs.frozen
class Executive:
    """Somebody who closes deals."""

    name: str
    wins: float  # of the deals


_NORTH = Developer(
    name="sdr.north",
    answers=(3, 12, 25, 45, 80, 130, 215),
    slow=0.05,
    forgets=0.02,
    by_taking_over=0.7,
    away=days_between("2024-07-22", "2024-08-02")
    | days_between("2024-12-23", "2025-01-03")
    | days_between("2025-07-14", "2025-07-25")
    | days_between("2025-12-22", "2026-01-02"),
)
_BALTIC = Developer(
    name="sdr.baltic",
    answers=(5, 20, 45, 75, 120, 170, 235),
    slow=0.07,
    forgets=0.04,
    by_taking_over=0.85,
    away=days_between("2024-06-17", "2024-06-28")
    | days_between("2024-12-23", "2024-12-31")
    | days_between("2025-06-16", "2025-06-27")
    | days_between("2025-12-22", "2025-12-31"),
)
_SOUTH = Developer(
    name="sdr.south",
    answers=(8, 35, 70, 120, 180, 260, 420),
    slow=0.12,
    forgets=0.09,
    by_taking_over=0.35,
    away=days_between("2024-08-05", "2024-08-23")
    | days_between("2024-12-20", "2025-01-06")
    | days_between("2025-08-04", "2025-08-22")
    | days_between("2025-12-19", "2026-01-06"),
)
_IBERIA = Developer(
    name="sdr.iberia",
    answers=(4, 18, 40, 80, 140, 200, 330),
    slow=0.09,
    forgets=0.05,
    by_taking_over=0.5,
    away=days_between("2024-08-12", "2024-08-30")
    | days_between("2024-12-23", "2025-01-07")
    | days_between("2025-08-11", "2025-08-29")
    | days_between("2025-12-22", "2026-01-07"),
)
#: In the order of the model's token ``sdr_team``, as all of the names and territories are its own.
TEAM = (_NORTH, _BALTIC, _SOUTH, _IBERIA)
NORTH = frozenset({"DK", "EE", "FI", "LT", "LV", "NO", "SE"})
SOUTH = frozenset({"ES", "IT", "PT"})

_LINDBERG = Executive("ae.lindberg", 0.43)
_MOREAU = Executive("ae.moreau", 0.39)
_BROWN = Executive("ae.brown", 0.34)
_OKAFOR = Executive("ae.okafor", 0.26)
#: Who is given the deals of a country.
_DEALS = {
    **dict.fromkeys(("DE", "AT", "CH"), _LINDBERG),
    **dict.fromkeys(("FR", "IT", "ES", "PT"), _MOREAU),
    "US": _OKAFOR,
}


def developer(country: str, person: str) -> Developer:
    """Who is assigned a person: the two of a territory take turns, or else the whole team [S16]."""
    if country in NORTH:
        return stable_choice(TEAM[:2], "north", person)
    if country in SOUTH:
        return stable_choice(TEAM[2:], "south", person)
    return stable_choice(TEAM, "elsewhere", person)


def executive(country: str, *, busy: bool) -> Executive:
    """Who closes deals in a country; if they are busy, who helps out everywhere."""
    return _OKAFOR if busy else _DEALS.get(country, _BROWN)
