"""Two records of one person become one: stages, decisions, fields, opportunities [S22][S23]."""

from __future__ import annotations

from itertools import permutations, product
from typing import Any

import pytest

from lifecycle_fsm import (
    DataRule,
    Decision,
    FieldDef,
    FieldType,
    Lifecycle,
    ModelError,
    ScoreRule,
    StepDef,
    load,
    stamps,
)
from lifecycle_fsm.fields import INT_MAX
from lifecycle_fsm.model import AlertRule, AssignmentRule, Deadline
from lifecycle_fsm.orchestrator import Orchestrator
from tests.machine.small import (
    DAY,
    DETOURS,
    FIELDS,
    HOUR,
    MINUTE,
    PATH,
    SECOND,
    T,
    act,
    check_chain,
    move,
    slots,
    small,
)
from tests.orchestrator.merges import FULL, MERGED, created, deal, merge, pair

RANKS = {stage: rank for rank, stage in enumerate(PATH)}


# ------------------------------------------------------------------ the stage


def weight(stage: str) -> int:
    """The highest rank wins, the path beats a detour, original processing loses to all."""
    return -1 if stage == "new" else RANKS.get(stage, 0)


@pytest.mark.parametrize(("ours", "theirs"), [*product((*PATH, *DETOURS), repeat=2)])
def test_s23_the_winning_visit_goes_on_whoever_survives(ours: str, theirs: str) -> None:
    orchestrator, person, loser = pair(ours, theirs)
    # Both entered at once, so that a tie is the smaller record's.
    theirs_wins = weight(theirs) > weight(ours)
    expected = theirs if theirs_wins else ours
    decision = merge(orchestrator)
    assert (person.stage, person.stage_entered_at) == (expected, T)
    assert (person.journey, person.journey_started_at) == (1, T)
    check_chain(person.history)
    assert decision.result == ("unchanged" if expected == ours else "moved")
    assert decision.moved is (expected != ours)
    assert decision.requests == ()
    (row,) = decision.rows
    assert row == person.history[-1]
    assert (row.kind, row.rule, row.trigger, row.activity) == ("merge", "merged", None, "m")
    assert (row.from_stage, row.to_stage, row.now, row.at) == (ours, expected, MERGED, MERGED)
    assert (row.passed_over, row.credit, row.visits) == ((), False, False)
    assert (row.journey_record, row.journey) == ("q" if theirs_wins else "p", 1)
    assert row.entered_at == T
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


def test_s23_who_comes_off_a_detour_by_a_merge_walks_on_in_the_journey_that_won() -> None:
    orchestrator, person, _ = pair("x", "c")
    merge(orchestrator)
    assert (person.stage, person.journey, person.journey_started_at) == ("c", 1, T)
    assert person.history[-1].journey_record == "q"


#: Which detours the model names as winning, the stages of both records, and who wins.
WINNING: dict[str, tuple[tuple[str, ...], str, str, str]] = {
    "a detour that wins beats the end of the path": (("x",), "x", "d", "p"),
    "from the other side": (("x",), "d", "x", "q"),
    "the other detour wins nothing": (("x",), "y", "a", "q"),
    "it beats another detour": (("x",), "y", "x", "q"),
    "two that win are a tie": (("x", "y"), "y", "x", "p"),
    "it beats original processing": (("x",), "new", "x", "q"),
    "without any, the path wins": ((), "x", "d", "q"),
}


@pytest.mark.parametrize(
    ("winning", "ours", "theirs", "winner"), WINNING.values(), ids=WINNING.keys()
)
@pytest.mark.parametrize("turned", [False, True])
def test_s23_detours_that_the_model_names_as_winning(
    winning: tuple[str, ...], ours: str, theirs: str, winner: str, turned: bool
) -> None:
    orchestrator, *_ = pair(ours, theirs, winning_detours=winning)
    survivor, loser = "qp" if turned else "pq"
    merge(orchestrator, loser, to=survivor)
    person = orchestrator.survivor("p")
    assert person.id == survivor
    assert person.stage == {"p": ours, "q": theirs}[winner]
    assert person.history[-1].journey_record == winner


@pytest.mark.parametrize("turned", [False, True])
def test_s23_a_tie_keeps_the_older_entry(turned: bool) -> None:
    orchestrator, *_ = pair("a", "a", moves=(move("on", "a", "b", on="go"),))
    for name, days in (("p", 3), ("q", 2)):
        orchestrator.apply(act("1", "go", T + days * DAY, name))
    survivor, loser = "qp" if turned else "pq"
    merge(orchestrator, loser, to=survivor)
    person = orchestrator.survivor("p")
    assert (person.stage, person.stage_entered_at) == ("b", T + 2 * DAY)
    assert person.history[-1].journey_record == "q"


@pytest.mark.parametrize(
    ("smaller", "greater"),
    [("9", "10"), ("lead-9", "lead-10"), ("1", "01a"), ("01", "1"), ("Z", "a"), ("a02", "a2")],
)
@pytest.mark.parametrize("turned", [False, True])
def test_s23_a_tie_of_one_instant_keeps_the_smaller_record_in_natural_order(
    smaller: str, greater: str, turned: bool
) -> None:
    orchestrator = Orchestrator(small(settle=90 * DAY))
    for name in (greater, smaller):
        created(orchestrator, name, "a", company=name)
    to, loser = (greater, smaller) if turned else (smaller, greater)
    merge(orchestrator, loser, to=to)
    person = orchestrator.survivor(to)
    assert (person.company, person.history[-1].journey_record) == (smaller, smaller)


def test_s21_deadlines_of_the_visit_that_won_go_on() -> None:
    deadlines = (Deadline(name="slow", stage="b", after=30 * DAY),)
    for ours in "ab":
        orchestrator, person, _ = pair(ours, "b", deadlines=deadlines)
        merge(orchestrator)
        decisions = orchestrator.tick(T + 90 * DAY)
        assert [(one.kind, one.person, one.now) for one in decisions] == [
            ("deadline", "p", T + 30 * DAY)
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
    assert seen[1].reason == "merged into p"
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


#: The stages of both, what the other record has, what the caller is told, and how many moves were
#: refused: the own trigger of the merge leaves ``a`` at level 5 and ``c`` never, and a system move
#: leaves ``a`` at level 6.
ANSWERED: dict[str, tuple[str, dict[str, Any], str, int]] = {
    "its trigger moves": ("aa", {"level": 5}, "moved", 0),
    "its trigger is refused": ("aa", {}, "refused", 1),
    "its trigger is refused, and a system move is open": ("aa", {"level": 6}, "moved", 1),
    "nothing can be asked": ("bb", {}, "no_such_move", 0),
    "the visit of the other wins, and its trigger is refused": ("ac", {}, "moved", 1),
    "the visit of the other wins, where nothing can be asked": ("ab", {}, "moved", 0),
}


@pytest.mark.parametrize(("stages", "fields", "result", "refused"), ANSWERED.values(), ids=ANSWERED)
@pytest.mark.parametrize("other", ["loser", "contact"], ids=["merged", "converted"])
@pytest.mark.parametrize("waiting", [False, True], ids=["nothing waits", "an asking waits"])
def test_s10_the_decision_of_a_merge_tells_what_came_of_its_trigger(
    stages: str, fields: dict[str, Any], result: str, refused: int, other: str, waiting: bool
) -> None:
    kind = {"loser": "merged", "contact": "converted"}[other]
    ours, theirs = stages[0], stages[1]
    if waiting:  # whoever does not win
        ours, theirs = ("new", theirs) if ours < theirs else (ours, "new")
    orchestrator, person, _ = pair(
        ours,
        theirs,
        moves=(
            move("known", "a", "b", on=kind, when="level == 5"),
            move("never", "c", "d", on=kind, when="level == 7"),
            move("large", "a", "b", when="level == 6 and ready"),
            move("go", "x", "a", on="go"),
        ),
        merging={"level": "max", "ready": "max"},
        mine={"ready": True},
        yours=fields,
    )
    if waiting:
        orchestrator.apply(act("0", "go", T + DAY, "p" if ours == "new" else "q"))
    rows = len(person.history)
    seen: list[Decision] = []
    orchestrator._record = seen.append
    decision = orchestrator.apply(act("m", kind, MERGED, **{other: "q"}))
    assert decision is seen[0]
    assert (decision.result, decision.trigger, len(decision.unmet)) == (result, kind, refused)
    # Each asking has one decision, and each row stands in one.
    assert [one.trigger for one in seen if one.trigger == kind] == [kind]
    told = [row for one in seen for row in one.rows if row.person == "p"]
    assert sorted(told, key=lambda row: row.sequence) == list(person.history[rows:])


def test_s14_a_merge_of_two_who_wait_is_heard_after_the_sort() -> None:
    orchestrator, person, _ = pair(
        "new",
        "new",
        moves=(move("known", "a", "b", on="merged"),),
        alerts=(AlertRule(name="tell", on="merged", send="task", to="'desk'"),),
    )
    decision = merge(orchestrator, at=T + SECOND)
    assert (decision.result, decision.requests, person.stage) == ("deferred", (), "new")
    assert (decision.trigger, decision.reason) == ("merged", "it waits for the sort")
    orchestrator.apply(act("s", "changed", T + MINUTE, start="a"))
    decision = orchestrator.process("p", T + MINUTE)
    assert (person.stage, [one.id for one in decision.requests]) == ("b", ["p/tell/m"])


# ------------------------------------------------------------------ the fields


#: The field, the rule of the model, what the record whose visit wins has and what the other has,
#: and what is kept. ``survivor`` and ``loser`` speak of these two.
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
    "a text without content is none": ("source", "survivor", " ", "web", "web"),
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
    "a text of the model": ("tier", None, None, "gold", "gold"),
    "the CRM": ("crm_synced_at", None, None, T, T),
    # In place of the default.
    "behavior by the model": ("behavior_score", "sum", 10, 40, 50),
    "created at by the model": ("created_at", "survivor", T, T - DAY, T),
}


@pytest.mark.parametrize(("field", "rule", "wins", "other", "kept"), KEPT.values(), ids=KEPT.keys())
@pytest.mark.parametrize("turned", [False, True], ids=["winner survives", "winner is folded in"])
def test_s23_each_field_by_its_rule(
    field: str, rule: str | None, wins: Any, other: Any, kept: Any, turned: bool
) -> None:
    orchestrator, *_ = pair(
        "c",
        "b",
        fields=(*FIELDS, FieldDef("tier", FieldType("str"))),
        merging={field: rule} if rule else {},
        mine={field: wins},
        yours={field: other},
    )
    survivor, loser = "qp" if turned else "pq"
    before = getattr(orchestrator.people[loser], field)
    merge(orchestrator, loser, to=survivor)
    person = orchestrator.people[survivor]
    assert (person.stage, getattr(person, field)) == ("c", kept)
    assert getattr(orchestrator.people[loser], field) == before  # it stays as it was


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
    orchestrator, person, _ = pair(
        scoring=rules,
        processing=(StepDef(number=40, use="demographic_score"),),
        mine={"seniority": "vp"},
        yours={"employees": 80},
    )
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
def test_s23_to_merge_what_is_one_person_already_moves_the_clock_only(
    to: str, loser: str, result: str
) -> None:
    orchestrator, person, _ = pair()
    created(orchestrator, "r", "c")
    merge(orchestrator)
    before = {**slots(person), "_seen": None}
    decision = merge(orchestrator, loser, MERGED + HOUR, "again", to)
    assert (decision.result, person.clock) == (result, MERGED + HOUR)
    after = {**slots(person), "_seen": None, "_clock": before["_clock"]}
    assert (after == before) is (result == "unchanged")
    # It has been seen: sent again it is a duplicate.
    assert merge(orchestrator, loser, MERGED + HOUR, "again", to).result == "duplicate"


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
    assert (old.stage, old.journey, old.stage_entered_at) == ("sal", 1, T + DAY)
    assert [row.kind for row in old.history[-2:]] == ["detour", "merge"]
    assert old.history[-1].journey_record == "new"
    assert lifecycle.person("new") is old
