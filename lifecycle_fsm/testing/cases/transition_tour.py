"""A tour: paths that fire every move of a model, each as short as possible.

From the end of a path, a solver finds the fields that would have to change for the next move to be
the one that is made. Then a person really walks there, through the orchestrator: only what was seen
to happen becomes part of the tour.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import TypeAlias

import attrs

from lifecycle_fsm.activities import Activity
from lifecycle_fsm.errors import LifecycleError, RecordError, suggest
from lifecycle_fsm.fields import FieldType, Value
from lifecycle_fsm.guard import Guard, inline, reads, resolve, turning_points
from lifecycle_fsm.guard import terms as tree
from lifecycle_fsm.guard.vocabulary import Vocabulary
from lifecycle_fsm.history import HistoryRow
from lifecycle_fsm.model import Edge, Model
from lifecycle_fsm.model.builtin_activities import OPEN_KINDS, asking
from lifecycle_fsm.model.conversions import Set
from lifecycle_fsm.model.definition import DataRule
from lifecycle_fsm.orchestrator import Orchestrator
from lifecycle_fsm.person import READ_ONLY, Person
from lifecycle_fsm.proof import NOW, Budget, domain_of, is_value, solve_here
from lifecycle_fsm.silos.effects import attribute_of
from lifecycle_fsm.silos.scoring import Scoring
from lifecycle_fsm.testing.cases.case_table import (
    format_length,
    format_values,
    parse_length,
    parse_values,
)
from lifecycle_fsm.testing.cases.rule_index import AskedRule, RuleIndex, brought, shown, something

# ------------------------------------------------------------------ activities
#
# Which activity, with which payload, gives fields the values that a guard needs.


#: Opportunities are kept by id, and other fields follow from them [S22].
_DEAL: Mapping[str, Value] = {"opportunity": "deal"}
_DEALS = {
    "opportunity_opened": frozenset({"open_opportunities"}),
    "opportunity_won": frozenset({"open_opportunities", "won_opportunities"}),
    "opportunity_lost": frozenset({"open_opportunities", "last_lost_at"}),
}
_Values: TypeAlias = Mapping[str, Value]


class ActivityIndex:
    """The kinds of activity of a model, by what they write."""

    def __init__(self, model: Model, budget: Budget | None = None) -> None:
        self.model = model
        self._rules = RuleIndex(model, budget)

    def kinds(self, trigger: str) -> tuple[str, ...]:
        """The kinds of activity that raise a trigger."""
        kinds = self.model.activity_kinds.values()
        return tuple(kind.name for kind in kinds if kind.trigger == trigger)

    def sets(self, kind: str | None, at: datetime) -> dict[str, Value]:
        """What an activity of a kind writes by itself, whatever its payload."""
        values: dict[str, Value] = {}
        if kind is None:
            return values
        declared = self.model.activity_kinds[kind]
        if declared == asking(kind):
            values["rejection_reason"] = None  # without a reason, an earlier one is cleared
        for effect in declared.sets:
            if isinstance(effect.value, tree.Now):
                values[effect.field] = at
            elif isinstance(effect.value, tree.Const) and not isinstance(effect.value.value, tuple):
                values[effect.field] = effect.value.value
        return values

    def brings(
        self, kind: str, changes: _Values, before: _Values, at: datetime
    ) -> tuple[dict[str, Value], dict[str, Value]]:
        """The payload with which an activity of a kind makes these changes, and the changes that
        another activity has to make."""
        sets = self.model.activity_kinds[kind].sets
        payload, written = self._payload(sets, changes, before, at)
        rest = {name: value for name, value in changes.items() if name not in written}
        return self._filled(kind, payload, at), rest

    def naturally(
        self, changes: _Values, before: _Values, at: datetime
    ) -> Iterator[tuple[str, dict[str, Value]]]:
        """The activities that may make exactly these changes, as they happen in practice; the first
        need not be right, because a rule of the model may require something else."""
        worth: dict[str, Value] = {}
        for amount in changes.keys() & set(self.model.amounts):
            had, has = before[amount], changes[amount]
            if isinstance(had, float) and isinstance(has, int | float):
                worth["amount"] = has - had
        for kind, fields in _DEALS.items():
            if changes.keys() <= fields.union(self.model.amounts):
                yield kind, self._filled(kind, worth, at)
        for name, declared in self.model.activity_kinds.items():
            if name in OPEN_KINDS or name == "merged":
                continue
            payload, written = self._payload(declared.sets, changes, before, at)
            if changes.keys() <= written:
                yield name, self._filled(name, payload, at)
            for rule in self.model.data:
                results = written | {effect.field for effect in rule.then}
                if rule.on == name and changes.keys() <= results:
                    wanted = self._wanted(rule)
                    if wanted is not None:
                        yield name, self._filled(name, {**payload, **wanted}, at)

    def _payload(
        self, sets: tuple[Set, ...], changes: _Values, before: _Values, at: datetime
    ) -> tuple[dict[str, Value], set[str]]:
        """The payload with which the effects make these changes, and the fields that they write."""
        payload: dict[str, Value] = {}
        written: set[str] = set()
        for effect in sets:
            if effect.field not in changes:
                continue
            wanted = changes[effect.field]
            match effect.value:
                case tree.Payload(name) if wanted is not None:
                    payload[name] = wanted
                case tree.Arithmetic("+", tree.Field(own), tree.Payload(name)) if (
                    own == effect.field
                ):
                    had = before[own]
                    if not isinstance(wanted, int) or not isinstance(had, int):
                        continue
                    payload[name] = wanted - had
                case tree.Now() if isinstance(wanted, datetime) and wanted <= at:
                    pass
                case tree.Const(value) if value == wanted:
                    pass
                case _:
                    continue
            written.add(effect.field)
        return payload, written

    def _wanted(self, rule: DataRule) -> dict[str, Value] | None:
        """The payload that makes a data rule hold; None if the payload alone cannot."""
        if isinstance(rule.when, tree.Always):
            return {}
        place = AskedRule("data", rule.name, rule.when, kind=rule.on)
        answer = self._rules.solve(place, self._rules.guard(place))
        wanted = brought({shown(name): value for name, value in answer.person.items()})
        return wanted if answer.found and len(wanted) == len(answer.person) else None

    def _filled(self, kind: str, payload: _Values, at: datetime) -> dict[str, Value]:
        """The payload, completed with a value for each required name."""
        if kind in _DEALS:
            worth: dict[str, Value] = {"amount": 1000.0, "closes_at": at + timedelta(days=30)}
            return {**_DEAL, **(worth if kind == "opportunity_opened" else {}), **payload}
        return {
            field.name: payload[field.name] if field.name in payload else something(field.type, at)
            for field in self.model.activity_kinds[kind].payload
            if field.name in payload or not field.type.nullable
        }


# ------------------------------------------------------------------ walking
#
# A person who walks a path of a tour, through the orchestrator and everything it does [S7].
#
# A step is one line: an activity with its payload, ``form_filled: form = Hand-Raise: Demo``, or
# ``wait 90 days``. The first is ``created``; ``processed`` ends original processing with the
# results of its steps. Each activity comes an hour after the one before, and ``processed`` at once.


WAIT = "wait "
#: The time from one activity to the next.
PAUSE = timedelta(hours=1)


@attrs.frozen
class TourStep:
    """A step of a path: the stage before it, what happens, and where it leads, in words."""

    stage: str
    text: str
    outcome: str


class Walker:
    """Walks paths of one model, each with a person of its own."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._orchestrator = _orchestrator(model)
        self._count = 0

    def walk(self, texts: Iterable[str]) -> Walk:
        """Take these steps; this ends the previous walk.

        Raises:
            LifecycleError: a step is invalid, or the model rejects its activity.
        """
        # Time would pass for everybody in the book, so nobody is left there.
        self._orchestrator.people.clear()
        self._count += 1
        walk = Walk(self.model, self._orchestrator, f"walker-{self._count}")
        for text in texts:
            walk.step(text)
        return walk


class Walk:
    """One person on the way."""

    def __init__(self, model: Model, orchestrator: Orchestrator, id: str) -> None:
        self.model = model
        self.id = id
        self.now = NOW - PAUSE
        self.steps: list[TourStep] = []
        #: The rows of the last step.
        self.rows: tuple[HistoryRow, ...] = ()
        self._orchestrator = orchestrator
        orchestrator.expect_processed([id])

    @property
    def person(self) -> Person:
        """The current person."""
        return self._orchestrator.people[self.id]

    @property
    def outcomes(self) -> tuple[str, ...]:
        """Where each step has led, in words."""
        return tuple(step.outcome for step in self.steps)

    def step(self, text: str) -> None:
        """Take one step.

        Raises:
            LifecycleError: the step is invalid, or the activity was rejected.
        """
        stage, before = (self.person.stage, len(self.person.history)) if self.steps else ("", 0)
        refused = False
        if text.startswith(WAIT):
            self.now += parse_length(text.removeprefix(WAIT))
            self._orchestrator.tick(self.now)
        else:
            refused = self._apply(text)
        self.rows = self.person.history[before:]
        self.steps.append(TourStep(stage, text, self._outcome(refused)))

    def _apply(self, text: str) -> bool:
        """Apply an activity; returns whether a move was asked for and not made."""
        kind, _, brings = text.partition(":")
        kind = kind.strip()
        at = self.now if kind == "processed" else self.now + PAUSE
        payload = parse_values(brings.strip(), payload_of(self.model, kind), at)
        activity = Activity(f"{len(self.steps)}", self.id, kind, at, payload)
        decision = self._orchestrator.apply(activity)
        if decision.result in ("rejected", "held", "parked"):
            raise LifecycleError(f"{text}: {decision.result}: {decision.reason}")
        self.now = at
        return bool(decision.unmet) or decision.result == "no_such_move"

    def _outcome(self, refused: bool) -> str:
        hops = [f"{row.to_stage} by {row.rule}" for row in self.rows if row.kind != "enter"]
        if hops:
            return f"goes to {', then to '.join(hops)}"
        if refused:
            return "refused"
        return f"{'stays' if self.steps else 'is'} in {self.person.stage}"


def payload_of(model: Model, kind: str) -> dict[str, FieldType]:
    """The payload that an activity of this kind may have, by name.

    Raises:
        RecordError: the kind does not exist.
    """
    if kind not in model.activity_kinds:
        raise RecordError(f"no activity named {kind!r}{suggest(kind, model.activity_kinds)}")
    if kind in OPEN_KINDS:
        return dict(model.field_types)
    return {field.name: field.type for field in model.activity_kinds[kind].payload}


def _orchestrator(model: Model) -> Orchestrator:
    """An orchestrator of the model, without its steps if they need libraries, tables or functions
    of the project that are not available. The activity ``processed`` has their results [S14]. It
    still knows that there are fit points, or the sort would compute them again."""
    try:
        return Orchestrator(model)
    except LifecycleError:
        kept = [step for step in model.processing if step.use == "demographic_score"]
        return Orchestrator(attrs.evolve(model, processing=kept))


# ------------------------------------------------------------------ transition tour


#: How many paths into one stage are kept as starting points for its moves.
_ARRIVALS = 4
_Texts: TypeAlias = tuple[str, ...]


@attrs.frozen
class TourPath:
    """The steps that fire a move."""

    edge: Edge
    steps: tuple[TourStep, ...]

    @property
    def texts(self) -> _Texts:
        """What happens, step by step."""
        return tuple(step.text for step in self.steps)


@attrs.frozen
class Tour:
    """Paths by length, and the moves without one, with the reason."""

    paths: tuple[TourPath, ...]
    unfired: tuple[tuple[Edge, str], ...]


def tour_of(model: Model, walker: Walker, budget: Budget | None = None) -> Tour:
    """The paths that fire every sort rule, and every move out of every stage that it leaves.
    ``budget`` limits the questions for all of them together."""
    return _Search(model, walker, budget).run()


@attrs.frozen
class _Arrival:
    """Where a path has led: the person at that time, and when."""

    texts: _Texts
    stage: str
    now: datetime
    values: _Values


class _Search:
    """The search for a tour, breadth first."""

    def __init__(self, model: Model, walker: Walker, budget: Budget | None) -> None:
        self.model = model
        self.walker = walker
        self.words: Vocabulary = model.vocabulary
        self.domain = domain_of(model, budget)
        self.activities = ActivityIndex(model, budget)
        self.inputs = Scoring(model).inputs
        self.paths: dict[Edge, TourPath] = {}
        self.arrivals: Counter[str] = Counter()
        self.waiting: deque[_Arrival] = deque()

    def run(self) -> Tour:
        for edge in self.model.sort_edges:
            any(self._try(edge, texts) for texts in self._into(edge))
        while self.waiting:
            here = self.waiting.popleft()
            for edge in self.model.edges:
                if edge.source == here.stage and edge not in self.paths:
                    ways = sorted(self._onwards(edge, here), key=len)
                    any(self._try(edge, texts) for texts in dict.fromkeys(ways))
        edges = (*self.model.sort_edges, *self.model.edges)
        paths = [self.paths[edge] for edge in edges if edge in self.paths]
        begun = {path.texts[:length] for path in paths for length in range(1, len(path.steps))}
        kept = [path for path in paths if path.texts not in begun]
        unfired = (edge for edge in edges if edge not in self.paths)
        return Tour(
            tuple(sorted(kept, key=lambda path: len(path.steps))),
            tuple((edge, self._reason(edge)) for edge in unfired),
        )

    def _try(self, edge: Edge, texts: _Texts) -> bool:
        """Walk there, and keep the path if the last step fires the move."""
        try:
            walk = self.walker.walk(texts)
        except LifecycleError:
            return False
        if not any(row.rule == edge.name and row.from_stage == edge.source for row in walk.rows):
            return False
        self.paths[edge] = TourPath(edge, tuple(walk.steps))
        person = walk.person
        self.arrivals[person.stage] += 1
        if self.arrivals[person.stage] <= _ARRIVALS:
            values = {name: getattr(person, attribute_of(name)) for name in self.words.fields}
            self.waiting.append(_Arrival(texts, person.stage, walk.now, values))
        return True

    # -- new persons --------------------------------------------------------------------------

    def _into(self, edge: Edge) -> Iterator[_Texts]:
        """Ways to create a person so that this rule of the sort is the first that holds."""
        made = {name for step in self.model.chain for name in step.writes}
        for quiet in (self._closed(edge.target), ()):
            answer = solve_here(tree.all_of(self._first(edge), *quiet), self.domain)
            if answer.found:
                gained, given = _split(_free(answer.person), made)
                now = self.domain.now
                yield (_step("created", given, now), _step("processed", gained, now))

    # -- moves --------------------------------------------------------------------------------

    def _onwards(self, edge: Edge, here: _Arrival) -> Iterator[_Texts]:
        """Ways to fire a move from where a person is: by an activity, or by time."""
        for kind in self.activities.kinds(edge.on) if edge.on else (None,):
            for when in self._instants(edge, here):
                for changes in self._changes(edge, here, when, kind):
                    for steps in self._steps(here, when, kind, changes):
                        yield (*here.texts, *steps)

    def _instants(self, edge: Edge, here: _Arrival) -> Iterator[datetime]:
        """When to try: at the next activity, or when time alone changes the guard."""
        first = here.now + PAUSE
        yield first
        for point in turning_points(edge.when, self.words):
            start = here.values[point.field]
            if isinstance(start, datetime) and start + point.length > first:
                yield start + point.length

    def _changes(
        self, edge: Edge, here: _Arrival, when: datetime, kind: str | None
    ) -> Iterator[_Values]:
        """The field changes that make this move the one that is taken."""
        start = {**here.values, **self.activities.sets(kind, when)}
        latest = dict.fromkeys(self.domain.latest, when)
        domain = attrs.evolve(self.domain, start=start, now=when, latest=latest)
        for quiet in (self._closed(edge.target), ()):
            guard = tree.all_of(self._first(edge), *quiet)
            read = reads(inline(resolve(guard, self.words), self.words))
            held = [is_value(name, start[name]) for name in sorted(READ_ONLY) if name in read]
            answer = solve_here(tree.all_of(guard, *held), domain)
            if answer.found:
                yield _free(answer.person)

    def _first(self, edge: Edge) -> Guard:
        """Holds if the rule is open and no earlier one is [S8][S15]."""
        # Fields are set before a human asks, which must not let a system move take the person away.
        away = self._closed(edge.source) if edge.on else ()
        return tree.all_of(edge.when, *self.model.earlier_closed(edge), *away)

    def _closed(self, stage: str) -> tuple[Guard, ...]:
        """Guards that hold if no system move leads on from a stage."""
        return tuple(
            tree.negate(edge.when)
            for edge in self.model.edges
            if edge.source == stage and not edge.on
        )

    def _steps(
        self, here: _Arrival, when: datetime, kind: str | None, changes: _Values
    ) -> Iterator[_Texts]:
        """What may happen next so that the fields change, and the move is asked for afterwards."""
        at = here.now + PAUSE
        if when > at:
            set_first = (_step("changed", changes, at),) if changes else ()
            begun = at if changes else here.now
            yield (*set_first, f"{WAIT}{format_length(when - begun)}")
        elif kind is not None:
            brings, rest = self.activities.brings(kind, changes, here.values, at)
            if rest:
                yield (_step("changed", rest, at), _step(kind, brings, at + PAUSE))
            else:
                yield (_step(kind, brings, at),)
        elif changes:
            for name, payload in self.activities.naturally(changes, here.values, at):
                yield (_step(name, payload, at),)
            yield (_step("changed", changes, at),)
            # Changing the inputs of the fit points has them recomputed, so that score is set
            # afterwards.
            first, then = _split(changes, self.inputs)
            if first and "demographic_score" in then:
                yield (_step("changed", first, at), _step("changed", then, at + PAUSE))

    def _reason(self, edge: Edge) -> str:
        if edge.source != self.model.initial.name and not self.arrivals[edge.source]:
            return f"nobody gets to {edge.source}"
        domain = self.domain.with_fields({}, {"stage": edge.source})
        there = is_value("stage", edge.source)
        if solve_here(tree.all_of(edge.when, there), domain).refuted:
            return f"its guard holds for nobody in {edge.source}"
        answer = solve_here(tree.all_of(self._first(edge), there), domain)
        if answer.refuted:
            return "what is tried before it leaves nobody"
        return f"no way was found{f': {answer.reason}' if answer.reason else ''}"


def _free(values: _Values) -> dict[str, Value]:
    """The values that may be written from outside the machine."""
    return {name: value for name, value in values.items() if name not in READ_ONLY}


def _split(values: _Values, names: Collection[str]) -> tuple[dict[str, Value], dict[str, Value]]:
    """The values of these names, and the others."""
    inside = {name: value for name, value in values.items() if name in names}
    return inside, {name: value for name, value in values.items() if name not in names}


def _step(kind: str, payload: _Values, at: datetime) -> str:
    return f"{kind}: {format_values(payload, at)}" if payload else kind
