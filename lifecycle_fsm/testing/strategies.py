"""Hypothesis strategies of a model: people, activities, logs and entire histories; and a state
machine that lives through them.

Most values are drawn from those at which a guard of the model changes its answer: for ``>= 65``
these are 64, 65 and 66.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from os import PathLike
from typing import Any, ClassVar, TypeAlias

from lifecycle_fsm.activities import Activity
from lifecycle_fsm.errors import MissingExtra
from lifecycle_fsm.fields import FieldType, Value, instant
from lifecycle_fsm.guard import all_of
from lifecycle_fsm.history import HistoryRow
from lifecycle_fsm.model import Edge, Model, load
from lifecycle_fsm.model.builtin_activities import OPEN_KINDS
from lifecycle_fsm.orchestrator import Engine, Orchestrator
from lifecycle_fsm.person import Person
from lifecycle_fsm.proof import NOW, domain_of, is_value, solve
from lifecycle_fsm.silos.data import DataSilo
from lifecycle_fsm.testing.bench import Bench, Clock
from lifecycle_fsm.testing.factory import VISIT
from lifecycle_fsm.testing.invariants import assert_history_holds
from lifecycle_fsm.testing.values import at, boundary_values, lengths, payload_values

# ------------------------------------------------------------------ hypothesis
#
# The only import of Hypothesis: late, and with an error that names the extra if it is missing.


try:
    from hypothesis import stateful
    from hypothesis import strategies as st
except ImportError:
    raise MissingExtra("testing", "hypothesis", "drawing people and activities") from None

# ------------------------------------------------------------------ witnesses
#
# For each move of a model, a person to whom it is open and no earlier move is.


#: How hard to search for one: a missing person is no loss.
_BUDGET = 2_000


def witnesses(model: Model) -> Iterator[tuple[Edge, Mapping[str, Value]]]:
    """Each move, and the arguments of ``person_in`` besides its stage, at the solver's instant.

    A move is left out if nobody can make it, if it calls a Python callable, or if no person was
    found quickly.
    """
    domain = domain_of(model)
    for edge in (*model.sort_edges, *model.edges):
        guards = (edge.when, *model.earlier_closed(edge))
        here = is_value("stage", edge.source)
        answer = solve(all_of(here, *guards), domain, budget=_BUDGET)
        if not answer.found or answer.assumed:
            continue
        fields = {name: value for name, value in answer.person.items() if name != "stage"}
        if edge.kind != "return":
            # Times of the domain, for conditions on them; nobody returns at once [S9].
            entered = fields.setdefault("stage_entered_at", NOW)
            fields.setdefault("journey_started_at", entered)
        if edge.source == model.initial.name:
            fields.pop("journey_started_at", None)
        yield edge, fields


# ------------------------------------------------------------------ drawing
#
# How values of fields are drawn: mostly those at which a guard changes its answer, else any.


#: The default id of the person that is drawn.
SOMEBODY = "somebody"
_LONG_AGO = timedelta(days=12_000)
#: Fields that follow from opportunities, and are rarely changed by hand [S22].
_FROM_DEALS = frozenset({"open_opportunities", "won_opportunities", "last_lost_at"})
#: Texts have no order, so a few stand for all; the texts that a guard knows are added to them.
_TEXTS = ("x", "Zoë", "other people")
#: The ids of opportunities: the first belongs to a person who was put into a stage with one.
_DEALS = ("open-1", "deal-1", "deal-2")


class ModelStrategies:
    """The strategies of one model, computed once.

    Args:
        model: the model.
        now: the instant that times are drawn around.
    """

    def __init__(self, model: Model, now: datetime = NOW) -> None:
        self.model = model
        self.now = now
        self.boundary: Mapping[str, Sequence[Value]] = {
            name: [
                moved
                for value in values
                if not isinstance(moved := at(value, now), datetime) or moved > now - _LONG_AGO
            ]
            for name, values in boundary_values(model).items()
        }
        #: By stage, people to whom one of its moves is open.
        self.near: dict[str, list[dict[str, Value]]] = {}
        for edge, fields in witnesses(model):
            shifted = {name: at(value, now) for name, value in fields.items()}
            self.near.setdefault(edge.source, []).append(shifted)
        types = model.field_types
        self._matter = {
            name: self.value(types[name], values)
            for name, values in self.boundary.items()
            if name in types
        }
        self._other = {
            name: self.value(kind, ()) for name, kind in types.items() if name not in self._matter
        }

    def value(self, kind: FieldType, matter: Sequence[Value]) -> st.SearchStrategy[Value]:
        """A value of a type: two times out of three one that matters, if there are any."""
        known: list[Value] = [value for value in matter if value is not None]
        if kind.nullable:
            known = [None, *known]
        own = _any(kind, self.now)
        if not known:
            return own
        some = st.sampled_from(known)
        if kind.kind == "bool" or kind.choices:
            return some
        return some | st.sampled_from(known) | own

    def fields(self, *, few: bool = False) -> st.SearchStrategy[dict[str, Value]]:
        """Fields of a person: some of those that guards read and up to two others, or a ``few``.

        Not all of them: with every field set, the moves that are tried last would rarely be open.
        """
        matter: st.SearchStrategy[dict[str, Value]]
        matter = st.fixed_dictionaries({}, optional=self._matter)
        if few:
            known = {**self._matter, **self._other}
            derived = _FROM_DEALS.union(self.model.amounts)
            return _some({name: known[name] for name in known if name not in derived}, 2)
        return st.tuples(_some(self._other, 2), matter).map(lambda both: {**both[0], **both[1]})

    def situations(
        self, stages: Sequence[str] = (), given: Mapping[str, Any] | None = None
    ) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
        """A stage, and the other arguments of ``person_in``; ``given`` are values or strategies.

        Raises:
            LifecycleError: the model has no such stage.
        """
        known = [self.model.stage(stage).name for stage in stages] or list(self.model.by_name)
        given = given or {}

        @st.composite
        def situation(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
            stage = draw(st.sampled_from(known))
            near = self.near.get(stage)
            fields: dict[str, Any]
            if near and draw(st.booleans()):
                # A person to whom a move is open, except for a field or two.
                fields = {**draw(st.sampled_from(near)), **draw(_some(self._matter, 2))}
            else:
                fields = draw(self.fields())
                entered = fields["stage_entered_at"] = draw(self.past("stage_entered_at", self.now))
                if stage != self.model.initial.name:
                    fields["journey_started_at"] = draw(self.past("journey_started_at", entered))
                    fields["journey"] = draw(st.sampled_from([1, 1, 2, 3]))
            if self.model.stage(stage).off_path and fields.get("stage_entered_at") == self.now:
                # A return that holds on entry waits [S9]; a person who is put there has been there
                # for a while.
                entered = fields["stage_entered_at"] = self.now - timedelta(hours=1)
                if "journey_started_at" in fields:
                    fields["journey_started_at"] = min(fields["journey_started_at"], entered)
            if not given.keys().isdisjoint(VISIT):
                fields = {name: value for name, value in fields.items() if name not in VISIT}
            for name, value in given.items():
                fields[name] = draw(value) if isinstance(value, st.SearchStrategy) else value
            return stage, fields

        return situation()

    def past(self, field: str, until: datetime) -> st.SearchStrategy[datetime]:
        """A time that is not later than ``until``: mostly one that matters."""
        matter = [
            time
            for time in self.boundary.get(field, ())
            if isinstance(time, datetime) and time <= until
        ]
        near = [until - length for length in (timedelta(0), timedelta(hours=1), timedelta(days=1))]
        return st.sampled_from([*near, *matter]) | _times(until)

    # ------------------------------------------------------------------ activities

    def kinds(self) -> list[str]:
        """The kinds of activity that may happen at any time to one person alone."""
        own = {"created", "processed", "merged"}
        return [name for name in self.model.activity_kinds if name not in own]

    def often(self) -> list[str]:
        """The same kinds, with those that may lead somewhere listed three times: they ask for a
        move, or change what a guard reads."""
        model, writes = self.model, DataSilo(self.model).writes
        kinds = self.kinds()
        leading = OPEN_KINDS | {rule.on for rule in model.scoring}
        leading |= {name for name in kinds if not writes[name].isdisjoint(self.boundary)}
        leading |= {name for name in kinds if model.activity_kinds[name].trigger in model.triggers}
        return [name for name in kinds for _ in range(3 if name in leading else 1)]

    def payload(self, kind: str) -> st.SearchStrategy[dict[str, Value]]:
        """The payload of an activity of a kind."""
        if kind in OPEN_KINDS:
            return self.fields(few=True)
        matter = payload_values(self.model, kind, self.boundary)
        must: dict[str, st.SearchStrategy[Value]] = {}
        may: dict[str, st.SearchStrategy[Value]] = {}
        for field in self.model.activity_kinds[kind].payload:
            part = self.value(field.type, matter.get(field.name, ()))
            (may if field.type.nullable else must)[field.name] = part
        if kind.startswith("opportunity_"):
            # Most of them open: without an amount and a date they are empty shells [S22].
            closes = self.now + timedelta(days=90)
            must["opportunity"] = st.sampled_from(_DEALS)
            must["amount"] = st.sampled_from([1000.0, 1000.0, None])
            must["closes_at"] = st.sampled_from([closes, closes, None])
        return st.fixed_dictionaries(
            must, optional={name: part for name, part in may.items() if name not in must}
        )


def _some(
    known: Mapping[str, st.SearchStrategy[Value]], most: int
) -> st.SearchStrategy[dict[str, Value]]:
    """Up to ``most`` of these fields."""
    if not known:
        return st.just({})
    several = st.lists(st.sampled_from(sorted(known)), max_size=most, unique=True)
    return several.flatmap(
        lambda names: st.fixed_dictionaries({name: known[name] for name in names})
    )


def _any(kind: FieldType, now: datetime) -> st.SearchStrategy[Value]:
    low = -1000 if kind.minimum is None else kind.minimum
    high = max(low, 1000 if kind.maximum is None else kind.maximum)
    low = min(low, high)
    match kind.kind:
        case "bool":
            return st.booleans()
        case "int":
            return st.integers(int(low), int(high))
        case "float":
            return st.floats(float(low), float(high))
        case "datetime":
            return _times(now)
        case "str":
            return st.sampled_from(kind.choices) if kind.choices else st.sampled_from(_TEXTS)


def _times(until: datetime) -> st.SearchStrategy[datetime]:
    return st.integers(0, 1000 * 86_400).map(lambda seconds: until - timedelta(seconds=seconds))


# ------------------------------------------------------------------ strategies


#: A model, the path of its TOML, or the name of a shipped one.
Source: TypeAlias = Model | str | PathLike[str]
#: How much longer a drawn log may go on after its last activity.
_REST = timedelta(days=400)


def _model(source: Source) -> Model:
    return source if isinstance(source, Model) else load(source)


def people(
    bench: Bench | Source,
    *,
    stage: str | Iterable[str] = (),
    id: str = SOMEBODY,
    **fields: Any,
) -> st.SearchStrategy[Person]:
    """People of a model, in any stage, as ``bench.person_in`` makes them.

    Args:
        bench: the bench with which the test asks and asserts; a model gets a bench of its own.
        stage: one stage or several; by default, any.
        id: the id of the person; each drawn person replaces the one before.
        fields: fields that all of them have, as values or as strategies; also of the visit, such as
            ``days_in_stage``.

    Raises:
        LifecycleError: the model has no such stage.
        RecordError: on drawing: a field does not exist or rejects its value.
    """
    if not isinstance(bench, Bench):
        bench = Bench(bench)
    stages = (stage,) if isinstance(stage, str) and stage else tuple(stage)
    drawn = ModelStrategies(bench.model, bench.clock.now).situations(stages, fields)
    return drawn.map(lambda situation: bench.person_in(situation[0], id=id, **situation[1]))


def payloads(model: Source, kind: str) -> st.SearchStrategy[dict[str, Value]]:
    """The payload of an activity of a kind, by name: mostly values that a rule tests.

    Raises:
        KeyError: the model has no such kind.
    """
    return ModelStrategies(_model(model)).payload(kind)


def activities(
    model: Source,
    *,
    person: str = SOMEBODY,
    at: datetime | str = NOW,
    kinds: Sequence[str] = (),
) -> st.SearchStrategy[Activity]:
    """One activity of a person at an instant, of any kind that concerns one person alone.

    Args:
        model: the model.
        person: the id of the person.
        at: when it happened.
        kinds: only these kinds.
    """
    drawing, when = ModelStrategies(_model(model)), instant(at)
    return _contents(drawing, kinds).map(
        lambda content: Activity(f"{content[0]}-1", person, content[0], when, content[1])
    )


def logs(
    model: Source, *, persons: int = 1, most: int = 12, begin: datetime | str = NOW
) -> st.SearchStrategy[list[Activity]]:
    """What happened to some people, in the order of events and without lateness [S19].

    ``created`` comes first for each person; the gaps between activities are mostly lengths of time
    after which something is due in the model.

    Args:
        model: the model.
        persons: how many people, with the ids ``person-1`` …
        most: the maximum number of activities of one person after ``created``.
        begin: when the first person is created.
    """
    drawing, start = ModelStrategies(_model(model)), instant(begin)
    gaps = st.sampled_from(lengths(drawing.model))
    step = st.tuples(gaps, _contents(drawing))
    # Hypothesis prefers short lists, but nothing happens in a short life.
    steps = st.lists(step, max_size=most) | st.lists(step, min_size=most // 2, max_size=most)
    life = st.tuples(gaps, drawing.fields(), steps)

    def in_order(lives: list[Any]) -> list[Activity]:
        log: list[Activity] = []
        for number, (gap, fields, steps) in enumerate(lives, 1):
            name, at = f"person-{number}", start + gap
            log.append(Activity("created", name, "created", at, fields))
            for index, (length, (kind, payload)) in enumerate(steps):
                at += length
                log.append(Activity(f"{index:03}", name, kind, at, payload))
        # By event order [S19], but across people: what happened first comes first.
        return sorted(log, key=lambda each: (each.at, each.kind != "created", each.id))

    return st.lists(life, min_size=persons, max_size=persons).map(in_order)


def histories(
    model: Source, *, most: int = 12, begin: datetime | str = NOW
) -> st.SearchStrategy[tuple[HistoryRow, ...]]:
    """The history of a person after a drawn log, and a year of silence after it [S25]."""
    model = _model(model)
    engine = Engine(model)
    return logs(model, most=most, begin=begin).map(lambda log: run(engine, log)[0].history)


def run(engine: Engine, log: Sequence[Activity]) -> list[Person]:
    """Apply a log to an empty engine, let a year pass, and return the people."""
    orchestrator = Orchestrator(engine)
    for activity in log:
        orchestrator.apply(activity)
    orchestrator.tick(max(activity.at for activity in log) + _REST)
    return list(orchestrator.people.values())


def _contents(
    drawing: ModelStrategies, kinds: Sequence[str] = ()
) -> st.SearchStrategy[tuple[str, dict[str, Value]]]:
    """A kind of activity with its payload."""
    names = list(kinds) or drawing.often()
    brings = {kind: drawing.payload(kind) for kind in dict.fromkeys(names)}
    return st.sampled_from(names).flatmap(lambda kind: st.tuples(st.just(kind), brings[kind]))


# ------------------------------------------------------------------ a state machine
#
# Start anywhere, let anything happen, check the laws.


#: The results of an activity that should have been applied, and was not.
_NOT_APPLIED = frozenset({"parked", "rejected", "held", "duplicate"})


class LifecycleRules(stateful.RuleBasedStateMachine):
    """The base of the classes that :func:`state_machine` makes; subclasses may add their own rules.

    ``self.person`` is the only person; ``self.bench`` asks, asserts and has the clock.
    """

    bench: ClassVar[Bench]
    person: Person

    def begin(self, situation: tuple[str, dict[str, Any]]) -> None:
        """Put a person into a stage, with the clock at its start."""
        stage, fields = situation
        self.bench.clock = Clock()
        self.person = self.bench.person_in(stage, id=SOMEBODY, **fields)

    def wait(self, gap: timedelta) -> None:
        """Let time pass, with everything that is due."""
        known = len(self.person.history)
        self.bench.clock.set(self.bench.clock.now + gap)
        decisions = self.bench.time_passes()
        wrong = [str(decision) for decision in decisions if decision.result in _NOT_APPLIED]
        assert not wrong, "; ".join(wrong)
        rows = tuple(row for decision in decisions for row in decision.rows)
        assert rows == self.person.history[known:], "a hop of time has no row, or two"

    def happen(self, gap: timedelta, kind: str, payload: Mapping[str, Value]) -> None:
        """Make an activity happen after some time."""
        self.wait(gap)
        known = len(self.person.history)
        decision = self.bench.happens(self.person, kind, payload)
        assert decision.result not in _NOT_APPLIED, str(decision)
        made = self.person.history[known:]
        # The end of original processing has a decision for each trigger that waited [S14].
        rows = decision.rows if kind != "processed" else made
        assert rows == made, f"{kind}: a hop has no row, or two"

    def ask(self, gap: timedelta, trigger: str) -> None:
        """Ask the machine for a move: its answer beforehand must match what it does [S10]."""
        self.wait(gap)
        person, now = self.person, self.bench.clock.now
        if person.stage == self.bench.model.initial.name:
            return
        may = self.bench.machine.may(person, trigger, now)
        decision, rows = self.bench._ask(person, trigger)
        rules = {move.name for move in self.bench.model.moves if move.on == trigger}
        moved = bool(rows) and rows[0].rule in rules
        assert moved is may, f"{trigger} may {'' if may else 'not '}move somebody: {decision}"
        refused = decision.unmet
        assert not (may and refused), f"{trigger} moves somebody, and is refused: {decision}"
        reasons = [refusal.unmet or refusal.note for refusal in refused]
        assert all(reasons), f"refused without a reason: {decision}"

    @stateful.invariant()
    def history_holds(self) -> None:
        """Forward only, one row per hop, stamps equal a recount [S6][S25]."""
        assert_history_holds(self.person, self.bench.model)


def state_machine(
    model: Model | str | PathLike[str], *, stages: Iterable[str] = ()
) -> type[LifecycleRules]:
    """A model as a class of steps and laws, whose ``TestCase`` is a test.

    ``TestMine = state_machine("my.toml").TestCase`` is all that a test file needs. The class is a
    ``RuleBasedStateMachine`` of Hypothesis, which puts a person into a stage, lets time pass, makes
    activities of every kind happen, and asks for every trigger. Values and lengths of time are
    mostly those at which a guard changes its answer. After each step
    :func:`~lifecycle_fsm.testing.assert_history_holds` must hold, and no activity may be parked or
    rejected.

    Args:
        model: a :class:`~lifecycle_fsm.Model`, the path of its TOML, or the name of a shipped one.
        stages: where to start; by default, anywhere.

    Raises:
        ModelError: the model does not build.
        LifecycleError: the model has no such stage.
    """
    if not isinstance(model, Model):
        model = load(model)
    drawing = ModelStrategies(model)
    gap = st.sampled_from(lengths(model))
    body: dict[str, Any] = {
        "__doc__": f"Whatever happens to somebody in the model {model.name!r}.",
        "bench": Bench(model),
        "start": stateful.initialize(situation=drawing.situations(tuple(stages)))(
            _step("start", "begin")
        ),
        "time_passes": stateful.rule(gap=gap)(_step("time_passes", "wait")),
    }
    for kind in ("processed", *drawing.kinds()):
        name = f"happens_{kind}" if kind != "processed" else "processing_ends"
        rule = stateful.rule(gap=gap, payload=drawing.payload(kind))
        body[name] = rule(_step(name, "happen", kind=kind))
    # Only a person in original processing can come to its end [S14].
    body["processing_ends"] = stateful.precondition(
        lambda self: self.person.stage == self.bench.model.initial.name
    )(body["processing_ends"])
    if model.triggers:
        rule = stateful.rule(gap=gap, trigger=st.sampled_from(model.triggers))
        body["asks"] = rule(_step("asks", "ask"))
    name = "".join(part.capitalize() for part in model.name.replace("-", "_").split("_"))
    return type(f"{name}Rules", (LifecycleRules,), body)


def _step(name: str, method: str, **fixed: Any) -> Callable[..., None]:
    """A step of a walk, under the name that appears in the report of a failing one."""

    def step(self: LifecycleRules, **drawn: Any) -> None:
        getattr(self, method)(**fixed, **drawn)

    step.__name__ = step.__qualname__ = name
    return step
