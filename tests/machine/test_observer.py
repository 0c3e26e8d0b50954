"""An observer hears everything that a machine does, and changes nothing of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest

from lifecycle_fsm import Activity, Decision, Lifecycle, LifecycleMachine, Observer, Person, observe
from lifecycle_fsm.machine import EVERYWHERE, Result
from lifecycle_fsm.model import Edge
from lifecycle_fsm.orchestrator import Orchestrator
from tests.machine.small import DAY, HOUR, MINUTE, T, act, admitted, move, slots, small


class Recorder(Observer):
    def __init__(self) -> None:
        self.heard: list[tuple[Any, ...]] = []

    def machine_made(self, machine: LifecycleMachine) -> None:
        self.heard.append(("machine made", machine.model.name))

    def guard_evaluated(
        self,
        machine: LifecycleMachine,
        person: Person,
        edge: Edge,
        now: datetime,
        holds: bool,
        conditions: int | None,
    ) -> None:
        self.heard.append(("guard", edge.name, holds, conditions))

    def transition_tried(
        self, machine: LifecycleMachine, person: Person, trigger: str, now: datetime
    ) -> None:
        self.heard.append(("tried", trigger, person.stage))

    def transition_refused(
        self, machine: LifecycleMachine, person: Person, trigger: str, now: datetime, result: Result
    ) -> None:
        self.heard.append(("refused", trigger, result))

    def transition_made(
        self, machine: LifecycleMachine, person: Person, edge: Edge, now: datetime
    ) -> None:
        self.heard.append(("made", edge.name, person.stage))

    def activity_applied(
        self, machine: LifecycleMachine, activity: Activity, decisions: Sequence[Decision]
    ) -> None:
        self.heard.append(("applied", activity.id, *(one.result for one in decisions)))

    def time_passed(
        self,
        machine: LifecycleMachine,
        person: Person,
        due: datetime,
        decisions: Sequence[Decision],
    ) -> None:
        self.heard.append(("time", due - T, *(one.result for one in decisions)))


MODEL = small(
    move("rise", "a", "b", on="ask", when="ready and level >= 2"),
    move("idle", "b", "x", when="days in stage >= 1"),
)


def watched(**fields: Any) -> tuple[Orchestrator, Recorder]:
    orchestrator = Orchestrator(MODEL)
    recorder = Recorder()
    orchestrator.machine.observers.append(recorder)
    admitted(orchestrator, **fields)
    recorder.heard.clear()
    return orchestrator, recorder


def test_a_refused_trigger_is_told_with_the_guard_that_was_shut() -> None:
    orchestrator, recorder = watched(level=1)
    orchestrator.apply(act("1", "ask", T + MINUTE))
    assert recorder.heard == [
        ("tried", "ask", "a"),
        ("guard", "rise", False, None),
        ("refused", "ask", "refused"),
        ("applied", "1", "refused"),
    ]


def test_a_move_is_told_when_the_person_has_made_it() -> None:
    orchestrator, recorder = watched(level=2, ready=True)
    orchestrator.apply(act("1", "ask", T + MINUTE))
    assert recorder.heard == [
        ("tried", "ask", "a"),
        ("guard", "rise", True, None),
        ("made", "rise", "b"),
        ("guard", "idle", False, None),
        ("applied", "1", "moved"),
    ]


def test_a_trigger_that_leaves_another_stage_is_told_without_a_guard() -> None:
    orchestrator, recorder = watched(start="c")
    orchestrator.apply(act("1", "ask", T + MINUTE))
    assert recorder.heard == [
        ("tried", "ask", "c"),
        ("refused", "ask", "no_such_move"),
        ("applied", "1", "no_such_move"),
    ]


def test_time_that_passes_is_told_with_the_move_that_it_opens() -> None:
    orchestrator, recorder = watched(start="b")
    orchestrator.tick(T + 2 * DAY)
    assert recorder.heard == [
        ("guard", "idle", True, None),
        ("made", "idle", "x"),
        ("time", DAY, "moved"),
    ]


def test_what_comes_to_nothing_is_told_too() -> None:
    orchestrator, recorder = watched(level=1)
    for activity in (
        act("1", "form_filled", T + MINUTE, form="f"),
        act("1", "form_filled", T + MINUTE, form="f"),
        act("1", "form_filled", T + MINUTE, form="g"),
        act("2", "form_filled", T + MINUTE, "nobody", form="f"),
    ):
        orchestrator.apply(activity)
    assert [heard for heard in recorder.heard if heard[0] == "applied"] == [
        ("applied", "1", "unchanged"),
        ("applied", "1", "duplicate"),
        ("applied", "1", "rejected"),
        ("applied", "2", "held"),
    ]


def test_what_was_held_is_told_when_it_is_applied() -> None:
    orchestrator, recorder = watched()
    orchestrator.apply(act("early", "form_filled", T + HOUR, "q", form="f"))
    recorder.heard.clear()
    orchestrator.apply(act("created", "created", T, "q"))
    assert [heard[:2] for heard in recorder.heard if heard[0] == "applied"] == [
        ("applied", "created"),
        ("applied", "processed:settled"),
        ("applied", "early"),
    ]


def test_may_and_explain_evaluate_guards_and_try_nothing() -> None:
    orchestrator, recorder = watched(level=1)
    person: Any = orchestrator.people["p"]
    assert not person.may_ask(at=T + MINUTE)
    assert [refusal.move for refusal in person.explain("ask", at=T + MINUTE)] == ["rise"]
    assert recorder.heard == [("guard", "rise", False, None)] * 2


class Conditions(Recorder):
    needs_conditions = True


@pytest.mark.parametrize(
    ("fields", "conditions"),
    [
        ({"level": 1}, 0b00),
        ({"level": 1, "ready": True}, 0b01),
        ({"level": 2}, 0b10),
        ({"level": 2, "ready": True}, 0b11),
    ],
)
def test_an_observer_that_needs_it_hears_how_each_condition_came_out(
    fields: dict[str, Any], conditions: int
) -> None:
    orchestrator, _ = watched(**fields)
    with observe(Conditions(), orchestrator.machine) as recorder:
        orchestrator.apply(act("1", "ask", T + MINUTE))
    assert isinstance(recorder, Conditions)
    guards = [heard for heard in recorder.heard if heard[:2] == ("guard", "rise")]
    assert guards == [("guard", "rise", conditions == 0b11, conditions)]


def test_an_observer_of_the_process_hears_every_machine_while_the_block_lasts() -> None:
    before, _ = watched(level=1)
    waiting, _ = watched(start="b")
    with observe(Recorder()) as recorder:
        Lifecycle("two_step")
        before.apply(act("1", "ask", T + MINUTE))
        waiting.tick(T + 2 * DAY)
    Lifecycle("two_step")
    before.apply(act("2", "ask", T + HOUR))
    assert isinstance(recorder, Recorder)
    assert recorder.heard == [
        ("machine made", "two_step"),
        ("tried", "ask", "a"),
        ("guard", "rise", False, None),
        ("refused", "ask", "refused"),
        ("applied", "1", "refused"),
        ("guard", "idle", True, None),
        ("made", "idle", "x"),
        ("time", DAY, "moved"),
    ]


def test_with_machines_named_only_these_are_heard_while_the_block_lasts() -> None:
    orchestrator, _ = watched(level=1)
    other, _ = watched(level=1)
    with observe(Recorder(), other.machine) as recorder:
        orchestrator.apply(act("1", "ask", T + MINUTE))
        other.apply(act("2", "ask", T + MINUTE))
    other.apply(act("3", "ask", T + HOUR))
    assert isinstance(recorder, Recorder)
    assert [heard[0] for heard in recorder.heard] == ["tried", "guard", "refused", "applied"]
    assert recorder.heard[-1] == ("applied", "2", "refused")


def test_an_error_in_the_block_ends_the_observing_too() -> None:
    orchestrator, recorder = watched()
    everywhere, here = Recorder(), Recorder()
    with (
        pytest.raises(ZeroDivisionError),
        observe(everywhere),
        observe(here, orchestrator.machine),
    ):
        raise ZeroDivisionError
    assert everywhere not in EVERYWHERE
    assert orchestrator.machine.observers == [recorder]


def test_the_same_happens_whether_somebody_listens_or_not() -> None:
    model = small(
        move("rise", "a", "b", on="ask", when="ready and level >= 2"),
        move("go_on", "b", "c", when="level >= 3"),
        move("idle", "c", "x", when="days in stage >= 1"),
        move("back", "x", "b", when="ready"),
    )
    log = [
        act("1", "form_filled", T + MINUTE, form="f"),
        act("2", "changed", T + HOUR, level=3),
        act("3", "ask", T + 2 * HOUR),
        act("4", "changed", T + 3 * HOUR, ready=True),
        act("5", "ask", T + 4 * HOUR),
        act("6", "changed", T + 3 * DAY, ready=False),
        act("7", "changed", T + 4 * DAY, ready=True),
    ]
    told, plain = Orchestrator(model), Orchestrator(model)
    told.machine.observers.append(Conditions())
    for orchestrator in (told, plain):
        admitted(orchestrator)
        for activity in log:
            orchestrator.apply(activity)
    assert slots(told.people["p"]) == slots(plain.people["p"])
    assert [row.rule for row in told.people["p"].history[2:]] == [
        *("rise", "go_on", "idle"),  # and not back at once: it holds already [S9]
        *("back", "go_on"),
    ]


class Broken(Observer):
    def transition_made(
        self, machine: LifecycleMachine, person: Person, edge: Edge, now: datetime
    ) -> None:
        raise OSError("the metrics server is gone")


def test_an_observer_that_fails_within_the_work_parks_the_activity_and_changes_nothing() -> None:
    orchestrator, _ = watched(level=2, ready=True)
    orchestrator.machine.observers.append(Broken())
    assert orchestrator.apply(act("1", "ask", T + MINUTE)).result == "parked"
    assert orchestrator.people["p"].stage == "a"
    orchestrator.machine.observers.clear()
    assert [decision.result for decision in orchestrator.retry(T + HOUR)] == ["moved"]


@pytest.mark.parametrize("cause", ["settle", "process", "processed"])
def test_the_end_of_processing_is_told_whatever_causes_it(cause: str) -> None:
    orchestrator, recorder = watched()
    orchestrator.apply(act("created", "created", T, "q"))
    recorder.heard.clear()
    match cause:
        case "settle":
            orchestrator.tick(T + 2 * DAY)
        case "process":
            orchestrator.process("q", T)
        case "processed":
            orchestrator.apply(act("processed", "processed", T, "q"))
    applied = [results for name, _, *results in recorder.heard if name == "applied"]
    assert applied == [["moved"]]
