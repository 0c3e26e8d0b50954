"""How instants, spans and shares are shown, in HTML and in Markdown alike."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby

from lifecycle_fsm.diagram.text_fit import share
from lifecycle_fsm.funnel import Ratio
from lifecycle_fsm.sheet.contents import Asked
from lifecycle_fsm.sheet.litmus import SHOWN, Candidate, Litmus
from lifecycle_fsm.wording import counted, duration, joined
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


def snapshot(found: Litmus, zone: str) -> str:
    """Of when the lists of people are."""
    there = counted(found.inside, "person", "people")
    verb = "is" if found.inside == 1 else "are"
    return (
        f"A snapshot of {moment(found.now, zone)}: who would qualify by these rules as people "
        f"stood then. {there} in {found.stage} already {verb} left out"
    )


def qualifying(found: Litmus) -> str:
    """What the list of those who would qualify shows, and of how many."""
    return _shown(len(found.qualify), found)


def nearly(found: Litmus) -> str:
    """What the list of those who are just below shows, and of how many."""
    return f"The nearest of {_shown(len(found.nearest), found)}"


def _shown(count: int, found: Litmus) -> str:
    said = f"{counted(count, 'person', 'people')} in {joined(found.origins)}"
    return said + ("; sheet --list FILE saves all" if count > SHOWN else "")


def who(one: Candidate) -> str:
    """What tells somebody apart beside the name: the id and the address."""
    return ", ".join(part for part in (one.id if one.id != one.name else "", one.email) if part)


def acting(one: Candidate) -> str:
    """Who has to do with somebody: the owner, and who is assigned."""
    assigned = one.assigned_to if one.assigned_to != one.owner else ""
    parts = (
        f"owner {one.owner}" if one.owner else "",
        f"assigned to {assigned}" if assigned else "",
    )
    return ", ".join(filter(None, parts))


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
