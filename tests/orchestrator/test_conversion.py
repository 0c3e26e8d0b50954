"""A lead becomes a contact and stays the same person; ids over records and aliases [S19][S23]."""

from __future__ import annotations

from typing import Any

import pytest

from lifecycle_fsm import Activity, Decision, Lifecycle, ScoreRule
from lifecycle_fsm.model import AlertRule, Deadline
from lifecycle_fsm.orchestrator import Orchestrator
from tests.machine.small import DAY, HOUR, T, act, hops, move, slots, small
from tests.orchestrator.copies import again
from tests.orchestrator.merges import MERGED, created, merge

START = Orchestrator(
    small(
        move("go", "a", "b", on="go"),
        move("converted", "b", "c", on="converted"),
        scoring=(ScoreRule(name="visit", on="web_visit", points=5),),
        deadlines=(Deadline(name="slow", stage="b", after=4 * DAY, send="task", to="'d'"),),
        settle=90 * DAY,
    )
)


def lead(stage: str = "a", **fields: Any) -> Orchestrator:
    orchestrator = again(START)
    created(orchestrator, "p", stage, **fields)
    return orchestrator


def convert(orchestrator: Orchestrator, contact: str | None = "c7", name: str = "conv") -> Decision:
    brought = {"contact": contact} if contact else {}
    return orchestrator.apply(act(name, "converted", MERGED, **brought))


# ------------------------------------------------------------------ an alias


def test_s23_the_contacts_id_is_an_alias_of_the_same_person() -> None:
    orchestrator = lead("b", level=2)
    person = orchestrator.people["p"]
    assert convert(orchestrator).result == "moved"
    assert (person.stage, person.converted_at, person.journey) == ("c", MERGED, 1)
    assert orchestrator.survivor("c7") is person
    assert "c7" in orchestrator
    assert list(orchestrator.people) == ["p"]
    assert orchestrator.apply(act("1", "web_visit", MERGED + HOUR, "c7")).person == "p"
    assert person.behavior_score == 5
    assert "merge" not in {row.kind for row in person.history}


@pytest.mark.parametrize("contact", [None, "", " ", "p"])
def test_s23_a_conversion_without_another_id_makes_no_alias(contact: str | None) -> None:
    orchestrator = lead("b")
    assert convert(orchestrator, contact).result == "moved"
    assert (orchestrator.aliases, orchestrator.merged) == ({}, {})


def test_s19_what_was_held_for_the_contact_is_released_by_the_conversion_in_its_order() -> None:
    orchestrator = lead()
    for name in ("e10", "e9"):
        held = orchestrator.apply(act(name, "go", MERGED + HOUR, "c7"))
        assert held.result == "held"
    decisions: list[Decision] = []
    orchestrator._record = decisions.append
    convert(orchestrator)
    assert [(one.activity, one.result) for one in decisions] == [
        ("conv", "no_such_move"),
        ("e9", "moved"),
        ("e10", "no_such_move"),
    ]
    assert not orchestrator.held


def test_s23_a_contact_created_behind_its_lead_brings_what_was_missing() -> None:
    orchestrator = lead(company="Acme")
    convert(orchestrator)
    late = act("created", "created", MERGED + DAY, "c7", company="Bolt", industry="steel")
    assert orchestrator.apply(late).result == "unchanged"
    person = orchestrator.survivor("c7")
    assert (person.company, person.industry) == ("Acme", "steel")
    assert list(orchestrator.people) == ["p"]
    assert orchestrator.apply(late).result == "duplicate"


def test_s23_a_contact_that_exists_already_is_merged() -> None:
    orchestrator = lead("b")
    other = created(orchestrator, "c7", "a", company="Bolt")
    orchestrator.apply(act("1", "web_visit", T + HOUR, "c7"))
    decisions: list[Decision] = []
    orchestrator._record = decisions.append
    convert(orchestrator)
    person = orchestrator.people["p"]
    assert (orchestrator.merged, orchestrator.aliases) == ({"c7": "p"}, {})
    assert hops(person)[-2:] == [("b", "b", "merged"), ("b", "c", "converted")]
    # Of the conversion with all that it asks for, and the closing row.
    told = [(one.person, one.result, one.trigger) for one in decisions if one.activity == "conv"]
    assert told == [("p", "moved", "converted"), ("c7", "moved", None)]
    assert (person.company, person.behavior_score, person.converted_at) == ("Bolt", 5, MERGED)
    assert other.stage == ""


def test_s23_to_convert_into_what_is_the_same_person_already_is_an_activity_like_others() -> None:
    orchestrator = lead("b")
    created(orchestrator, "c7", "a")
    merge(orchestrator, "c7", T + HOUR)
    rows = len(orchestrator.people["p"].history)
    assert convert(orchestrator).result == "moved"
    assert len(orchestrator.people["p"].history) == rows + 1


def test_s23_a_lead_may_become_several_contacts_and_stays_found_after_a_merge() -> None:
    orchestrator = lead()
    convert(orchestrator, "c7", "one")
    convert(orchestrator, "c8", "two")
    created(orchestrator, "q", "b")
    merge(orchestrator, "p", MERGED + HOUR, to="q")
    assert {orchestrator.survivor(name).id for name in ("p", "q", "c7", "c8")} == {"q"}
    assert orchestrator.apply(act("1", "web_visit", MERGED + DAY, "c8")).person == "q"


# ------------------------------------------------------------------ ids over records and aliases


#: Under which ids of one person an activity comes, and then again.
TWICE = [(first, then) for first in ("p", "q", "c7") for then in ("p", "q", "c7")]


@pytest.mark.parametrize(("first", "then"), TWICE)
@pytest.mark.parametrize("before", [False, True], ids=["after the merge", "before the merge"])
def test_s19_the_same_activity_under_any_id_of_a_person_counts_once(
    first: str, then: str, before: bool
) -> None:
    orchestrator = lead()
    created(orchestrator, "q", "a")
    orchestrator.apply(act("conv", "converted", T + HOUR, contact="c7"))
    visit = act("1", "web_visit", T + 2 * HOUR, first)
    if before:
        orchestrator.apply(visit)
    merge(orchestrator, at=T + 3 * HOUR)
    if not before:
        orchestrator.apply(visit)
    person = orchestrator.survivor("p")
    assert person.behavior_score == 5
    for copy in (act("1", "web_visit", T + 2 * HOUR, then), visit):
        assert orchestrator.apply(copy).result == "duplicate"
    # With other content it is another activity of another record, and a misuse of the same one.
    other = act("1", "web_visit", T + 2 * HOUR, then, page="/pricing")
    assert orchestrator.apply(other).result == ("rejected" if then == first else "unchanged")
    assert person.behavior_score == (5 if then == first else 10)


# ------------------------------------------------------------------ what a merge leaves as it was


def test_s23_a_merge_of_one_person_is_in_the_log_and_replays_the_same() -> None:
    log: list[Activity] = []
    live = Lifecycle(START.model, log=log.append)
    for name in "pq":
        live.admit(name, at=T)
    for number in range(2):
        live.apply("p", "merged", at=T + DAY, id=f"m{number}", loser="q")
    once_more = live.apply("q", "merged", at=T + 2 * DAY, id="m2", loser="p")
    assert (once_more.result, once_more.rows) == ("unchanged", ())
    assert once_more.reason == "p and p are one person already"
    assert [one.id for one in log if one.kind == "merged"] == ["m0", "m1", "m2"]
    copy = Lifecycle(START.model)
    copy.replay(log)
    assert slots(copy.person("p")) == slots(live.person("p"))
    assert copy.person("p").clock == T + 2 * DAY


@pytest.mark.parametrize("way", ["pq", "qp"])
def test_s21_a_late_activity_keeps_a_deadline_that_was_missed_before_a_merge(way: str) -> None:
    orchestrator = lead("b")
    created(orchestrator, "q", "a")
    orchestrator.tick(T + 5 * DAY)
    to, loser = tuple(way)
    merge(orchestrator, loser, to=to)
    person = orchestrator.survivor("p")
    assert [(fact.person, fact.outcome) for fact in person.deadlines] == [(to, "missed")]
    # Converted in time, as the CRM says too late: told under the id that the visit had.
    orchestrator.apply(act("late", "converted", T + 3 * DAY, "p"))
    (fact,) = person.deadlines
    assert (person.stage, fact.outcome, fact.late, fact.decided_at) == ("c", "kept", True, MERGED)
    assert (fact.person, fact.journey_record) == (to, "p")


#: The deadline that p missed on the fifth day; a merge of the fourth day comes later.
MISSED = Orchestrator(
    small(
        move("known", "b", "c", on="merged", when="level == 3"),
        move("go", "b", "c", on="go"),
        move("large", "b", "c", when="level == 4"),
        deadlines=(Deadline(name="slow", stage="b", after=4 * DAY, when="not ready"),),
        merging={"level": "max", "ready": "max"},
        settle=90 * DAY,
    )
)
#: What the other record has, when the merge happened, and whether the deadline is kept by it.
OTHER: dict[str, tuple[str, dict[str, Any], Any, bool]] = {
    "its own trigger leaves": ("a", {"level": 3}, 3 * DAY, True),
    "its own trigger leaves, at the very instant": ("a", {"level": 3}, 4 * DAY, True),
    "its own trigger leaves, too late": ("a", {"level": 3}, 4 * DAY + HOUR, False),
    "the condition ceases to hold": ("a", {"ready": True}, 3 * DAY, True),
    "the condition ceases to hold, too late": ("a", {"ready": True}, 4 * DAY + HOUR, False),
    "a system move leaves": ("a", {"level": 4}, 3 * DAY, True),
    "what waited for the sort leaves": ("new", {}, 3 * DAY, True),
    "what waited for the sort leaves, too late": ("new", {}, 4 * DAY + HOUR, False),
    "nothing of it matters": ("a", {}, 3 * DAY, False),
    "it ends the visit": ("d", {"level": 3}, 3 * DAY, False),
}


@pytest.mark.parametrize(("stage", "fields", "at", "kept"), OTHER.values(), ids=OTHER)
@pytest.mark.parametrize("way", ["pq", "qp"])
def test_s21_a_merge_that_comes_late_keeps_what_it_was_in_time_for(
    stage: str, fields: dict[str, Any], at: Any, kept: bool, way: str
) -> None:
    orchestrator = again(MISSED)
    created(orchestrator, "p", "b", owner="ada")
    created(orchestrator, "q", stage, owner="bob", **fields)
    if stage == "new":
        orchestrator.apply(act("1", "go", T + DAY, "q"))
    orchestrator.tick(T + 5 * DAY)
    to, loser = tuple(way)
    merge(orchestrator, loser, T + at, to=to)
    facts = [fact for record in orchestrator.people.values() for fact in record.deadlines]
    told = [(fact.outcome, fact.late, fact.decided_at, fact.owner) for fact in facts]
    due = T + 4 * DAY
    assert told == [("kept", True, due, "ada") if kept else ("missed", False, due, "ada")]


@pytest.mark.parametrize("way", ["pq", "qp"])
def test_s21_a_late_activity_keeps_nothing_of_a_visit_that_a_merge_ended(way: str) -> None:
    """Though both have entered one stage at one instant."""
    orchestrator = again(MISSED)
    for name in "pq":
        created(orchestrator, name, "b")
    orchestrator.tick(T + 5 * DAY)
    to, loser = tuple(way)
    merge(orchestrator, loser, to=to)
    orchestrator.apply(act("late", "go", T + 3 * DAY))
    assert orchestrator.survivor("p").stage == "c"
    facts = [fact for record in orchestrator.people.values() for fact in record.deadlines]
    assert {fact.journey_record: fact.outcome for fact in facts} == {"p": "kept", "q": "missed"}
    # What is of the visit that goes on is the survivor's.
    assert {fact.person for fact in facts if fact.journey_record == "p"} == {to}


def test_s21_a_merge_that_waited_for_its_loser_keeps_what_it_was_in_time_for() -> None:
    orchestrator = again(MISSED)
    created(orchestrator, "p", "b")
    assert merge(orchestrator, at=T + 3 * DAY).result == "held"
    orchestrator.tick(T + 5 * DAY)
    assert [fact.outcome for fact in orchestrator.people["p"].deadlines] == ["missed"]
    orchestrator.apply(act("created", "created", T + DAY, "q", level=3))
    (fact,) = orchestrator.people["p"].deadlines
    assert (orchestrator.people["p"].stage, fact.outcome, fact.late) == ("c", "kept", True)


@pytest.mark.parametrize("way", ["pq", "qp"])
def test_s23_a_visit_that_a_merge_ended_decides_no_deadline(way: str) -> None:
    orchestrator = lead("b")
    created(orchestrator, "q", "c")
    to, loser = tuple(way)
    merge(orchestrator, loser, T + HOUR, to=to)
    orchestrator.tick(T + 60 * DAY)
    orchestrator.apply(act("late", "web_visit", T + 2 * HOUR))
    assert [fact for one in orchestrator.people.values() for fact in one.deadlines] == []


# ------------------------------------------------------------------ requests that wait


CALL = Orchestrator(
    small(
        move("go", "a", "b", on="go"),
        alerts=(
            AlertRule(name="enters", entering=("a", "b"), send="task", to="'d'", links_to_crm=True),
            AlertRule(name="seen", on="web_visit", send="task", to="'d'", links_to_crm=True),
        ),
    )
)
#: The stages of p and q, and what goes out once the CRM knows the person, by rule and stage.
OUT: dict[tuple[str, str], list[tuple[str, str | None]]] = {
    ("a", "a"): [("enters", "a"), ("seen", None), ("seen", None)],
    ("a", "b"): [("enters", "b"), ("seen", None), ("seen", None)],
    ("b", "a"): [("enters", "b"), ("seen", None), ("seen", None)],
    ("b", "x"): [("enters", "b"), ("seen", None), ("seen", None)],
    ("x", "y"): [("seen", None), ("seen", None)],
}


@pytest.mark.parametrize(("stages", "expected"), OUT.items(), ids=map("-".join, OUT))
@pytest.mark.parametrize("way", ["pq", "qp"])
@pytest.mark.parametrize("synced", ["p before", "q before", "after"])
def test_s24_what_waits_goes_out_once_whoever_survives(
    stages: tuple[str, str], expected: list[tuple[str, str | None]], way: str, synced: str
) -> None:
    decisions: list[Decision] = []
    orchestrator = again(CALL)
    orchestrator._record = decisions.append
    for name, stage in zip("pq", stages, strict=True):
        created(orchestrator, name, stage)
        orchestrator.apply(act("1", "web_visit", T + HOUR, name))
    to, loser = tuple(way)
    late = synced == "after"
    if not late:
        orchestrator.apply(act("2", "changed", T + 2 * HOUR, synced[0], crm_synced_at=T))
    merge(orchestrator, loser, to=to)
    if late:
        orchestrator.apply(act("2", "crm_synced", MERGED + HOUR, loser))
    told = [request for decision in decisions for request in decision.requests]
    out = [(one.rule, one.stage or None) for one in told if one.goes_out]
    known = {request.id: request.state for request in told}
    if late:
        assert sorted(out, key=str) == sorted(expected, key=str)
        assert "held" not in known.values()
    assert orchestrator.survivor("p")._waiting == ()
    # What somebody was told to wait for was told to go, or to be forgotten.
    assert set(known.values()) <= {"sent", "released", "superseded"}
    assert len({one.id for one in told if one.goes_out}) == len(out)
