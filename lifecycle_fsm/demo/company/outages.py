"""Weeks in which the company data could not be had."""

from __future__ import annotations

import attrs

from lifecycle_fsm.demo.company.chance import Spread
from lifecycle_fsm.demo.company.seasons import HOUR, second


@attrs.frozen
class Outage:
    """The data provider does not answer; what is missing is filled in when it is back."""

    begins: int
    ends: int
    filled: int  # the night in which the missing data were fetched


OUTAGES = (
    Outage(second("2024-09-30", 14), second("2024-10-07", 11), second("2024-10-09", 3)),
    Outage(second("2025-06-24", 6), second("2025-06-26", 16), second("2025-06-28", 3)),
)
#: Original processing then tries several times before it goes on without: so many minutes.
TRIES: Spread = (12, 20, 35, 60, 110)
LATEST = 2 * HOUR


def outage_at(at: int) -> Outage | None:
    """The outage at an instant, if there is one."""
    return next((one for one in OUTAGES if one.begins <= at < one.ends), None)
