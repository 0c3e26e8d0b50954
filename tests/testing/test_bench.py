"""A person in any stage, a clock that stands still, and askings that are the machine's own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lifecycle_fsm import LifecycleError, Model, NoSuchMove, RecordError, load, shipped
from lifecycle_fsm.testing import Bench, Clock, assert_history_holds
from tests.machine.small import move, small

NOW = datetime(2024, 6, 3, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WATERFALL = load("waterfall")


@pytest.fixture
def bench() -> Bench:
    return Bench(WATERFALL)


# ------------------------------------------------------------------ the clock


def test_the_clock_moves_only_when_a_test_moves_it() -> None:
    clock = Clock()
    assert clock.now == clock.now == NOW
    assert clock.forward(days=1, hours=2, minutes=3, seconds=4) == clock.now
    assert clock.now == NOW + DAY + 2 * HOUR + timedelta(minutes=3, seconds=4)
    assert clock.set("2025-01-01T00:00:00+01:00") == datetime(2024, 12, 31, 23, tzinfo=UTC)
    assert clock.set(clock.now) == clock.now


@pytest.mark.parametrize("back", [{"days": -1}, {"seconds": -0.000001}])
def test_the_clock_never_goes_back(back: dict[str, float]) -> None:
    clock = Clock("2024-01-01")
    with pytest.raises(RecordError, match=r"forwards only.*begin with an earlier time"):
        clock.forward(**back)
    assert clock.now == datetime(2024, 1, 1, tzinfo=UTC)


# ------------------------------------------------------------------ people


@pytest.mark.parametrize("name", shipped())
def test_somebody_can_be_in_any_stage_of_any_journey_with_a_past_that_holds(name: str) -> None:
    model = load(name)
    bench = Bench(model)
    for stage in model.by_name:
        for journey in (1, 2, 5):
            if stage == model.initial.name and journey > 1:
                continue
            person = bench.person_in(stage, journey=journey)
            assert (person.stage, person.journey) == (stage, journey)
            assert person.stage_entered_at == NOW - HOUR
            assert person.clock == NOW
            assert_history_holds(person, model)


@pytest.mark.parametrize(
    ("given", "entered", "started"),
    [
        ({}, NOW - HOUR, NOW - 2 * HOUR),
        ({"days_in_stage": 3}, NOW - 3 * DAY, NOW - 3 * DAY - HOUR),
        ({"days_in_stage": 0}, NOW, NOW - HOUR),
        ({"stage_entered_at": NOW}, NOW, NOW - HOUR),
        ({"stage_entered_at": "2024-01-01"}, datetime(2024, 1, 1, tzinfo=UTC), None),
        ({"journey_started_at": NOW - DAY}, NOW - HOUR, NOW - DAY),
        ({"journey_started_at": NOW}, NOW, NOW),
        ({"stage_entered_at": NOW - DAY, "journey_started_at": NOW - 9 * DAY}, NOW - DAY, None),
        ({"journey": 2, "journey_started_at": NOW - 5 * DAY}, NOW - HOUR, NOW - 5 * DAY),
    ],
)
def test_what_is_said_of_the_visit_holds(
    bench: Bench, given: dict[str, Any], entered: datetime, started: datetime | None
) -> None:
    person = bench.person_in("mal", **given)
    assert person.stage_entered_at == entered
    if started is None:
        started = given.get("journey_started_at", entered - HOUR)
    assert person.journey_started_at == started
    assert person.journey == given.get("journey", 1)
    assert_history_holds(person, WATERFALL)


@pytest.mark.parametrize(
    ("stage", "given", "complaint"),
    [
        ("maul", {}, "no stage named 'maul'; did you mean 'mal'"),
        ("mal", {"behaviour_score": 1}, "no field named 'behaviour_score'; did you mean 'beh"),
        ("mal", {"behavior_score": "many"}, "behavior_score: 'many' is not a whole number"),
        ("mal", {"stage": "mql"}, "'stage' is written by the machine only"),
        ("mal", {"days_in_stage": -1}, "days_in_stage is a number of days, 0 or more, not -1"),
        ("mal", {"days_in_stage": "3"}, "days_in_stage is a number of days"),
        ("mal", {"days_in_stage": 1, "stage_entered_at": NOW}, "say the same: give one of them"),
        ("mal", {"journey": 0}, "journey is a whole number from 1, not 0"),
        ("mal", {"stage_entered_at": NOW + DAY}, "is later than the clock"),
        ("mal", {"journey_started_at": NOW, "days_in_stage": 1}, "a journey begins before"),
        ("processing", {"journey": 2}, "is original processing, where the first journey begins"),
    ],
)
def test_what_cannot_be_is_told(
    bench: Bench, stage: str, given: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(LifecycleError, match=complaint):
        bench.person_in(stage, **given)
    assert not bench.orchestrator.people


def test_a_stage_that_no_move_leads_to_can_be_started_in_all_the_same() -> None:
    model = small(move("away", "c", "d"))
    bench = Bench(Model(**{**_parts(model), "sort": model.sort[-1:]}))
    person = bench.person_in("c", journey=3)
    assert [(row.kind, row.to_stage) for row in person.history] == [
        ("enter", "new"),
        ("migrate", "c"),
    ]
    assert (person.stage, person.journey) == ("c", 3)
    assert_history_holds(person, bench.model)
    bench.assert_moves(person, to="d", by="away")


def _parts(model: Model) -> Mapping[str, Any]:
    return {
        "name": model.name,
        "stages": model.stages,
        "fields": model.fields,
        "moves": model.moves,
    }


def test_people_have_names_of_their_own_and_a_name_twice_replaces(bench: Bench) -> None:
    one, two = bench.person_in("mal"), bench.person_in("mal")
    assert one.id != two.id
    ann, other = bench.person_in("mal", id="ann"), bench.person_in("mql", id="ann")
    bench.assert_stays(other)
    with pytest.raises(RecordError, match="is not of this bench: make people with its person_in"):
        bench.assert_stays(ann)
    with pytest.raises(RecordError, match="is not of this bench"):
        Bench(WATERFALL).ask(other)


# ------------------------------------------------------------------ asking


def test_asking_the_system_lets_time_pass_first(bench: Bench) -> None:
    person = bench.person_in("recycled", days_in_stage=89)
    assert bench.ask(person) == ()
    bench.clock.forward(days=0.999)
    assert bench.ask(person) == ()
    bench.clock.forward(days=0.001)
    (row,) = bench.ask(person)
    assert (row.rule, row.now) == ("rested", bench.clock.now)
    assert person.journey == 2


def test_time_lets_scores_fade_and_deadlines_be_missed_but_not_those_of_the_past(
    bench: Bench,
) -> None:
    person = bench.person_in("mql", days_in_stage=5, behavior_score=80, scored_at=bench.clock.now)
    assert bench.time_passes() == []
    bench.clock.forward(days=30)
    assert [one.kind for one in bench.time_passes()] == ["decay"]
    assert person.behavior_score == 40
    fresh = bench.person_in("mql")
    bench.clock.forward(days=7)
    missed = [one.reason for one in bench.time_passes() if one.kind == "deadline"]
    assert missed == ["mql_answered", "mql_forgotten"]
    assert fresh.stage == "mql"


def test_a_trigger_comes_before_what_is_due_at_that_very_instant(bench: Bench) -> None:
    person = bench.person_in("recycled", days_in_stage=89)
    bench.clock.forward(days=1)
    (row,) = bench.ask(person, "disqualify")
    assert (row.from_stage, row.rule) == ("recycled", "ruled_out")


def test_a_trigger_that_there_is_not_is_told_with_the_nearest(bench: Bench) -> None:
    person = bench.person_in("mql")
    with pytest.raises(NoSuchMove, match="did you mean 'disqualify'"):
        bench.ask(person, "disqualfy")


def test_somebody_in_processing_is_sorted_when_the_system_is_asked(bench: Bench) -> None:
    person = bench.person_in("processing", hand_raised=True)
    assert [row.rule for row in bench.ask(person)] == ["sorted_by_hand_raise"]


def test_what_happens_passes_through_all_silos(bench: Bench) -> None:
    person = bench.person_in("mal", country="SE")
    decision = bench.happens(person, "form_filled", form="Hand-Raise: Demo")
    assert decision.moved
    assert (person.stage, person.last_form) == ("mql", "Hand-Raise: Demo")
    assert person.assigned_to in ("sdr.north", "sdr.baltic")
    assert "mql_into_crm" in {one.rule for one in decision.requests}
    again = bench.happens(person, "web_visit", {"page": "/pricing"})
    same = bench.happens(person, "web_visit", page="/pricing")
    assert (again.result, same.result) == ("unchanged", "unchanged")


def test_the_deals_of_somebody_can_be_won_and_lost(bench: Bench) -> None:
    person = bench.person_in("sql", open_opportunities=2)
    bench.happens(person, "opportunity_lost", opportunity="open-1")
    assert (person.stage, person.open_opportunities) == ("sql", 1)
    bench.happens(person, "opportunity_won", opportunity="open-2")
    assert (person.stage, person.won_opportunities) == ("customer", 1)


def test_explaining_changes_nothing(bench: Bench) -> None:
    person = bench.person_in("mal", hand_raised=True, role="legal")
    before = repr(person), person.history
    names = [one.move for one in bench.explain(person)]
    assert "qualified_by_hand_raise" not in names
    assert "qualified_by_score" in names
    assert bench.outcome(person, "hand_raised and not fits").holds
    assert (repr(person), person.history) == before


def test_a_bench_reads_what_a_lifecycle_reads() -> None:
    assert Bench("two_step").model == load("two_step")
    assert Bench(WATERFALL).model is WATERFALL
    with pytest.raises(LifecycleError, match="no model named 'two_stp' is shipped; did you mean"):
        Bench("two_stp")
