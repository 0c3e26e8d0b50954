"""A mutant in the place of its model, in every machine, for as long as a test runs.

Models are immutable for everybody else. Here alone one is changed where it stands, because
programs under test hold it in places that nobody can know: as if its file had been written
otherwise from the beginning.
"""

from __future__ import annotations

import functools
import gc
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from lifecycle_fsm.machine import LifecycleMachine
from lifecycle_fsm.machine.machine import MACHINES
from lifecycle_fsm.model import Model
from lifecycle_fsm.testing.mutation.mutant import PARTS

#: What a model has worked out from its parts, and would work out otherwise from others.
_WORKED_OUT = frozenset(
    name for name, value in vars(Model).items() if isinstance(value, functools.cached_property)
)
#: What :meth:`LifecycleMachine.wire` sets.
WIRED = frozenset(
    "scoring agenda _words _machine events _sort _advance _explainers _turning".split()
)


class Places:
    """Where a model stands in this process: every object that is equal in meaning [S28], and every
    machine of one."""

    def __init__(self, model: Model) -> None:
        gc.collect()  # what the tests left behind need not be changed
        self.version = model.version
        self.models = [
            one
            for one in gc.get_objects()
            if type(one) is Model and vars(one).get("version") == self.version
        ]
        self.machines = [one for one in MACHINES if one.version == self.version]

    @contextmanager
    def hold(self, mutant: Model) -> Iterator[None]:
        """Let them be the mutant, and those too that are built while this lasts; then as before.

        Histories go on to name the version of the model: a test that compares versions shall not
        find the mutant by that.
        """
        parts = {name: getattr(mutant, name) for name in PARTS}
        parts |= {"version": self.version}
        own = mutant.version
        built = Model.__attrs_post_init__

        with ExitStack() as undo:

            def become(model: Model) -> None:
                undo.callback(_restore, model, dict(vars(model)))
                for name in _WORKED_OUT:
                    vars(model).pop(name, None)
                vars(model).update(parts)

            def build(model: Model) -> None:
                built(model)
                if model.version == self.version:
                    become(model)
                elif model.version == own:  # a copy, or read back from its text
                    vars(model)["version"] = self.version

            for model in self.models:
                become(model)
            undo.callback(setattr, Model, "__attrs_post_init__", built)
            setattr(Model, "__attrs_post_init__", build)  # noqa: B010 - not for a type checker
            undo.enter_context(_wiring(self.machines))
            yield


@contextmanager
def _wiring(machines: list[LifecycleMachine]) -> Iterator[None]:
    """Let these machines make their moves anew, each when it is asked, and every machine of one
    model object use the same moves: a test makes its machine in a fraction of the time."""
    wire = LifecycleMachine.wire
    before = [(one, dict(vars(one))) for one in machines]
    made: dict[int, tuple[Model, dict[str, Any]]] = {}

    def share(machine: LifecycleMachine) -> None:
        found = made.get(id(machine.model))
        if found is None:
            wire(machine)
            wired = {name: one for name, one in vars(machine).items() if name in WIRED}
            made[id(machine.model)] = machine.model, wired
        else:
            vars(machine).update(found[1])
        for name in ("_sort", "_advance"):
            # Bound anew: a test may watch the class by a spy that was not there before.
            event = getattr(vars(machine)[name], "__self__", None)
            if event is not None:
                vars(machine)[name] = event.fire

    def late(machine: LifecycleMachine, name: str) -> Any:
        if name in WIRED and name not in vars(machine):
            share(machine)
            return getattr(machine, name)
        raise AttributeError(f"{type(machine).__name__!r} object has no attribute {name!r}")

    for machine in machines:
        for name in WIRED:
            vars(machine).pop(name, None)
    setattr(LifecycleMachine, "wire", share)  # noqa: B010 - not for a type checker
    setattr(LifecycleMachine, "__getattr__", late)  # noqa: B010
    try:
        yield
    finally:
        setattr(LifecycleMachine, "wire", wire)  # noqa: B010
        del LifecycleMachine.__getattr__  # type: ignore[attr-defined]
        for machine, values in before:
            _restore(machine, values)


def _restore(one: Model | LifecycleMachine, values: dict[str, Any]) -> None:
    vars(one).clear()
    vars(one).update(values)
