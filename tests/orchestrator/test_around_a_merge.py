"""Around a merge: what comes behind it, what waited, what was due, and what goes wrong [S23]."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from lifecycle_fsm import Activity, DataRule, Decision, Lifecycle, ScoreRule
from lifecycle_fsm.model import AlertRule, AssignmentRule, Deadline, Decay
from lifecycle_fsm.orchestrator import Orchestrator
from tests.machine.small import DAY, HOUR, HUGE, MINUTE, TOO_LARGE, T, act, hops, move, slots, small
from tests.orchestrator.merges import ASKING, FULL, MERGED, created, deal, merge, pair

# ------------------------------------------------------------------ behind a merge


def test_s23_later_activities_of_the_loser_are_the_survivors() -> None:
    orchestrator, person, loser = pair(moves=(move("go", "a", "b", on="go"),))
    merge(orchestrator)
    closed = slots(loser)
    decision = orchestrator.apply(act("1", "go", MERGED + HOUR, "q"))
    assert (decision.person, decision.result, person.stage) == ("p", "moved", "b")
    assert (person.history[-1].person, person.history[-1].activity) == ("p", "1")
    assert {**slots(loser), "_seen": closed["_seen"]} == closed


@pytest.mark.parametrize(
    ("kind", "payload", "result", "said"),
    [
        ("created", {}, "rejected", "q was created already"),
        ("processed", {}, "rejected", "q was sorted already"),
    ],
)
def test_s23_what_only_a_record_of_its_own_can_have(
    kind: str, payload: dict[str, Any], result: str, said: str
) -> None:
    orchestrator, person, _ = pair()
    merge(orchestrator)
    before = {**slots(person), "_seen": None}
    decision = orchestrator.apply(act("1", kind, MERGED + HOUR, "q", **payload))
    assert (decision.result, decision.reason) == (result, said)
    assert {**slots(person), "_seen": None} == before


def test_s19_the_same_activity_of_another_record_is_a_duplicate() -> None:
    """A CRM that merges two records gives the one what the other had."""
    orchestrator, person, _ = pair(scoring=(ScoreRule(name="v", on="web_visit", points=5),))
    created(orchestrator, "r", "a")
    visit = Activity("1", "q", "web_visit", T + HOUR)
    orchestrator.apply(visit)
    orchestrator.apply(Activity("2", "r", "web_visit", T + HOUR))
    merge(orchestrator)
    merge(orchestrator, "r", MERGED + HOUR, "m2", "q")
    for name, whose in (("1", "p"), ("1", "r"), ("2", "p"), ("2", "q"), ("1", "q")):
        again = Activity(name, whose, "web_visit", T + HOUR)
        assert orchestrator.apply(again).result == "duplicate", (name, whose)
    assert person.behavior_score == 5


def test_s19_that_holds_for_records_that_came_by_way_of_others() -> None:
    orchestrator, person, _ = pair(scoring=(ScoreRule(name="v", on="web_visit", points=5),))
    created(orchestrator, "r", "a")
    orchestrator.apply(Activity("1", "r", "web_visit", T + HOUR))
    merge(orchestrator, "r", MERGED, "m1", "q")
    merge(orchestrator, "q", MERGED + HOUR, "m2", "p")
    for whose in "pq":
        again = Activity("1", whose, "web_visit", T + HOUR)
        assert orchestrator.apply(again).result == "duplicate"
    assert person.behavior_score == 5


def test_s19_the_same_id_of_another_record_with_other_content_is_another_activity() -> None:
    orchestrator, person, _ = pair(
        scoring=(ScoreRule(name="v", on="web_visit", points=5),),
        alerts=(AlertRule(name="seen", on="web_visit", send="task", to="'desk'"),),
    )
    merge(orchestrator)
    ids = []
    for whose, hour in (("p", 1), ("q", 2)):
        decision = orchestrator.apply(act("1", "web_visit", MERGED + hour * HOUR, whose))
        assert decision.result == "unchanged"
        ids += [one.id for one in decision.requests]
    assert person.behavior_score == 10
    # And what is asked for because of the one is not taken for what the other asks for.
    assert ids == ["p/seen/1", "p/seen/q/1"]
    reused = orchestrator.apply(act("1", "web_visit", MERGED + 9 * HOUR, "q"))
    assert (reused.result, person.behavior_score) == ("rejected", 10)


def test_s23_asking_the_closed_record_moves_the_person() -> None:
    lifecycle = Lifecycle(small(move("go", "a", "b", on="go")))
    person, loser = lifecycle.admit("p", at=T), lifecycle.admit("q", at=T)
    lifecycle.apply("p", "merged", at=T + HOUR, loser="q")
    loser.fire("go", at=T + DAY)
    assert (person.stage, loser.stage) == ("b", "")
    lifecycle.tick(T + 900 * DAY)
    assert loser.history[-1].to_stage == ""


# ------------------------------------------------------------------ who is not there yet


def test_s23_a_loser_who_does_not_exist_yet_holds_the_merge() -> None:
    orchestrator = Orchestrator(small(settle=DAY))
    person = created(orchestrator, "p", "a")
    decision = merge(orchestrator)
    assert (decision.result, decision.person) == ("held", "p")
    assert [one.id for one in orchestrator.held["q"]] == ["m"]
    assert merge(orchestrator).result == "duplicate"
    orchestrator.apply(act("1", "changed", T + 2 * DAY, company="Acme"))
    orchestrator.apply(Activity("created", "q", "created", T + DAY, {"level": 4, "country": "DE"}))
    assert not orchestrator.held
    assert orchestrator.merged == {"q": "p"}
    # At its own time, which is later than the creation of either.
    assert (person.history[-1].now, person.country, person.company) == (MERGED, "DE", "Acme")


@pytest.mark.parametrize(
    ("activity", "result"),
    [
        (act("m", "merged", MERGED, loser="q"), "duplicate"),
        (act("m", "merged", MERGED, loser="p"), "rejected"),
        (act("m", "merged", MERGED, loser="r"), "rejected"),
        (act("m", "merged", MERGED + HOUR, loser="q"), "rejected"),
        (act("m", "web_visit", MERGED), "rejected"),
        (act("n", "web_visit", MERGED), "unchanged"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.kind,
)
def test_s19_the_id_of_a_merge_that_is_held_is_taken(activity: Activity, result: str) -> None:
    orchestrator = Orchestrator(small())
    created(orchestrator, "p", "a")
    assert merge(orchestrator).result == "held"
    decision = orchestrator.apply(activity)
    assert (decision.result, decision.stage) == (result, "a")
    created(orchestrator, "q", "new")
    assert orchestrator.merged == {"q": "p"}
    # What has been applied is as known as what is held.
    assert orchestrator.apply(activity).result == ("duplicate" if result == "unchanged" else result)


def test_s23_a_merge_of_two_who_do_not_exist_yet() -> None:
    for order in ("pq", "qp"):
        orchestrator = Orchestrator(small())
        assert merge(orchestrator).result == "held"
        for name in order:
            assert orchestrator.merged == {}
            orchestrator.apply(Activity("created", name, "created", T, {}))
        assert orchestrator.merged == {"q": "p"}
        assert not orchestrator.held


# ------------------------------------------------------------------ in processing


def test_s14_what_waited_for_the_sort_of_the_loser_fires_in_the_survivors_stage() -> None:
    orchestrator, person, _ = pair("b", "new", moves=ASKING, mine={"level": 1})
    orchestrator.apply(act("1", "go", T + HOUR, "q"))
    orchestrator.apply(act("2", "on", T + 2 * HOUR, "q"))
    seen: list[Decision] = []
    orchestrator._record = seen.append
    decision = merge(orchestrator)
    assert hops(person)[-2:] == [("b", "b", "merged"), ("b", "c", "on")]
    row = person.history[-1]
    assert (row.activity, row.trigger, row.at, row.now, row.late) == (
        "2",
        "on",
        T + 2 * HOUR,
        MERGED,
        False,
    )
    assert decision.result == "unchanged"
    assert [(one.person, one.kind, one.result, one.reason[:15]) for one in seen] == [
        ("p", "merged", "unchanged", ""),
        ("q", "merged", "moved", "merged into p"),
        ("p", "go", "no_such_move", "after the merge"),
        ("p", "on", "moved", "after the merge"),
    ]


def test_s14_what_waited_for_the_survivors_own_sort_fires_in_the_stage_of_the_loser() -> None:
    orchestrator, person, _ = pair("new", "c", moves=ASKING)
    orchestrator.apply(act("1", "off", T + HOUR, "p"))
    merge(orchestrator)
    assert hops(person)[-2:] == [("new", "c", "merged"), ("c", "x", "off")]
    assert orchestrator.tick(T + 200 * DAY) == []  # no sort comes any more


def test_s14_two_who_wait_are_sorted_once_and_both_askings_fire_in_order() -> None:
    orchestrator, person, loser = pair("new", "new", moves=ASKING, mine={"start": "a"})
    orchestrator.apply(act("9", "go", T + HOUR, "q"))
    orchestrator.apply(act("1", "on", T + 2 * HOUR, "p"))
    orchestrator.apply(act("1", "changed", T + 3 * HOUR, "q", level=1, start="a"))
    decision = merge(orchestrator, at=T + DAY)
    assert (decision.result, person.stage) == ("unchanged", "new")
    assert hops(person)[1:] == [("new", "new", "merged")]
    assert loser.history[-1].to_stage == ""
    orchestrator.apply(act("2", "changed", T + 2 * DAY, level=1, start="a"))
    found = orchestrator.tick(T + 90 * DAY)
    assert [(one.person, one.kind, one.result) for one in found] == [
        ("p", "processed", "moved"),
        ("p", "go", "moved"),
        ("p", "on", "moved"),
    ]
    assert [row.to_stage for row in person.history] == ["new", "new", "a", "b", "c"]
    assert orchestrator.tick(T + 900 * DAY) == []


def test_s14_alerts_that_waited_are_asked_for_at_the_merge() -> None:
    """Of both, under ids of their own."""
    orchestrator, person, _ = pair(
        "new",
        "new",
        alerts=(AlertRule(name="seen", on="web_visit", send="task", to="'desk'"),),
        mine={"start": "a"},
    )
    third = created(orchestrator, "r", "b")
    for whose in "pq":
        orchestrator.apply(act("1", "web_visit", T + HOUR, whose))
    merge(orchestrator, at=T + DAY)
    decision = merge(orchestrator, "p", T + 2 * DAY, "m2", "r")
    assert [one.id for one in decision.requests] == ["r/seen/p/1", "r/seen/q/1"]
    assert (third.stage, person.stage) == ("b", "")


def test_s23_the_end_of_processing_of_a_folded_record_brings_its_fields() -> None:
    orchestrator, person, _ = pair("a", "new")
    orchestrator.expect_processed(["q"])
    merge(orchestrator)
    known = len(person.history)
    decision = orchestrator.apply(act("processed", "processed", MERGED + DAY, "q", level=5))
    assert (decision.result, person.level) == ("unchanged", 5)  # type: ignore[attr-defined]
    assert len(person.history) == known


def test_s13_a_parked_record_that_is_folded_is_parked_no_more() -> None:
    orchestrator, person, _ = pair(
        "a",
        "new",
        data=(DataRule(name="fails", on="processed", then=TOO_LARGE),),
        yours={"big": HUGE},
        settle=DAY,
    )
    orchestrator.tick(T + 2 * DAY)
    assert list(orchestrator.parked) == ["q"]
    merge(orchestrator)
    assert not orchestrator.parked
    assert orchestrator.retry(MERGED + DAY) == []
    assert person.stage == "a"


def test_s13_a_parked_survivor_who_takes_a_stage_over_needs_no_sort_any_more() -> None:
    orchestrator, person, _ = pair(
        "new",
        "b",
        data=(DataRule(name="fails", on="processed", when="big > 1.0", then=TOO_LARGE),),
        mine={"big": HUGE},
        settle=DAY,
    )
    orchestrator.tick(T + 2 * DAY)
    assert list(orchestrator.parked) == ["p"]
    merge(orchestrator)
    assert not orchestrator.parked
    assert hops(person) == [(None, "new", "created"), ("new", "b", "merged")]


def unlucky_pair() -> Orchestrator:
    """Two records for whom ``go`` fails: an activity of the same id is parked of each."""
    orchestrator, _, _ = pair(
        moves=(move("go", "a", "b", on="go", then=TOO_LARGE),),
        mine={"big": HUGE},
        yours={"big": HUGE},
    )
    orchestrator.apply(act("1", "go", T + HOUR))
    orchestrator.apply(act("1", "go", T + 2 * HOUR, "q"))
    return orchestrator


def parked_of(orchestrator: Orchestrator) -> list[tuple[str, str]]:
    parked = [parked.activity for lot in orchestrator.parked.values() for parked in lot]
    return sorted((each.person, each.id) for each in parked if each is not None)


def test_s19_each_record_keeps_its_parked_activity_when_both_have_the_same_id() -> None:
    orchestrator = unlucky_pair()
    merge(orchestrator)
    for _ in range(2):
        assert parked_of(orchestrator) == [("p", "1"), ("q", "1")]
        assert {made.result for made in orchestrator.retry(MERGED + HOUR)} == {"parked"}


def test_s11_what_was_parked_before_a_merge_and_comes_again_is_parked_no_more() -> None:
    orchestrator = unlucky_pair()
    merge(orchestrator)
    orchestrator.apply(act("2", "changed", MERGED + DAY, big=1.0))
    assert orchestrator.apply(act("1", "go", T + 2 * HOUR, "q")).result == "moved"
    assert parked_of(orchestrator) == [("p", "1")]
    orchestrator.retry(MERGED + 2 * DAY)
    assert not orchestrator.parked


# ------------------------------------------------------------------ requests that wait


CALL = AlertRule(name="call", entering=("a", "b"), send="task", to="'desk'", links_to_crm=True)


def test_s24_what_waited_for_the_loser_is_superseded_and_the_survivors_waits_on() -> None:
    seen: list[Decision] = []
    orchestrator, _, _ = pair(alerts=(CALL,))
    orchestrator._record = seen.append
    merge(orchestrator)
    assert [(one.id, one.state) for each in seen for one in each.requests] == [
        ("q/call/processed", "superseded")
    ]
    decision = orchestrator.apply(act("1", "crm_synced", MERGED + DAY))
    assert [(one.id, one.state) for one in decision.requests] == [("p/call/processed", "released")]


def test_s24_a_loser_whom_the_crm_knows_releases_what_waits_for_the_survivor() -> None:
    orchestrator, _, _ = pair(alerts=(CALL,), yours={"crm_synced_at": T})
    decision = merge(orchestrator)
    assert [(one.id, one.state) for one in decision.requests] == [("p/call/processed", "released")]


def asked(decision: Decision) -> list[tuple[str, str]]:
    return [(one.id, one.state) for one in decision.requests]


def test_s24_with_a_stage_the_survivor_takes_over_what_its_entry_asked_for() -> None:
    orchestrator, _, _ = pair("a", "b", alerts=(CALL,))
    assert asked(merge(orchestrator)) == [
        ("p/call/processed", "superseded"),
        ("p/call/q/processed", "held"),
    ]
    decision = orchestrator.apply(act("1", "crm_synced", MERGED + DAY))
    assert asked(decision) == [("p/call/q/processed", "released")]


@pytest.mark.parametrize(("synced", "state"), [({}, "held"), ({"crm_synced_at": T}, "released")])
def test_s24_it_sees_who_is_assigned_by_the_merge(synced: dict[str, Any], state: str) -> None:
    orchestrator, _, _ = pair(
        alerts=(
            AlertRule(
                name="seen", on="web_visit", send="task", to="assigned_to", links_to_crm=True
            ),
        ),
        assignment=(AssignmentRule(name="who", on="merged", to="'ada'"),),
        mine=synced,
    )
    orchestrator.apply(act("1", "web_visit", T + HOUR, "q"))
    assert [(one.state, one.to) for one in merge(orchestrator).requests] == [(state, "ada")]


def test_s24_it_goes_out_at_once_where_the_crm_knows_the_survivor() -> None:
    orchestrator, _, _ = pair("a", "b", alerts=(CALL,), mine={"crm_synced_at": T})
    assert asked(merge(orchestrator)) == [("p/call/q/processed", "released")]


def test_s24_it_is_superseded_where_the_survivor_goes_on_at_once() -> None:
    orchestrator, person, _ = pair(
        "a",
        "b",
        alerts=(CALL,),
        moves=(move("up", "b", "c", when="level >= 1"),),
        merging={"level": "max"},
        mine={"level": 1},
    )
    merge(orchestrator)
    assert person.stage == "c"
    decision = orchestrator.apply(act("1", "crm_synced", MERGED + DAY))
    assert ("p/call/q/processed", "superseded") in asked(decision)


@pytest.mark.parametrize(("ours", "theirs"), [("a", "a"), ("b", "a"), ("a", "b")])
def test_s24_what_an_activity_of_the_loser_asked_for_waits_on(ours: str, theirs: str) -> None:
    rule = AlertRule(name="raised", on="form_filled", send="task", to="'desk'", links_to_crm=True)
    orchestrator, _, _ = pair(ours, theirs, alerts=(rule,))
    orchestrator.apply(act("f", "form_filled", T + DAY, "q", form="Hand-Raise: Demo"))
    assert asked(merge(orchestrator)) == [("p/raised/q/f", "held")]
    decision = orchestrator.apply(act("1", "crm_synced", MERGED + DAY))
    assert asked(decision) == [("p/raised/q/f", "released")]


# ------------------------------------------------------------------ time


def test_s20_what_was_due_for_either_before_the_merge_comes_before_it() -> None:
    orchestrator, person, loser = pair(
        moves=(move("grown", "a", "b", when="days in stage >= 3 and ready"),),
        decay=(Decay(name="fade", every=DAY, since="created_at", then={"level": "level - 1"}),),
        merging={"level": "sum"},
        mine={"level": 100},
        yours={"level": 100, "ready": True},
    )
    merge(orchestrator)
    assert hops(loser)[-2:] == [("a", "b", "grown"), ("b", "", "merged")]
    assert loser.history[-2].now == T + 3 * DAY
    # Nine days each; the tenth is the instant of the merge itself, which comes first.
    assert person.level == 91 + 91  # type: ignore[attr-defined]
    assert [one.now for one in orchestrator.tick(MERGED)] == [MERGED]


def test_s19_a_merge_that_comes_late_happens_at_the_later_clock_of_the_two() -> None:
    for whose in "pq":
        orchestrator, person, loser = pair()
        orchestrator.apply(act("1", "web_visit", MERGED + DAY, whose))
        decision = merge(orchestrator)
        assert (decision.late, decision.at, decision.now) == (True, MERGED, MERGED + DAY)
        for row in (person.history[-1], loser.history[-1]):
            assert (row.at, row.now, row.late) == (MERGED, MERGED + DAY, True)
        assert orchestrator.apply(act("2", "web_visit", MERGED + HOUR)).late


def test_s19_a_merge_at_an_instant_that_was_due_and_is_past_is_late() -> None:
    for whose in "pq":
        deadline = Deadline(name="slow", stage="b", after=10 * DAY)
        orchestrator, *_ = pair(
            *(("b", "a") if whose == "p" else ("a", "b")), deadlines=(deadline,)
        )
        assert len(orchestrator.tick(MERGED)) == 1
        decision = merge(orchestrator)
        assert (decision.late, decision.now) == (True, MERGED)


def test_s20_decay_of_the_merged_person_goes_on_from_the_last_interest_of_both() -> None:
    orchestrator, person, _ = pair(
        decay=(
            Decay(name="fade", every=30 * DAY, then={"behavior_score": "behavior_score * 0.5"}),
        ),
        mine={"scored_at": T, "behavior_score": 8},
        yours={"scored_at": T + DAY},
    )
    merge(orchestrator)
    assert [one.now for one in orchestrator.tick(T + 40 * DAY)] == [T + 31 * DAY]
    assert person.behavior_score == 4


def test_s18_a_cap_that_either_has_used_up_stays_used_up() -> None:
    rule = ScoreRule(name="v", on="web_visit", points=10, cap=10, per="year")
    for whose in "pq":
        orchestrator, person, _ = pair(scoring=(rule,))
        orchestrator.apply(act("1", "web_visit", T + HOUR, whose))
        merge(orchestrator)
        orchestrator.apply(act("2", "web_visit", MERGED + HOUR, whose))
        assert person.behavior_score == 10


def test_s18_of_two_uses_of_a_cap_that_of_the_present_period_counts() -> None:
    rule = ScoreRule(name="v", on="web_visit", points=10, cap=10, per="month")
    orchestrator, person, _ = pair(scoring=(rule,))
    june = datetime.fromisoformat("2024-06-03T09:00Z")
    orchestrator.apply(act("1", "web_visit", T + HOUR, "p"))
    orchestrator.apply(act("2", "web_visit", june, "q"))
    merge(orchestrator, at=june + HOUR)
    assert person.behavior_score == 10
    orchestrator.apply(act("3", "web_visit", june + DAY))
    assert person.behavior_score == 10


# ------------------------------------------------------------------ all or nothing


class Full(OSError):
    """The log cannot be written."""


@pytest.mark.parametrize("ours", ["a", "new", "x"])
@pytest.mark.parametrize("theirs", ["c", "new"])
def test_s11_a_merge_that_fails_leaves_both_as_before(ours: str, theirs: str) -> None:
    broken = [True]

    def log(activity: Activity) -> None:
        if activity.kind == "merged" and broken[0]:
            raise Full

    model = small(
        *ASKING,
        alerts=(
            AlertRule(name="call", entering=("a", "c"), send="task", to="'d'", links_to_crm=True),
        ),
        settle=90 * DAY,
    )
    orchestrator = Orchestrator(model, log=log)
    person = created(orchestrator, "p", ours, level=3)
    loser = created(orchestrator, "q", theirs, level=8, company="Acme")
    orchestrator.apply(deal("1", "opened", T + HOUR, "q", "o", **FULL))
    orchestrator.apply(act("2", "off", T + HOUR, "q" if theirs == "new" else "p"))
    before = slots(person), slots(loser)
    decision = merge(orchestrator)
    assert (decision.result, decision.person, decision.rows) == ("parked", "p", ())
    assert (slots(person), slots(loser)) == before
    assert orchestrator.merged == {}
    assert [one.activity and one.activity.id for one in orchestrator.parked["p"]] == ["m"]
    broken[0] = False
    (again,) = orchestrator.retry(MERGED + DAY)
    assert again.result != "parked"
    assert (orchestrator.merged, dict(orchestrator.parked)) == ({"q": "p"}, {})
    assert person.company == "Acme"


def test_s11_a_system_move_that_fails_undoes_the_whole_merge() -> None:
    orchestrator, person, loser = pair(
        "b", "a", moves=(move("fails", "b", "c", when="level == 8", then=TOO_LARGE),),
        merging={"level": "loser", "big": "loser"},
        yours={"level": 8, "big": HUGE},
    )  # fmt: skip
    before = slots(person), slots(loser)
    assert merge(orchestrator).result == "parked"
    assert (slots(person), slots(loser)) == before


def test_s11_time_that_ran_before_a_merge_that_failed_has_run_once() -> None:
    """A late merge lets the survivor's clock run up to the loser's; that is no part of it."""
    seen: list[Decision] = []
    kept: list[Activity] = []

    def log(activity: Activity) -> None:
        if activity.kind == "merged" and len(seen) < 9:
            raise Full
        kept.append(activity)

    model = small(
        decay=(Decay(name="fade", every=DAY, since="created_at", then={"level": "level - 1"}),)
    )
    orchestrator = Orchestrator(model, record=seen.append, log=log)
    person = created(orchestrator, "p", "a")
    created(orchestrator, "q", "a")
    orchestrator.apply(act("1", "web_visit", T + 3 * DAY + HOUR, "q"))
    seen.clear()
    assert merge(orchestrator, at=T + HOUR).result == "parked"
    merge(orchestrator, at=T + HOUR)
    assert [one.now for one in seen if one.kind == "decay"] == [T + n * DAY for n in (1, 2, 3)]
    assert person.level == -3  # type: ignore[attr-defined]


# ------------------------------------------------------------------ once more from the log


def test_s14_a_kept_log_with_merges_gives_the_same_history() -> None:
    model = small(
        *ASKING,
        move("rested", "x", "a", when="days in stage >= 20"),
        decay=(Decay(name="fade", every=7 * DAY, since="created_at", then={"level": "level - 1"}),),
        deadlines=(Deadline(name="slow", stage="a", after=3 * DAY, send="task", to="'desk'"),),
        settle=HOUR,
    )
    kept: list[Activity] = []
    asked: list[str] = []
    live = Lifecycle(
        model,
        log=kept.append,
        record=lambda one: asked.extend(request.id for request in one.requests),
    )
    for name in "pqrs":
        live.apply(Activity("created", name, "created", T, {"level": 9}))
    log = [
        act("1", "go", T + MINUTE, "q"),
        act("2", "off", T + 2 * HOUR, "p"),
        act("3", "merged", T + 3 * DAY, "r", loser="s"),
        act("4", "merged", T + 5 * DAY, "p", loser="q"),
        act("5", "on", T + 6 * DAY, "q"),
        act("6", "merged", T + 4 * DAY, "r", loser="p"),  # late
        act("7", "off", T + 20 * DAY, "s"),
    ]
    for activity in log:
        live.apply(activity)
    live.tick(T + 60 * DAY)
    again_asked: list[str] = []
    again = Lifecycle(
        model, record=lambda one: again_asked.extend(request.id for request in one.requests)
    )
    counts = again.replay(kept)
    again.tick(T + 60 * DAY)
    assert set(counts) <= {"moved", "unchanged", "deferred", "no_such_move", "refused"}
    assert sorted(again.history, key=lambda row: (row.person, row.sequence)) == sorted(
        live.history, key=lambda row: (row.person, row.sequence)
    )
    assert sorted(again_asked) == sorted(asked)
    assert again.merged == live.merged == {"s": "r", "q": "p", "p": "r"}


def test_s23_two_runs_over_one_log_give_the_same_tables() -> None:
    """Nothing depends on the order in which people were created, where they were merged."""
    model = small(merging={"level": "sum"})
    tables = []
    for order in ("pqr", "rqp"):
        orchestrator = Orchestrator(model)
        for name in order:
            created(orchestrator, name, "b", level=3)
        merge(orchestrator)
        merge(orchestrator, "r", MERGED + HOUR, "m2")
        tables.append({name: orchestrator.people[name].history for name in "pqr"})
    assert tables[0] == tables[1]
