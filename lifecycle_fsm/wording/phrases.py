"""Names, values and conditions of a model as phrases.

The rooms that write for people add what only they say.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

from lifecycle_fsm.fields import FieldType
from lifecycle_fsm.guard import (
    Always,
    And,
    Arithmetic,
    Compare,
    Const,
    Elapsed,
    Extreme,
    Field,
    Guard,
    In,
    Known,
    Not,
    Now,
    Opaque,
    Or,
    Payload,
    Scalar,
    Term,
    TextMatch,
    Token,
    Truth,
    inline,
    label,
    resolve,
    value_of,
    walk,
)
from lifecycle_fsm.guard.printer import MOST_OPTIONS, chain, value_words
from lifecycle_fsm.guard.vocabulary import TokenValue
from lifecycle_fsm.model import Deadline, Model, Move, ScoreRule, SortRule
from lifecycle_fsm.wording.text import clean, counted, joined, plain

#: Names that read on into their value: "sourced by sales", not "sourced by is sales".
_READS_ON = re.compile(r" (by|for|from|in|of|on|through|to|with)$")
_IDENTIFIER = re.compile(r"[a-z0-9]+(_[a-z0-9]+)+")
_START = "journey_started_at"
#: Fields of every person whose names do not read as nouns: "no sales activity since ...".
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
# A list of the model with more values than that is called by its name.
_SHORT = 3
# How long a list of values may be before it is cut: a sheet is read, not searched.
_MOST = MOST_OPTIONS + 4


def rule_words(rule: Move | SortRule) -> str:
    """The words of a rule: its label, or its name as words."""
    return clean(rule.label) or clean(rule.name.replace("_", " "))


class Words:
    """What stands in a model, in words.

    Every text is one line of plain characters; nothing of it is markup yet.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self._labels = {one.name: clean(one.label) for one in model.fields if one.label}

    # -- names -------------------------------------------------------------------------------

    def field(self, name: str) -> str:
        """A field by its label, or its name as words; a time as what happened then."""
        return self._labels.get(name) or _NOUNS.get(name) or plain(name.removesuffix("_at"))

    def stage(self, name: str) -> str:
        """The short name of a stage."""
        return clean(self.model.by_name[name].display)

    def stages(self, names: Iterable[str]) -> tuple[str, ...]:
        """The short names of stages, in the order of the model."""
        wanted = set(names)
        return tuple(clean(one.display) for one in self.model.stages if one.name in wanted)

    def value(self, value: Scalar) -> str:
        """One value of a list or a comparison."""
        if isinstance(value, str) and _IDENTIFIER.fullmatch(value):
            return plain(value)
        if isinstance(value, int) and not isinstance(value, bool):
            return f"{value:,}".replace("-", "−")
        return clean(value_words(value))

    def values(self, values: Sequence[Scalar]) -> str:
        """A list of values."""
        return ", ".join(self._shown(values))

    def _shown(self, values: Sequence[Scalar]) -> list[str]:
        shown = [self.value(one) for one in values]
        if len(shown) > _MOST:
            shown[_MOST - 1 :] = [f"{len(shown) - _MOST + 1} more"]
        return shown

    # -- conditions --------------------------------------------------------------------------

    def condition(self, guard: Guard) -> str:
        """A guard as a phrase, with its named guards and tokens written out; nothing where it
        always holds."""
        words = self.model.vocabulary
        guard = inline(resolve(guard, words), words)
        return "" if isinstance(guard, Always) else self._guard(guard)

    def _guard(self, guard: Guard) -> str:
        match guard:
            case Or(guards):
                said = [self._inside(part, And) for part in guards]
                comma = any(isinstance(part, And) for part in guards)
                return (", or " if comma else " or ").join(said)
            case And(guards):
                return " and ".join(self._conjuncts(guards))
            case Not(part):
                return self._denial(part)
            case Compare(op, left, right):
                return self._compare(op, left, right)
            case In(Field("stage"), options):
                return f"stage is {joined(self._stage_values(options), 'or')}"
            case In(term, options) if named := self._long_list(options):
                return f"{self.term(term)} is on the list “{named}”"
            case In(term, options):
                return f"{self._subject(term)} {joined(self._listed(options), 'or')}"
            case TextMatch(term, text):
                return f"{self.term(term)} {guard.verb} “{clean(str(self._constant(text)))}”"
            case Known(field) if self._is_time(field):
                return f"any {self.term(field)}"
            case Known(field):
                return f"{self.term(field)} is known"
            case Truth(field):
                return self.term(field)
            case Opaque(name):
                return f"{plain(name)} (a program decides)"
        return "always"

    def _inside(self, guard: Guard, *kinds: type[Guard]) -> str:
        said = self._guard(guard)
        return f"({said})" if isinstance(guard, kinds) else said

    def _conjuncts(self, guards: Sequence[Guard]) -> Iterator[str]:
        waiting = list(reversed(guards))
        while waiting:
            first = waiting.pop()
            found = chain(first, waiting[-1]) if waiting else None
            if found is None or (found[1], found[3]) != ("<=", "<="):
                yield self._inside(first, Or)
                continue
            waiting.pop()
            low, _, term, _, high = found
            yield f"{self.term(term)} from {self.term(low)} to {self.term(high)}"

    def _denial(self, guard: Guard) -> str:
        match guard:
            case Always():
                return "never"
            case Compare("==", Field("stage"), Const(str() as name)):
                return f"stage is not {self.stage(name)}"
            case Compare("==", left, right) if not isinstance(left, Elapsed):
                return f"{self.term(left)} is not {self.term(right)}"
            case In(Field("stage"), options):
                return f"stage is {_none_of(self._stage_values(options))}"
            case In(term, options) if named := self._long_list(options):
                return f"{self.term(term)} is not on the list “{named}”"
            case In(term, options):
                return f"{self.term(term)} is {_none_of(self._listed(options))}"
            case TextMatch(term, text):
                return f"{self.term(term)} {guard.denied} “{clean(str(self._constant(text)))}”"
            case Known(field) if self._is_time(field):
                return f"no {self.term(field)}"
            case Known(field):
                return f"{self.term(field)} is not known"
            case Truth():
                return f"not {self._guard(guard)}"
        return f"not ({self._guard(guard)})"

    def _long_list(self, options: Const | Token) -> str:
        """The name of a list that is better looked up than written out wherever it is used."""
        values = self._constant(options)
        if isinstance(options, Token) and isinstance(values, tuple) and len(values) > _SHORT:
            return plain(options.name)
        return ""

    def _listed(self, options: Const | Token) -> list[str]:
        values = self._constant(options)
        assert isinstance(values, tuple)
        return self._shown(values)

    def _stage_values(self, options: Const | Token) -> list[str]:
        values = self._constant(options)
        assert isinstance(values, tuple)
        return [self.stage(str(one)) for one in values]

    def _subject(self, term: Term) -> str:
        """The left side, with "is" where its name does not lead on into the value."""
        said = self.term(term)
        return said if _READS_ON.search(said) else f"{said} is"

    def _compare(self, op: str, left: Term, right: Term) -> str:
        match left, right:
            case Elapsed(), _:
                return self._elapsed(op, left, right)
            case Field("stage"), Const(str() as name):
                return f"stage is {self.stage(name)}"
            case Field(name), Field(start) if start == _START and op == ">=":
                return f"{self.field(name)} since this journey began"
            case Field(name), Field(start) if start == _START and op == "<":
                return f"{self.field(name)} before this journey began"
        if self._is_time(left):
            return f"{self.term(left)} {_TIMES[op]} {self.term(right)}"
        value = self.term(right)
        if op == "==":
            if self._counts(left) and value == "0":
                return f"no {self.term(left)}"
            return f"{self._subject(left)} {value}"
        if self._counts(left):
            return f"{_MANY[op].format(value)} {self.term(left)}"
        return f"{self.term(left)} {_MUCH[op].format(value)}"

    def _elapsed(self, op: str, elapsed: Elapsed, other: Term) -> str:
        number = self.term(other)
        units = elapsed.units.removesuffix("s" if number == "1" else "")
        return f"{_MANY[op].format(number)} {units} {self._since(elapsed)}"

    def _since(self, elapsed: Elapsed) -> str:
        return "in this stage" if elapsed.in_stage else f"since {self.field(elapsed.start.name)}"

    def _is_time(self, term: Term) -> bool:
        kind = self._type(term)
        return kind is not None and kind.kind == "datetime"

    def _counts(self, term: Term) -> bool:
        """Whether a number says how many: "50 or more employees", but "score of 65 or more"."""
        kind = self._type(term)
        if kind is None or kind.kind != "int":
            return False
        said = self.term(term)
        return said.endswith("s") and not said.endswith(("ss", "us", "is"))

    def _type(self, term: Term) -> FieldType | None:
        return self.model.vocabulary.fields.get(term.name) if isinstance(term, Field) else None

    # -- values ------------------------------------------------------------------------------

    def term(self, term: Term) -> str:
        """A value as a phrase."""
        match term:
            case Field(name):
                return self.field(name)
            case Payload(name):
                return plain(name)
            case Now():
                return "now"
            case Elapsed():
                return f"{term.units} {self._since(term)}"
            case Arithmetic(op, left, right):
                number = self._folded(term)
                if number is not None:
                    return self.value(number)
                sign = {"*": "×", "-": "−"}.get(op, op)
                return f"{self._operand(left)} {sign} {self._operand(right)}"
            case Extreme(which, terms):
                kind = "smallest" if which == "min" else "largest"
                return f"the {kind} of {joined(map(self.term, terms))}"
            case Const() | Token():
                value = self._constant(term)
                return self.values(value) if isinstance(value, tuple) else self.value(value)
        return clean(label(term, self.model.vocabulary))

    def _operand(self, term: Term) -> str:
        said = self.term(term)
        return f"({said})" if isinstance(term, Arithmetic) and self._folded(term) is None else said

    def _constant(self, term: Const | Token) -> TokenValue:
        return term.value if isinstance(term, Const) else self.model.tokens[term.name]

    def _folded(self, term: Term) -> int | float | None:
        """The number that a computation without any field comes to: ``$mql_threshold - 1``."""
        match term:
            case Const() | Token():
                value = self._constant(term)
                number = isinstance(value, int | float) and not isinstance(value, bool)
                return value if number else None  # type: ignore[return-value]
            case Arithmetic() if not any(isinstance(one, Field | Payload) for one in walk(term)):
                folded = value_of(term, {}, self.model.vocabulary)
                assert isinstance(folded, int | float), "arithmetic is of numbers"
                return folded
        return None

    # -- lengths and limits ------------------------------------------------------------------

    def length(self, length: timedelta, *, working: bool = False) -> str:
        """A length of time, in the largest unit that has it whole."""
        return self._unit(length, _UNITS, working=working)

    def _unit(self, length: timedelta, units: tuple[tuple[int, str], ...], *, working: bool) -> str:
        seconds = int(length.total_seconds())
        for size, unit in units:
            if seconds % size == 0:
                number = seconds // size
                return counted(number, f"working {unit}" if working and size >= 3600 else unit)
        return f"{seconds:,} seconds"

    def within(self, deadline: Deadline) -> str:
        """How long a deadline gives."""
        after, working = deadline.after, bool(deadline.calendar)
        if working and after.counts == "time":
            return self._unit(after.time, _UNITS[1:], working=True)
        return self.length(after.time, working=working and after.counts == "days")

    def limit(self, rule: ScoreRule) -> str:
        """The cap of a score rule."""
        if rule.cap is None:
            return ""
        return f"at most {rule.cap:,} {f'a {rule.per}' if rule.per else 'in all'}"


def _none_of(values: Sequence[str]) -> str:
    match values:
        case [one]:
            return f"not {one}"
        case [one, other]:
            return f"neither {one} nor {other}"
    return f"none of {', '.join(values)}"


_MANY = {
    ">=": "{} or more",
    ">": "more than {}",
    "<": "fewer than {}",
    "<=": "at most {}",
    "==": "exactly {}",
}
_MUCH = {
    ">=": "of {} or more",
    ">": "of more than {}",
    "<": "of less than {}",
    "<=": "of at most {}",
}
_TIMES = {
    ">=": "not before",
    ">": "after",
    "<": "before",
    "<=": "not after",
    "==": "at the very time of",
}
