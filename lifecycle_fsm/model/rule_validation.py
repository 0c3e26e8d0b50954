"""The faults of the agreements of a model: dimensions, calendars, merging, decay, deadlines,
assignment, alerts and claims [S5][S20]-[S25]."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any, get_args

from lifecycle_fsm.errors import Problem, suggest
from lifecycle_fsm.fields import FieldType
from lifecycle_fsm.guard import Guard, Term, reads
from lifecycle_fsm.guard import terms as tree
from lifecycle_fsm.history import KEPT_FIELDS
from lifecycle_fsm.model import faults
from lifecycle_fsm.model.definition import MOVES, SORT, placed
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

#: A field in the text of an alert: ``{company}``.
PLACE = re.compile(r"\{(\w*)\}")
_LONGEST = timedelta(days=3660)
#: Derived from the opportunities, or written by the machine: no merge rule can set them.
_DERIVED = frozenset({"open_opportunities", "won_opportunities"})
_ORDERED = frozenset({"int", "float", "datetime", "bool"})
_SUMMED = frozenset({"int", "float"})


def dimensions(model: Model) -> Iterator[Problem]:
    """Dimensions that are not fields, or that history keeps anyway."""
    yield from faults.of_repeats("dimensions", model.dimensions)
    for name in model.dimensions:
        if name in KEPT_FIELDS:
            yield Problem("dimensions", f"history keeps {name!r} anyway: leave it out")
        else:
            yield from faults.of_reference("dimensions", "field", name, model.field_types)


def calendars(model: Model) -> Iterator[Problem]:
    """Hours, zones and dates that cannot be read."""
    yield from faults.of_repeats("calendars", [calendar.name for calendar in model.calendars])
    for calendar in model.calendars:
        where = f"calendars.{calendar.name}"
        yield from faults.of_name(where, calendar.name)
        yield from (Problem(where, message) for message in calendar_faults(calendar))


def merging(model: Model) -> Iterator[Problem]:
    """Rules for fields that do not exist, or that the field's type does not allow."""
    where = "merging.winning_detours"
    yield from faults.of_repeats(where, model.winning_detours)
    detours = [stage.name for stage in model.detours]
    for name in model.winning_detours:
        yield from faults.of_reference(where, "detour", name, detours)
    for name, rule in model.merging.items():
        where = f"merging.{name}"
        kind = model.field_types.get(name)
        yield from faults.of_choice(where, "rule", rule, get_args(MergeRule))
        if kind is None:
            yield from faults.of_reference(where, "field", name, model.field_types)
        elif name in _DERIVED or name in model.amounts:
            yield Problem(where, "this follows from the opportunities of both: leave it out")
        elif (rule in ("max", "min") and kind.kind not in _ORDERED) or (
            rule == "sum" and kind.kind not in _SUMMED
        ):
            yield Problem(where, f"there is no {rule} of {kind}: write 'survivor' or 'loser'")


def decay(model: Model) -> Iterator[Problem]:
    """Decay without a valid interval or effect, or that reads the stage."""
    yield from faults.of_repeats("decay", [rule.name for rule in model.decay])
    words = model.vocabulary_for(None)
    for where, rule in placed("decay", model.decay):
        yield from faults.of_name(where, rule.name)
        yield from _length(where, "every", rule.every)
        if not rule.then:
            yield Problem(where, "it changes nothing: say what in 'then'")
        yield from faults.of_reference(where, "field", rule.since, model.field_types, "since")
        kind = model.field_types.get(rule.since)
        if kind is not None and kind.kind != "datetime":
            yield Problem(where, f"since: {rule.since!r} is no time, but {kind}")
        yield from faults.of_silo_rule(model, where, rule.then, words, rule.when)


def deadlines(model: Model) -> Iterator[Problem]:
    """Deadlines with an unknown stage or calendar, or that escalate in a circle."""
    by_name = {deadline.name: deadline for deadline in model.deadlines}
    names = [calendar.name for calendar in model.calendars]
    yield from faults.of_repeats("deadlines", [deadline.name for deadline in model.deadlines])
    for where, deadline in placed("deadlines", model.deadlines):
        yield from faults.of_name(where, deadline.name)
        yield from _length(where, "after", deadline.after)
        yield from _stage(model, where, deadline.stage)
        if deadline.calendar:
            yield from faults.of_reference(where, "calendar", deadline.calendar, names)
        yield from faults.of_guard(model, where, deadline.when)
        yield from _escalates(where, deadline, by_name)
        yield from _asks(model, where, deadline)
        if deadline.send is not None:
            yield from faults.of_choice(where, "send", deadline.send, get_args(Channel))
            yield from _receiver(where, deadline, deadline.send)
        elif deadline.to or deadline.text or deadline.include or deadline.links_to_crm:
            yield Problem(where, f"say by which way in 'send': {', '.join(get_args(Channel))}")


def _escalates(where: str, deadline: Deadline, by_name: dict[str, Deadline]) -> Iterator[Problem]:
    if deadline.escalates:
        yield from faults.of_reference(where, "deadline", deadline.escalates, by_name, "escalates")
    after = by_name.get(deadline.escalates)
    if after is not None and after.stage != deadline.stage:
        yield Problem(
            where,
            f"{after.name!r} is a deadline of the stage {after.stage!r}: it escalates one of "
            f"{deadline.stage!r} only",
        )
        return
    seen = {deadline.name}
    while after is not None:
        if after.name in seen:
            yield Problem(where, "its escalation comes back to itself: it would never be due")
            return
        seen.add(after.name)
        after = by_name.get(after.escalates)


def assignment(model: Model) -> Iterator[Problem]:
    """Rules without a receiver or an occasion."""
    yield from faults.of_repeats("assignment", [rule.name for rule in model.assignment])
    taken = {deadline.name for deadline in model.deadlines}
    for where, rule in placed("assignment", model.assignment):
        # The id of a request names its rule.
        if rule.name in taken:
            yield Problem(where, f"a deadline is named {rule.name!r} too")
        yield from _occasion(model, where, rule)
        if len(rule.to) != 1:
            yield Problem(where, "name one in 'to': a field, a text or a token")
        yield from _asks(model, where, rule, several=True)


def alerts(model: Model) -> Iterator[Problem]:
    """Alerts without an occasion or a receiver."""
    yield from faults.of_repeats("alerts", [alert.name for alert in model.alerts])
    taken = {rule.name for rule in model.assignment} | {rule.name for rule in model.deadlines}
    for where, alert in placed("alerts", model.alerts):
        if alert.name in taken:
            yield Problem(where, f"an assignment or a deadline is named {alert.name!r} too")
        if alert.name == "mail":
            yield Problem(where, "'mail' is what a change of marketing mail is called: rename it")
        yield from faults.of_choice(where, "send", alert.send, get_args(Channel))
        yield from _occasion(model, where, alert)
        yield from _receiver(where, alert, alert.send)
        yield from _asks(model, where, alert)


def _length(where: str, key: str, length: Any) -> Iterator[Problem]:
    if isinstance(length, Length):
        length = length.time
    if not isinstance(length, timedelta):
        yield Problem(where, f"{key}: this is a length of time, a timedelta, not {length!r}")
    elif not timedelta(0) < length <= _LONGEST or length.microseconds:
        yield Problem(where, f"{key}: whole seconds, more than none and at most ten years")


def _stage(model: Model, where: str, name: str) -> Iterator[Problem]:
    yield from faults.of_reference(where, "stage", name, model.by_name)
    if model.path and name == model.initial.name:
        yield Problem(
            where, f"in {name!r} everybody waits for the sort: nothing is asked for there [S13]"
        )


def _occasion(model: Model, where: str, rule: AlertRule | AssignmentRule) -> Iterator[Problem]:
    yield from faults.of_name(where, rule.name)
    yield from faults.of_repeats(where, rule.entering)
    if bool(rule.entering) == (rule.on is not None):
        yield Problem(where, "give either 'entering', a stage, or 'on', an activity")
    for name in rule.entering:
        yield from _stage(model, where, name)
    if rule.on is not None and rule.on not in model.activity_kinds:
        yield from faults.of_reference(where, "activity", rule.on, model.activity_kinds)
        return
    yield from faults.of_guard(model, where, rule.when, model.vocabulary_for(rule.on))
    stages = {deadline.name: deadline.stage for deadline in model.deadlines}
    if rule.deadline:
        yield from faults.of_reference(where, "deadline", rule.deadline, stages)
    stage = stages.get(rule.deadline)
    if stage is not None and rule.on is None and set(rule.entering) != {stage}:
        yield Problem(where, f"the deadline {rule.deadline!r} runs in {stage!r}: enter that alone")


def _receiver(where: str, ask: Ask, channel: str) -> Iterator[Problem]:
    if not ask.to and channel != "crm_sync":
        yield Problem(where, "nobody gets it: name somebody in 'to'")


def _asks(model: Model, where: str, ask: Ask, *, several: bool = False) -> Iterator[Problem]:
    for term in ask.to:
        yield from _text(model, where, term, several=several)
    known = {**model.field_types, **model.vocabulary.fields, "id": FieldType("str")}
    for key, names in (("text", PLACE.findall(ask.text)), ("include", ask.include)):
        for name in names:
            if name:
                yield from faults.of_reference(where, "field", name, known, key)
            else:
                yield Problem(where, f"{key}: an empty place {{}}")
    if "{" in PLACE.sub("", ask.text) or "}" in PLACE.sub("", ask.text):
        yield Problem(where, "text: write a field as {company}; other braces have no meaning")


def _text(model: Model, where: str, term: Term, *, several: bool) -> Iterator[Problem]:
    """A receiver is a text; for assignment it may be a list of texts."""
    match term:
        case tree.Const(value):
            good = isinstance(value, str) and bool(value)
        case tree.Token(name):
            if name not in model.tokens:
                yield from faults.of_reference(where, "token", name, model.tokens, "to")
                return
            value = model.tokens[name]
            good = isinstance(value, str) or (
                several
                and isinstance(value, tuple)
                and bool(value)
                and all(isinstance(part, str) for part in value)
            )
        case tree.Field(name):
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


def claims(model: Model) -> Iterator[Problem]:
    """Claims without a condition, or that name unknown stages, moves or fields."""
    yield from faults.of_repeats("claims", [claim.name for claim in model.claims])
    ways = {SORT, MOVES, *(rule.name for rule in model.sort), *(move.name for move in model.moves)}
    for where, claim in placed("claims", model.claims):
        if (claim.always is None) == (claim.never is None):
            yield Problem(where, "give either 'always' or 'never', a condition")
        for name in claim.entering:
            yield from faults.of_reference(where, "stage", name, model.by_name)
        for name in claim.by:
            if name not in ways:
                yield Problem(
                    where,
                    f"no move or sort rule named {name!r}{suggest(name, ways)}: name one, or write "
                    "'sort' or 'moves'",
                )
        for guard in (claim.always, claim.never, claim.given):
            if guard is not None:
                yield from faults.of_guard(model, where, guard)
        if claim.given is not None:
            yield from _given(model, where, claim.given)


def _given(model: Model, where: str, given: Guard) -> Iterator[Problem]:
    names = {node.name for node in tree.walk(given) if isinstance(node, tree.Token)}
    if not names or reads(given) or any(isinstance(node, tree.Named) for node in tree.walk(given)):
        yield Problem(where, "'given' speaks of tokens alone, such as '$fast >= $threshold'")
    for name in sorted(names & set(model.tokens)):
        if type(model.tokens[name]) not in (int, float):
            yield Problem(where, f"only a token that is a number can have any value, not {name!r}")


SECTIONS = (dimensions, calendars, merging, decay, deadlines, assignment, alerts, claims)
