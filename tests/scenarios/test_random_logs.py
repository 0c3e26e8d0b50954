"""What holds for every person, whatever happened to it: random logs through two models."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle_fsm import Activity, HistoryRow, Lifecycle, Model, load, stamps
from lifecycle_fsm.machine.lean_transitions import LeanTransition
from lifecycle_fsm.orchestrator import Orchestrator
from lifecycle_fsm.tables import by_event
from tests.machine.small import DAY, HOUR, SECOND, T, check_chain, move, slots, small

WATERFALL = load("waterfall")
SMALL = small(
    move("go", "a", "b", on="go", when="level >= 1"),
    move("jump", "a", "d", on="jump", skips="no_credit", when="ready"),
    move("on", "b", "c", when="ready", then={"ready": False}),
    move("done", "c", "d", when="level >= 3"),
    move("off", ("a", "b", "c"), "x", on="off", then={"level": "level - 1"}),
    move("bad", ("b", "c", "d"), "y", when="level < 0"),
    move("worse", "x", "y", when="days in stage >= 30"),
    move("back", "x", "a", when="level >= 2"),
    move("again", ("x", "y"), "b", on="again"),
    move("rested", "y", "a", when="days in stage >= 20 and level >= 0"),
    settle=5 * HOUR,
)


def _form(draw: st.DrawFn) -> dict[str, Any]:
    return {"form": draw(st.sampled_from(["News", "Hand-Raise: Demo", "Hand-Raise: Trial"]))}


def _reason(draw: st.DrawFn) -> dict[str, Any]:
    return {"reason": draw(st.sampled_from(["no_time", "student", "bored", None]))}


def _opportunity(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "opportunity": draw(st.sampled_from("uvw")),
        "amount": draw(st.sampled_from([None, 100])),
        "closes_at": draw(st.sampled_from([None, T + 90 * DAY])),
    }


def _changed(draw: st.DrawFn) -> dict[str, Any]:
    return draw(
        st.sampled_from(
            [
                {"seniority": "vp"},
                {"seniority": None},
                {"role": "legal"},
                {"role": "buyer"},
                {"employees": 80},
            ]
        )
    )


Draw = Callable[[st.DrawFn], dict[str, Any]]
WATERFALL_KINDS: dict[str, Draw] = {
    "form_filled": _form,
    "web_visit": lambda draw: {"page": draw(st.sampled_from(["/", "/pricing"]))},
    "score_given": lambda draw: {"points": draw(st.sampled_from([-50, 10, 40, 70]))},
    "owner_changed": lambda draw: {"owner": draw(st.sampled_from(["sdr.north", "bot"]))},
    "sales_touched": lambda draw: {},
    "sales_rejected": _reason,
    "disqualify": lambda draw: {},
    "reinstate": lambda draw: {},
    "changed": _changed,
    "opportunity_opened": _opportunity,
    "opportunity_changed": _opportunity,
    "opportunity_won": _opportunity,
    "opportunity_lost": _opportunity,
}
SMALL_KINDS: dict[str, Draw] = {
    "go": lambda draw: {},
    "jump": lambda draw: {},
    "off": lambda draw: {},
    "again": lambda draw: {},
    "changed": lambda draw: draw(
        st.sampled_from(
            [{"ready": True}, {"ready": False}, {"level": 1}, {"level": 3}, {"level": -1}]
        )
    ),
}
MODELS: tuple[tuple[Model, dict[str, Draw]], ...] = (
    (WATERFALL, WATERFALL_KINDS),
    (SMALL, SMALL_KINDS),
)
CREATED: dict[str, list[dict[str, Any]]] = {
    "waterfall": [{}, {"created_by": "sales"}, {"role": "legal"}, {"seniority": "vp"}],
    "small": [{}, {"start": "b", "level": 2}, {"start": "x"}, {"ready": True}],
}
#: Close together, at one instant, and far apart.
GAPS = st.sampled_from([timedelta(0), SECOND, timedelta(seconds=40), HOUR, DAY, 15 * DAY, 95 * DAY])


@st.composite
def logs(draw: st.DrawFn, persons: int = 1) -> tuple[Model, list[Activity]]:
    """A model and a log in the order of events, without lateness; ``created`` first."""
    model, kinds = draw(st.sampled_from(MODELS))
    found: list[Activity] = []
    for person in "pqr"[:persons]:
        at = T
        created = draw(st.sampled_from(CREATED[model.name]))
        found.append(Activity("created", person, "created", at, created))
        for number in range(draw(st.integers(0, 12))):
            kind = draw(st.sampled_from(sorted(kinds)))
            at += draw(GAPS)
            found.append(Activity(f"{number:02}", person, kind, at, kinds[kind](draw)))
    return model, found


END = T + 3000 * DAY


def run(model: Model, log: list[Activity]) -> Lifecycle:
    lifecycle = Lifecycle(model)
    lifecycle.replay(log)
    lifecycle.tick(END)
    return lifecycle


def told(lifecycle: Lifecycle, person: str = "p") -> tuple[HistoryRow, ...]:
    return lifecycle.person(person).history


@settings(max_examples=60, deadline=None)
@given(logs())
def test_s6_forward_only_within_a_journey_and_s25_rows_chain(
    given: tuple[Model, list[Activity]],
) -> None:
    model, log = given
    rows = told(run(model, log))
    check_chain(rows)
    assert rows[0].to_stage == model.initial.name
    assert [row.kind for row in rows].count("enter") == 1
    rank = -1
    for row in rows:
        if row.kind == "return":
            assert row.from_stage not in model.ranks
            assert model.ranks[row.to_stage] >= 1
        elif row.kind == "detour":
            assert row.to_stage not in model.ranks
            continue
        else:
            assert model.ranks[row.to_stage] > rank
        if row.kind == "step":
            assert model.ranks[row.to_stage] == rank + 1
        if row.kind == "fast_track":
            names = tuple(stage.name for stage in model.path)
            assert row.passed_over == names[rank + 1 : model.ranks[row.to_stage]] != ()
        rank = model.ranks[row.to_stage]
    edges = {(edge.name, edge.source, edge.target) for edge in (*model.edges, *model.sort_edges)}
    assert {(row.rule, row.from_stage, row.to_stage) for row in rows[1:]} <= edges


@settings(max_examples=60, deadline=None)
@given(logs())
def test_s6_journeys_count_returns(given: tuple[Model, list[Activity]]) -> None:
    model, log = given
    journey = 1
    lifecycle = run(model, log)
    for row in told(lifecycle):
        journey += row.kind == "return"
        assert row.journey == journey
    person = lifecycle.person("p")
    assert person.journey == journey
    starts = [row.now for row in person.history if row.journey == journey]
    assert person.journey_started_at == starts[0]


@settings(max_examples=60, deadline=None)
@given(logs())
def test_s7_a_row_names_the_trigger_of_its_move_and_a_system_move_has_none(
    given: tuple[Model, list[Activity]],
) -> None:
    model, log = given
    asked = {edge.name: edge.on for edge in model.edges}
    for row in told(run(model, log)):
        assert row.trigger == asked.get(row.rule)


@settings(max_examples=60, deadline=None)
@given(logs(), st.booleans())
def test_s25_stamps_equal_a_recount(given: tuple[Model, list[Activity]], open_end: bool) -> None:
    model, log = given
    rows = told(run(model, log))
    until = END if open_end else None
    found = stamps(rows, until)
    first: dict[str, datetime] = {}
    latest: dict[str, datetime] = {}
    visits: dict[str, int] = {}
    total: dict[str, timedelta] = {}
    for number, row in enumerate(rows):
        stage = row.to_stage
        first.setdefault(stage, row.now)
        latest[stage] = row.now
        visits[stage] = visits.get(stage, 0) + 1
        if number + 1 < len(rows):
            end = rows[number + 1].now
        else:
            end = until or row.now
        total[stage] = total.get(stage, timedelta(0)) + (end - row.now)
    assert {one: (s.first, s.latest, s.visits, s.total) for one, s in found.items()} == {
        one: (first[one], latest[one], visits[one], total[one]) for one in first
    }
    assert list(found) == list(first)


@settings(max_examples=60, deadline=None)
@given(logs(), st.data())
def test_s19_duplicates_change_nothing(
    given: tuple[Model, list[Activity]], data: st.DataObject
) -> None:
    model, log = given
    doubled: list[Activity] = []
    for number, activity in enumerate(log):
        doubled.append(activity)
        doubled += data.draw(st.lists(st.sampled_from(log[: number + 1]), max_size=2))
    once, twice = run(model, log), run(model, doubled)
    assert slots(once.person("p")) == slots(twice.person("p"))


class Injected(Exception):
    """What goes wrong in the middle of something."""


@settings(max_examples=60, deadline=None)
@given(logs(), st.data())
def test_s11_an_exception_anywhere_leaves_the_person_as_before(
    given: tuple[Model, list[Activity]], data: st.DataObject
) -> None:
    """The n-th hop of a run fails, before or after it was made; nothing of its activity stays,
    and once it goes well the history is that of an untroubled run with the same lateness."""
    model, log = given
    after = data.draw(st.booleans())
    left = data.draw(st.integers(1, 12))
    original = LeanTransition.make

    def fails(self: LeanTransition, *arguments: Any) -> Any:
        nonlocal left
        left -= 1
        if left == 0 and not after:
            raise Injected
        result = original(self, *arguments)
        if left == 0:
            raise Injected
        return result

    orchestrator = Orchestrator(model)
    LeanTransition.make = fails  # type: ignore[assignment, method-assign]
    try:
        for activity in log:
            person = orchestrator.people.get("p")
            if person is None:
                orchestrator.apply(activity)
                continue
            if person._due is not None:
                orchestrator.tick(activity.at - SECOND / 1_000_000)
            if left <= 0:
                break
            before = slots(person)
            rows = person.history
            decision = orchestrator.apply(activity)
            if decision.result == "parked":
                assert decision.rows == ()
                assert slots(person) == before
                assert [one.activity for one in orchestrator.parked["p"]] == [activity]
                assert orchestrator.retry(activity.at)[0].result != "parked"
                assert not orchestrator.parked
                break
            assert person.history[: len(rows)] == rows
    finally:
        LeanTransition.make = original  # type: ignore[method-assign]
    check_chain(orchestrator.people["p"].history)


@settings(max_examples=60, deadline=None)
@given(logs())
def test_s14_no_interim_stage_of_a_deferred_trigger_is_stamped(
    given: tuple[Model, list[Activity]],
) -> None:
    """Until the sort there is one row; then the sort's own target, and all of it at one instant."""
    model, log = given
    lifecycle = run(model, log)
    rows = told(lifecycle)
    sorted_at = T + model.settle
    assert rows[1].now == sorted_at
    assert rows[1].from_stage == model.initial.name
    assert rows[1].rule in {rule.name for rule in model.sort}
    assert all(row.now >= sorted_at for row in rows[1:])
    waited = {one.id for one in log[1:] if one.at <= sorted_at}
    for row in rows[2:]:
        if row.activity in waited:
            assert row.now == sorted_at


@settings(max_examples=60, deadline=None)
@given(logs(persons=3), st.randoms(use_true_random=False))
def test_s19_without_lateness_arrival_order_and_event_order_are_the_same(
    given: tuple[Model, list[Activity]], random: Any
) -> None:
    model, log = given
    queues = {one: [a for a in log if a.person == one] for one in "pqr"}
    arrival: list[Activity] = []
    while any(queues.values()):
        person = random.choice([one for one, waiting in queues.items() if waiting])
        arrival.append(queues[person].pop(0))
    one, other = run(model, arrival), run(model, by_event(log))
    for person in "pqr":
        assert told(one, person) == told(other, person)
        assert slots(one.person(person)) == slots(other.person(person))


@settings(max_examples=60, deadline=None)
@given(logs(), st.data())
def test_s20_any_schedule_of_ticks_gives_the_same_history(
    given: tuple[Model, list[Activity]], data: st.DataObject
) -> None:
    model, log = given
    near = [timedelta(0), timedelta(microseconds=1), SECOND, HOUR, 20 * DAY, 90 * DAY, -HOUR]
    ticks = sorted(
        one.at + gap
        for one, gap in data.draw(
            st.lists(st.tuples(st.sampled_from(log), st.sampled_from(near)), max_size=20)
        )
    )
    often = Lifecycle(model)
    for activity in log:
        # A tick says that this time has come: everything before it has been applied.
        while ticks and ticks[0] < activity.at:
            often.tick(ticks.pop(0))
        often.apply(activity)
    for tick in [*ticks, END]:
        often.tick(tick)
    assert slots(often.person("p")) == slots(run(model, log).person("p"))


@settings(max_examples=60, deadline=None)
@given(logs(), st.integers(0, 12), st.booleans())
def test_s14_a_log_that_was_kept_replays_to_the_same_history(
    given: tuple[Model, list[Activity]], when: int, expected: bool
) -> None:
    model, log = given
    kept: list[Activity] = []
    live = Lifecycle(model, log=kept.append)
    if expected:
        live.expect_processed(["p"])
    for number, activity in enumerate(log):
        live.apply(activity)
        person = live.person("p")
        if number >= when and person.stage == model.initial.name:
            live.process("p", at=activity.at)
    live.tick(END)
    if live.person("p").stage == model.initial.name:
        live.process("p", at=END)
    again = Lifecycle(model)
    again.replay(kept)
    again.tick(END)
    assert told(again) == told(live)


@settings(max_examples=60, deadline=None)
@given(logs(), st.data())
def test_s19_late_ones_are_flagged_and_keep_their_own_time(
    given: tuple[Model, list[Activity]], data: st.DataObject
) -> None:
    model, log = given
    order = [log[0], *data.draw(st.permutations(log[1:]))]
    lifecycle = Lifecycle(model)
    for activity in order:
        before = lifecycle.person("p").clock if "p" in lifecycle else None
        decision = lifecycle.apply(activity)
        assert decision.at == activity.at
        assert decision.now == max(activity.at, lifecycle.person("p").clock or activity.at)
        if before is not None and activity.at < before:
            assert decision.late
        clock = lifecycle.person("p").clock
        assert clock is not None
        assert before is None or clock >= before
    lifecycle.tick(END)
    rows = told(lifecycle)
    check_chain(rows)
    times = {one.id: one.at for one in log}
    for row in rows:
        assert row.at <= row.now
        if row.activity in times:
            assert row.at == times[row.activity]
