"""The litmus test of a model (R44): who would qualify as people stand, who is just below, and why.

The system moves into the stage of those who are ready for sales are asked of every person, and each
condition that is not met says by how much.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import attrs

from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.funnel import sales_stage
from lifecycle_fsm.guard import (
    Always,
    And,
    Arithmetic,
    Compare,
    Const,
    Elapsed,
    Field,
    Guard,
    In,
    Known,
    Not,
    Opaque,
    Or,
    Outcome,
    Term,
    Token,
    Truth,
    compile_explainer,
    inline,
    negate,
    reads,
    to_text,
    value_of,
    walk,
)
from lifecycle_fsm.model import Edge, Model
from lifecycle_fsm.wording import Words, clean, rule_words

SHOWN = 15
"""So many of each list stand on a sheet."""


@attrs.frozen(kw_only=True)
class Candidate:
    """A person of the list, and why they are on it.

    Args:
        id, name, email: who it is; the name is put together from what is known.
        owner, assigned_to: who has to do with them.
        stage: where they are.
        since: since when.
        reasons: the conditions that are met, or those that are not, each with its value and by how
            much it is missed.
        label: the move that these are the conditions of.
        unmet: how many conditions are not met on the nearest way.
        distance: how far away they are: for a number the part of its threshold that is missing, for
            anything else 1.
    """

    id: str
    name: str
    email: str
    owner: str
    assigned_to: str
    stage: str
    since: datetime | None
    label: str
    reasons: tuple[str, ...]
    unmet: int = 0
    distance: float = 0.0


@attrs.frozen(kw_only=True)
class Litmus:
    """Who would qualify for a stage at an instant, and who is nearest to it.

    ``inside`` counts those who are in the stage, and they are in no list. ``qualify`` are those who
    are not but for whom a move into it is open: the model that wrote the people did not let them
    in, this one does. ``nearest`` has everybody else in the stages that these moves leave, the
    nearest first.
    """

    stage: str
    rules: tuple[str, ...]
    origins: tuple[str, ...]
    now: datetime
    inside: int
    qualify: tuple[Candidate, ...]
    nearest: tuple[Candidate, ...]
    unasked: tuple[str, ...] = ()


def ready_stage(model: Model, name: str | None = None) -> str | None:
    """The stage of those who are ready for sales: the one that is named, or else the last one
    before the work of sales begins that a system gives by a condition; or else the first stage of
    sales, if it is given so. There may be none.

    Raises:
        LifecycleError: no system move with a condition leads into the named stage.
    """
    given = {edge.target for edge in _edges(model)}
    if name is not None:
        if model.stage(name).name not in given:
            raise LifecycleError(
                f"no system move with a condition leads to {name!r}, so nobody can be near it: "
                f"use one of {', '.join(one.name for one in model.path if one.name in given)}"
            )
        return name
    sales = model.ranks[sales_stage(model).name]
    before = [stage.name for stage in model.path[1:sales] if stage.name in given]
    if before:
        return before[-1]
    return model.path[sales].name if model.path[sales].name in given else None


def _edges(model: Model) -> tuple[Edge, ...]:
    """The system moves with a condition, out of stages behind original processing."""
    return tuple(
        edge
        for edge in model.edges
        if edge.on is None
        and edge.source != model.initial.name
        and not isinstance(inline(edge.when, model.vocabulary), Always)
        and edge.target in model.ranks
    )


def litmus(
    model: Model, people: Iterable[Any], now: datetime, ready: str | None = None
) -> Litmus | None:
    """Ask the moves into the ready stage of everybody; nothing where there is no such stage.

    Args:
        model: the model that is asked, which need not be the one that wrote the people.
        people: persons, or anything with the attributes that the guards read.
        now: the instant of the asking.
        ready: the stage; see :func:`ready_stage`.

    Raises:
        LifecycleError: somebody is in a stage that the model does not have.
    """
    stage = ready_stage(model, ready)
    return None if stage is None else _Asking(model, stage, now).all(people)


@attrs.frozen
class _Near:
    """How near a person is to something: conditions to meet, and how far away they are."""

    unmeasured: int
    unmet: int
    distance: float
    parts: tuple[str, ...]

    @property
    def order(self) -> tuple[int, int, float]:
        """What can be measured comes first: "13 points below" says more than "no hand raised"."""
        return self.unmeasured, self.unmet, self.distance

    def __add__(self, other: _Near) -> _Near:
        return _Near(
            self.unmeasured + other.unmeasured,
            self.unmet + other.unmet,
            self.distance + other.distance,
            tuple(dict.fromkeys((*self.parts, *other.parts))),
        )


_NOTHING = _Near(0, 0, 0.0, ())


class _Asking:
    """The moves into one stage, ready to be asked."""

    def __init__(self, model: Model, stage: str, now: datetime) -> None:
        self.model, self.stage, self.now = model, stage, now
        self.words = Words(model)
        edges = [edge for edge in _edges(model) if edge.target == stage]
        self.unasked = [edge for edge in edges if _opaque(edge, model)]
        self.edges: dict[str, list[tuple[Edge, Any]]] = {}
        explainers: dict[Guard, Any] = {}
        for edge in edges:
            if edge in self.unasked:
                continue
            guard = inline(edge.when, model.vocabulary)
            if guard not in explainers:
                explainers[guard] = compile_explainer(guard, model.vocabulary)
            self.edges.setdefault(edge.source, []).append((edge, explainers[guard]))

    def all(self, people: Iterable[Any]) -> Litmus:
        inside = 0
        opened: list[Candidate] = []
        below: list[Candidate] = []
        for person in people:
            if person.stage == self.stage:
                inside += 1
            elif person.stage in self.edges:
                found = self.outside(person)
                (below if found.unmet else opened).append(found)
            elif person.stage:
                self.model.stage(person.stage)
        return Litmus(
            stage=self.words.stage(self.stage),
            rules=tuple(dict.fromkeys(_label(edge) for edge, _ in self._asked())),
            origins=self.words.stages(self.edges),
            now=self.now,
            inside=inside,
            qualify=tuple(sorted(opened, key=lambda one: one.id)),
            nearest=tuple(sorted(below, key=_order)),
            unasked=tuple(dict.fromkeys(map(_label, self.unasked))),
        )

    def _asked(self) -> Iterator[tuple[Edge, Any]]:
        for found in self.edges.values():
            yield from found

    def outside(self, person: Any) -> Candidate:
        """Somebody who is not: the nearest way in, and what is missing on it."""
        best: tuple[Edge, _Near] | None = None
        for edge, explain in self.edges[person.stage]:
            outcome = explain(person, self.now)
            if outcome.holds:
                return self._candidate(person, edge, self.met(outcome))
            near = self.near(outcome)
            if best is None or near.order < best[1].order:
                best = edge, near
        assert best is not None
        edge, near = best
        made = self._candidate(person, edge, near.parts)
        return attrs.evolve(made, unmet=near.unmet, distance=near.distance)

    def _candidate(self, person: Any, edge: Edge, reasons: tuple[str, ...]) -> Candidate:
        return Candidate(
            id=clean(str(person.id)),
            name=_name(person),
            email=_text(person, "email"),
            owner=_text(person, "owner"),
            assigned_to=_text(person, "assigned_to"),
            stage=self.words.stage(person.stage),
            since=person.stage_entered_at,
            label=_label(edge),
            reasons=reasons,
        )

    # -- what is met ---------------------------------------------------------------------------

    def met(self, outcome: Outcome) -> tuple[str, ...]:
        """The conditions that make it hold, with their values; of an ``or`` the first that does."""
        match outcome.guard:
            case And():
                parts = [part for child in outcome.children for part in self.met(child)]
                return tuple(dict.fromkeys(parts))
            case Or():
                return self.met(next(child for child in outcome.children if child.holds))
            case Compare(op, left, right) if op != "==" and (
                (seen := self._number(left, outcome)) is not None
                and (wanted := self._number(right, outcome)) is not None
            ):
                return (f"{self.words.term(left)} {_n(seen)}, {_NEEDS[op]} {_n(wanted)}",)
        return (self.words.condition(outcome.guard),)

    # -- what is missing -------------------------------------------------------------------------

    def near(self, outcome: Outcome, wanted: bool = True) -> _Near:
        """The nearest way to make it hold, or not hold where a ``not`` stands before it."""
        if outcome.holds is wanted:
            return _NOTHING
        match outcome.guard:
            case And() if wanted:
                return self._together(outcome.children, wanted)
            case Or() if not wanted:
                return self._together(outcome.children, wanted)
            case And() | Or():
                ways = (self.near(child, wanted) for child in outcome.children)
                return min(ways, key=lambda one: one.order)
            case Not():
                return self.near(outcome.children[0], not wanted)
        return self._missing(outcome) if wanted else self._surplus(outcome)

    def _together(self, parts: Iterable[Outcome], wanted: bool) -> _Near:
        found = _NOTHING
        for part in parts:
            found += self.near(part, wanted)
        return found

    def _missing(self, outcome: Outcome) -> _Near:
        match outcome.guard:
            case Compare(op, left, right):
                wanted = self._number(right, outcome)
                seen = self._number(left, outcome)
                if seen is not None and wanted is not None:
                    return self._apart(op, self.words.term(left), seen, wanted)
            case Known():
                return _unmeasured(self.words.condition(negate(outcome.guard)))
            case Truth(field):
                return _unmeasured(f"not {self.words.term(field)}")
            case In(Field(name), _):
                seen_text = self._seen(outcome, name)
                wanted_text = self.words.condition(outcome.guard)
                return _unmeasured(f"{self.words.field(name)}: {seen_text}; needed: {wanted_text}")
        unknown = [name for name, value in outcome.seen if value is None]
        if unknown:
            names = " and ".join(map(self.words.field, unknown))
            return _unmeasured(f"{names} not known; needed: {self.words.condition(outcome.guard)}")
        return _unmeasured(f"needed: {self.words.condition(outcome.guard)}")

    def _surplus(self, outcome: Outcome) -> _Near:
        """What holds and should not."""
        return _unmeasured(f"needed: {self.words.condition(negate(outcome.guard))}")

    def _apart(self, op: str, name: str, seen: float, wanted: float) -> _Near:
        gap = abs(wanted - seen)
        side = {">=": "short", ">": "short", "<": "over", "<=": "over"}.get(op, "off")
        part = f"{name} {_n(seen)}, {_NEEDS[op]} {_n(wanted)}"
        if gap:
            part += f": {_n(gap)} {side}"
        return _Near(0, 1, gap / max(abs(wanted), 1.0), (part,))

    def _seen(self, outcome: Outcome, name: str) -> str:
        value = next((value for one, value in outcome.seen if one == name), None)
        return "not known" if value is None else self.words.value(value)  # type: ignore[arg-type]

    def _number(self, term: Term, outcome: Outcome) -> float | None:
        """The value that a term had for the person, if it is a number."""
        match term:
            case Const(value):
                return _as_number(value)
            case Token(name):
                return _as_number(self.model.tokens[name])
            case Field() | Elapsed():
                seen = dict(outcome.seen)
                return _as_number(seen.get(to_text(term)))
            case Arithmetic():
                seen = dict(outcome.seen)
                fields = {name: seen.get(name) for name in reads(term)}
                return _as_number(value_of(term, fields, self.model.vocabulary))
        return None


_NEEDS = {
    ">=": "needs",
    ">": "needs more than",
    "<": "needs less than",
    "<=": "may be",
    "==": "needs",
}


def _unmeasured(part: str) -> _Near:
    return _Near(1, 1, 1.0, (part,))


def _opaque(edge: Edge, model: Model) -> bool:
    return any(isinstance(one, Opaque) for one in walk(inline(edge.when, model.vocabulary)))


def _label(edge: Edge) -> str:
    return rule_words(edge.rule)


def _as_number(value: object) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _n(number: float) -> str:
    return f"{number:,.10g}".replace("-", "−")


def _order(one: Candidate) -> tuple[int, float, str]:
    return one.unmet, one.distance, one.id


def _text(person: Any, name: str) -> str:
    return clean(str(getattr(person, name, None) or ""))


def _name(person: Any) -> str:
    """First and last name and company, as far as they are known."""
    first, last = (getattr(person, one, None) for one in ("first_name", "last_name"))
    name = " ".join(str(part) for part in (first, last) if part)
    company = getattr(person, "company", None)
    return clean(", ".join(str(part) for part in (name, company) if part)) or clean(str(person.id))
