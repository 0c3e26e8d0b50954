"""Two records of one person become one: stages, fields, opportunities, what waits [S22][S23]."""

from __future__ import annotations

from datetime import datetime
from itertools import permutations, product
from typing import Any

import pytest

from lifecycle_fsm import (
    Activity,
    DataRule,
    Decision,
    FieldDef,
    FieldType,
    Lifecycle,
    ModelError,
    Person,
    ScoreRule,
    load,
    stamps,
)
from lifecycle_fsm.fields import INT_MAX
from lifecycle_fsm.model import AlertRule, AssignmentRule, Deadline, Decay
from lifecycle_fsm.orchestrator import Orchestrator
from tests.machine.small import (
    DAY,
    DETOURS,
    FIELDS,
    HOUR,
    HUGE,
    MINUTE,
    PATH,
    SECOND,
    TOO_LARGE,
    T,
    act,
    check_chain,
    hops,
    move,
    slots,
    small,
)

MERGED = T + 10 * DAY
RANKS = {stage: rank for rank, stage in enumerate(PATH)}


def created(orchestrator: Orchestrator, id: str, stage: str, **fields: Any) -> Person:
    """Somebody in this stage; in ``new`` somebody who waits for the sort."""
    orchestrator.apply(Activity("created", id, "created", T, {"start": stage, **fields}))
    person = orchestrator.people[id]
    if stage != "new":
        orchestrator.process(id, T)
        assert person.stage == stage
    return person


def merge(
    orchestrator: Orchestrator,
    loser: str = "q",
    at: datetime = MERGED,
    name: str = "m",
    to: str = "p",
) -> Decision:
    return orchestrator.apply(Activity(name, to, "merged", at, {"loser": loser}))


def pair(ours: str = "a", theirs: str = "a", **more: Any) -> tuple[Orchestrator, Person, Person]:
    """A survivor and a loser in these stages; ``mine`` and ``yours`` are their fields."""
    mine, yours = more.pop("mine", {}), more.pop("yours", {})
    moves = more.pop("moves", ())
    orchestrator = Orchestrator(small(*moves, **{"settle": 90 * DAY, **more}))
    return (
        orchestrator,
        created(orchestrator, "p", ours, **mine),
        created(orchestrator, "q", theirs, **yours),
    )


# ------------------------------------------------------------------ the stage


@pytest.mark.parametrize(("ours", "theirs"), [*product((*PATH, *DETOURS), repeat=2)])
def test_s23_highest_rank_wins_path_beats_detour_and_a_tie_keeps_the_survivor(
    ours: str, theirs: str
) -> None:
    orchestrator, person, loser = pair(ours, theirs)

    def weight(stage: str) -> int:
        return {"new": -1, "x": 0, "y": 0}.get(stage, RANKS.get(stage, 0))

    expected = theirs if weight(theirs) > weight(ours) else ours
    known = len(person.history)
    decision = merge(orchestrator)
    assert person.stage == expected
    check_chain(person.history)
    assert decision.result == ("unchanged" if expected == ours else "moved")
    assert decision.moved is (expected != ours)
    assert decision.requests == ()
    rows = person.history[known:]
    if ours == theirs == "new":
        assert rows == ()  # both wait for the sort, which is still to come
    else:
        (row,) = rows
        assert (row.kind, row.rule, row.trigger, row.activity) == ("merge", "merged", None, "m")
        assert (row.from_stage, row.to_stage, row.now, row.at) == (ours, expected, MERGED, MERGED)
        back = ours in DETOURS and expected in PATH
        assert row.journey == person.journey == 1 + back
        forward = ours in PATH and expected in PATH
        passed = PATH[RANKS[ours] + 1 : RANKS[expected]] if forward else ()
        assert (row.passed_over, row.credit) == (passed, False)
        assert row.visits is (expected != ours)
    entered = MERGED if expected != ours else T
    assert person.stage_entered_at == entered
    closing = loser.history[-1]
    assert (closing.from_stage, closing.to_stage, closing.kind, closing.rule) == (
        theirs,
        "",
        "merge",
        "merged",
    )
    assert (closing.now, closing.activity, loser.stage) == (MERGED, "m", "")


def test_s25_a_merge_that_leaves_the_stage_is_no_visit() -> None:
    orchestrator, person, loser = pair("b", "b")
    before = stamps(person.history, MERGED + DAY)
    merge(orchestrator)
    assert stamps(person.history, MERGED + DAY) == before
    assert loser.stamps["b"].total == MERGED - T
    assert "" not in loser.stamps


def test_s6_who_comes_off_a_detour_by_a_merge_begins_the_next_journey() -> None:
    orchestrator, person, _ = pair("x", "c")
    merge(orchestrator)
    assert (person.stage, person.journey, person.journey_started_at) == ("c", 2, MERGED)


def test_s21_deadlines_of_a_stage_that_was_taken_over_count_from_then() -> None:
    deadlines = (Deadline(name="slow", stage="b", after=30 * DAY),)
    for ours, due in (("a", MERGED), ("b", T)):
        orchestrator, person, _ = pair(ours, "b", deadlines=deadlines)
        merge(orchestrator)
        decisions = orchestrator.tick(T + 90 * DAY)
        assert [(one.kind, one.person, one.now) for one in decisions] == [
            ("deadline", "p", due + 30 * DAY)
        ]
        assert person.stage == "b"


# ------------------------------------------------------------------ the decisions


def test_s23_both_rows_are_told_and_the_merge_itself_asks_for_nothing() -> None:
    seen: list[Decision] = []
    model = small(
        alerts=(AlertRule(name="entry", entering=("b", "c"), send="task", to="'desk'"),),
        assignment=(AssignmentRule(name="who", entering=("b", "c"), to="'ada'", text="t"),),
    )
    orchestrator = Orchestrator(model, record=seen.append)
    person = created(orchestrator, "p", "a")
    created(orchestrator, "q", "b")
    seen.clear()
    merge(orchestrator)
    assert [(one.person, one.result, one.kind, one.requests) for one in seen] == [
        ("p", "moved", "merged", ()),
        ("q", "moved", "merged", ()),
    ]
    assert [row for one in seen for row in one.rows] == [
        person.history[-1],
        orchestrator.people["q"].history[-1],
    ]
    assert seen[1].reason == "folded into p"
    assert person.assigned_to == "ada"  # the loser's


def test_s23_system_moves_see_the_merged_person_and_their_entries_ask() -> None:
    orchestrator, person, _ = pair(
        "b",
        "a",
        moves=(move("on", "b", "c", when="behavior_score >= 50"),),
        merging={"behavior_score": "sum"},
        alerts=(AlertRule(name="entry", entering=("b", "c"), send="task", to="'desk'"),),
        mine={"behavior_score": 30},
        yours={"behavior_score": 30},
    )
    decision = merge(orchestrator)
    assert [(row.from_stage, row.to_stage, row.kind) for row in decision.rows] == [
        ("b", "b", "merge"),
        ("b", "c", "step"),
    ]
    assert (decision.result, decision.stage) == ("moved", "c")
    assert [(one.rule, one.stage, one.state) for one in decision.requests] == [
        ("entry", "c", "sent")
    ]
    assert person.behavior_score == 60


def test_s7_a_merge_goes_the_way_of_every_activity() -> None:
    """Data, scoring, trigger, alerts: whoever listens to ``merged`` hears of it."""
    orchestrator, person, _ = pair(
        moves=(move("known", "a", "b", on="merged", when="level == 5"),),
        data=(DataRule(name="known", on="merged", then={"level": 5}),),
        scoring=(ScoreRule(name="known", on="merged", points=7),),
        alerts=(AlertRule(name="tell", on="merged", send="task", to="'desk'", text="{id}"),),
        assignment=(AssignmentRule(name="who", on="merged", to="'ada'"),),
    )
    decision = merge(orchestrator)
    assert (person.stage, person.behavior_score, person.assigned_to) == ("b", 7, "ada")
    assert [(one.id, one.text) for one in decision.requests] == [("p/tell/m", "p")]
    assert [row.trigger for row in person.history[-2:]] == [None, "merged"]


def test_s14_a_merge_of_two_who_wait_is_heard_after_the_sort() -> None:
    orchestrator, person, _ = pair(
        "new",
        "new",
        moves=(move("known", "a", "b", on="merged"),),
        alerts=(AlertRule(name="tell", on="merged", send="task", to="'desk'"),),
    )
    decision = merge(orchestrator, at=T + SECOND)
    assert (decision.result, decision.requests, person.stage) == ("deferred", (), "new")
    orchestrator.apply(act("s", "changed", T + MINUTE, start="a"))
    decision = orchestrator.process("p", T + MINUTE)
    assert (person.stage, [one.id for one in decision.requests]) == ("b", ["p/tell/m"])


# ------------------------------------------------------------------ the fields

#: The field, the rule of the model, what survivor and loser have, and what is kept.
KEPT: dict[str, tuple[str, str | None, Any, Any, Any]] = {
    "max": ("level", "max", 3, 8, 8),
    "max of below zero": ("level", "max", -3, -8, -3),
    "min": ("level", "min", 3, 8, 3),
    "sum": ("level", "sum", 3, 8, 11),
    "sum of the same": ("level", "sum", 3, 3, 6),
    "max of the same": ("level", "max", 3, 3, 3),
    "sum within 64 bits": ("level", "sum", INT_MAX, 8, INT_MAX),
    "survivor": ("level", "survivor", 3, 8, 3),
    "loser": ("level", "loser", 3, 8, 8),
    "survivor of zero": ("level", "survivor", 0, 8, 0),
    "sum of decimals": ("big", "sum", 1.5, 2.25, 3.75),
    "max of yes and no": ("ready", "max", False, True, True),
    "min of yes and no": ("ready", "min", False, True, False),
    "the later": ("hand_raised_at", "max", T, T + DAY, T + DAY),
    "the earlier": ("hand_raised_at", "min", T, T + DAY, T),
    "a text of the loser": ("company", "loser", "Acme", "Bolt", "Bolt"),
    "only the survivor has one": ("company", "loser", "Acme", None, "Acme"),
    "only the loser has one": ("company", "survivor", None, "Bolt", "Bolt"),
    "an empty text is none": ("source", "survivor", "", "web", "web"),
    "max where only one has one": ("employees", "max", None, 50, 50),
    "min where only one has one": ("employees", "min", None, 50, 50),
    "sum where only one has one": ("employees", "sum", 50, None, 50),
    "neither has one": ("employees", "sum", None, None, None),
    # Without a rule of the model.
    "created at": ("created_at", None, T, T - DAY, T - DAY),
    "behavior": ("behavior_score", None, 10, 40, 40),
    "fit": ("demographic_score", None, 10, 40, 40),
    "unsubscribed": ("unsubscribed", None, False, True, True),
    "unsubscribed already": ("unsubscribed", None, True, False, True),
    "a raised hand": ("hand_raised", None, False, True, True),
    "when it was raised": ("hand_raised_at", None, T + DAY, T, T + DAY),
    "last interest": ("scored_at", None, T, T + DAY, T + DAY),
    "last touch": ("sales_touched_at", None, None, T, T),
    "last loss": ("last_lost_at", None, T + DAY, T, T + DAY),
    "owner": ("owner", None, "ada", "eve", "ada"),
    "owner of the loser only": ("owner", None, None, "eve", "eve"),
    "source": ("source", None, "web", "fair", "web"),
    "who made it": ("created_by", None, "marketing", "sales", "marketing"),
    "a field of the model": ("level", None, 3, 8, 3),
    "a text of the model": ("tier", None, "", "gold", "gold"),
    "the CRM": ("crm_synced_at", None, None, T, T),
    # In place of the default.
    "behavior by the model": ("behavior_score", "sum", 10, 40, 50),
    "created at by the model": ("created_at", "survivor", T, T - DAY, T),
}


@pytest.mark.parametrize(("field", "rule", "mine", "yours", "kept"), KEPT.values(), ids=KEPT.keys())
def test_s23_each_field_by_its_rule(
    field: str, rule: str | None, mine: Any, yours: Any, kept: Any
) -> None:
    orchestrator, person, loser = pair(
        "b",
        "c",
        fields=(*FIELDS, FieldDef("tier", FieldType("str"))),
        merging={field: rule} if rule else {},
        mine={field: mine},
        yours={field: yours},
    )
    before = getattr(loser, field)
    merge(orchestrator)
    assert getattr(person, field) == kept
    assert getattr(loser, field) == before  # the closed record stays as it was


def test_s23_a_sum_stays_within_the_bounds_of_the_field() -> None:
    bounded = FieldDef("behavior_score", FieldType("int", minimum=0, maximum=50), 0)
    orchestrator, person, _ = pair(
        fields=(*FIELDS, bounded),
        merging={"behavior_score": "sum"},
        mine={"behavior_score": 40},
        yours={"behavior_score": 40},
    )
    merge(orchestrator)
    assert person.behavior_score == 50


def test_s18_the_fit_is_computed_anew_from_what_both_knew() -> None:
    rules = (
        ScoreRule(name="senior", when="seniority == 'vp'", points=20),
        ScoreRule(name="large", when="employees >= 50", points=15),
    )
    orchestrator, person, _ = pair(scoring=rules, mine={"seniority": "vp"}, yours={"employees": 80})
    assert person.demographic_score == 20
    merge(orchestrator)
    assert person.demographic_score == 35


def test_s25_the_row_of_a_merge_keeps_owner_and_source_as_they_are_then() -> None:
    orchestrator, person, loser = pair(
        dimensions=("country",),
        mine={"owner": "ada"},
        yours={"source": "fair", "country": "DE"},
    )
    merge(orchestrator)
    row, closing = person.history[-1], loser.history[-1]
    assert [row.value(one) for one in ("owner", "source", "country")] == ["ada", "fair", "DE"]
    assert [closing.value(one) for one in ("owner", "source", "country")] == [None, "fair", "DE"]


@pytest.mark.parametrize(
    ("merging", "said"),
    [
        ({"level": "avg"}, "'avg' is none of"),
        ({"company": "max"}, "there is no max of"),
        ({"ready": "sum"}, "there is no sum of"),
        ({"compnay": "loser"}, "did you mean 'company'"),
        ({"open_opportunities": "sum"}, "follows from the opportunities of both"),
        ({"stage": "loser"}, "no field named 'stage'"),
    ],
)
def test_s5_rules_that_do_not_build(merging: Any, said: str) -> None:
    with pytest.raises(ModelError, match=said):
        small(merging=merging)


# ------------------------------------------------------------------ opportunities


def deal(id: str, kind: str, at: datetime, person: str, name: str, **more: Any) -> Activity:
    return act(id, f"opportunity_{kind}", at, person, opportunity=name, **more)


FULL = {"amount": 10, "closes_at": T + 90 * DAY}
#: What happened to each, and what is open and won after the merge.
DEALS: dict[str, tuple[list[tuple[str, str, str, dict[str, Any]]], int, int]] = {
    "one each": ([("p", "opened", "o", FULL), ("q", "opened", "u", FULL)], 2, 0),
    "the same of both": ([("p", "opened", "o", FULL), ("q", "opened", "o", FULL)], 1, 0),
    "the loser's alone": ([("q", "opened", "o", FULL)], 1, 0),
    "won for one of them": ([("p", "opened", "o", FULL), ("q", "won", "o", {})], 0, 1),
    "won beats lost": ([("p", "lost", "o", {}), ("q", "won", "o", {})], 0, 1),
    "lost beats open": ([("p", "lost", "o", {}), ("q", "opened", "o", FULL)], 0, 0),
    "one lost and one open": ([("p", "lost", "o", {}), ("q", "opened", "u", FULL)], 1, 0),
    "each knows a part": (
        [("p", "opened", "o", {"amount": 10}), ("q", "opened", "o", {"closes_at": T + DAY})],
        1,
        0,
    ),
    "neither knows the amount": (
        [("p", "opened", "o", {}), ("q", "opened", "o", {"closes_at": T + DAY})],
        0,
        0,
    ),
}


@pytest.mark.parametrize(("events", "open_", "won"), DEALS.values(), ids=DEALS.keys())
@pytest.mark.parametrize("turned", [False, True])
def test_s22_opportunities_are_united_by_id(
    events: list[tuple[str, str, str, dict[str, Any]]], open_: int, won: int, turned: bool
) -> None:
    orchestrator, person, _ = pair()
    others = {"p": "q", "q": "p"}
    for number, (whose, kind, name, more) in enumerate(events):
        to = others[whose] if turned else whose
        orchestrator.apply(deal(str(number), kind, T + HOUR, to, name, **more))
    merge(orchestrator)
    assert (person.open_opportunities, person.won_opportunities) == (open_, won)


@pytest.mark.parametrize("ids_of", ["neither", "p", "q", "both"])
@pytest.mark.parametrize("number_of", ["p", "q"])
def test_s22_who_came_with_a_number_of_opportunities_keeps_it(ids_of: str, number_of: str) -> None:
    """An import says ``won_opportunities = 2`` and knows no ids."""
    told = {"won_opportunities": 2, "open_opportunities": 1}
    orchestrator, person, _ = pair("a", "a", **{"mine" if number_of == "p" else "yours": told})
    for number, whose in enumerate("pq"):
        if ids_of in (whose, "both"):
            orchestrator.apply(deal(str(number), "won", T + HOUR, whose, f"deal-of-{whose}"))
    merge(orchestrator)
    if ids_of in (number_of, "both"):  # these are all of them
        assert (person.open_opportunities, person.won_opportunities) == (0, len(ids_of) // 4 + 1)
    else:
        assert (person.open_opportunities, person.won_opportunities) == (1, 2)


def test_s22_what_happens_to_an_opportunity_of_the_loser_later_counts() -> None:
    orchestrator, person, _ = pair(
        moves=(
            move("open", "a", "b", when="open_opportunities >= 1"),
            move("lost", "b", "x", when="open_opportunities == 0"),
        )
    )
    orchestrator.apply(deal("1", "opened", T + HOUR, "q", "o", **FULL))
    merge(orchestrator)
    assert person.stage == "b"
    orchestrator.apply(deal("2", "lost", MERGED + DAY, "q", "o"))
    assert (person.stage, person.last_lost_at) == ("x", MERGED + DAY)


# ------------------------------------------------------------------ several records


ORDERS = [*permutations(("b", "c", "x", "a"))]


@pytest.mark.parametrize("stages", ORDERS[::3])
def test_s23_a_component_in_any_order_is_one_person_at_the_highest_rank(
    stages: tuple[str, ...],
) -> None:
    names = "pqrs"
    pairs = [("p", "q"), ("q", "r"), ("s", "r")]  # whoever survives, and who is folded in
    for order in permutations(pairs):
        orchestrator = Orchestrator(small(merging={"level": "sum"}))
        for number, (name, stage) in enumerate(zip(names, stages, strict=True)):
            created(orchestrator, name, stage, level=10**number)
        for number, (to, loser) in enumerate(order):
            merge(orchestrator, loser, MERGED + number * HOUR, f"m{number}", to)
        (one,) = {orchestrator.survivor(name).id for name in names}
        person = orchestrator.people[one]
        assert person.stage == max(stages, key=lambda stage: RANKS.get(stage, 0))
        assert person.level == 1111  # type: ignore[attr-defined]
        assert len(orchestrator.merged) == 3
        for name in names:
            rows = orchestrator.people[name].history
            check_chain(rows)
            assert (rows[-1].to_stage == "") is (name != one)
            assert [row.to_stage for row in rows].count("") == (name != one)


def test_s23_the_face_knows_one_person_by_all_ids() -> None:
    lifecycle = Lifecycle(small())
    for name in "pqr":
        lifecycle.admit(name, at=T)
    lifecycle.apply("q", "merged", at=T + HOUR, loser="r")
    lifecycle.apply("p", "merged", at=T + 2 * HOUR, loser="q")
    assert {lifecycle.person(name).id for name in "pqr"} == {"p"}
    assert lifecycle.merged == {"r": "q", "q": "p"}
    assert (len(lifecycle), [one.id for one in lifecycle]) == (1, ["p"])
    assert "r" in lifecycle
    # The history of all records stays: three creations, three sorts, two merges of two rows each.
    assert len(list(lifecycle.history)) == 3 * 2 + 2 * 2


#: Whom the merge names, after p has swallowed q; and what comes of it.
AGAIN: dict[str, tuple[str, str, str]] = {
    "oneself": ("p", "p", "unchanged"),
    "oneself by a former id": ("p", "q", "unchanged"),
    "from a former id": ("q", "p", "unchanged"),
    "a former id with itself": ("q", "q", "unchanged"),
    "by way of a former id": ("q", "r", "moved"),
}


@pytest.mark.parametrize(("to", "loser", "result"), AGAIN.values(), ids=AGAIN.keys())
def test_s23_to_merge_what_is_one_person_already_changes_nothing(
    to: str, loser: str, result: str
) -> None:
    orchestrator, person, _ = pair()
    created(orchestrator, "r", "c")
    merge(orchestrator)
    before = {**slots(person), "_seen": None}
    decision = merge(orchestrator, loser, MERGED + HOUR, "again", to)
    assert decision.result == result
    assert ({**slots(person), "_seen": None} == before) is (result == "unchanged")
    # It has been seen: sent again it is a duplicate.
    assert merge(orchestrator, loser, MERGED + HOUR, "again", to).result == "duplicate"


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
        ("processed", {}, "unchanged", "q was folded into p before"),
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
    loser.fire("go", at=T + DAY)  # type: ignore[attr-defined]
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

ASKING = (
    move("go", "a", "b", on="go"),
    move("on", "b", "c", on="on", when="level >= 1"),
    move("off", ("a", "b", "c", "d"), "x", on="off"),
)


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
        ("q", "merged", "moved", "folded into p"),
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
    assert (decision.result, decision.rows, person.stage) == ("unchanged", (), "new")
    assert loser.history[-1].to_stage == ""
    orchestrator.apply(act("2", "changed", T + 2 * DAY, level=1, start="a"))
    found = orchestrator.tick(T + 90 * DAY)
    assert [(one.person, one.kind, one.result) for one in found] == [
        ("p", "processed", "moved"),
        ("p", "go", "moved"),
        ("p", "on", "moved"),
    ]
    assert [row.to_stage for row in person.history] == ["new", "a", "b", "c"]
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


def test_s14_a_log_that_says_processed_of_a_loser_later_is_no_harm() -> None:
    orchestrator, person, _ = pair("a", "new")
    orchestrator.expect_processed(["q"])
    merge(orchestrator)
    decision = orchestrator.apply(act("processed", "processed", MERGED + DAY, "q", level=5))
    assert (decision.result, person.level) == ("unchanged", 0)  # type: ignore[attr-defined]


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


def test_s24_who_takes_over_another_stage_no_longer_needs_what_the_old_one_asked_for() -> None:
    orchestrator, _, _ = pair("a", "b", alerts=(CALL,))
    merge(orchestrator)
    decision = orchestrator.apply(act("1", "crm_synced", MERGED + DAY))
    assert [(one.id, one.state) for one in decision.requests] == [
        ("p/call/processed", "superseded")
    ]


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


# ------------------------------------------------------------------ in the shipped model


def waterfall(record: Any = None) -> Lifecycle:
    return Lifecycle(load("waterfall"), record=record)


def test_s23_a_recycled_and_an_accepted_record_are_accepted() -> None:
    lifecycle = waterfall()
    for name in ("old", "new"):
        lifecycle.admit(name, at=T, hand_raised=True)
    lifecycle.apply("old", "sales_rejected", at=T + DAY, reason="no_time")
    lifecycle.apply("new", "sales_touched", at=T + DAY)
    lifecycle.apply("old", "merged", at=T + 2 * DAY, loser="new")
    old = lifecycle.person("old")
    assert (old.stage, old.journey) == ("sal", 2)
    assert [row.kind for row in old.history[-2:]] == ["detour", "merge"]
    assert lifecycle.person("new") is old
