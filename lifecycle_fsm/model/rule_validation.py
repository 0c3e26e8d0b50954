"""What keeps the agreements of a model from building: calendars, decay, deadlines, assignment,
alerts, merging and dimensions [S5][S20]-[S25]."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any, get_args

from lifecycle_fsm.errors import Problem, suggest
from lifecycle_fsm.fields import FieldType
from lifecycle_fsm.guard import Const, Field, Term, Token
from lifecycle_fsm.model import faults
from lifecycle_fsm.model.rules import (
    AlertRule,
    Ask,
    AssignmentRule,
    Channel,
    Deadline,
    Length,
    MergeRule,
    calendar_faults,
)

if TYPE_CHECKING:
    from lifecycle_fsm.model.model import Model

#: A field in the words of an alert: ``{company}``.
PLACE = re.compile(r"\{(\w*)\}")
_LONGEST = timedelta(days=3660)
#: Follow from the opportunities, or from the machine: no rule of merging can set them.
_DERIVED = frozenset({"open_opportunities", "won_opportunities"})
_ORDERED = frozenset({"int", "float", "datetime", "bool"})
_SUMMED = frozenset({"int", "float"})


def dimensions(model: Model) -> Iterator[Problem]:
    """Dimensions that are no fields, or that history keeps anyway."""
    yield from faults.of_repeats("dimensions", model.dimensions)
    for name in model.dimensions:
        if name in ("owner", "assigned_to", "source"):
            yield Problem("dimensions", f"history keeps {name!r} anyway: leave it out")
        elif name not in model.field_types:
            near = suggest(name, model.field_types)
            yield Problem("dimensions", f"no field named {name!r}{near}")


def calendars(model: Model) -> Iterator[Problem]:
    """Hours, zones and dates that cannot be read."""
    yield from faults.of_repeats("calendars", [calendar.name for calendar in model.calendars])
    for one in model.calendars:
        where = f"calendars.{one.name}"
        yield from faults.of_name(where, one.name)
        for message in calendar_faults(one):
            yield Problem(where, message)


def merging(model: Model) -> Iterator[Problem]:
    """Rules for fields that do not exist, or that their type does not allow."""
    where = "merging.winning_detours"
    yield from faults.of_repeats(where, model.winning_detours)
    detours = [stage.name for stage in model.detours]
    for name in model.winning_detours:
        if name not in detours:
            yield Problem(where, f"no detour named {name!r}{suggest(name, detours)}")
    for name, rule in model.merging.items():
        where = f"merging.{name}"
        kind = model.field_types.get(name)
        yield from faults.of_choice(where, "rule", rule, get_args(MergeRule))
        if kind is None:
            near = suggest(name, model.field_types)
            yield Problem(where, f"no field named {name!r}{near}")
        elif name in _DERIVED:
            yield Problem(where, "this follows from the opportunities of both: leave it out")
        elif (rule in ("max", "min") and kind.kind not in _ORDERED) or (
            rule == "sum" and kind.kind not in _SUMMED
        ):
            yield Problem(where, f"there is no {rule} of {kind}: write 'survivor' or 'loser'")


def decay(model: Model) -> Iterator[Problem]:
    """Decay that never comes, changes nothing, or looks at the stage."""
    yield from faults.of_repeats("decay", [one.name for one in model.decay])
    words = model.vocabulary_for(None)
    for index, one in enumerate(model.decay):
        where = f"decay[{index}] {one.name}"
        yield from faults.of_name(where, one.name)
        yield from _length(where, "every", one.every)
        if not one.then:
            yield Problem(where, "it changes nothing: say what in 'then'")
        kind = model.field_types.get(one.since)
        if kind is None:
            near = suggest(one.since, model.field_types)
            yield Problem(where, f"since: no field named {one.since!r}{near}")
        elif kind.kind != "datetime":
            yield Problem(where, f"since: {one.since!r} is no time, but {kind}")
        yield from faults.of_guard(model, where, one.when, words)
        yield from faults.of_effects(model, where, one.then, words)
        yield from faults.of_stage_words(model, where, [one.when, *(s.value for s in one.then)])


def deadlines(model: Model) -> Iterator[Problem]:
    """Deadlines of no stage, without a calendar of the model, or that escalate in a circle."""
    yield from faults.of_repeats("deadlines", [deadline.name for deadline in model.deadlines])
    known = {deadline.name: deadline for deadline in model.deadlines}
    for index, one in enumerate(model.deadlines):
        where = f"deadlines[{index}] {one.name}"
        yield from faults.of_name(where, one.name)
        yield from _length(where, "after", one.after)
        yield from _stage(model, where, one.stage)
        names = [calendar.name for calendar in model.calendars]
        if one.calendar and one.calendar not in names:
            near = suggest(one.calendar, names)
            yield Problem(where, f"no calendar named {one.calendar!r}{near}")
        yield from faults.of_guard(model, where, one.when)
        yield from _escalates(where, one, known)
        yield from _asks(model, where, one)
        if one.send is not None:
            yield from faults.of_choice(where, "send", one.send, get_args(Channel))
            yield from _receiver(where, one, one.send)
        elif one.to or one.text or one.include or one.links_to_crm:
            yield Problem(where, f"say by which way in 'send': {', '.join(get_args(Channel))}")


def _escalates(where: str, one: Deadline, known: dict[str, Deadline]) -> Iterator[Problem]:
    seen = {one.name}
    before = one
    while before.escalates:
        after = known.get(before.escalates)
        if after is None:
            if before is one:
                near = suggest(one.escalates, known)
                yield Problem(where, f"escalates: no deadline named {one.escalates!r}{near}")
            return
        if after.name in seen:
            yield Problem(where, "its escalation comes back to itself: it would never be due")
            return
        if before is one and after.stage != one.stage:
            yield Problem(
                where,
                f"{after.name!r} is a deadline of the stage {after.stage!r}: it escalates one of "
                f"{one.stage!r} only",
            )
        seen.add(after.name)
        before = after


def assignment(model: Model) -> Iterator[Problem]:
    """Rules that name nobody, or that have no occasion."""
    yield from faults.of_repeats("assignment", [one.name for one in model.assignment])
    taken = {deadline.name for deadline in model.deadlines}
    for index, one in enumerate(model.assignment):
        where = f"assignment[{index}] {one.name}"
        # The id of a request names its rule.
        if one.name in taken:
            yield Problem(where, f"a deadline is named {one.name!r} too")
        yield from _occasion(model, where, one)
        if len(one.to) != 1:
            yield Problem(where, "name one in 'to': a field, a text or a token")
        yield from _asks(model, where, one, several=True)


def alerts(model: Model) -> Iterator[Problem]:
    """Alerts without an occasion or a receiver."""
    yield from faults.of_repeats("alerts", [alert.name for alert in model.alerts])
    taken = {one.name for one in model.assignment} | {deadline.name for deadline in model.deadlines}
    for index, one in enumerate(model.alerts):
        where = f"alerts[{index}] {one.name}"
        if one.name in taken:
            yield Problem(where, f"an assignment or a deadline is named {one.name!r} too")
        if one.name == "mail":
            yield Problem(where, "'mail' is what a change of marketing mail is called: rename it")
        yield from faults.of_choice(where, "send", one.send, get_args(Channel))
        yield from _occasion(model, where, one)
        yield from _receiver(where, one, one.send)
        yield from _asks(model, where, one)


def _length(where: str, key: str, length: Any) -> Iterator[Problem]:
    if isinstance(length, Length):
        length = length.time
    if not isinstance(length, timedelta):
        yield Problem(where, f"{key}: this is a length of time, a timedelta, not {length!r}")
    elif not timedelta(0) < length <= _LONGEST or length.microseconds:
        yield Problem(where, f"{key}: whole seconds, more than none and at most ten years")


def _stage(model: Model, where: str, name: str) -> Iterator[Problem]:
    if name not in model.by_name:
        yield Problem(where, f"no stage named {name!r}{suggest(name, model.by_name)}")
    elif name == model.initial.name:
        yield Problem(
            where, f"in {name!r} everybody waits for the sort: nothing is asked for there [S13]"
        )


def _occasion(model: Model, where: str, one: AlertRule | AssignmentRule) -> Iterator[Problem]:
    yield from faults.of_name(where, one.name)
    yield from faults.of_repeats(where, one.entering)
    if bool(one.entering) == (one.on is not None):
        yield Problem(where, "give either 'entering', a stage, or 'on', an activity")
    for name in one.entering:
        yield from _stage(model, where, name)
    if one.on is not None and one.on not in model.activity_kinds:
        near = suggest(one.on, model.activity_kinds)
        yield Problem(where, f"no activity named {one.on!r}{near}")
        return
    yield from faults.of_guard(model, where, one.when, model.vocabulary_for(one.on))
    deadline = next((d for d in model.deadlines if d.name == one.deadline), None)
    if one.deadline and deadline is None:
        near = suggest(one.deadline, [d.name for d in model.deadlines])
        yield Problem(where, f"no deadline named {one.deadline!r}{near}")
    elif deadline is not None and one.on is None and set(one.entering) != {deadline.stage}:
        yield Problem(
            where, f"the deadline {one.deadline!r} runs in {deadline.stage!r}: enter that alone"
        )


def _receiver(where: str, one: Ask, channel: str) -> Iterator[Problem]:
    if not one.to and channel != "crm_sync":
        yield Problem(where, "nobody gets it: name somebody in 'to'")


def _asks(model: Model, where: str, one: Ask, *, several: bool = False) -> Iterator[Problem]:
    for term in one.to:
        yield from _text(model, where, term, several=several)
    known = {**model.field_types, **model.vocabulary.fields, "id": FieldType("str")}
    for key, names in (("text", PLACE.findall(one.text)), ("include", one.include)):
        for name in names:
            if name not in known:
                what = "an empty place {}" if not name else f"no field named {name!r}"
                yield Problem(where, f"{key}: {what}{suggest(name, known)}")
    if "{" in PLACE.sub("", one.text) or "}" in PLACE.sub("", one.text):
        yield Problem(where, "text: write a field as {company}; other braces have no meaning")


def _text(model: Model, where: str, term: Term, *, several: bool) -> Iterator[Problem]:
    """A receiver is a text; where work is shared out it may be a list of them."""
    match term:
        case Const(value):
            good = isinstance(value, str) and bool(value)
        case Token(name):
            if name not in model.tokens:
                yield Problem(where, f"to: no token named {name!r}{suggest(name, model.tokens)}")
                return
            value = model.tokens[name]
            good = isinstance(value, str) or (
                several
                and isinstance(value, tuple)
                and bool(value)
                and all(isinstance(part, str) for part in value)
            )
        case Field(name):
            kind = model.vocabulary.fields.get(name)
            if kind is None:
                near = suggest(name, model.field_types)
                quoted = f"; a text has quotes of its own, as in \"'{name}'\""
                yield Problem(where, f"to: no field named {name!r}{near}{quoted}")
                return
            good = kind.kind == "str"
        case _:
            good = False
    if not good:
        kinds = "a text or a list of texts" if several else "a text"
        yield Problem(where, f"to: give {kinds}: a field, a token, or 'somebody' in quotes")


SECTIONS = (dimensions, calendars, merging, decay, deadlines, assignment, alerts)
