"""How activities come in: duplicates, late ones, unknown persons, order [S19]."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta, timezone

import attrs
import pytest

from lifecycle_fsm import Activity, Decision, Lifecycle, RecordError, load
from lifecycle_fsm.orchestrator import Orchestrator
from lifecycle_fsm.tables import by_event
from tests.machine.small import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    T,
    act,
    admitted,
    check_chain,
    hops,
    move,
    running,
    slots,
    small,
)

# ------------------------------------------------------------------ duplicates


def test_s19_the_same_activity_twice_changes_nothing() -> None:
    orchestrator = Orchestrator(load("waterfall"))
    person = admitted(orchestrator)
    log = [
        act("1", "form_filled", T + HOUR, form="News"),
        act("2", "score_given", T + 2 * HOUR, points=7),
        act("3", "form_filled", T + DAY, form="Hand-Raise: Demo"),
        act("4", "sales_rejected", T + 2 * DAY, reason="no_time"),
    ]
    for activity in log:
        orchestrator.apply(activity)
    before = slots(person)
    for activity in [*log, *reversed(log)]:
        assert orchestrator.apply(activity).result == "duplicate"
    assert slots(person) == before


def test_s19_ids_are_unique_for_a_person_not_for_all() -> None:
    orchestrator = Orchestrator(load("waterfall"))
    for name in "pq":
        admitted(orchestrator, name)
        decision = orchestrator.apply(act("1", "score_given", T + HOUR, person=name, points=5))
        assert decision.result == "unchanged"
        assert orchestrator.people[name].behavior_score == 5


def test_s19_many_ids_are_told_apart() -> None:
    orchestrator = Orchestrator(small(move("go", "a", "b", on="go")))
    person = admitted(orchestrator)
    for number in range(1000):
        assert (
            orchestrator.apply(act(str(number), "score_given", T + HOUR, points=1)).result
            == "unchanged"
        )
    assert person.behavior_score == 1000
    for number in range(1000):
        assert (
            orchestrator.apply(act(str(number), "score_given", T + HOUR, points=1)).result
            == "duplicate"
        )


def test_s19_the_same_instant_in_another_zone_is_the_same_content() -> None:
    orchestrator = Orchestrator(load("waterfall"))
    admitted(orchestrator)
    berlin = timezone(timedelta(hours=2))
    orchestrator.apply(act("1", "web_visit", datetime(2024, 5, 1, 12, tzinfo=berlin)))
    again = act("1", "web_visit", datetime(2024, 5, 1, 10))  # noqa: DTZ001 -- counts as UTC [S4]
    assert orchestrator.apply(again).result == "duplicate"


def test_s19_a_rejected_activity_does_not_use_up_its_id() -> None:
    orchestrator = Orchestrator(load("waterfall"))
    admitted(orchestrator)
    assert orchestrator.apply(act("1", "form_filled", T + HOUR)).result == "rejected"
    assert orchestrator.apply(act("1", "form_filled", T + HOUR, form="News")).result == "unchanged"


def test_s19_a_refused_trigger_has_used_its_id() -> None:
    orchestrator, _ = running(move("go", "a", "b", on="go", when="ready"))
    assert orchestrator.apply(act("1", "go", T + HOUR)).result == "refused"
    orchestrator.apply(act("2", "changed", T + HOUR, ready=True))
    assert orchestrator.apply(act("1", "go", T + HOUR)).result == "duplicate"


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": ""},
        {"id": 7},
        {"person": ""},
        {"person": None},
        {"kind": ""},
        {"at": "yesterday"},
        {"at": 5},
        {"at": None},
    ],
)
def test_s5_an_activity_without_its_parts_is_none(wrong: dict[str, object]) -> None:
    parts = {"id": "1", "person": "p", "kind": "web_visit", "at": T} | wrong
    with pytest.raises(RecordError):
        Activity(**parts)  # type: ignore[arg-type]


# ------------------------------------------------------------------ late ones


def test_s19_a_late_activity_applies_now_and_its_row_keeps_its_own_time_flagged() -> None:
    orchestrator, person = running(move("go", "a", "b", on="go"))
    orchestrator.apply(act("1", "web_visit", T + DAY))
    decision = orchestrator.apply(act("2", "go", T + HOUR))
    assert (decision.at, decision.now, decision.late) == (T + HOUR, T + DAY, True)
    row = person.history[-1]
    assert (row.at, row.now, row.late) == (T + HOUR, T + DAY, True)
    assert person.stage_entered_at == T + DAY
    assert person.clock == T + DAY


def test_s19_an_activity_at_the_clock_is_not_late() -> None:
    orchestrator, person = running(move("go", "a", "b", on="go"))
    orchestrator.apply(act("1", "web_visit", T + DAY))
    assert orchestrator.apply(act("2", "go", T + DAY)).late is False
    assert person.history[-1].late is False


def test_s14_s19_what_happens_at_the_instant_of_a_logged_processed_is_not_late() -> None:
    """``processed`` is an activity like any other; only what was due is later than its instant."""
    orchestrator = Orchestrator(load("waterfall"))
    orchestrator.expect_processed(["p"])
    orchestrator.apply(act("0", "created", T))
    orchestrator.apply(act("1", "processed", T + HOUR, demographic_score=30))
    decision = orchestrator.apply(act("2", "form_filled", T + HOUR, form="Hand-Raise: Demo"))
    assert (decision.result, decision.late) == ("moved", False)


def test_s19_late_data_is_written_with_now_as_the_clock() -> None:
    orchestrator = Orchestrator(load("waterfall"))
    person = admitted(orchestrator, hand_raised=True)
    orchestrator.apply(act("1", "web_visit", T + DAY))
    orchestrator.apply(act("2", "sales_touched", T + HOUR))
    assert person.sales_touched_at == T + DAY
    assert person.stage == "sal"


# ------------------------------------------------------------------ created first


def test_s19_created_comes_first_whatever_its_time() -> None:
    orchestrator = Orchestrator(small(move("go", "a", "b", on="go"), settle=MINUTE))
    log = by_event(
        [act("1", "go", T), act("2", "web_visit", T + HOUR), act("9", "created", T + DAY)]
    )
    assert [one.kind for one in log] == ["created", "go", "web_visit"]
    for activity in log:
        orchestrator.apply(activity)
    orchestrator.tick(T + 2 * DAY)
    person = orchestrator.people["p"]
    assert person.created_at == T + DAY
    assert [(row.to_stage, row.now, row.late) for row in person.history] == [
        ("new", T + DAY, False),
        ("a", T + DAY + MINUTE, False),
        ("b", T + DAY + MINUTE, True),
    ]


# ------------------------------------------------------------------ what waits for the sort

#: Two moves of one stage: which trigger comes first decides where somebody ends.
RACE = small(
    move("up", "a", "b", on="up"),
    move("down", ("a", "b"), "x", on="down"),
    move("out", "x", "y", on="out"),
    settle=MINUTE,
)
#: Triggers by id, second and sequence, as they come; and the order in which they fire.
WAITING: dict[str, tuple[list[tuple[str, str, int, int | None]], str]] = {
    "by instant": ([("1", "up", 3, None), ("2", "down", 2, None)], "down up"),
    "by the value of digits": ([("e10", "down", 2, None), ("e9", "up", 2, None)], "up down"),
    "9 before 10 before 100": (
        [("100", "out", 2, None), ("10", "down", 2, None), ("9", "up", 2, None)],
        "up down out",
    ),
    "by sequence": ([("1", "down", 2, 2), ("2", "up", 2, 1)], "up down"),
    "those without one last": ([("1", "down", 2, None), ("2", "up", 2, 7)], "up down"),
    "texts by code point": ([("b", "down", 2, None), ("B", "up", 2, None)], "up down"),
    "a late one by its own time": ([("1", "down", 9, None), ("2", "up", 2, None)], "up down"),
}


@pytest.mark.parametrize(("came", "fired"), WAITING.values(), ids=WAITING.keys())
@pytest.mark.parametrize("held", [False, True], ids=["in processing", "held before creation"])
def test_s14_s19_deferred_triggers_fire_in_the_order_of_events(
    came: list[tuple[str, str, int, int | None]], fired: str, held: bool
) -> None:
    decisions: list[Decision] = []
    orchestrator = Orchestrator(RACE, record=decisions.append)
    created = act("0", "created", T)
    log = [
        Activity(name, "p", kind, T + second * SECOND, sequence=sequence)
        for name, kind, second, sequence in came
    ]
    for activity in [*log, created] if held else [created, *log]:
        orchestrator.apply(activity)
    decisions.clear()
    orchestrator.tick(T + MINUTE)
    assert [one.kind for one in decisions] == ["processed", *fired.split()]
    assert {one.now for one in decisions} == {T + MINUTE}


#: What happens at the very instant at which ``settle`` is over, in this order, and the stages.
AT_SETTLE: dict[str, tuple[str, list[str]]] = {
    "settle comes behind its instant": ("up tick", ["a", "b"]),
    "and what comes then is late": ("tick up", ["a", "b"]),
    "a processed of the log sorts at once": ("processed up tick", ["a", "b"]),
    "also behind others of its instant": ("up processed tick", ["a", "b"]),
    "and settle sorts nobody again": ("processed tick down", ["a", "x"]),
    "the log's brings fields where settle stood in for it": ("tick processed", ["a"]),
}


@pytest.mark.parametrize(("way", "stages"), AT_SETTLE.values(), ids=AT_SETTLE.keys())
def test_s14_s19_at_the_instant_of_settle(way: str, stages: list[str]) -> None:
    log: list[Activity] = []
    live = Lifecycle(RACE, log=log.append)
    live.apply(act("0", "created", T))
    late = {}
    for kind in way.split():
        if kind == "tick":
            live.tick(T + MINUTE)
        else:
            brought = {"company": "Acme"} if kind == "processed" else {}
            late[kind] = live.apply(act(kind, kind, T + MINUTE, **brought)).late
    person = live.person("p")
    assert [row.to_stage for row in person.history][1:] == stages
    assert late.get("up", False) is (way == "tick up")
    assert person.company == ("Acme" if "processed" in way else None)
    ended = [one.id for one in log if one.kind == "processed"]
    settled = way.startswith("tick") or "processed" not in way
    assert ended == ["processed:settled"] * settled + ["processed"] * ("processed" in way)
    again = Lifecycle(RACE)
    again.replay(log)
    assert again.person("p").history == person.history


@pytest.mark.parametrize("ticked", [False, True])
def test_s20_a_processed_behind_settle_brings_fields_however_often_ticks_came(
    ticked: bool,
) -> None:
    orchestrator = Orchestrator(RACE)
    orchestrator.apply(act("0", "created", T))
    if ticked:
        orchestrator.tick(T + HOUR)
    decision = orchestrator.apply(act("end", "processed", T + HOUR, company="Acme"))
    person = orchestrator.people["p"]
    assert decision.result == "unchanged"
    assert (person.company, person.history[-1].now) == ("Acme", T + MINUTE)
    assert len(person.history) == 2


# ------------------------------------------------------------------ persons whom nobody created


def test_s19_activities_of_an_unknown_person_are_held_and_applied_once_it_is_created() -> None:
    recorded: list[Decision] = []
    orchestrator = Orchestrator(load("waterfall"), record=recorded.append)
    early = [
        act("2", "sales_touched", T + 2 * HOUR),
        act("1", "form_filled", T + HOUR, form="Hand-Raise: Demo"),
        act("3", "sales_rejected", T + DAY, reason="no_time"),
    ]
    for activity in early:
        decision = orchestrator.apply(activity)
        assert decision.result == "held"
        assert "'p'" in decision.reason
    assert [one.id for one in orchestrator.held["p"]] == ["2", "1", "3"]
    orchestrator.apply(act("0", "created", T))
    assert not orchestrator.held
    person = orchestrator.people["p"]
    assert hops(person)[1:] == [
        ("processing", "mal", "everybody_else"),
        ("mal", "mql", "qualified_by_hand_raise"),
        ("mql", "sal", "accepted"),
        ("sal", "recycled", "recycled_by_sales"),
    ]
    assert [one.result for one in recorded[:3]] == ["held"] * 3
    assert [one.kind for one in recorded[3:]] == [
        "created",
        "processed",
        "form_filled",
        "sales_touched",
        "sales_rejected",
    ]
    check_chain(person.history)


def test_s19_whatever_order_they_are_held_in_the_history_is_the_same() -> None:
    log = [  # by time, and of one instant by id, which is not their order by id alone
        act("d", "form_filled", T + HOUR, form="Hand-Raise: Demo"),
        act("e", "sales_touched", T + HOUR),
        act("c", "opportunity_opened", T + DAY, opportunity="o", amount=5, closes_at=T + 9 * DAY),
        act("a", "opportunity_lost", T + 2 * DAY, opportunity="o"),
    ]
    found = set()
    for order in itertools.permutations(log):
        orchestrator = Orchestrator(load("waterfall"))
        for activity in (*order, act("0", "created", T)):
            orchestrator.apply(activity)
        found.add(orchestrator.people["p"].history)
    assert len(found) == 1
    (history,) = found
    assert [row.to_stage for row in history][-4:] == ["mql", "sal", "sql", "recycled"]
    assert [row.activity for row in history][-4:] == ["d", "e", "c", "a"]
    assert not any(row.late for row in history)


def test_s19_of_two_held_with_one_id_the_first_that_came_counts() -> None:
    orchestrator = Orchestrator(load("waterfall"))
    assert orchestrator.apply(act("1", "score_given", T + DAY, points=3)).result == "held"
    assert orchestrator.apply(act("1", "score_given", T + HOUR, points=5)).result == "rejected"
    orchestrator.apply(act("0", "created", T))
    assert orchestrator.people["p"].behavior_score == 3


def test_s22_an_opportunity_won_before_the_person_was_created() -> None:
    orchestrator = Orchestrator(load("waterfall"))
    orchestrator.apply(act("1", "opportunity_won", T - 30 * DAY, opportunity="o", amount=5))
    orchestrator.apply(act("0", "created", T))
    orchestrator.tick(T + DAY)
    person = orchestrator.people["p"]
    assert hops(person)[1:] == [("processing", "customer", "customers_contact")]
    assert person.won_opportunities == 1
    assert person.history[-1].credit is False


def test_s19_a_held_activity_that_does_not_fit_is_rejected_when_it_is_let_go() -> None:
    recorded: list[Decision] = []
    orchestrator = Orchestrator(load("waterfall"), record=recorded.append)
    orchestrator.apply(act("1", "form_filled", T + HOUR))
    orchestrator.apply(act("2", "web_visit", T + HOUR))
    orchestrator.apply(act("0", "created", T))
    found = {one.activity: one.result for one in recorded if one.result != "held"}
    assert (found["1"], found["2"]) == ("rejected", "unchanged")


def test_s19_a_creation_that_is_rejected_keeps_what_is_held() -> None:
    orchestrator = Orchestrator(load("waterfall"))
    orchestrator.apply(act("1", "web_visit", T + HOUR))
    assert orchestrator.apply(act("0", "created", T, employes=3)).result == "rejected"
    assert len(orchestrator.held["p"]) == 1
    assert orchestrator.apply(act("0", "created", T, employees=3)).result == "moved"
    assert not orchestrator.held


def test_s19_persons_do_not_touch_each_other() -> None:
    orchestrator = Orchestrator(load("waterfall"))
    for name in "pq":
        admitted(orchestrator, name)
    before = slots(orchestrator.people["q"])
    orchestrator.apply(act("1", "form_filled", T + SECOND, form="Hand-Raise: Demo"))
    assert orchestrator.people["p"].stage == "mql"
    assert slots(orchestrator.people["q"]) == before


def test_s19_the_same_values_in_another_spelling_are_the_same_activity() -> None:
    lifecycle = Lifecycle("waterfall")
    lifecycle.admit("ann", at="2024-05-01T09:00Z")
    first = {"opportunity": "o", "amount": 5, "closes_at": "2024-06-01T00:00:00+02:00"}
    again = {"opportunity": "o", "amount": "5.0", "closes_at": "2024-05-31T22:00:00Z"}
    at = "2024-05-02T09:00Z"
    opened = Activity("k", "ann", "opportunity_opened", at, first)
    assert lifecycle.apply(opened).result == "moved"
    assert lifecycle.apply(attrs.evolve(opened, payload=again)).result == "duplicate"


def test_r38_a_reason_of_an_earlier_asking_does_not_decide() -> None:
    lifecycle = Lifecycle("waterfall")
    lifecycle.admit("ann", at="2024-05-01T09:00Z", hand_raised=True)
    at = "2024-05-02T09:00Z"
    lifecycle.apply("ann", "lead_status_changed", at=at, status="open", reason="no_time")
    assert lifecycle.person("ann").rejection_reason == "no_time"
    assert lifecycle.apply("ann", "sales_rejected", at=at).result == "refused"
    assert lifecycle.apply("ann", "sales_rejected", at=at, reason="no_time").result == "moved"
