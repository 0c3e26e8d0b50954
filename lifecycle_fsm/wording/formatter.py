"""Names, values, conditions, effects and requests of a model as phrases.

The rooms that use it add their own wording.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from itertools import groupby
from typing import ClassVar, cast

from lifecycle_fsm.fields import FieldType, Value
from lifecycle_fsm.guard import Guard, Scalar, Term, inline, value_of
from lifecycle_fsm.guard import terms as tree
from lifecycle_fsm.guard.printer import MOST_OPTIONS, LabelPrinter, value_words
from lifecycle_fsm.guard.vocabulary import TokenValue
from lifecycle_fsm.model import (
    PLACE,
    Ask,
    Calendar,
    Deadline,
    Model,
    Move,
    ScoreRule,
    Set,
    SortRule,
)
from lifecycle_fsm.model.rules import WEEKDAYS
from lifecycle_fsm.person import BASE_FIELDS
from lifecycle_fsm.wording.formats import (
    clean,
    counted,
    format_amount,
    format_day,
    format_number,
    format_signed,
    joined,
    plain,
)
from lifecycle_fsm.zones import find_zone

#: Names that lead into their value: "sourced by sales", not "sourced by is sales".
_READS_ON = re.compile(r" (by|for|from|in|of|on|through|to|with)$")
_IDENTIFIER = re.compile(r"[a-z0-9]+(_[a-z0-9]+)+")
_START = "journey_started_at"
#: Fields of every person whose names cannot be used as nouns: "no sales activity since ...".
_NOUNS = {
    "assigned_to": "assigned rep",
    "converted_at": "conversion",
    "created_at": "creation",
    "crm_synced_at": "acknowledgement by the CRM",
    "hand_raised_at": "hand raise",
    "journey_started_at": "start of this journey",
    "last_lost_at": "lost opportunity",
    "owner_changed_at": "owner change",
    "sales_touched_at": "sales activity",
    "scored_at": "new points",
    "stage_entered_at": "entry of this stage",
}
_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
# A list of the model with more values is called by its name.
_SHORT = 3
# A longer list of values is shortened: a sheet is read, not searched.
_MOST = MOST_OPTIONS + 4


def rule_words(rule: Move | SortRule) -> str:
    """The words for a rule: its label, or its name as words."""
    return clean(rule.label) or clean(rule.name.replace("_", " "))


class Formatter(LabelPrinter):
    """Writes the content of a model in words, with instants in a time zone.

    Every text is one line of plain characters, without markup.

    Args:
        model: the model.
        zone: the time zone of instants.
        whole: whether to write out lists of any length.
    """

    amounts: ClassVar[Mapping[str, str]] = {
        ">=": "{} or more {}",
        ">": "more than {} {}",
        "<": "fewer than {} {}",
        "<=": "at most {} {}",
        "==": "exactly {} {}",
    }

    def __init__(self, model: Model, zone: str = "UTC", *, whole: bool = False) -> None:
        super().__init__(model.vocabulary)
        self.model = model
        self._most = math.inf if whole else _MOST
        self.zone: tzinfo = find_zone(zone)
        self.labels = {field.name: clean(field.label) for field in model.fields if field.label}

    # -- names -------------------------------------------------------------------------------

    def field(self, name: str) -> str:
        """A field by its label, or its name as words; a time by its event."""
        return self.labels.get(name) or _NOUNS.get(name) or plain(name.removesuffix("_at"))

    def stage(self, name: str) -> str:
        """The short name of a stage."""
        return clean(self.model.by_name[name].display)

    def stages(self, names: Iterable[str]) -> tuple[str, ...]:
        """The short names of stages, in the order of the model."""
        wanted = set(names)
        return tuple(clean(stage.display) for stage in self.model.stages if stage.name in wanted)

    def value(self, value: Scalar) -> str:
        """One value of a list or a comparison."""
        if isinstance(value, str) and _IDENTIFIER.fullmatch(value):
            return plain(value)
        if isinstance(value, int) and not isinstance(value, bool):
            return format_number(value)
        return clean(value_words(value))

    def field_value(self, value: Value) -> str:
        """A value of a field."""
        if value is None or value == "":
            return "not known"
        if isinstance(value, datetime):
            return self.moment(value)
        if isinstance(value, float):
            return format_amount(value)
        return self.value(value)

    def values(self, values: Sequence[Scalar]) -> str:
        """A list of values."""
        return ", ".join(self._shown(values))

    def token_name(self, name: str) -> str:
        """A token by its label, or its name as words."""
        return clean(self.model.token_labels.get(name, "")) or plain(name)

    def token(self, name: str) -> str:
        """The value of a token; a very long list is shortened."""
        return self.constant_text(tree.Token(name))

    def _shown(self, values: Sequence[Scalar]) -> list[str]:
        shown = [self.value(value) for value in values]
        if len(shown) > self._most:
            shown[_MOST - 1 :] = [f"{len(shown) - _MOST + 1} more"]
        return shown

    # -- conditions --------------------------------------------------------------------------

    def condition(self, guard: Guard) -> str:
        """A guard as a phrase, with tokens and named guards without a label written out; empty if
        it always holds."""
        guard = self.written_out(guard)
        return "" if isinstance(guard, tree.Always) else self.guard(guard)

    def written_out(self, guard: Guard) -> Guard:
        """The guard with the definitions of its named guards; those with a label keep it."""
        return inline(guard, self.model.vocabulary, self.model.guard_labels)

    def named(self, guard: tree.Named) -> str:
        """A named guard by its label, or its name as words."""
        return clean(self.model.guard_labels.get(guard.name, "")) or plain(guard.name)

    def names_used(self, guards: Iterable[Guard]) -> tuple[list[str], list[str]]:
        """The named guards, and the lists, that the words of guards call by name only."""
        named, lists = dict[str, None](), dict[str, None]()
        waiting = list(guards)
        for guard in waiting:
            for node in tree.walk(self.written_out(guard)):
                if isinstance(node, tree.Named) and node.name not in named:
                    named[node.name] = None
                    waiting.append(self.model.guards[node.name])
                elif isinstance(node, tree.In) and self.long_list(node.options):
                    lists[cast(tree.Token, node.options).name] = None
        return list(named), list(lists)

    def negation(self, guard: Guard) -> str:
        """As in "not (50 or more employees)"."""
        text = self.guard(guard)
        return f"not {text}" if isinstance(guard, tree.Truth) else f"not ({text})"

    def alternatives(self, guards: tuple[Guard, ...]) -> str:
        """The parts of an ``or``, with a comma if one of them has parts of its own."""
        comma = any(isinstance(part, tree.And) for part in guards)
        texts = (
            f"({self.guard(part)})" if isinstance(part, tree.And) else self.guard(part)
            for part in guards
        )
        return (", or " if comma else " or ").join(texts)

    def chain(self, low: Term, lower: str, term: Term, higher: str, high: Term) -> str | None:
        """As in "score from 20 to 65", with both ends included."""
        if (lower, higher) != ("<=", "<="):
            return None
        return f"{self.term(term)} from {self.term(low)} to {self.term(high)}"

    def comparison(self, op: str, left: Term, right: Term) -> str:
        """As in "50 or more employees", "score of at most 65", "role is not CFO"."""
        match left, right:
            case tree.Elapsed(), _:
                return super().comparison(op, left, right)
            case tree.Field(name), tree.Field(start) if start == _START and op in _JOURNEY:
                return f"{self.field(name)} {_JOURNEY[op]} this journey began"
            case tree.Field("stage"), tree.Const(str() as name):
                value = self.stage(name)
            case _:
                value = self.term(right)
        if op == "!=":
            return f"{self.term(left)} is not {value}"
        if self._is_time(left):
            return f"{self.term(left)} {_TIMES[op]} {value}"
        if op == "==":
            if self._counts(left) and value == "0":
                return f"no {self.term(left)}"
            return f"{self.subject(left)} {value}"
        if self._counts(left):
            return self.amounts[op].format(value, self.term(left))
        return f"{self.term(left)} {_MUCH[op].format(value)}"

    def membership(self, term: Term, options: tree.Const | tree.Token, denied: bool) -> str:
        """As in "role is CFO or CEO", "country is on the list “region”"."""
        values = self.constant(options)
        assert isinstance(values, tuple)
        if term == tree.Field("stage"):
            shown = [self.stage(str(value)) for value in values]
        elif name := self.long_list(options):
            return f"{self.term(term)} is {'not ' if denied else ''}on the list “{name}”"
        else:
            shown = self._shown(values)
        if denied:
            return f"{self.term(term)} is {_none_of(shown)}"
        return f"{self.subject(term)} {joined(shown, 'or')}"

    def quoted(self, text: tree.Const | tree.Token) -> str:
        """A text that another text starts with or contains."""
        return f"“{clean(str(self.constant(text)))}”"

    def presence(self, field: tree.Field, denied: bool) -> str:
        """As in "role is not known"; for a time "no hand raise"."""
        if self._is_time(field):
            return f"{'no' if denied else 'any'} {self.term(field)}"
        return f"{self.term(field)} is {'not ' if denied else ''}known"

    def opaque(self, name: str) -> str:
        """The name of a Python callable in words."""
        return f"{plain(name)} (a program decides)"

    def long_list(self, options: tree.Const | tree.Token) -> str:
        """The name of a list that is too long to be written out wherever it is used; else empty."""
        values = self.constant(options)
        if isinstance(options, tree.Token) and isinstance(values, tuple) and len(values) > _SHORT:
            return self.token_name(options.name)
        return ""

    def subject(self, term: Term) -> str:
        """A value as the subject of a phrase, with "is" unless its name leads into the rest: "owner
        is", but "sourced by"."""
        text = self.term(term)
        return text if _READS_ON.search(text) else f"{text} is"

    def _is_time(self, term: Term) -> bool:
        kind = self._type(term)
        return kind is not None and kind.kind == "datetime"

    def _counts(self, term: Term) -> bool:
        """Whether a number is a count: "50 or more employees", but "score of 65 or more"."""
        kind = self._type(term)
        if kind is None or kind.kind != "int":
            return False
        text = self.term(term)
        return text.endswith("s") and not text.endswith(("ss", "us", "is"))

    def _type(self, term: Term) -> FieldType | None:
        return self.model.vocabulary.fields.get(term.name) if isinstance(term, tree.Field) else None

    # -- values ------------------------------------------------------------------------------

    def payload(self, name: str) -> str:
        """The name of a value of the activity in words."""
        return plain(name)

    def since(self, elapsed: tree.Elapsed) -> str:
        """As in "in this stage", "since hand raise"."""
        return "in this stage" if elapsed.in_stage else f"since {self.field(elapsed.start.name)}"

    def arithmetic(self, term: tree.Arithmetic) -> str:
        """A computation; its result if it contains no field."""
        number = self._folded(term)
        if number is not None:
            return self.value(number)
        left, right = (
            f"({self.term(part)})"
            if isinstance(part, tree.Arithmetic) and self._folded(part) is None
            else self.term(part)
            for part in (term.left, term.right)
        )
        return f"{left} {self.sign(term.op)} {right}"

    def extreme(self, which: str, terms: tuple[Term, ...]) -> str:
        """As in "the smallest of score and 65"."""
        kind = "smallest" if which == "min" else "largest"
        return f"the {kind} of {joined(map(self.term, terms))}"

    def constant_text(self, term: tree.Const | tree.Token) -> str:
        """A value in words; a very long list is shortened."""
        value = self.constant(term)
        return self.values(value) if isinstance(value, tuple) else self.value(value)

    def constant(self, term: tree.Const | tree.Token) -> TokenValue:
        """The value of a constant or a token."""
        return term.value if isinstance(term, tree.Const) else self.model.tokens[term.name]

    def _folded(self, term: Term) -> int | float | None:
        """The result of a computation without fields, such as ``$mql_threshold - 1``."""
        match term:
            case tree.Const() | tree.Token():
                value = self.constant(term)
                number = isinstance(value, int | float) and not isinstance(value, bool)
                return value if number else None  # type: ignore[return-value]
            case tree.Arithmetic() if not any(
                isinstance(node, tree.Field | tree.Payload) for node in tree.walk(term)
            ):
                folded = value_of(term, {}, self.model.vocabulary)
                assert isinstance(folded, int | float), "arithmetic is of numbers"
                return folded
        return None

    # -- instants ----------------------------------------------------------------------------

    def day(self, at: datetime) -> str:
        """The date of an instant: ``3 Mar 2025``."""
        return format_day(at, self.zone)

    def moment(self, at: datetime) -> str:
        """Date and time of day: ``3 Mar 2025 10:14``."""
        return format_day(at, self.zone, clock=True)

    def near(self, at: datetime, now: datetime) -> str:
        """An instant relative to another: without the year if that is the same."""
        local = at.astimezone(self.zone)
        if local.year != now.astimezone(self.zone).year:
            return self.moment(at)
        return f"{local.day} {local:%b %H:%M}"

    # -- lengths and limits ------------------------------------------------------------------

    def length(self, length: timedelta, *, working: bool = False) -> str:
        """A length of time, in the largest unit that gives a whole number."""
        return self._unit(length, _UNITS, working=working)

    def _unit(self, length: timedelta, units: tuple[tuple[int, str], ...], *, working: bool) -> str:
        seconds = int(length.total_seconds())
        for size, unit in units:
            if seconds % size == 0:
                number = seconds // size
                return counted(number, f"working {unit}" if working and size >= 3600 else unit)
        return f"{seconds:,} seconds"

    def within(self, deadline: Deadline) -> str:
        """The length of a deadline."""
        after, working = deadline.after, bool(deadline.calendar)
        if working and after.counts == "time":
            return self._unit(after.time, _UNITS[1:], working=True)
        return self.length(after.time, working=working and after.counts == "days")

    def limit(self, rule: ScoreRule) -> str:
        """The cap of a score rule."""
        if rule.cap is None:
            return ""
        return f"at most {rule.cap:,} {f'a {rule.per}' if rule.per else 'in all'}"

    # -- effects -----------------------------------------------------------------------------

    def effects(self, sets: Sequence[Set]) -> tuple[str, ...]:
        """The effects in words: "hand raised is cleared", "behavior score is cut to 50%"."""
        return tuple(map(self._effect, sets))

    def _effect(self, effect: Set) -> str:
        name = self.field(effect.field)
        match effect.value:
            case tree.Const(False):
                return f"{name} is cleared"
            case tree.Const(True) | tree.Always():
                return f"{name} is set"
            case tree.Now():
                return f"the time of the {name} is kept"
            case tree.Extreme("min", terms) if tree.Field(effect.field) in terms or self._shrinks(
                effect.field
            ):
                return f"{name} is cut {joined(self._cuts(effect.field, terms))}"
            case tree.Arithmetic("*") as product if share := self._share(effect.field, product):
                return f"{name} is {'cut' if share < 1 else 'raised'} to {share * 100:g}%"
            case tree.Arithmetic("+" | "-", tree.Field(own), step) as change if own == effect.field:
                verb = "rises" if change.op == "+" else "falls"
                return f"{name} {verb} by {self.term(step)}"
            case Guard() as guard:
                return f"{name} says whether {self.condition(guard)}"
            case Term() as term:
                return f"{name} becomes {self.term(term)}"
        return name

    def _cuts(self, own: str, terms: Sequence[Term]) -> Iterator[str]:
        for term in terms:
            if term == tree.Field(own):
                continue
            share = self._share(own, term)
            yield f"to {share * 100:g}%" if share else f"to at most {self.term(term)}"

    def _shrinks(self, name: str) -> bool:
        """Whether a fraction of the field is always less than it: it has no negative values."""
        minimum = self.model.field_types[name].minimum
        return minimum is not None and minimum >= 0

    def _share(self, own: str, term: Term) -> float | None:
        """The factor in ``own * factor``."""
        if not (isinstance(term, tree.Arithmetic) and term.op == "*"):
            return None
        for field, factor in ((term.left, term.right), (term.right, term.left)):
            number = self._folded(factor)
            if field == tree.Field(own) and number is not None and number > 0:
                return float(number)
        return None

    # -- points ------------------------------------------------------------------------------

    def points(self, rule: ScoreRule) -> str:
        """The points of a score rule: ``+10``, ``−5``."""
        if isinstance(rule.points, Guard):
            return self.condition(rule.points)
        number = self._folded(rule.points)
        if number is None:
            return self.term(rule.points)
        return format_signed(number)

    # -- requests ----------------------------------------------------------------------------

    def receiver(self, terms: Sequence[Term]) -> str:
        """The receiver of a request: "the owner, else sdr.desk"."""
        return ", else ".join(map(self._one_receiver, terms))

    def _one_receiver(self, term: Term) -> str:
        if isinstance(term, tree.Field):
            return f"the {self.field(term.name)}"
        value = self.constant(term) if isinstance(term, tree.Const | tree.Token) else None
        if isinstance(value, tuple):
            named = isinstance(term, tree.Token) and self.long_list(term)
            who = f"the list “{named}”" if named else joined(map(self.value, value))
            return f"{who} in turn" if len(value) > 1 else who
        return self.term(term)

    def asked(self, channel: str, ask: Ask) -> str:
        """The channel and the receiver of a request: "a task for the owner"."""
        return _CHANNELS[channel].format(self.receiver(ask.to))

    def text(self, text: str) -> str:
        """The text of a request, with fields by name: "Call [first name] of [company]"."""
        return clean(PLACE.sub(lambda place: f"[{self.field(place[1])}]", text))

    # -- calendars ---------------------------------------------------------------------------

    def hours(self, calendar: Calendar) -> str:
        """The hours of a calendar: "Mon–Fri 09:00–17:00 (Europe/Berlin)"."""
        spans = []
        for text, group in groupby(WEEKDAYS, key=lambda day: calendar.hours.get(day, "")):
            days = [day.capitalize() for day in group]
            if text:
                span = days[0] if len(days) == 1 else f"{days[0]}–{days[-1]}"
                spans.append(f"{span} {text.replace('-', '–')}")
        hours = f"{'; '.join(spans)} ({calendar.zone})"
        if calendar.holidays:
            hours += f", without the public holidays of {calendar.holidays}"
        if calendar.closed:
            hours += f", closed on {joined(calendar.closed)}"
        return clean(hours)

    # -- the meaning of fields ---------------------------------------------------------------

    def meaning(self, name: str) -> str:
        """The description of a field by the model or the package."""
        own = next((field.description for field in self.model.fields if field.name == name), "")
        base = BASE_FIELDS.get(name)
        return clean((own or (base.description if base else "")).replace("_", " "))


def _none_of(values: Sequence[str]) -> str:
    match values:
        case [value]:
            return f"not {value}"
        case [value, other]:
            return f"neither {value} nor {other}"
    return f"none of {', '.join(values)}"


_CHANNELS = {
    "task": "a task for {}",
    "email": "an e-mail to {}",
    "list_add": "onto “{}”",
    "list_remove": "off “{}”",
    "crm_sync": "the record goes into the CRM",
    "webhook": "a message to the system “{}”",
}
_MUCH = {
    ">=": "of {} or more",
    ">": "of more than {}",
    "<": "of less than {}",
    "<=": "of at most {}",
}
_JOURNEY = {">=": "since", "<": "before"}
_TIMES = {
    ">=": "not before",
    ">": "after",
    "<": "before",
    "<=": "not after",
    "==": "at the very time of",
}
