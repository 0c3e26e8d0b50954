"""What a model agrees beside its stages and moves: decay, deadlines, assignment, alerts, calendars.

None of these moves anybody. Decay changes scores at declared instants [S20]; the others ask for
something (:class:`Ask`) that a person or another system then does [S11].
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Literal, TypeAlias

import attrs

from lifecycle_fsm.errors import GuardError, RecordError
from lifecycle_fsm.guard import Always, Guard, Term, as_term, parse_term
from lifecycle_fsm.model.definition import Set, Stage, names, read_guard, read_sets

#: By which way something is asked for [S24].
Channel: TypeAlias = Literal["task", "email", "list_add", "list_remove", "webhook", "crm_sync"]
#: What becomes of a field when two persons are folded into one [S23].
MergeRule: TypeAlias = Literal["max", "min", "sum", "survivor", "loser"]
#: What a length counts: time, working days, or weeks on the wall [S21].
Counts: TypeAlias = Literal["time", "days", "weeks"]
#: The units of lengths, in seconds, as in ``settle = "10 minutes"``; the largest first.
_UNITS = {"week": 604800, "day": 86400, "hour": 3600, "minute": 60, "second": 1}
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _stages(value: str | Stage | Iterable[str | Stage]) -> tuple[str, ...]:
    several = (value,) if isinstance(value, str | Stage) else value
    return tuple(one.name if isinstance(one, Stage) else one for one in several)


def _stage(value: str | Stage) -> str:
    return value.name if isinstance(value, Stage) else value


def read_receivers(value: object) -> tuple[Term, ...]:
    """Who gets it: one value, or several of which the first that is known counts.

    Raises:
        GuardSyntaxError, GuardError: one of them is no value.
    """
    several = value if isinstance(value, list | tuple) else [value]
    found = [parse_term(one) if isinstance(one, str) else as_term(one) for one in several]
    if any(isinstance(one, Guard) for one in found):
        raise GuardError("who gets it is a text, a token or a field, not a condition")
    return tuple(found)


def _hours(value: str | Mapping[str, str]) -> dict[str, str]:
    """``"09:00-17:00"`` is said of Monday to Friday."""
    if isinstance(value, Mapping):
        return dict(value)
    return dict.fromkeys(WEEKDAYS[:5], value)


#: What is said of anything that is none.
NO_LENGTH = "not a length of time: write '10 minutes', '4 hours' or '2 days'"


@attrs.frozen
class Length:
    """How long an agreement runs, in the unit in which it was agreed [S21].

    In a calendar the unit is part of the meaning: ``24 hours`` are 24 hours of open time, ``1 day``
    is one working day, and ``1 week`` is a week on the wall. Without a calendar they all are what
    the clock says. A ``timedelta`` counts time, as hours do.

    Args:
        time: the length on a clock that never stops.
        counts: ``time``, ``days`` or ``weeks``.
    """

    time: timedelta
    counts: Counts = "time"

    @classmethod
    def read(cls, text: str) -> Length:
        """The length that a text names: ``4 hours``, ``2 days``, ``1 week``.

        Raises:
            RecordError: it names none.
        """
        match = re.fullmatch(r"\s*([0-9]{1,9})\s+(\w+?)s?\s*", text)
        size = _UNITS.get(match[2]) if match else None
        if match is None or size is None:
            raise RecordError(f"{text!r} is {NO_LENGTH}")
        counts: dict[str, Counts] = {"day": "days", "week": "weeks"}
        try:
            return cls(timedelta(seconds=int(match[1]) * size), counts.get(match[2], "time"))
        except OverflowError:
            raise RecordError(f"{text!r} is longer than time can be") from None

    def __str__(self) -> str:
        units = {"time": ("hour", "minute", "second"), "days": ("day",), "weeks": ("week",)}
        return length_text(self.time, units[self.counts])


def length_text(time: timedelta, units: Iterable[str] = tuple(_UNITS)) -> str:
    """A length of whole seconds as a file has it: in the first of the units that has it whole."""
    seconds = int(time.total_seconds())
    unit = next(unit for unit in units if seconds % _UNITS[unit] == 0)
    count = seconds // _UNITS[unit]
    return f"{count} {unit}{'s' if count != 1 else ''}"


def _length(value: Length | timedelta | str) -> Length:
    if isinstance(value, str):
        return Length.read(value)
    return Length(value) if isinstance(value, timedelta) else value


@attrs.frozen(kw_only=True)
class Calendar:
    """When somebody works: what a deadline in working hours counts [S21].

    Args:
        name: unique in the model.
        zone: an IANA time zone; the hours are local ones.
        hours: by weekday, ``mon`` to ``sun``, one span or several: ``"09:00-12:00, 13:00-17:00"``;
            a text alone is said of Monday to Friday. A day that is not named is free.
        holidays: a country or subdivision whose public holidays are free: ``"DE"``, ``"DE-BE"``.
        closed: more free days, as ISO dates.
    """

    name: str
    zone: str = "UTC"
    hours: Mapping[str, str] = attrs.field(default="09:00-17:00", converter=_hours)
    holidays: str = ""
    closed: tuple[str, ...] = attrs.field(default=(), converter=names)


@attrs.frozen(kw_only=True)
class Decay:
    """Interest that fades: effects at the instants ``since + k * every``, k = 1, 2, … [S20].

    ``since`` is a field of time: with ``scored_at``, the default, every new sign of interest starts
    the wait anew. ``when`` is asked at each instant, and reads fields, never the stage [S18].
    """

    name: str
    every: timedelta
    then: tuple[Set, ...] = attrs.field(converter=read_sets)
    since: str = "scored_at"
    when: Guard = attrs.field(default=Always(), converter=read_guard)


# Without slots, which two bases cannot both have; the order of bases gives the order of keys in a
# file: first the occasion, then what is asked for.


@attrs.frozen(kw_only=True, slots=False)
class Ask:
    """What is asked for, of whom, and in which words; delivered by somebody else, later [S11].

    Args:
        to: who gets it: a field (``owner``), a text (``'sales'``) or a token; of several the first
            that is known.
        text: words with fields in braces: ``"{first_name} of {company} is ready"``.
        include: names of the fields whose values come along, for a machine that reads it.
        links_to_crm: it waits until the CRM has acknowledged the person, so that its link leads
            somewhere [S24].
    """

    to: tuple[Term, ...] = attrs.field(default=(), converter=read_receivers)
    text: str = ""
    include: tuple[str, ...] = attrs.field(default=(), converter=names)
    links_to_crm: bool = False


@attrs.frozen(kw_only=True, slots=False)
class _Agreed:
    name: str
    stage: str = attrs.field(converter=_stage)
    after: Length = attrs.field(converter=_length)
    calendar: str = ""
    when: Guard = attrs.field(default=Always(), converter=read_guard)
    escalates: str = ""
    label: str = ""
    send: Channel | None = None


@attrs.frozen(kw_only=True, slots=False)
class Deadline(Ask, _Agreed):
    """An agreement how long a person may stay in a stage (SLA) [S21]. It moves nobody.

    Args:
        stage: where the time runs, from each entry, once a visit.
        after: how long: a text such as ``"4 hours"`` or ``"2 days"``, a ``timedelta``, or a
            :class:`~lifecycle_fsm.Length`. With a calendar, hours count open time, days count
            working days, and weeks are weeks on the wall.
        calendar: the name of a calendar of the model; without one the clock runs day and night.
        when: asked when it is due: does the agreement hold for this person?
        escalates: the name of another deadline of the stage: the time runs from its due instant.
        send: by which way a miss is told; without it the miss is only recorded.
        label: its words on the sheet.
    """


@attrs.frozen(kw_only=True, slots=False)
class _Occasion:
    name: str
    entering: tuple[str, ...] = attrs.field(default=(), converter=_stages)
    on: str | None = None
    when: Guard = attrs.field(default=Always(), converter=read_guard)


@attrs.frozen(kw_only=True, slots=False)
class AssignmentRule(Ask, _Occasion):
    """Who shall work on a person: writes ``assigned_to`` [S18].

    The rules are a decision list: of those for a stage that has just been entered, or for the
    activity that has just come, the first that holds names somebody. A ``to`` that is a token with
    a list is shared out by a stable hash of the person's id [S16]. Being assigned is not being
    accepted. ``text`` asks for a task with it, due by ``deadline``.
    """

    deadline: str = ""


@attrs.frozen(kw_only=True, slots=False)
class _Sent(_Occasion):
    send: Channel


@attrs.frozen(kw_only=True, slots=False)
class AlertRule(Ask, _Sent):
    """What is asked for when a stage is entered, or when an activity comes [S12][S24].

    Each rule that holds asks. Of several stages that one activity leads through, only the last
    asks; the others are recorded as superseded.
    """

    deadline: str = ""
