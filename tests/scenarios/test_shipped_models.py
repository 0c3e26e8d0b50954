"""What holds of each shipped model whatever happens to its people, by logs drawn from the model."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle_fsm import Activity, HistoryRow, Model, load, shipped
from lifecycle_fsm.orchestrator import Orchestrator
from lifecycle_fsm.testing import assert_history_holds, logs
from lifecycle_fsm.testing.values import lengths

MODELS = {name: load(name) for name in shipped()}
each_model = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
quickly = settings(max_examples=25, deadline=None)
END = datetime.fromisoformat("2040-01-01T00:00:00Z")
Told = dict[str, tuple[HistoryRow, ...]]


class Engine:
    """An orchestrator that begins anew for each log; mostly it is the same one, because making one
    takes most of the time.

    ``replays`` says that its logs have a ``processed`` for everybody [S14].
    """

    def __init__(self, model: Model, *, replays: bool = False) -> None:
        self.kept: list[Activity] = []
        self.orchestrator = Orchestrator(model, log=self.kept.append)
        self.replays = replays

    def told(self, log: list[Activity], ticks: list[timedelta] | None = None) -> Told:
        """The history of everybody behind a log, with a tick behind each activity."""
        last = self.orchestrator
        if last.merged or last.aliases or last.held or last.parked:  # which outlive the persons
            self.orchestrator = Orchestrator(last.model, log=self.kept.append)
        if self.replays:
            self.orchestrator.expect_processed({one.person for one in log})
        self.orchestrator.people.clear()
        self.kept.clear()
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
    engine = Engine(model)

    @quickly
    @given(
        logs(model, persons=2), st.lists(st.sampled_from(lengths(model)), min_size=1, max_size=5)
    )
    def holds(log: list[Activity], ticks: list[timedelta]) -> None:
        assert engine.told(log, ticks) == engine.told(log)
        for person in engine.orchestrator.people.values():
            assert_history_holds(person, model)

    holds()


@each_model
def test_s14_what_was_logged_replays_to_the_same_history(model: Model) -> None:
    live, again = Engine(model), Engine(model, replays=True)

    @quickly
    @given(logs(model))
    def holds(log: list[Activity]) -> None:
        once = live.told(log)
        assert again.told(live.kept) == once

    holds()


@each_model
def test_s19_the_same_activity_twice_changes_nothing(model: Model) -> None:
    engine = Engine(model)

    @quickly
    @given(logs(model))
    def holds(log: list[Activity]) -> None:
        doubled = [one for pair in zip(log, log, strict=True) for one in pair]
        assert engine.told(doubled) == engine.told(log)

    holds()
