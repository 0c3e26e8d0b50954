"""What stands on a sheet: plain records of words, without any markup.

The same records become HTML and Markdown. All of them follow from the model; with a history there
are :class:`~lifecycle_fsm.sheet.numbers.Numbers` too, and with people a
:class:`~lifecycle_fsm.sheet.readiness.Readiness`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import attrs

from lifecycle_fsm.sheet.numbers import Numbers
from lifecycle_fsm.sheet.readiness import Readiness


@attrs.frozen(kw_only=True)
class WayIn:
    """One way into a stage: from where, when, and who asks.

    Args:
        label: its short words, as on the picture.
        condition: when it is open; nothing where it always is.
        origins: the stages that it leaves.
        new: the sort leads new people here by it, too.
        by_hand: what a human reports to ask for it; nothing where a system asks [S7].
        then: what it does to fields beside that, if not all ways into the stage do it.
    """

    label: str
    condition: str
    origins: tuple[str, ...]
    new: bool
    by_hand: str = ""
    then: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class StageLine:
    """A stage: what it means, how a person gets there, and what its owner does then."""

    name: str
    title: str
    label: str
    code: str
    group: str
    off_path: bool
    owner: str
    color: str
    meaning: str
    ways: tuple[WayIn, ...]
    then: tuple[str, ...]
    playbook: str
    mail: str
    due: tuple[str, ...]


@attrs.frozen(kw_only=True)
class Start:
    """A line of the sort: the first that holds gives a new person the first stage [S15]."""

    label: str
    condition: str
    target: str


@attrs.frozen(kw_only=True)
class FastTrack:
    """A move past stages, and what becomes of those [S6]."""

    label: str
    condition: str
    origins: tuple[str, ...]
    target: str
    passed: tuple[str, ...]
    credit: bool


@attrs.frozen(kw_only=True)
class Reasons:
    """Reasons from a list that sales may give, and where they lead (R38)."""

    name: str
    reasons: tuple[str, ...]
    target: str
    origins: tuple[str, ...]
    label: str
    reported: str


@attrs.frozen(kw_only=True)
class Due:
    """A deadline: how long a stage may last, and what happens when it lasts longer [S21].

    ``after`` says what the deadline is about that it escalates.
    """

    name: str
    stage: str
    what: str
    within: str
    condition: str
    missed: str
    text: str
    after: str


@attrs.frozen(kw_only=True)
class RequestLine:
    """Something that is asked for, on an occasion: an assignment or an alert [S18][S24]."""

    entering: tuple[str, ...]
    activity: str
    condition: str
    what: str
    text: str
    due: str = ""
    waits: bool = False


@attrs.frozen(kw_only=True)
class PeopleList:
    """A list of people that others work with: what puts somebody onto it, what takes them off."""

    name: str
    on: tuple[str, ...]
    off: tuple[str, ...]


@attrs.frozen(kw_only=True)
class Number:
    """A number, or a list or name, that was agreed: defined once, and what it decides.

    The lists of reasons for which sales gives a lead back are told with where they lead.
    """

    name: str
    value: str
    kind: Literal["number", "list", "reasons"]
    decides: tuple[str, ...]


@attrs.frozen(kw_only=True)
class PointsLine:
    """A score rule: for what, how many, and the most of them."""

    what: str
    points: str
    limit: str


@attrs.frozen(kw_only=True)
class Score:
    """One of the two scores [S18], or another field with bounds or that fades: what gives points,
    its bounds, and how it fades."""

    name: str
    meaning: str
    points: tuple[PointsLine, ...]
    bounds: str
    fades: tuple[str, ...]


@attrs.frozen(kw_only=True)
class Owner:
    """A system, and the stages that it owns."""

    name: str
    color: str
    stages: tuple[str, ...]


@attrs.frozen(kw_only=True)
class Word:
    """A word that the rules use, and what it stands for.

    ``rule`` says when it comes about, where a rule of the model does; ``meaning`` only explains.
    """

    word: str
    meaning: str
    rule: str = ""


@attrs.frozen(kw_only=True)
class Contents:
    """Everything that a sheet says."""

    title: str
    description: str
    model: str
    version: str
    zone: str
    as_of: datetime | None
    stages: tuple[StageLine, ...]
    starts: tuple[Start, ...]
    fast_tracks: tuple[FastTrack, ...]
    reasons: tuple[Reasons, ...]
    dues: tuple[Due, ...]
    hours: tuple[Word, ...]
    assignment: tuple[RequestLine, ...]
    alerts: tuple[RequestLine, ...]
    lists: tuple[PeopleList, ...]
    tokens: tuple[Number, ...]
    scores: tuple[Score, ...]
    limits: tuple[Score, ...]
    owners: tuple[Owner, ...]
    vocabulary: tuple[Word, ...]
    numbers: Numbers | None = None
    litmus: Readiness | None = None
