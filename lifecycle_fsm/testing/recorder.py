"""What tests make a lifecycle do, watched: moves, guards with each condition, refusals, by test.

::

    with Watch() as watch:
        watch.switch("tests/test_mql.py::test_by_score")
        ...  # the test
    watch.record.models[model.name, model.version].tests_of("qualified_by_score", "mal")

A :class:`Record` is plain data: it goes through JSON to another process, and records add up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from types import TracebackType
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

import attrs

from lifecycle_fsm.guard import Conditions, Guard, Vector, compile_observed, conditions
from lifecycle_fsm.guard.terms import Opaque
from lifecycle_fsm.machine.lean import Firing, LeanTransition
from lifecycle_fsm.machine.machine import MACHINES, WATCHERS, LifecycleMachine
from lifecycle_fsm.model import Model
from lifecycle_fsm.person import Person
from lifecycle_fsm.silos.effects import attribute_of

#: A model by its name and its version: a changed copy is another model [S28].
ModelKey: TypeAlias = tuple[str, str]
#: A move or a sort rule, out of one stage: its name, and the stage.
EdgeKey: TypeAlias = tuple[str, str]
#: The stage, the trigger, and what came of asking there: ``refused`` or ``no_such_move`` [S10].
Asking: TypeAlias = tuple[str, str, str]
#: What was watched outside of any test, such as in a fixture of the session.
NO_TEST = ""


@attrs.define
class Touch:
    """What one test did to one edge: how often it moved somebody along it, and how the conditions
    of its guard came out, as distinct :class:`~lifecycle_fsm.guard.Conditions` vectors."""

    fired: int = 0
    vectors: set[Vector] = attrs.field(factory=set)

    def add(self, other: Touch) -> None:
        """Take in what another run of the test did."""
        self.fired += other.fired
        self.vectors |= other.vectors


@attrs.define
class ModelRecord:
    """What tests did with one model.

    ``touches`` has, for each edge whose guard was asked, what each test did to it; ``askings`` how
    often each test asked a trigger in a stage where it did not move anybody.
    """

    touches: dict[EdgeKey, dict[str, Touch]] = attrs.field(factory=dict)
    askings: dict[Asking, Counter[str]] = attrs.field(factory=dict)

    def fired(self, rule: str, source: str) -> int:
        """How often somebody was moved by the rule out of the stage."""
        return sum(one.fired for one in self.touches.get((rule, source), {}).values())

    def vectors(self, rule: str, source: str | None = None) -> frozenset[Vector]:
        """How the conditions of the rule's guard came out, asked in one stage or in any."""
        return frozenset(
            vector
            for (name, stage), tests in self.touches.items()
            if name == rule and source in (None, stage)
            for touch in tests.values()
            for vector in touch.vectors
        )

    def tests_of(self, rule: str, source: str | None = None) -> frozenset[str]:
        """The tests that asked the rule's guard, in one stage or in any: all that can notice a
        change of the rule's guard, target or effects."""
        return frozenset(
            test
            for (name, stage), tests in self.touches.items()
            if name == rule and source in (None, stage)
            for test in tests
        )

    def tests_in(self, stage: str, trigger: str | None = None) -> frozenset[str]:
        """The tests that asked any guard out of the stage, or asked there for the trigger in vain:
        all that can notice a move that is added there, or comes earlier in the order."""
        guards = {
            test for (_, one), tests in self.touches.items() if one == stage for test in tests
        }
        askings = {
            test
            for (where, asked, _), tests in self.askings.items()
            if where == stage and trigger in (None, asked)
            for test in tests
        }
        return frozenset(guards | askings)

    def asked(self, stage: str, trigger: str, result: str) -> int:
        """How often the trigger was asked for in the stage with that result: ``refused`` or
        ``no_such_move``."""
        return self.askings.get((stage, trigger, result), Counter()).total()

    def add(self, other: ModelRecord) -> None:
        """Take in another record of the same model."""
        for edge, tests in other.touches.items():
            mine = self.touches.setdefault(edge, {})
            for test, touch in tests.items():
                mine.setdefault(test, Touch()).add(touch)
        for asking, counts in other.askings.items():
            self.askings.setdefault(asking, Counter()).update(counts)


@attrs.define
class Record:
    """What was watched: a :class:`ModelRecord` for each model, by name and version."""

    models: dict[ModelKey, ModelRecord] = attrs.field(factory=dict)

    def of(self, model: Model) -> ModelRecord:
        """What was watched of the model; empty where it did not run."""
        return self.models.get((model.name, model.version), ModelRecord())

    def add(self, other: Record) -> None:
        """Take in the record of another process, or of another run."""
        for key, model in other.models.items():
            self.models.setdefault(key, ModelRecord()).add(model)

    def to_json(self) -> list[Any]:
        """The record as lists, dicts, texts and numbers."""
        return [
            {
                "model": list(key),
                "touches": [
                    [*edge, test, touch.fired, sorted(touch.vectors)]
                    for edge, tests in model.touches.items()
                    for test, touch in tests.items()
                ],
                "askings": [
                    [*asking, test, count]
                    for asking, counts in model.askings.items()
                    for test, count in counts.items()
                ],
            }
            for key, model in self.models.items()
        ]

    @classmethod
    def from_json(cls, data: Iterable[Mapping[str, Any]]) -> Record:
        """The record that :meth:`to_json` wrote."""
        record = cls()
        for one in data:
            name, version = one["model"]
            model = record.models[name, version] = ModelRecord()
            for rule, source, test, fired, vectors in one["touches"]:
                touch = Touch(fired, set(vectors))
                model.touches.setdefault((rule, source), {})[test] = touch
            for stage, trigger, result, test, count in one["askings"]:
                model.askings.setdefault((stage, trigger, result), Counter())[test] = count
        return record


class Watch:
    """While it is active, every machine of the process tells it what happens, those that are made
    later included; machines decide as without it, and nothing of a person changes.

    Use it in ``with``, or by :meth:`start` and :meth:`stop`; several may be active at once.

    A guard counts where a machine asks it: to fire, to let time pass, for ``may`` and ``explain``.
    Guards that other code runs, such as a replay in columns, do not.
    """

    def __init__(self) -> None:
        self._models: dict[ModelKey, Model] = {}
        self._record = Record()
        self._test = NO_TEST
        self._touched: dict[_Probe, Touch] = {}
        self._tests: dict[_Probe, dict[str, Touch]] = {}
        self._askings: Counter[tuple[ModelKey, Asking]] = Counter()

    def __enter__(self) -> Watch:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Begin to watch; what it has watched before is kept."""
        if self in _ACTIVE:
            return
        if not _ACTIVE:
            WATCHERS.append(_attach)
            for machine in list(MACHINES):
                _attach(machine)
        for probe in _PROBES.values():
            probe.known.clear()  # what another watch knows, this one has to see
        _ACTIVE.append(self)

    def stop(self) -> None:
        """Watch no more."""
        if self not in _ACTIVE:
            return
        self._settle()
        self._tests.clear()  # the instruments go
        _ACTIVE.remove(self)
        if not _ACTIVE:
            WATCHERS.remove(_attach)
            _detach()

    def switch(self, test: str) -> None:
        """From here on everything is the doing of this test; :data:`NO_TEST` for nobody's.

        It costs as much as the test before has touched.
        """
        self._settle()
        self._test = test

    @property
    def record(self) -> Record:
        """What has been watched so far."""
        self._settle()
        return self._record

    @property
    def models(self) -> Mapping[ModelKey, Model]:
        """The models that were used so far: whose guards were asked."""
        self._settle()
        return self._models

    def _settle(self) -> None:
        """Write down what the present test did."""
        # Taken away first: a thread that a test left behind may still write.
        touched, self._touched = self._touched, {}
        askings, self._askings = self._askings, Counter()
        for probe, touch in touched.items():
            probe.known.clear()
            touch.fired += probe.fired
            tests = self._tests.get(probe)
            if tests is None:
                model = self._record.models.setdefault(probe.model, ModelRecord())
                tests = self._tests[probe] = model.touches.setdefault(probe.edge, {})
                self._models.setdefault(probe.model, probe.of)
            before = tests.get(self._test)
            if before is None:
                tests[self._test] = touch
            else:
                before.add(touch)
        for (key, asking), count in askings.items():
            model = self._record.models.setdefault(key, ModelRecord())
            model.askings.setdefault(asking, Counter())[self._test] += count

    def _saw(self, probe: _Probe, vector: Vector) -> None:
        found = self._touched.get(probe)
        if found is None:
            # A guard is asked before its move is made, so that nothing has been missed. What was
            # fired before is taken off, and what was fired in all is added when the test ends.
            found = self._touched[probe] = Touch(-probe.fired, set())
        found.vectors.add(vector)

    def _heard(self, key: ModelKey, model: Model, asking: Asking) -> None:
        self._askings[key, asking] += 1
        self._models.setdefault(key, model)


class _Known(dict[Vector, bool]):
    """The outcome of a guard by vector; a vector that is new since the last switch is told on."""

    __slots__ = ("_probe",)

    def __init__(self, probe: _Probe) -> None:
        self._probe = probe

    def __missing__(self, vector: Vector) -> bool:
        probe = self._probe
        for watch in _ACTIVE:
            watch._saw(probe, vector)
        outcome = probe.outcomes.get(vector)
        if outcome is None:
            outcome = probe.outcomes[vector] = probe.parts.outcome(vector) is True
        self[vector] = outcome
        return outcome


class _Probe:
    """What stands in an edge of a model while it is watched, for all machines of that model."""

    def __init__(self, model: Model, edge: EdgeKey, parts: Conditions) -> None:
        self.of = model
        self.model: ModelKey = (model.name, model.version)
        self.edge = edge
        self.parts = parts
        self.fired = 0
        self.known = _Known(self)
        #: Kept from test to test, where ``known`` begins anew.
        self.outcomes: dict[Vector, bool] = {}
        self._guard: Callable[[Any, datetime], bool] | None = None

    def guard(self, model: Model, guard: Guard) -> Callable[[Any, datetime], bool]:
        """The guard as it is asked while it is watched. Models of one version share it, but for
        Python callables: each machine asks its own."""
        if self._guard is not None:
            return self._guard
        own = any(isinstance(one, Opaque) for one in self.parts.atoms)
        parts = conditions(guard, model.vocabulary) if own else self.parts
        made = compile_observed(parts, self.known, model.vocabulary, attribute_of)
        if not own:
            self._guard = made
        return made


@attrs.frozen(eq=False)
class _Placed:
    """A transition of a machine with what was put into it."""

    transition: LeanTransition
    plain: Callable[[Any, datetime], bool]
    observed: Callable[[Any, datetime], bool]


_ACTIVE: list[Watch] = []
_PROBES: dict[tuple[ModelKey, EdgeKey], _Probe] = {}
_PLACED: WeakKeyDictionary[LifecycleMachine, list[_Placed]] = WeakKeyDictionary()


def _attach(machine: LifecycleMachine) -> None:
    model = machine.model
    key = (model.name, model.version)
    placed = _PLACED[machine] = []
    for event in machine.events.values():
        for transitions in event.transitions.values():
            for one in transitions:
                edge = (one.edge.name, one.edge.source)
                probe = _PROBES.get((key, edge))
                if probe is None:
                    parts = conditions(one.edge.when, model.vocabulary)
                    probe = _PROBES[key, edge] = _Probe(model, edge, parts)
                placed.append(_place(one, probe, model))
    vars(machine)["ask"] = _hearing(machine, key)


def _place(transition: LeanTransition, probe: _Probe, model: Model) -> _Placed:
    plain, observed, make = (
        transition.guard,
        probe.guard(model, transition.edge.when),
        transition.make,
    )

    def made(person: Person, firing: Firing) -> None:
        make(person, firing)
        probe.fired += 1

    transition.guard = observed
    vars(transition)["make"] = made
    return _Placed(transition, plain, observed)


def _hearing(machine: LifecycleMachine, key: ModelKey) -> Callable[[Person, str, Firing], str]:
    ask, model = machine.ask, machine.model

    def heard(person: Person, trigger: str, firing: Firing) -> str:
        stage = person._stage
        result = ask(person, trigger, firing)
        if result != "moved":
            for watch in _ACTIVE:
                watch._heard(key, model, (stage, trigger, result))
        return result

    return heard


def _detach() -> None:
    for machine, placed in list(_PLACED.items()):
        vars(machine).pop("ask", None)
        for one in placed:
            vars(one.transition).pop("make", None)
            if one.transition.guard is one.observed:
                one.transition.guard = one.plain
    _PLACED.clear()
    _PROBES.clear()
