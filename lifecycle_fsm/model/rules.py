"""The agreements of a model besides its stages and moves: decay, deadlines, assignment, alerts,
calendars; and the list of all its rules.

No agreement moves a person. Decay changes scores at declared instants [S20]. The others make a
request (:class:`Ask`) that a person or another system then carries out [S11].
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING, Literal, TypeAlias

import attrs

from lifecycle_fsm.errors import GuardError, RecordError, suggest
from lifecycle_fsm.guard import Always, Guard, Term, always, as_term, parse_term
from lifecycle_fsm.model.conversions import Set, names, read_guard, read_sets
from lifecycle_fsm.model.definition import placed
from lifecycle_fsm.model.moves import stage_name, stage_names
from lifecycle_fsm.zones import find_zone

if TYPE_CHECKING:
    from lifecycle_fsm.model.model import Model

#: How a request is sent [S24].
Channel: TypeAlias = Literal["task", "email", "list_add", "list_remove", "webhook", "crm_sync"]
#: How a field is merged when two people become one [S23].
MergeRule: TypeAlias = Literal["max", "min", "sum", "survivor", "loser"]
#: What a length counts: time, working days, or calendar weeks [S21].
Counts: TypeAlias = Literal["time", "days", "weeks"]
#: The units of lengths in seconds, as in ``settle = "10 minutes"``; largest first.
_UNITS = {"week": 604800, "day": 86400, "hour": 3600, "minute": 60, "second": 1}
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def read_receivers(value: object) -> tuple[Term, ...]:
    """The receivers: one value, or several of which the first known one is used.

    Raises:
        GuardSyntaxError, GuardError: one of them is not a value.
    """
    several = value if isinstance(value, list | tuple) else [value]
    terms = tuple(parse_term(part) if isinstance(part, str) else as_term(part) for part in several)
    if any(isinstance(term, Guard) for term in terms):
        raise GuardError("who gets it is a text, a token or a field, not a condition")
    return terms


def _hours(value: str | Mapping[str, str]) -> dict[str, str]:
    """``"09:00-17:00"`` alone means Monday to Friday."""
    if isinstance(value, Mapping):
        return dict(value)
    return dict.fromkeys(WEEKDAYS[:5], value)


#: The message about anything that is not a length.
NO_LENGTH = "not a length of time: write '10 minutes', '4 hours' or '2 days'"


@attrs.frozen
class Length:
    """How long an agreement runs, in the unit in which it was agreed [S21].

    With a calendar, the unit is part of the meaning: ``24 hours`` are 24 hours of open time,
    ``1 day`` is one working day, and ``1 week`` is a calendar week. Without a calendar, all units
    count elapsed time. A ``timedelta`` counts time, as hours do.

    Args:
        time: the length on a clock that never stops.
        counts: ``time``, ``days`` or ``weeks``.
    """

    time: timedelta
    counts: Counts = "time"

    @classmethod
    def read(cls, text: str) -> Length:
        """The length that a text denotes: ``4 hours``, ``2 days``, ``1 week``.

        Raises:
            RecordError: the text is not a length.
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
    """A length of whole seconds as in a file: in the first unit that gives a whole number."""
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
    """Working hours, which a deadline can count [S21].

    Args:
        name: unique in the model.
        zone: an IANA time zone; the hours are local.
        hours: by weekday, ``mon`` to ``sun``, one or more spans: ``"09:00-12:00, 13:00-17:00"``.
            A text alone means Monday to Friday. A day that is not listed is closed.
        holidays: a country or subdivision whose public holidays are closed: ``"DE"``, ``"DE-BE"``.
        closed: more closed days, as ISO dates.
    """

    name: str
    zone: str = "UTC"
    hours: Mapping[str, str] = attrs.field(default="09:00-17:00", converter=_hours)
    holidays: str = ""
    closed: tuple[str, ...] = attrs.field(default=(), converter=names)


@attrs.frozen(kw_only=True)
class Decay:
    """Fading interest: effects at the instants ``since + k * every``, k = 1, 2, … [S20].

    ``since`` is a time field. With the default, ``scored_at``, each new sign of interest restarts
    the wait. ``when`` is evaluated at each instant and reads fields, never the stage [S18].
    """

    name: str
    every: timedelta
    then: tuple[Set, ...] = attrs.field(converter=read_sets)
    since: str = "scored_at"
    when: Guard = attrs.field(default=Always(), converter=read_guard)


# Without slots, because two base classes cannot both have them. The order of the base classes is
# the order of the keys in a file: first the occasion, then the request.


@attrs.frozen(kw_only=True, slots=False)
class Ask:
    """A request: what is asked of whom, in which words. Other software delivers it later [S11].

    Args:
        to: the receiver: a field (``owner``), a text (``'sales'``) or a token. If there are
            several, the first known one.
        text: a text with fields in braces: ``"{first_name} of {company} is ready"``.
        include: names of fields whose values are sent along, for a program to read.
        links_to_crm: whether the request waits until the CRM has acknowledged the person, so that
            its link works [S24].
    """

    to: tuple[Term, ...] = attrs.field(default=(), converter=read_receivers)
    text: str = ""
    include: tuple[str, ...] = attrs.field(default=(), converter=names)
    links_to_crm: bool = False


@attrs.frozen(kw_only=True, slots=False)
class _Agreed:
    name: str
    stage: str = attrs.field(converter=stage_name)
    after: Length = attrs.field(converter=_length)
    calendar: str = ""
    when: Guard = attrs.field(default=Always(), converter=read_guard)
    escalates: str = ""
    label: str = ""
    send: Channel | None = None


@attrs.frozen(kw_only=True, slots=False)
class Deadline(Ask, _Agreed):
    """An agreement on how long a person may stay in a stage (SLA) [S21]. It moves no one.

    Args:
        stage: the stage in which the time runs, from each entry, once per visit.
        after: how long: a text such as ``"4 hours"`` or ``"2 days"``, a ``timedelta``, or a
            :class:`~lifecycle_fsm.Length`. With a calendar, hours count open time, days count
            working days, and weeks are calendar weeks.
        calendar: the name of a calendar of the model; if omitted, the clock runs day and night.
        when: whether the agreement holds for this person, evaluated when it is due.
        escalates: the name of another deadline of the stage; the time runs from its due instant.
        send: the channel that reports a miss; if omitted, the miss is only recorded.
        label: its text on the sheet.
    """


@attrs.frozen(kw_only=True, slots=False)
class _Occasion:
    name: str
    entering: tuple[str, ...] = attrs.field(default=(), converter=stage_names)
    on: str | None = None
    when: Guard = attrs.field(default=Always(), converter=read_guard)


@attrs.frozen(kw_only=True, slots=False)
class AssignmentRule(Ask, _Occasion):
    """Who should work on a person: writes ``assigned_to`` [S18].

    The rules are a decision list: of those for a stage that was just entered, or for the activity
    that was just applied, the first that holds assigns the person. If ``to`` is a token with a
    list, people are distributed by a stable hash of their ids [S16]. Assigned does not mean
    accepted. ``text`` also requests a task, due by ``deadline``.
    """

    deadline: str = ""


@attrs.frozen(kw_only=True, slots=False)
class _Sent(_Occasion):
    send: Channel


@attrs.frozen(kw_only=True, slots=False)
class AlertRule(Ask, _Sent):
    """A request that is made when a stage is entered, or when an activity is applied [S12][S24].

    Each rule that holds makes its request. If one activity leads through several stages, only the
    last makes requests; the others are recorded as superseded.
    """

    deadline: str = ""


# ------------------------------------------------------------------ every rule
#
# All rules of a model, each with its place: code that examines every rule starts here.


@attrs.frozen
class Rule:
    """One rule of a model, or a named guard, or a kind of activity that the model adds.

    Args:
        section: the section of the model: ``guards``, ``kinds``, ``data``, ``scoring``, ``decay``,
            ``sort``, ``moves``, ``deadlines``, ``assignment``, ``alerts``.
        name: its name; for a data rule without one, its kind of activity.
        place: its place, as in the problems of a model: ``moves[3] mal -> mql``.
        when: its condition.
        stages: the stages in which the condition is evaluated; empty for all.
        activity: the kind of activity whose values it may read [S18].
        then: its effects.
        values: the other values that it computes: points, receivers.
    """

    section: str
    name: str
    place: str
    when: Guard = always
    stages: tuple[str, ...] = ()
    activity: str | None = None
    then: tuple[Set, ...] = ()
    values: tuple[Term | Guard, ...] = ()

    @property
    def condition(self) -> str:
        """The place of its condition."""
        return self.place if self.section == "guards" else f"{self.place}, when"

    @property
    def trees(self) -> tuple[Guard | Term, ...]:
        """Every guard and value that can read a field or a token."""
        return (self.when, *(effect.value for effect in self.then), *self.values)


def rules_of(model: Model) -> Iterator[Rule]:
    """The rules of a model, section by section in the order of the silos [S18]."""
    for name, guard in model.guards.items():
        yield Rule("guards", name, f"guards.{name}", guard)
    for kind in model.kinds:
        yield Rule("kinds", kind.name, f"kinds.{kind.name}", then=kind.sets)
    for place, data in placed("data", model.data):
        name = data.name or data.on
        yield Rule("data", name, place, data.when, (), data.on, data.then)
    for place, score in placed("scoring", model.scoring):
        values = (score.points,)
        yield Rule("scoring", score.name, place, score.when, (), score.on, (), values)
    for place, decay in placed("decay", model.decay):
        yield Rule("decay", decay.name, place, decay.when, then=decay.then)
    for place, line in placed("sort", model.sort):
        yield Rule("sort", line.name, place, line.when, (model.initial.name,))
    for place, move in placed("moves", model.moves):
        yield Rule("moves", move.name, place, move.when, move.sources, then=move.then)
    for place, due in placed("deadlines", model.deadlines):
        yield Rule("deadlines", due.name, place, due.when, (due.stage,), values=due.to)
    for section in ("assignment", "alerts"):
        asks: tuple[AssignmentRule | AlertRule, ...] = getattr(model, section)
        for place, ask in placed(section, asks):
            yield Rule(section, ask.name, place, ask.when, ask.entering, ask.on, values=ask.to)


# ------------------------------------------------------------------ calendars
#
# The notation of a calendar: its zone, hours and closed days, parsed and checked [S21].
#
# This part needs no holiday data and computes no times; the clock does both.


#: The open spans of one day, in minutes after midnight.
Minutes: TypeAlias = tuple[tuple[int, int], ...]

_MIDNIGHT = 24 * 60
_SPAN = re.compile(r"([0-9]{1,2}):([0-9]{2})\s*-\s*([0-9]{1,2}):([0-9]{2})")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CODE = re.compile(r"[A-Z]{2,3}(-\S.*)?")


def spans_of(calendar: Calendar) -> Mapping[int, Minutes]:
    """The open hours of the week: for Monday, 0, to Sunday, 6, the spans in minutes after midnight.

    A closed day has none; a span that ends at ``24:00`` ends at minute 1440.

    Raises:
        RecordError: a weekday or a text cannot be parsed; :func:`calendar_faults` gives all
            faults.
    """
    spans: dict[int, Minutes] = dict.fromkeys(range(7), ())
    for name, text in calendar.hours.items():
        spans[_weekday(name)] = _read_spans(text)
    return spans


def closed_dates(calendar: Calendar) -> frozenset[date]:
    """The days that the calendar itself lists as closed.

    Raises:
        RecordError: one of them is not a date.
    """
    return frozenset(map(_read_date, calendar.closed))


def calendar_faults(calendar: Calendar) -> Iterator[str]:
    """Every fault in the notation of a calendar, with its place in it and what to write instead.

    Whether a code of holidays is known, only the clock can tell.
    """
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
    # A fault of a text that applies to several days is reported once.
    faults: dict[str, list[str]] = {}
    for name, text in calendar.hours.items():
        try:
            _weekday(name)
            _read_spans(text)
        except RecordError as error:
            faults.setdefault(str(error), []).append(str(name))
    for fault, days in faults.items():
        yield f"hours.{', '.join(days)}: {fault}"
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
    for part in (text if isinstance(text, str) else "").split(","):
        span = part.strip()
        match = _SPAN.fullmatch(span)
        if match is None:
            raise RecordError(
                f"{text!r} is no opening time: write 09:00-17:00, or with a break "
                "09:00-12:00, 13:00-17:00; leave out a day that is closed"
            )
        opening, closing = _minute(match[1], match[2]), _minute(match[3], match[4])
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
        # Python parses more than this, such as 2024-W52-2, which few would recognise as a date.
        if isinstance(text, str) and _DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise RecordError(f'{text!r} is not the text of a date: write "2024-12-24"')
