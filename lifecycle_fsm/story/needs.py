"""What is missing before a move opens, and what it was that opened it: guards with their values."""

from __future__ import annotations

from collections.abc import Iterator

from lifecycle_fsm.guard import (
    Always,
    And,
    Arithmetic,
    Compare,
    Const,
    Elapsed,
    Field,
    In,
    Known,
    Named,
    Not,
    Opaque,
    Or,
    Outcome,
    Term,
    TextMatch,
    Token,
    Truth,
    negate,
    reads,
    to_text,
    value_of,
)
from lifecycle_fsm.guard.explanation import Seen
from lifecycle_fsm.machine import Refusal
from lifecycle_fsm.person import BASE_FIELDS
from lifecycle_fsm.story.words import Speech
from lifecycle_fsm.wording import joined, plain

#: More reasons than that are not told for one move.
_MOST = 4
_START = "journey_started_at"


class Needs:
    """Says what became of guards."""

    def __init__(self, speech: Speech) -> None:
        self.speech = speech

    # -- what is missing -----------------------------------------------------------------------

    def refusal(self, one: Refusal) -> str:
        """What a move that is not open needs."""
        if one.note:
            return f"is not open: {one.note}"
        return f"needs {self.missing(one.outcome)}"

    def missing(self, outcome: Outcome) -> str:
        """What has to change, every condition with the value that it saw."""
        return self._missing(outcome, True) or "something that cannot be told"

    def _missing(self, outcome: Outcome, wanted: bool) -> str:
        if outcome.holds is wanted:
            return ""
        match outcome.guard:
            case Not():
                return self._missing(outcome.children[0], not wanted)
            case And() | Or():
                every = isinstance(outcome.guard, And) is wanted
                parts = [self._part(child, wanted, every) for child in outcome.children]
                kept = list(dict.fromkeys(filter(None, parts)))
                return joined(kept) if every else ", or ".join(kept)
            case Named() if outcome.children:
                return self._missing(outcome.children[0], wanted)
        return self._lacks(outcome) if wanted else self._surplus(outcome)

    def _part(self, outcome: Outcome, wanted: bool, every: bool) -> str:
        said = self._missing(outcome, wanted)
        return f"({said})" if every and ", or " in said else said

    def _lacks(self, outcome: Outcome) -> str:
        speech = self.speech
        match outcome.guard:
            case Compare(op, left, right):
                return self._compared(op, left, right, outcome)
            case Truth(Field("hand_raised")):
                return "a raised hand"
            case Truth(field):
                return f"“{speech.term(field)}” to be yes"
            case Known(field) if self._is_event(field):
                return _one(speech.term(field))
            case Known(field):
                return f"{speech.term(field)} to be known"
            case TextMatch() | In():
                return f"{_to_be(speech.condition(outcome.guard))}{self._seen(outcome)}"
            case Opaque(name):
                return f"“{plain(name)}”, which a program decides"
        return speech.condition(outcome.guard)

    def _surplus(self, outcome: Outcome) -> str:
        """What holds and should not."""
        match outcome.guard:
            case Truth(field):
                return f"“{self.speech.term(field)}” to be no"
            case Always():
                return "what never is"
        denied = self.speech.condition(negate(outcome.guard))
        return f"{_to_be(denied)}{self._seen(outcome)}"

    def _compared(self, op: str, left: Term, right: Term, outcome: Outcome) -> str:
        speech = self.speech
        has, wanted = self._number(left, outcome), self._number(right, outcome)
        if has is not None and wanted is not None and op in (">=", ">"):
            gap = wanted - has + (1 if op == ">" and isinstance(wanted, int) else 0)
            more = "more than " if op == ">" and not isinstance(wanted, int) else ""
            what = f"({_n(has)} of {more}{_n(wanted)})"
            match left:
                case Elapsed():
                    return f"{_units(gap, left)} {self._since(left)} {what}"
                case Field(name) if name.endswith("_score"):
                    points = "point" if gap == 1 else "points"
                    return f"{_n(gap)} more {points} of {speech.field(name)} {what}"
        said = speech.condition(outcome.guard)
        if self._is_event(left):
            said = _one(said)
        elif op == "==" and not said.startswith("no "):
            said = _to_be(said)
        return f"{said}{self._seen(outcome)}"

    def _seen(self, outcome: Outcome) -> str:
        """The values that an atom saw, in parentheses."""
        shown = [
            (name, value)
            for name, value in outcome.seen
            if not name.startswith("$") and name != _START
        ]
        if len(shown) == 1:
            ((name, value),) = shown
            if value is None and name.endswith("_at"):
                return " (none yet)"
            if _as_number(value) is not None:
                return f" ({self._value(value)} now)"
            said = self._value(value)
            if value is None:
                return f" ({said})"
            if isinstance(value, str) and value:
                said = f"“{said}”"
            return f" ({'the last: ' if name.endswith('_at') else 'it is '}{said})"
        parts = [f"{self.speech.field(name)}: {self._value(value)}" for name, value in shown]
        return f" ({', '.join(parts)})" if parts else ""

    def _value(self, value: object) -> str:
        if isinstance(value, tuple):
            return self.speech.values(value)
        return self.speech.said(value)  # type: ignore[arg-type]

    # -- what was there --------------------------------------------------------------------------

    def met(self, outcome: Outcome) -> str:
        """The conditions that opened a move, with their values; of an ``or`` the first that held.
        Nothing where there was nothing to meet."""
        parts = list(dict.fromkeys(self._met(outcome)))
        return ", ".join(parts[:_MOST])

    def _met(self, outcome: Outcome) -> Iterator[str]:
        speech = self.speech
        match outcome.guard:
            case Always():
                return
            case And():
                for child in outcome.children:
                    yield from self._met(child)
            case Or():
                yield from self._met(next(child for child in outcome.children if child.holds))
            case Named() if outcome.children:
                yield from self._met(outcome.children[0])
            case Compare(op, Elapsed() as left, _) if op in (">=", ">"):
                number = self._number(left, outcome)
                yield f"{_units(number or 0, left, more=False)} {self._since(left)}"
            case Compare(op, Field(name) as left, right) if op in (">=", ">"):
                has, wanted = self._number(left, outcome), self._number(right, outcome)
                if has is None or wanted is None:
                    yield speech.condition(outcome.guard)
                elif name.endswith("_score"):
                    yield f"{speech.field(name)} {_n(has)} of {_n(wanted)}"
                else:
                    yield f"{speech.field(name)}: {_n(has)}"
            case (
                In(Field(name), _)
                | Compare("==", Field(name), Const() | Token())
                | Known(Field(name))
                | Not(In(Field(name), _))
                | Not(Compare("==", Field(name), Const() | Token()))
            ) if isinstance(value := _seen_in(outcome).get(name), str):
                yield f"{speech.subject(name)} {self._value(value)}"
            case _:
                yield speech.condition(outcome.guard)

    # -- values ----------------------------------------------------------------------------------

    def _since(self, elapsed: Elapsed) -> str:
        if elapsed.in_stage:
            return "in this stage"
        return f"since the {self.speech.field(elapsed.start.name)}"

    def _is_event(self, term: Term) -> bool:
        """Whether it is one of the times of every person, which are told as what happened then."""
        known = BASE_FIELDS.get(term.name) if isinstance(term, Field) else None
        return known is not None and known.type.kind == "datetime"

    def _number(self, term: Term, outcome: Outcome) -> int | float | None:
        """The value that a term had, if it is a number."""
        match term:
            case Const(value):
                return _as_number(value)
            case Token(name):
                return _as_number(self.speech.model.tokens[name])
            case Field() | Elapsed():
                return _as_number(dict(outcome.seen).get(to_text(term)))
            case Arithmetic():
                seen = dict(outcome.seen)
                fields = {name: seen.get(name) for name in reads(term)}
                return _as_number(value_of(term, fields, self.speech.model.vocabulary))
        return None


def _seen_in(outcome: Outcome) -> dict[str, Seen]:
    """The values that an atom saw, also one behind a ``not``."""
    return dict((outcome.children[0] if outcome.children else outcome).seen)


def _as_number(value: object) -> int | float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _n(number: float) -> str:
    return f"{number:,.10g}".replace("-", "−")


def _units(number: float, elapsed: Elapsed, *, more: bool = True) -> str:
    units = elapsed.units.removesuffix("s" if number == 1 else "")
    return f"{_n(number)} {'more ' if more else ''}{units}"


def _one(words: str) -> str:
    return f"{'an' if words[:1] in 'aeiou' else 'a'} {words}"


_INFINITIVES = {
    " does not start with ": " not to start with ",
    " starts with ": " to start with ",
    " does not contain ": " not to contain ",
    " contains ": " to contain ",
    " is not ": " not to be ",
    " is ": " to be ",
}


def _to_be(condition: str) -> str:
    """A condition as what is needed: "role is one of …" becomes "role to be one of …"."""
    for verb, needed in _INFINITIVES.items():
        if verb in condition:
            return condition.replace(verb, needed, 1)
    return f"“{condition}” to hold"
