"""The litmus test of a model (R44): who would qualify now, who is just below, and why.

It evaluates the system moves into the ready-for-sales stage for every person, and measures how far
each unmet condition is missed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import reduce
from operator import add, attrgetter
from typing import Any

import attrs

from lifecycle_fsm.document import blocks as doc
from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.funnel import sales_stage
from lifecycle_fsm.funnel.scope import Contact
from lifecycle_fsm.guard import Outcome, compile_explainer, inline
from lifecycle_fsm.guard import terms as tree
from lifecycle_fsm.guard.explanation import Explainer, Requirement, reasons, requirement
from lifecycle_fsm.history import StoredTable
from lifecycle_fsm.model import Edge, Model
from lifecycle_fsm.wording import (
    Formatter,
    OutcomeExplainer,
    clean,
    counted,
    format_date,
    format_instant,
    format_number,
    joined,
    rule_words,
    sentence,
)

SHOWN = 15
"""How many people of each list a sheet shows."""


@attrs.frozen(kw_only=True)
class Candidate:
    """A person on the list, and the reasons.

    Args:
        id, name, email: who it is; the name is composed of what is known.
        owner, assigned_to: who is responsible.
        stage: their stage.
        since: when they entered it.
        reasons: the conditions that are met, or those that are not, each with its value and by how
            much it is missed.
        label: the move whose conditions these are.
        unmet: how many conditions of the nearest move are not met.
        distance: how far they are from qualifying: for a number, the missing part of its threshold;
            for anything else 1.
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
class Readiness:
    """Who would qualify for a stage at an instant, and who is nearest to it.

    ``inside`` counts the people in the stage, who are in no list. ``qualify`` are people outside it
    for whom a move into it is open: the model that wrote the people did not let them in, this one
    does. ``nearest`` has everybody else in the source stages of these moves, the nearest first.

    Of people in a :class:`.StoredTable`, ``qualify`` and ``nearest`` are only the first
    :data:`SHOWN` of ``qualifying`` and ``below`` people; ``everybody`` reads all of them anew, in
    the order of the table.
    """

    stage: str
    origins: tuple[str, ...]
    now: datetime
    inside: int
    qualify: tuple[Candidate, ...]
    nearest: tuple[Candidate, ...]
    qualifying: int
    below: int
    everybody: Iterable[Candidate] = attrs.field(repr=False, eq=False)
    unasked: tuple[str, ...] = ()


def ready_stage(model: Model, name: str | None = None) -> str | None:
    """The stage of people who are ready for sales; ``None`` if there is none.

    It is the named stage, or else the last stage before the work of sales begins that a system move
    with a condition leads to, or else the first stage of sales, if such a move leads to it.

    Raises:
        LifecycleError: no system move with a condition leads into the named stage.
    """
    targets = {edge.target for edge in _edges(model)}
    if name is not None:
        if model.stage(name).name not in targets:
            choices = ", ".join(stage.name for stage in model.path if stage.name in targets)
            raise LifecycleError(
                f"no system move with a condition leads to {name!r}, so nobody can be near it: "
                f"use one of {choices}"
            )
        return name
    sales = model.ranks[sales_stage(model).name]
    before = [stage.name for stage in model.path[1:sales] if stage.name in targets]
    if before:
        return before[-1]
    return model.path[sales].name if model.path[sales].name in targets else None


def _edges(model: Model) -> tuple[Edge, ...]:
    """The system moves with a condition out of stages after original processing."""
    return tuple(
        edge
        for edge in model.edges
        if edge.on is None
        and edge.source != model.initial.name
        and not isinstance(inline(edge.when, model.vocabulary), tree.Always)
        and edge.target in model.ranks
    )


def readiness(
    model: Model, people: Iterable[Any], now: datetime, ready: str | None = None
) -> Readiness | None:
    """Test everybody against the moves into the ready stage; ``None`` if there is no such stage.

    Args:
        model: the model to test with, which need not be the one that wrote the people.
        people: persons, or any objects with the attributes that the guards read; those of a
            :class:`.StoredTable` are not kept.
        now: the instant of the test.
        ready: the stage; see :func:`ready_stage`.

    Raises:
        LifecycleError: a person is in a stage that the model does not have.
    """
    stage = ready_stage(model, ready)
    return None if stage is None else _Questions(model, stage, now).all(people)


@attrs.frozen
class _Distance:
    """How far a person is from a goal: the number of unmet conditions, and how much is missing."""

    unmeasured: int
    unmet: int
    distance: float
    parts: tuple[str, ...]

    @property
    def order(self) -> tuple[int, int, float]:
        """What can be measured comes first: "13 points below" says more than "no hand raised"."""
        return self.unmeasured, self.unmet, self.distance

    def __add__(self, other: _Distance) -> _Distance:
        return _Distance(
            self.unmeasured + other.unmeasured,
            self.unmet + other.unmet,
            self.distance + other.distance,
            tuple(dict.fromkeys((*self.parts, *other.parts))),
        )


class _First:
    """The first candidates in some order, and how many there were in all.

    Args:
        order: the sort key.
        most: how many are kept; ``None`` is all.
    """

    def __init__(self, order: Callable[[Candidate], Any], most: int | None) -> None:
        self._order, self._most = order, most
        self._kept: list[Candidate] = []
        self.count = 0

    def add(self, candidate: Candidate) -> None:
        self.count += 1
        self._kept.append(candidate)
        if self._most is not None and len(self._kept) > self._most + _WAITING:
            self._kept = [*self.in_order()]

    def in_order(self) -> tuple[Candidate, ...]:
        return tuple(sorted(self._kept, key=self._order)[: self._most])


#: How many candidates wait until the first of them are chosen.
_WAITING = 1_000


@attrs.frozen
class _Everybody:
    """The candidates among people who are not in memory."""

    questions: _Questions
    people: Iterable[Any]

    def __iter__(self) -> Iterator[Candidate]:
        for person in self.people:
            if person.stage != self.questions.stage and person.stage in self.questions.edges:
                yield self.questions.outside(person)


class _Questions:
    """The moves into one stage, with their guards compiled."""

    def __init__(self, model: Model, stage: str, now: datetime) -> None:
        self.model, self.stage, self.now = model, stage, now
        self.formatter = Formatter(model)
        self.explainer = OutcomeExplainer(self.formatter)
        edges = [edge for edge in _edges(model) if edge.target == stage]
        self.unasked = [edge for edge in edges if _opaque(edge, model)]
        self.edges: dict[str, list[tuple[Edge, Explainer]]] = {}
        for edge in edges:
            if edge not in self.unasked:
                guard = inline(edge.when, model.vocabulary)
                explain = compile_explainer(guard, model.vocabulary)
                self.edges.setdefault(edge.source, []).append((edge, explain))

    def all(self, people: Iterable[Any]) -> Readiness:
        inside = 0
        most = SHOWN if isinstance(people, StoredTable) else None
        opened = _First(attrgetter("id"), most)
        below = _First(attrgetter("unmet", "distance", "id"), most)
        for person in people:
            if person.stage == self.stage:
                inside += 1
            elif person.stage in self.edges:
                candidate = self.outside(person)
                (below if candidate.unmet else opened).add(candidate)
            elif person.stage:
                self.model.stage(person.stage)
        qualify, nearest = opened.in_order(), below.in_order()
        return Readiness(
            stage=self.formatter.stage(self.stage),
            origins=self.formatter.stages(self.edges),
            now=self.now,
            inside=inside,
            qualify=qualify,
            nearest=nearest,
            qualifying=opened.count,
            below=below.count,
            everybody=(*qualify, *nearest) if most is None else _Everybody(self, people),
            unasked=tuple(dict.fromkeys(rule_words(edge.rule) for edge in self.unasked)),
        )

    def outside(self, person: Any) -> Candidate:
        """A person outside the stage as a candidate: the nearest move, and what it still needs."""
        ways: list[tuple[_Distance, Edge]] = []
        for edge, explain in self.edges[person.stage]:
            outcome = explain(person, self.now)
            needed = requirement(outcome)
            if needed is None:
                return self._candidate(person, edge, self.met(outcome))
            ways.append((self.distance(needed), edge))
        nearest, edge = min(ways, key=lambda way: way[0].order)
        candidate = self._candidate(person, edge, nearest.parts)
        return attrs.evolve(candidate, unmet=nearest.unmet, distance=nearest.distance)

    def _candidate(self, person: Any, edge: Edge, reasons: tuple[str, ...]) -> Candidate:
        contact, id_text = Contact.of(person), clean(str(person.id))
        return Candidate(
            id=id_text,
            name=clean(", ".join(filter(None, (contact.name, contact.company)))) or id_text,
            email=clean(contact.email or ""),
            owner=clean(contact.owner or ""),
            assigned_to=clean(contact.assigned_to or ""),
            stage=self.formatter.stage(person.stage),
            since=person.stage_entered_at,
            label=rule_words(edge.rule),
            reasons=reasons,
        )

    # -- what is met ---------------------------------------------------------------------------

    def met(self, outcome: Outcome) -> tuple[str, ...]:
        """The conditions that make it hold, with their values; of an ``or`` the first that does."""
        return tuple(dict.fromkeys(map(self._met, reasons(outcome))))

    def _met(self, outcome: Outcome) -> str:
        guard = outcome.guard
        if (
            isinstance(guard, tree.Compare)
            and guard.op != "=="
            and (numbers := self._numbers(outcome))
        ):
            return self._compared(guard, *numbers)
        return self.formatter.condition(guard)

    # -- what is missing -------------------------------------------------------------------------

    def distance(self, needed: Requirement) -> _Distance:
        """The distance to the nearest way to meet a requirement."""
        if needed.parts:
            parts = [self.distance(part) for part in needed.parts]
            if needed.every:
                return reduce(add, parts)
            return min(parts, key=attrgetter("order"))
        outcome = needed.outcome
        if isinstance(outcome.guard, tree.Compare) and (numbers := self._numbers(outcome)):
            seen, wanted = numbers
            gap = abs(wanted - seen)
            part = self._compared(outcome.guard, seen, wanted)
            if gap:
                part += f": {format_number(gap)} {_SIDES[outcome.guard.op]}"
            return _Distance(0, 1, gap / max(abs(wanted), 1.0), (part,))
        return _Distance(1, 1, 1.0, (self._missing(outcome),))

    def _missing(self, outcome: Outcome) -> str:
        """What is missing, for a condition without numbers."""
        formatter = self.formatter
        needed = f"needed: {formatter.condition(outcome.guard)}"
        match outcome.guard:
            case tree.Not():
                return needed
            case tree.Known():
                return formatter.condition(tree.negate(outcome.guard))
            case tree.Truth(field):
                return f"not {formatter.term(field)}"
            case tree.In(tree.Field(name), _):
                value = dict(outcome.seen).get(name)
                seen = "not known" if value is None else formatter.value(value)  # type: ignore[arg-type]
                return f"{formatter.field(name)}: {seen}; {needed}"
        unknown = [name for name, value in outcome.seen if value is None]
        if unknown:
            return f"{' and '.join(map(formatter.field, unknown))} not known; {needed}"
        return needed

    def _compared(self, guard: tree.Compare, seen: float, wanted: float) -> str:
        name = self.formatter.term(guard.left)
        return f"{name} {format_number(seen)}, {_NEEDS[guard.op]} {format_number(wanted)}"

    def _numbers(self, outcome: Outcome) -> tuple[float, float] | None:
        """Both sides of a comparison, if they are numbers."""
        assert isinstance(outcome.guard, tree.Compare)
        seen = self.explainer.number(outcome.guard.left, outcome)
        wanted = self.explainer.number(outcome.guard.right, outcome)
        return None if seen is None or wanted is None else (seen, wanted)


_NEEDS = {
    ">=": "needs",
    ">": "needs more than",
    "<": "needs less than",
    "<=": "may be",
    "==": "needs",
}


_SIDES = {">=": "short", ">": "short", "<": "over", "<=": "over", "==": "off"}


def _opaque(edge: Edge, model: Model) -> bool:
    return any(
        isinstance(node, tree.Opaque) for node in tree.walk(inline(edge.when, model.vocabulary))
    )


# -- as a section ------------------------------------------------------------------------------


def readiness_section(ready: Readiness, zone: str) -> doc.Section:
    """Who would qualify, and who nearly does."""
    qualify, below = f"Would qualify for {ready.stage}", f"Just below {ready.stage}"
    lists = (
        _people(ready.qualify, ready.qualifying, ready, zone, qualify, "Why"),
        _people(ready.nearest, ready.below, ready, zone, below, "What is missing"),
    )
    blocks: list[doc.Block] = [doc.Group(style="pair", blocks=lists)]
    if ready.unasked:
        text = f"Not asked here, because a program decides it: {joined(ready.unasked)}."
        blocks.append(doc.Paragraph(text, note=True))
    verb = "is" if ready.inside == 1 else "are"
    return doc.Section(
        title=f"Who would qualify for {ready.stage}, and who nearly does",
        id="litmus",
        note=(
            f"A snapshot of {format_instant(ready.now, zone)}: who would qualify by these "
            f"rules as people stood then. {counted(ready.inside, 'person', 'people')} in "
            f"{ready.stage} already {verb} left out."
        ),
        blocks=blocks,
    )


def _people(
    people: Sequence[Candidate], count: int, ready: Readiness, zone: str, title: str, why: str
) -> doc.DataTable:
    first = "The nearest of " if people is ready.nearest else ""
    total = f"{counted(count, 'person', 'people')} in {joined(ready.origins)}"
    rest = "; sheet --list FILE saves all" if count > SHOWN else ""
    return doc.DataTable(
        head=("Who", "Where", why),
        rows=(_person(person, zone) for person in people[:SHOWN]),
        title=title,
        caption=f"{first}{total}{rest}.",
        empty="Nobody.",
        style="stack litmus",
        row_heads=True,
    )


def _person(person: Candidate, zone: str) -> doc.TableRow:
    """The person with id and address; stage, since when and with which owner; and the reasons."""
    own_id = person.id if person.id != person.name else ""
    identity = ", ".join(filter(None, (own_id, person.email)))
    since = f"since {format_date(person.since, zone)}" if person.since else ""
    assigned = person.assigned_to if person.assigned_to != person.owner else ""
    responsible = ", ".join(
        f"{role} {name}"
        for role, name in (("owner", person.owner), ("assigned to", assigned))
        if name
    )
    return doc.TableRow(
        (
            (doc.strong(person.name), " " if identity else "", doc.soft(identity)),
            (
                person.stage,
                " " if since else "",
                doc.soft(since),
                ", " if responsible else "",
                doc.soft(responsible),
            ),
            sentence("; ".join(person.reasons)),
        )
    )
