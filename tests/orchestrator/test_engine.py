"""One engine serves many: what is made of a model is made once, and nobody changes it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from lifecycle_fsm import Engine, Lifecycle, LifecycleError, load
from lifecycle_fsm.demo import company
from lifecycle_fsm.tables import by_event


def test_threads_that_share_an_engine_give_what_each_gives_alone() -> None:
    engine = Engine(load("waterfall"))
    logs = [
        by_event(company.invent(40, seed).with_processing(engine.model).log) for seed in range(4)
    ]

    def run(number: int, shared: Engine) -> list[str]:
        lifecycle = Lifecycle(shared)
        for activity in logs[number]:
            lifecycle.apply(activity)
        lifecycle.tick("2027-01-01T00:00Z")
        return [*map(str, lifecycle.history), *map(str, lifecycle.deadlines)]

    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(run, range(4), [engine] * 4))
    assert together == [run(number, Engine(load("waterfall"))) for number in range(4)]


def test_an_engine_has_its_own_steps_and_says_what_it_is() -> None:
    engine = Engine(load("two_step"))
    assert repr(engine) == f"<Engine two_step {engine.model.version}>"
    with pytest.raises(
        LifecycleError, match="an engine has its own steps and tables: give them to"
    ):
        Lifecycle(engine, tables={"companies": []})
    assert Lifecycle(engine).engine is engine
