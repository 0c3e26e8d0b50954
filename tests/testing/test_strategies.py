"""People, activities and histories that are drawn: they fit their model, and matter to it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

from lifecycle_fsm import (
    Activity,
    HistoryRow,
    LifecycleError,
    Model,
    Person,
    RecordError,
    load,
    shipped,
)
from lifecycle_fsm.orchestrator import Engine
from lifecycle_fsm.proof import NOW
from lifecycle_fsm.testing import (
    Bench,
    activities,
    assert_history_holds,
    boundary_values,
    histories,
    logs,
    payloads,
    people,
)
from lifecycle_fsm.testing.invariants import assert_forward_only
from lifecycle_fsm.testing.strategies import run, witnesses
from lifecycle_fsm.testing.values import lengths
from tests.machine.small import move, small
from tests.scenarios.generated import models

MODELS = {name: load(name) for name in shipped()}
BENCHES = {name: Bench(model) for name, model in MODELS.items()}
each_model = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
quickly = settings(max_examples=40, deadline=None)
often = settings(
    max_examples=200, deadline=None, derandomize=True, database=None, phases=[Phase.generate]
)


# ------------------------------------------------------------------ values that matter


def test_values_lie_on_both_sides_of_every_threshold() -> None:
    values = boundary_values(MODELS["waterfall"])
    assert {64, 65, 66} <= set(values["behavior_score"])
    assert {19, 20, 21} <= set(values["demographic_score"])
    assert {None, "legal", "accounts_payable"} < set(values["role"])
    assert {NOW - timedelta(days=90), NOW - timedelta(days=90) - timedelta(days=1)} < set(
        values["stage_entered_at"]
    )
    assert "first_name" not in values


def test_lengths_of_time_lie_around_what_is_due() -> None:
    rest, tick = timedelta(days=90), timedelta(microseconds=1)
    assert {rest - tick, rest, rest + tick, timedelta(0)} < set(lengths(MODELS["waterfall"]))


@each_model
def test_there_is_somebody_for_every_move(model: Model) -> None:
    bench = BENCHES[model.name]
    edges = [*model.sort_edges, *model.edges]
    found = []
    for edge, known in witnesses(model):
        fields: dict[str, Any] = dict(known)
        rows = bench.ask(bench.person_in(edge.source, **fields), edge.on)
        assert rows[0].rule == edge.name
        found.append(edge)
    assert found == edges


def test_who_is_found_for_a_move_is_not_moved_by_another_before() -> None:
    model = small(
        move("first", "a", "c", when="not ready", skips="no_credit"), move("then", "a", "b")
    )
    found = {edge.name: fields for edge, fields in witnesses(model)}
    assert found["then"]["ready"] is True
    assert "ready" not in found["first"]


# ------------------------------------------------------------------ people


@each_model
def test_everybody_who_is_drawn_has_a_past_that_holds_and_is_moved_as_explained(
    model: Model,
) -> None:
    bench = BENCHES[model.name]

    @quickly
    @given(people(bench), st.sampled_from([None, *model.triggers]))
    def holds(person: Person, trigger: str | None) -> None:
        assert_history_holds(person, model)
        before = person.stage
        sorting = before == model.initial.name
        if sorting:
            trigger = None
        leaving = model.sort_edges if sorting else [e for e in model.edges if e.source == before]
        asked = [one for one in leaving if one.on == trigger]
        closed = {one.move: one for one in bench.machine.refusals(person, trigger, bench.clock.now)}
        rows = bench.ask(person, trigger)
        still = [one.name for one in asked if one.name not in closed]
        # The first that is not explained away is the one that is made [S8][S10].
        assert [row.rule for row in rows[:1] if row.trigger == trigger][:1] == still[
            :1
        ] or not still
        assert all(one.unmet or one.note for one in closed.values())
        assert_history_holds(person, model)

    holds()


def test_people_can_be_told_where_they_are_and_what_is_known_of_them() -> None:
    bench = BENCHES["waterfall"]

    @quickly
    @given(
        people(bench, stage=["mal", "mql"], hand_raised=True, behavior_score=st.integers(1, 3)),
        people(bench, stage="recycled", id="other", days_in_stage=90),
    )
    def holds(one: Person, other: Any) -> None:
        assert one.stage in ("mal", "mql")
        assert one.hand_raised
        assert 1 <= one.behavior_score <= 3
        assert other.stage_entered_at == NOW - timedelta(days=90)

    holds()
    with pytest.raises(LifecycleError, match="no stage named 'maul'"):
        people(bench, stage="maul")
    with pytest.raises(RecordError, match="no field named 'hand_rised'"):
        find(people(bench, hand_rised=True), lambda person: True)


def test_those_at_a_threshold_are_drawn_and_most_moves_are_made() -> None:
    """Not by luck: the same are drawn every time."""
    bench = BENCHES["waterfall"]
    scores: set[int] = set()
    made: set[str] = set()

    @settings(often, max_examples=500)
    @given(people(bench))
    def draw(person: Person) -> None:
        scores.add(person.behavior_score)
        made.update(row.rule for row in bench.ask(person))

    draw()
    assert {64, 65, 66} <= scores
    asked = {one.name for one in bench.model.sort}
    asked |= {one.name for one in bench.model.moves if not one.on}
    assert len(asked - made) <= len(asked) / 3, asked - made


def test_a_model_alone_gets_a_bench() -> None:
    assert find(people("two_step"), lambda person: person.stage == "lost").journey == 1


# ------------------------------------------------------------------ what happens


@each_model
def test_every_activity_that_is_drawn_is_taken(model: Model) -> None:
    bench = BENCHES[model.name]

    @quickly
    @given(activities(model, person="p", at=NOW))
    def holds(activity: Activity) -> None:
        bench.person_in(model.path[1].name, id="p")
        decision = bench.orchestrator.apply(activity)
        assert decision.result in ("moved", "unchanged", "refused", "no_such_move"), str(decision)

    holds()


def test_activities_bring_what_rules_look_at() -> None:
    hand = find(payloads("waterfall", "form_filled"), lambda one: one["form"] == "Hand-Raise: more")
    assert hand["form"]
    reason = find(payloads("waterfall", "sales_rejected"), lambda p: p.get("reason") == "student")
    assert reason == {"reason": "student"}
    only = activities("waterfall", kinds=["unsubscribed"])
    assert find(only, lambda one: True).kind == "unsubscribed"


@each_model
def test_whatever_happens_people_go_forwards_only(model: Model) -> None:
    engine = BENCHES[model.name].orchestrator.engine

    @settings(max_examples=25, deadline=None)
    @given(logs(model, persons=2))
    def holds(log: list[Activity]) -> None:
        assert [one.at for one in log] == sorted(one.at for one in log)
        for person in run(engine, log):
            assert_history_holds(person, model)

    holds()


def test_a_log_knows_nothing_of_the_contacts_of_the_log_before() -> None:
    engine = Engine(MODELS["waterfall"])
    at = datetime(2024, 6, 3, 12, tzinfo=UTC)
    for name in ("person-1", "person-2"):
        log = [
            Activity("created", name, "created", at, {}),
            Activity("000", name, "converted", at, {"contact": "x"}),
        ]
        assert [person.id for person in run(engine, log)] == [name]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(models(), st.data())
def test_any_model_that_builds_has_people_and_logs_of_its_own(
    model: Model, data: st.DataObject
) -> None:
    bench = Bench(model)
    person = data.draw(people(bench))
    assert_history_holds(person, model)
    bench.ask(person)
    assert_history_holds(person, model)
    for one in run(bench.orchestrator.engine, data.draw(logs(model))):
        assert_history_holds(one, model)


def test_a_history_is_one_of_the_model_and_can_lead_anywhere() -> None:
    model = MODELS["two_step"]
    reached: set[str] = set()

    @often
    @given(histories(model))
    def draw(rows: tuple[HistoryRow, ...]) -> None:
        assert_forward_only(rows, model)
        reached.update(row.to_stage for row in rows)

    draw()
    assert reached == set(model.by_name)
