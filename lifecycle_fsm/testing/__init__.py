"""Tools for testing a lifecycle: people in any stage, assertions that explain, tables of cases.

They work without pytest; with it, :mod:`lifecycle_fsm.testing.plugin` adds fixtures and options.

>>> from lifecycle_fsm.testing import Bench
>>> bench = Bench("two_step")
>>> ann = bench.person_in("contact", behavior_score=30)
>>> bench.assert_moves(ann, to="lead", by="interested")
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lifecycle_fsm.testing.bench import Bench, Clock
    from lifecycle_fsm.testing.guard_tables import GuardRow, guard_table
    from lifecycle_fsm.testing.invariants import assert_history_holds
    from lifecycle_fsm.testing.strategies import (
        LifecycleRules,
        activities,
        histories,
        logs,
        payloads,
        people,
        state_machine,
    )
    from lifecycle_fsm.testing.values import boundary_values

#: The module of each name. pytest loads this package for its plugin in every project, so nothing is
#: imported before it is used. The last row needs Hypothesis.
_ROOMS = {
    "bench": "Bench Clock",
    "invariants": "assert_history_holds",
    "guard_tables": "GuardRow guard_table",
    "values": "boundary_values",
    "strategies": "LifecycleRules activities histories logs payloads people state_machine",
}
_HOME = {name: room for room, names in _ROOMS.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    file = _HOME.get(name)
    if file is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{file}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


__all__ = [
    "Bench",
    "Clock",
    "GuardRow",
    "LifecycleRules",
    "activities",
    "assert_history_holds",
    "boundary_values",
    "guard_table",
    "histories",
    "logs",
    "payloads",
    "people",
    "state_machine",
]
