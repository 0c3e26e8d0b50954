"""What is missing before a guard holds, and what made it hold, with the values that it read."""

from __future__ import annotations

from lifecycle_fsm.guard import Outcome, Term, reads, to_text, value_of
from lifecycle_fsm.guard import terms as tree
from lifecycle_fsm.guard.explanation import Requirement, Seen, reasons, requirement
from lifecycle_fsm.person import BASE_FIELDS
from lifecycle_fsm.wording.formats import format_number, joined, plain
from lifecycle_fsm.wording.formatter import Formatter

#: More reasons are not listed for one move.
_MOST = 4
_START = "journey_started_at"
_INFINITIVES = {
    " does not start with ": " not to start with ",
    " starts with ": " to start with ",
    " does not contain ": " not to contain ",
    " contains ": " to contain ",
    " is not ": " not to be ",
    " is ": " to be ",
}


class OutcomeExplainer:
    """Describes the outcomes of guards in the words of a formatter."""

    def __init__(self, formatter: Formatter) -> None:
        self.formatter = formatter

    # -- what is missing -----------------------------------------------------------------------

    def missing(self, outcome: Outcome) -> str:
        """What has to change: every condition with the value that it read."""
        needed = requirement(outcome)
        return (needed and self._needed(needed)) or "something that cannot be told"

    def _needed(self, needed: Requirement) -> str:
        parts = dict.fromkeys(map(self._needed, needed.parts))
        if not parts:
            text = self._atom(needed.outcome)
        elif needed.every:
            text = joined(f"({part})" if _is_long(part) else part for part in parts)
        else:
            text = ", or ".join(parts)
        for name in needed.named:
            if name in self.formatter.model.guard_labels:
                return f"“{self.formatter.named(tree.Named(name))}”: {text}"
        return text

    def _atom(self, outcome: Outcome) -> str:
        formatter = self.formatter
        match outcome.guard:
            case tree.Not(tree.Truth(field)):
                return f"“{formatter.term(field)}” to be no"
            case tree.Not(tree.Always()):
                return "what never is"
            case tree.Compare(op, left, right):
                return self._compared(op, left, right, outcome)
            case tree.Truth(tree.Field("hand_raised")):
                return "a raised hand"
            case tree.Truth(field):
                return f"“{formatter.term(field)}” to be yes"
            case tree.Known(field) if self._is_event(field):
                return _with_article(formatter.term(field))
            case tree.Known(field):
                return f"{formatter.term(field)} to be known"
            case tree.Opaque(name):
                return f"“{plain(name)}”, which a program decides"
            case tree.TextMatch() | tree.In() | tree.Not():
                return f"{_to_be(formatter.condition(outcome.guard))}{self._seen(outcome)}"
        return formatter.condition(outcome.guard)

    def _compared(self, op: str, left: Term, right: Term, outcome: Outcome) -> str:
        has, wanted = self.number(left, outcome), self.number(right, outcome)
        if has is not None and wanted is not None and op in (">=", ">"):
            gap = wanted - has + (1 if op == ">" and isinstance(wanted, int) else 0)
            more = "more than " if op == ">" and not isinstance(wanted, int) else ""
            what = f"({format_number(has)} of {more}{format_number(wanted)})"
            match left:
                case tree.Elapsed():
                    return f"{_units(gap, left, ' more')} {self._since(left)} {what}"
                case tree.Field(name) if name.endswith("_score"):
                    points = "point" if gap == 1 else "points"
                    field = self.formatter.field(name)
                    return f"{format_number(gap)} more {points} of {field} {what}"
        text = self.formatter.condition(outcome.guard)
        if self._is_event(left):
            text = _with_article(text)
        elif op == "==" and not text.startswith("no "):
            text = _to_be(text)
        return f"{text}{self._seen(outcome)}"

    def _seen(self, outcome: Outcome) -> str:
        """The values that an atom read, in parentheses."""
        shown = [
            (name, value)
            for name, value in outcome.seen
            if not name.startswith("$") and name != _START
        ]
        if len(shown) != 1:
            parts = [f"{self.formatter.field(name)}: {self._value(value)}" for name, value in shown]
            return f" ({', '.join(parts)})" if parts else ""
        ((name, value),) = shown
        text = self._value(value)
        if value is None:
            return " (none yet)" if name.endswith("_at") else f" ({text})"
        if as_number(value) is not None:
            return f" ({text} now)"
        if isinstance(value, str) and value:
            text = f"“{text}”"
        return f" ({'the last: ' if name.endswith('_at') else 'it is '}{text})"

    def _value(self, value: Seen) -> str:
        if isinstance(value, tuple):
            return self.formatter.values(value)
        return self.formatter.field_value(value)

    # -- what was there --------------------------------------------------------------------------

    def met(self, outcome: Outcome) -> str:
        """The conditions that opened a move, with their values; of an ``or`` the first that held.
        Empty if there were none."""
        parts = dict.fromkeys(filter(None, map(self._met, reasons(outcome))))
        return ", ".join(list(parts)[:_MOST])

    def _met(self, outcome: Outcome) -> str:
        formatter = self.formatter
        match outcome.guard:
            case tree.Compare(op, tree.Elapsed() as left, _) if op in (">=", ">"):
                return f"{_units(self.number(left, outcome) or 0, left)} {self._since(left)}"
            case tree.Compare(op, tree.Field(name) as left, right) if op in (">=", ">"):
                has, wanted = self.number(left, outcome), self.number(right, outcome)
                if has is None or wanted is None:
                    return formatter.condition(outcome.guard)
                elif name.endswith("_score"):
                    numbers = f"{format_number(has)} of {format_number(wanted)}"
                    return f"{formatter.field(name)} {numbers}"
                else:
                    return f"{formatter.field(name)}: {format_number(has)}"
            case (
                tree.In(tree.Field(name), _)
                | tree.Compare("==", tree.Field(name), tree.Const() | tree.Token())
                | tree.Known(tree.Field(name))
                | tree.Not(tree.In(tree.Field(name), _))
                | tree.Not(tree.Compare("==", tree.Field(name), tree.Const() | tree.Token()))
            ) if isinstance(value := _seen_in(outcome).get(name), str):
                return f"{formatter.subject(tree.Field(name))} {self._value(value)}"
        return formatter.condition(outcome.guard)

    # -- values ----------------------------------------------------------------------------------

    def number(self, term: Term, outcome: Outcome) -> int | float | None:
        """The value of a term, if it is a number."""
        model = self.formatter.model
        match term:
            case tree.Const() | tree.Token():
                return as_number(self.formatter.constant(term))
            case tree.Field() | tree.Elapsed():
                return as_number(dict(outcome.seen).get(to_text(term)))
            case tree.Arithmetic():
                seen = dict(outcome.seen)
                fields = {name: seen.get(name) for name in reads(term)}
                return as_number(value_of(term, fields, model.vocabulary))
        return None

    def _since(self, elapsed: tree.Elapsed) -> str:
        since = self.formatter.since(elapsed)
        return since if elapsed.in_stage else since.replace("since ", "since the ", 1)

    def _is_event(self, term: Term) -> bool:
        """Whether the term is a time of every person, which is described by its event."""
        known = BASE_FIELDS.get(term.name) if isinstance(term, tree.Field) else None
        return known is not None and known.type.kind == "datetime"


def as_number(value: object) -> int | float | None:
    """The value if it is a number; a truth value is not."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _seen_in(outcome: Outcome) -> dict[str, Seen]:
    """The values that an atom, or the atom in a ``not``, read."""
    return dict((outcome.children[0] if outcome.children else outcome).seen)


def _units(number: float, elapsed: tree.Elapsed, more: str = "") -> str:
    units = elapsed.units.removesuffix("s" if number == 1 else "")
    return f"{format_number(number)}{more} {units}"


def _is_long(part: str) -> bool:
    """Whether it needs parentheses to be joined with others."""
    return ", or " in part or "”: " in part


def _with_article(words: str) -> str:
    return f"{'an' if words[:1] in 'aeiou' else 'a'} {words}"


def _to_be(condition: str) -> str:
    """A condition as a requirement: "role is one of …" becomes "role to be one of …"."""
    for verb, needed in _INFINITIVES.items():
        if verb in condition:
            return condition.replace(verb, needed, 1)
    return f"“{condition}” to hold"
