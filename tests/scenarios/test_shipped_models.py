"""What holds of each shipped model whatever happens to its people, by logs drawn from the model."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle_fsm import Activity, HistoryRow, Model, load, shipped
from lifecycle_fsm.orchestrator import Engine, Orchestrator
from lifecycle_fsm.testing import assert_history_holds, logs
from lifecycle_fsm.testing.values import lengths

MODELS = {name: load(name) for name in shipped()}
each_model = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
quickly = settings(max_examples=25, deadline=None)
END = datetime.fromisoformat("2040-01-01T00:00:00Z")
Told = dict[str, tuple[HistoryRow, ...]]


class Run:
    """Runs one log after another, each with an orchestrator of its own."""

    def __init__(self, model: Model) -> None:
        self.engine = Engine(model)
        self.kept: list[Activity] = []
        self.orchestrator = Orchestrator(self.engine)

    def told(
        self,
        log: list[Activity],
        ticks: list[timedelta] | None = None,
        *,
        processed: Iterable[str] = (),
    ) -> Told:
        """The history of everybody behind a log, with a tick behind each activity; of some persons
        the log has ``processed`` [S14]."""
        self.kept = []
        self.orchestrator = Orchestrator(self.engine, log=self.kept.append)
        self.orchestrator.expect_processed(processed)
        for place, one in enumerate(log):
            self.orchestrator.apply(one)
            if ticks:
                later = log[place + 1].at if place + 1 < len(log) else END
                self.orchestrator.tick(min(one.at + ticks[place % len(ticks)], later - _TICK))
        self.orchestrator.tick(END)
        return {one.id: one.history for one in self.orchestrator.people.values()}


_TICK = timedelta(microseconds=1)


@each_model
def test_s20_how_often_time_is_let_pass_changes_nothing(model: Model) -> None:
    run = Run(model)

    @quickly
    @given(
        logs(model, persons=2), st.lists(st.sampled_from(lengths(model)), min_size=1, max_size=5)
    )
    def holds(log: list[Activity], ticks: list[timedelta]) -> None:
        assert run.told(log, ticks) == run.told(log)
        for person in run.orchestrator.people.values():
            assert_history_holds(person, model)

    holds()


@each_model
def test_s14_what_was_logged_replays_to_the_same_history(model: Model) -> None:
    run = Run(model)

    @quickly
    @given(logs(model))
    def holds(log: list[Activity]) -> None:
        once = run.told(log)
        assert run.told(run.kept, processed={one.person for one in log}) == once

    holds()


@each_model
def test_s19_the_same_activity_twice_changes_nothing(model: Model) -> None:
    run = Run(model)

    @quickly
    @given(logs(model))
    def holds(log: list[Activity]) -> None:
        doubled = [one for pair in zip(log, log, strict=True) for one in pair]
        assert run.told(doubled) == run.told(log)

    holds()
