"""What only a sheet says of a model: effects, points, receivers, hours, the meaning of fields."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lifecycle_fsm.guard import (
    Always,
    Arithmetic,
    Const,
    Extreme,
    Field,
    Guard,
    Now,
    Term,
    Token,
)
from lifecycle_fsm.model import PLACE, Ask, Calendar, ScoreRule, Set
from lifecycle_fsm.model.rules import WEEKDAYS
from lifecycle_fsm.person import BASE_FIELDS
from lifecycle_fsm.wording import Words, clean, joined

_DAYS = {day: day.capitalize() for day in WEEKDAYS}


class SheetWords(Words):
    """All that is agreed in a model, in words."""

    # -- tokens ------------------------------------------------------------------------------

    def token(self, name: str) -> str:
        """The value of a token; a list is cut short where it is very long."""
        value = self.model.tokens[name]
        return self.values(value) if isinstance(value, tuple) else self.value(value)

    # -- effects -----------------------------------------------------------------------------

    def effects(self, sets: Sequence[Set]) -> tuple[str, ...]:
        """What becomes of fields: "hand raised is cleared", "behavior score is cut to 50%"."""
        return tuple(map(self._effect, sets))

    def _effect(self, one: Set) -> str:
        name = self.field(one.field)
        match one.value:
            case Const(False):
                return f"{name} is cleared"
            case Const(True) | Always():
                return f"{name} is set"
            case Now():
                return f"the time of the {name} is kept"
            case Extreme("min", terms) if Field(one.field) in terms or self._shrinks(one.field):
                return f"{name} is cut {joined(self._cuts(one.field, terms))}"
            case Arithmetic("*") as product if share := self._share(one.field, product):
                return f"{name} is {'cut' if share < 1 else 'raised'} to {share * 100:g}%"
            case Arithmetic("+" | "-", Field(own), step) as change if own == one.field:
                verb = "rises" if change.op == "+" else "falls"
                return f"{name} {verb} by {self.term(step)}"
            case Guard() as guard:
                return f"{name} says whether {self.condition(guard)}"
            case Term() as term:
                return f"{name} becomes {self.term(term)}"
        return name

    def _cuts(self, own: str, terms: Sequence[Term]) -> Iterator[str]:
        for term in terms:
            if term == Field(own):
                continue
            share = self._share(own, term)
            yield f"to {share * 100:g}%" if share else f"to at most {self.term(term)}"

    def _shrinks(self, name: str) -> bool:
        """Whether a part of the field is always less than the field: it has no negative values."""
        minimum = self.model.field_types[name].minimum
        return minimum is not None and minimum >= 0

    def _share(self, own: str, term: Term) -> float | None:
        """The factor in ``own * factor``."""
        if not (isinstance(term, Arithmetic) and term.op == "*"):
            return None
        for field, factor in ((term.left, term.right), (term.right, term.left)):
            number = self._folded(factor)
            if field == Field(own) and number is not None and number > 0:
                return float(number)
        return None

    # -- points ------------------------------------------------------------------------------

    def points(self, rule: ScoreRule) -> str:
        """What a score rule gives: ``+10``, ``−5``."""
        if isinstance(rule.points, Guard):
            return self.condition(rule.points)
        number = self._folded(rule.points)
        if number is None:
            return self.term(rule.points)
        return f"+{number:g}" if number >= 0 else f"−{-number:g}"

    # -- requests ----------------------------------------------------------------------------

    def receiver(self, terms: Sequence[Term]) -> str:
        """Who gets something: "the owner, else sdr.desk"."""
        return ", else ".join(map(self._one_receiver, terms))

    def _one_receiver(self, term: Term) -> str:
        if isinstance(term, Field):
            return f"the {self.field(term.name)}"
        value = self._constant(term) if isinstance(term, Const | Token) else None
        if isinstance(value, tuple):
            named = isinstance(term, Token) and self._long_list(term)
            who = f"the list “{named}”" if named else joined(map(self.value, value))
            return f"{who} in turn" if len(value) > 1 else who
        return self.term(term)

    def asked(self, channel: str, ask: Ask) -> str:
        """By which way, and of whom: "a task for the owner"."""
        who = self.receiver(ask.to)
        match channel:
            case "task":
                return f"a task for {who}"
            case "email":
                return f"an e-mail to {who}"
            case "list_add":
                return f"onto “{who}”"
            case "list_remove":
                return f"off “{who}”"
            case "crm_sync":
                return "the record goes into the CRM"
        return f"a message to the system “{who}”"

    def text(self, text: str) -> str:
        """The words of a request, its places by name: "Call [first name] of [company]"."""
        return clean(PLACE.sub(lambda found: f"[{self.field(found[1])}]", text))

    # -- calendars ---------------------------------------------------------------------------

    def hours(self, calendar: Calendar) -> str:
        """When a calendar is open: "Mon–Fri 09:00–17:00 (Europe/Berlin)"."""
        runs: list[tuple[list[str], str]] = []
        for day, short in _DAYS.items():
            text = calendar.hours.get(day, "")
            if runs and runs[-1][1] == text:
                runs[-1][0].append(short)
            else:
                runs.append(([short], text))
        spans = [
            f"{days[0] if len(days) == 1 else f'{days[0]}–{days[-1]}'} {text.replace('-', '–')}"
            for days, text in runs
            if text
        ]
        said = f"{'; '.join(spans)} ({calendar.zone})"
        if calendar.holidays:
            said += f", without the public holidays of {calendar.holidays}"
        if calendar.closed:
            said += f", closed on {joined(calendar.closed)}"
        return clean(said)

    # -- the meaning of fields ---------------------------------------------------------------

    def meaning(self, name: str) -> str:
        """What the model, or the package, says that a field is."""
        own = next((one.description for one in self.model.fields if one.name == name), "")
        base = BASE_FIELDS.get(name)
        return clean((own or (base.description if base else "")).replace("_", " "))
