"""How instants, spans and shares are shown, in HTML and in Markdown alike."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby

from lifecycle_fsm.diagram.words import number, share
from lifecycle_fsm.funnel import Ratio
from lifecycle_fsm.sheet.contents import Asked
from lifecycle_fsm.sheet.litmus import Litmus
from lifecycle_fsm.wording import duration, joined
from lifecycle_fsm.zones import find_zone

NOTHING = "–"


def percent(ratio: Ratio | None) -> str:
    """A share; a dash where there is nothing to share."""
    return NOTHING if ratio is None or ratio.share is None else share(ratio.share)


def span(time: timedelta | None, unknown: str = NOTHING) -> str:
    """A time span; a dash where it is not known."""
    return unknown if time is None else duration(time)


def moment(at: datetime, zone: str) -> str:
    """An instant, with its zone."""
    return f"{at.astimezone(find_zone(zone)):%Y-%m-%d %H:%M} ({zone})"


def date(at: datetime, zone: str) -> str:
    """The day of an instant."""
    return f"{at.astimezone(find_zone(zone)):%Y-%m-%d}"


def qualifying(found: Litmus) -> str:
    """What the list of those who qualify shows, and of how many."""
    said = f"The latest of {number(found.inside)} people in {found.stage}"
    if not found.open:
        return said
    return f"{number(found.open)} would qualify by these rules, then {said[0].lower()}{said[1:]}"


def nearly(found: Litmus) -> str:
    """What the list of those who are just below shows, and of how many."""
    return f"The nearest of {number(found.below)} people in {joined(found.origins)}"


def occasion(one: Asked) -> str:
    """When something is asked for."""
    if one.entering:
        return f"On entering {joined(one.entering, 'or')}"
    return f"On “{one.activity}”"


def by_occasion(rows: Sequence[Asked]) -> list[tuple[str, list[Asked]]]:
    """Runs of rows of one occasion: the order of an assignment counts."""
    return [(words, list(run)) for words, run in groupby(rows, key=occasion)]


def version_note(version: str, model: str) -> tuple[str, str]:
    """What a version is, in two parts, of which the first stands out."""
    return (
        f"Version {version}",
        f"of the model “{model}” names what these rules mean. It changes as soon as a rule, a "
        "number or a list on this sheet changes, and stays the same when only names, texts or "
        "explanations do. A system that shows this version runs what was signed here.",
    )
