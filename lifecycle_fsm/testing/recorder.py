"""What each test makes a lifecycle do: moves, guards with each condition, refusals.

::

    with Watch() as watch:
        watch.switch("tests/test_mql.py::test_by_score")
        ...  # the test
    watch.record.models[model.name, model.version].tests_of("qualified_by_score")

A :class:`Record` is plain data: it can be pickled for another process, and records can be added up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import TypeAlias

import attrs

from lifecycle_fsm.guard import Vector
from lifecycle_fsm.machine import EVERYWHERE, LifecycleMachine, Observer, Result
from lifecycle_fsm.model import Edge, Model
from lifecycle_fsm.person import Person

#: A model by its name and its version: a changed copy is a different model [S28].
ModelKey: TypeAlias = tuple[str, str]
#: A move or a sort rule, out of one stage: its name, and the stage.
EdgeKey: TypeAlias = tuple[str, str]
#: The stage, the trigger, and the result of asking there: ``refused`` or ``no_such_move`` [S10].
Asking: TypeAlias = tuple[str, str, str]
#: Stands for what was watched outside of any test, such as in a session fixture.
NO_TEST = ""


@attrs.define
class Touch:
    """What one test did to one edge: how often it moved a person along it, and the outcomes of its
    guard's conditions, as distinct :class:`~lifecycle_fsm.guard.Conditions` vectors."""

    fired: int = 0
    vectors: set[Vector] = attrs.field(factory=set)

    def add(self, other: Touch) -> None:
        """Add what another run of the test did."""
        self.fired += other.fired
        self.vectors |= other.vectors


@attrs.define
class ModelRecord:
    """What tests did with one model.

    ``touches`` has, for each edge whose guard was evaluated, what each test did to it; ``askings``
    how often each test asked for a trigger in a stage without moving anybody.
    """

    touches: dict[EdgeKey, dict[str, Touch]] = attrs.field(factory=dict)
    askings: dict[Asking, Counter[str]] = attrs.field(factory=dict)

    def fired(self, rule: str, source: str) -> int:
        """How often a person was moved by the rule out of the stage."""
        return sum(touch.fired for touch in self.touches.get((rule, source), {}).values())

    def vectors(self, rule: str) -> frozenset[Vector]:
        """The outcomes of the conditions of the rule's guard, evaluated in any stage."""
        return frozenset(
            vector
            for (name, _), tests in self.touches.items()
            if name == rule
            for touch in tests.values()
            for vector in touch.vectors
        )

    def tests_of(self, rule: str) -> frozenset[str]:
        """The tests that evaluated the rule's guard, in any stage: all that can notice a change of
        the rule's guard, target or effects."""
        return frozenset(
            test for (name, _), tests in self.touches.items() if name == rule for test in tests
        )

    def asked(self, stage: str, trigger: str, result: str) -> int:
        """How often the trigger was asked for in the stage with that result: ``refused`` or
        ``no_such_move``."""
        return self.askings.get((stage, trigger, result), Counter()).total()

    def add(self, other: ModelRecord) -> None:
        """Add another record of the same model."""
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
        """What was watched of the model; empty if it did not run."""
        return self.models.get((model.name, model.version), ModelRecord())

    def add(self, other: Record) -> None:
        """Add the record of another process or another run."""
        for key, model in other.models.items():
            self.models.setdefault(key, ModelRecord()).add(model)


class Watch(Observer):
    """While it is active, every machine in the process reports to it, including machines that are
    made later. Machines decide as they do without it, and no person is changed.

    Use it in ``with``, or call :meth:`start` and :meth:`stop`; several may be active at once.

    A guard counts if a machine evaluates it: to fire, to let time pass, for ``may`` and
    ``explain``. Guards that other code runs, such as a columnar replay, do not count.
    """

    needs_conditions = True

    def __init__(self) -> None:
        self._models: dict[ModelKey, Model] = {}
        self._record = Record()
        self._test = NO_TEST
        #: What the current test has done so far.
        self._present = Record()
        #: Of this, what it did to each edge of a machine, by the identity of the edge, because that
        #: is the quickest way to find it; the machine keeps its edges alive.
        self._touches: dict[tuple[LifecycleMachine, int], Touch] = {}

    def __enter__(self) -> Watch:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start watching; earlier records are kept."""
        if self not in EVERYWHERE:
            EVERYWHERE.append(self)

    def stop(self) -> None:
        """Stop watching."""
        if self in EVERYWHERE:
            self._settle()
            EVERYWHERE.remove(self)

    def switch(self, test: str) -> None:
        """Attribute everything from here on to this test; :data:`NO_TEST` stands for none.

        The cost grows with the number of edges that the previous test touched.
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
        """The models that were used so far: those whose guards were evaluated."""
        self._settle()
        return self._models

    def _settle(self) -> None:
        """Store what the current test did."""
        # Replaced first: a thread that a test left behind may still write.
        self._touches = {}
        present, self._present = self._present, Record()
        self._record.add(present)

    def _model_record(self, machine: LifecycleMachine) -> ModelRecord:
        key = (machine.model.name, machine.version)
        record = self._present.models.get(key)
        if record is None:
            record = self._present.models[key] = ModelRecord()
            self._models.setdefault(key, machine.model)
        return record

    def _touch(self, machine: LifecycleMachine, edge: Edge) -> Touch:
        key = machine, id(edge)
        touch = self._touches.get(key)
        if touch is None:
            edges = self._model_record(machine).touches
            tests = edges.setdefault((edge.name, edge.source), {})
            touch = self._touches[key] = tests.setdefault(self._test, Touch())
        return touch

    def guard_evaluated(
        self,
        machine: LifecycleMachine,
        person: Person,
        edge: Edge,
        now: datetime,
        holds: bool,
        conditions: Vector | None,
    ) -> None:
        """Note the outcomes of the guard's conditions."""
        touch = self._touch(machine, edge)
        if conditions is not None:
            touch.vectors.add(conditions)

    def transition_made(
        self, machine: LifecycleMachine, person: Person, edge: Edge, now: datetime
    ) -> None:
        """Count the move."""
        self._touch(machine, edge).fired += 1

    def transition_refused(
        self,
        machine: LifecycleMachine,
        person: Person,
        trigger: str,
        now: datetime,
        result: Result,
    ) -> None:
        """Count a refused trigger, or one without a move."""
        askings = self._model_record(machine).askings
        askings.setdefault((person.stage, trigger, result), Counter())[self._test] += 1
