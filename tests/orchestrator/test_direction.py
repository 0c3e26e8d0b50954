"""No number depends on which record of a person survives, nor on the order of merges [S23]."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from itertools import permutations
from typing import Any, TypeAlias

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle_fsm import Activity, Decision, Lifecycle, ScoreRule, StepDef
from lifecycle_fsm.model import AlertRule, Deadline, Decay
from lifecycle_fsm.orchestrator import Orchestrator
from tests.machine.small import DAY, HOUR, T, act, move, small
from tests.orchestrator.copies import again
from tests.orchestrator.merges import FULL, MERGED, created, merge

MODEL = small(
    move("go", "a", "b", on="go"),
    move("on", "b", "c", on="on", when="level >= 1"),
    move("off", ("a", "b", "c", "d"), "x", on="off"),
    move("lost", ("a", "b", "c"), "y", when="unsubscribed"),
    move("keen", "a", "b", when="behavior_score >= 15"),
    move("won", ("a", "b", "c"), "d", when="won_opportunities >= 1", skips="no_credit"),
    move("rested", "x", "a", when="days in stage >= 4 or hand_raised"),
    move("stale", "b", "x", when="days in stage >= 9", then={"behavior_score": 0}),
    scoring=(
        ScoreRule(name="visit", on="web_visit", points=5, cap=10, per="day"),
        ScoreRule(name="large", when="employees >= 50", points=20),
    ),
    processing=(StepDef(number=40, use="demographic_score"),),
    decay=(Decay(name="fade", every=2 * DAY, then={"behavior_score": "behavior_score - 3"}),),
    deadlines=(
        Deadline(name="answer", stage="a", after=3 * DAY),
        Deadline(name="call", stage="b", after=2 * DAY, when="not ready", send="task", to="'d'"),
    ),
    alerts=(
        AlertRule(name="enters", entering=("b", "c"), send="task", to="'d'", links_to_crm=True),
        AlertRule(name="seen", on="form_filled", send="task", to="'d'", links_to_crm=True),
    ),
    merging={"level": "sum", "company": "loser", "ready": "max"},
    winning_detours=("y",),
    settle=6 * HOUR,
)
NOBODY = Orchestrator(MODEL)
#: What happens to either record, and what it brings.
HAPPENS: dict[str, dict[str, Any]] = {
    "go": {},
    "on": {},
    "off": {},
    "unsubscribed": {},
    "web_visit": {},
    "form_filled": {"form": "Demo"},
    "score_given": {"points": -2},
    "crm_synced": {},
    "processed": {"industry": "steel"},
}
CHANGES: list[dict[str, Any]] = [
    {"level": 2},
    {"ready": True},
    {"hand_raised": True},
    {"employees": 80},
    {"employees": None},
    {"company": "Acme"},
    {"company": "Bolt"},
]
KINDS = st.sampled_from(sorted(HAPPENS)) | st.sampled_from(["changed", "opportunity_won"])
EVENTS = st.lists(
    st.tuples(KINDS, st.integers(0, len(CHANGES) - 1), st.integers(1, 20 * 24)), max_size=9
)
Events: TypeAlias = list[tuple[str, int, int]]
STARTS = st.sampled_from(["a", "b", "c", "x", "y"])


def log_of(record: str, start: str, events: Events) -> list[Activity]:
    """What came to one record; the ids are those of the other, too."""
    log = [act("created", "created", T, record, start=start)]
    for number, (kind, change, hour) in enumerate(events):
        brought: dict[str, Any] = HAPPENS.get(kind, {})
        if kind == "changed":
            brought = CHANGES[change]
        elif kind == "opportunity_won":
            brought = {"opportunity": f"o{change}", **FULL}
        log.append(Activity(f"e{number}", record, kind, T + hour * HOUR, brought))
    return log


def run(
    logs: list[Activity],
    merges: list[tuple[str, str, datetime]],
    waits: frozenset[str],
    start: Orchestrator = NOBODY,
) -> tuple[Orchestrator, list[Decision]]:
    decisions: list[Decision] = []
    orchestrator = again(start)
    orchestrator._record = decisions.append
    orchestrator.expect_processed(waits)
    log = [
        act(f"m{number}", "merged", at, to, loser=loser)
        for number, (to, loser, at) in enumerate(merges)
    ]
    for activity in sorted([*logs, *log], key=lambda one: (one.order, one.person)):
        orchestrator.apply(activity)
    orchestrator.tick(T + 60 * DAY)
    return orchestrator, decisions


def told(orchestrator: Orchestrator, decisions: list[Decision]) -> dict[str, Any]:
    """Everything that is said of the one person and all records, but whose row it was."""
    (person,) = {orchestrator.survivor(name) for name in orchestrator.people}
    facts = Counter(
        attrs.evolve(fact, person="")
        for record in orchestrator.people.values()
        for fact in record.deadlines
    )
    visits = Counter(
        attrs.evolve(row, person="", sequence=0, from_stage=None)
        for record in orchestrator.people.values()
        for row in record.history
        if row.visits
    )
    sent = Counter(
        (one.rule, one.stage, one.activity, one.at, one.due_at)
        for decision in decisions
        for one in decision.requests
        if one.goes_out
    )
    return {
        **{name: getattr(person, name) for name in MODEL.field_types},
        "stage": (person.stage, person.stage_entered_at),
        "journey": (person._journey_record or person.id, person.journey),
        "next journey": max(person.journey, person._last_journey) + 1,
        "open deadlines": person._deadlines,
        "shut": person._shut_returns,
        "points": person._points,
        "settles": person._settles_at,
        "waiting": Counter(
            (one.template.rule, one.stage, one.activity)
            for one in person._waiting
            # The entry of a stage that was left since asks for nothing any more.
            if one.visit is None
            or (one.stage, one.visit) == (person.stage, person.stage_entered_at)
        ),
        "due": person._due,
        "facts": facts,
        "visits": visits,
        "sent": sent,
    }


@settings(max_examples=80, deadline=None)
@given(
    starts=st.tuples(STARTS, STARTS),
    events=st.tuples(EVENTS, EVENTS),
    hour=st.integers(1, 22 * 24),
    waits=st.frozensets(st.sampled_from("pq")),
)
def test_s23_a_merge_in_either_direction_gives_the_same_person(
    starts: tuple[str, str], events: tuple[Events, Events], hour: int, waits: frozenset[str]
) -> None:
    logs = [one for args in zip("pq", starts, events, strict=True) for one in log_of(*args)]
    at = T + hour * HOUR
    one, other = (run(logs, [(to, loser, at)], waits) for to, loser in ("pq", "qp"))
    assert told(*one) == told(*other)
    assert one[0].survivor("p").id == "p"
    assert other[0].survivor("p").id == "q"


#: Of three records, who is merged into whom, first and second, in every order.
ORDERS = [
    ((a, b), (a, c)) for a, b, c in permutations("pqr")
] + [((b, c), (a, b)) for a, b, c in permutations("pqr")]  # fmt: skip


#: Without system moves and without waiting for the sort nothing happens between two merges.
STILL = Orchestrator(
    attrs.evolve(
        MODEL,
        moves=[one for one in MODEL.moves if one.on],
        merging={**MODEL.merging, "crm_synced_at": "min"},
    )
)
#: What the first of two merges has decided: a text that the record whose visit wins lacks, and what
#: has gone out because the CRM knew one of the two.
FIRST = ("company", "industry", "sent", "waiting")


@settings(max_examples=20, deadline=None)
@given(starts=st.tuples(STARTS, STARTS, STARTS), events=st.tuples(EVENTS, EVENTS, EVENTS))
def test_s23_three_records_give_the_same_person_in_every_order(
    starts: tuple[str, ...], events: tuple[Events, ...]
) -> None:
    sorted_ = T + 7 * HOUR
    logs = [
        one if one.kind == "created" else attrs.evolve(one, at=min(max(one.at, sorted_), MERGED))
        for args in zip("pqr", starts, events, strict=True)
        for one in log_of(*args)
    ]
    views = []
    for order in ORDERS:
        merges = [(to, loser, MERGED + HOUR) for to, loser in order]
        view = told(*run(logs, merges, frozenset(), STILL))
        views.append({name: value for name, value in view.items() if name not in FIRST})
    for order, view in zip(ORDERS, views, strict=True):
        assert view == views[0], order


# ------------------------------------------------------------------ what few stories come to


@pytest.fixture(params=["pq", "qp"], ids=["p survives", "q survives"])
def way(request: pytest.FixtureRequest) -> dict[str, str]:
    to, loser = request.param
    return {"to": to, "loser": loser}


@pytest.mark.parametrize(("first", "then"), [("p", "q"), ("p9", "p10")])
@pytest.mark.parametrize("turned", [False, True])
def test_s14_triggers_of_one_instant_and_id_fire_by_record(
    first: str, then: str, turned: bool
) -> None:
    orchestrator = again(NOBODY)
    for name in (first, then):
        orchestrator.apply(act("0", "created", T, name))
    orchestrator.apply(act("1", "off", T + HOUR, then))
    orchestrator.apply(act("1", "go", T + HOUR, first))
    to, loser = (then, first) if turned else (first, then)
    merge(orchestrator, loser, T + 2 * HOUR, to=to)
    orchestrator.tick(T + 6 * HOUR)
    rows = orchestrator.survivor(first).history
    assert [row.to_stage for row in rows][-3:] == ["a", "b", "x"]


def test_s23_the_next_journey_has_a_number_above_all(way: dict[str, str]) -> None:
    orchestrator = again(NOBODY)
    created(orchestrator, "p", "c")
    created(orchestrator, "q", "a")
    orchestrator.apply(act("1", "off", T + HOUR, "q"))
    orchestrator.apply(act("2", "changed", T + 2 * HOUR, "q", hand_raised=True))
    assert orchestrator.people["q"].journey == 2
    orchestrator.apply(act("3", "changed", T + 3 * HOUR, "q", hand_raised=False))
    merge(orchestrator, at=T + 4 * HOUR, **way)
    person = orchestrator.survivor("p")
    assert (person.stage, person.journey) == ("c", 1)
    orchestrator.apply(act("4", "off", T + 5 * HOUR, way["loser"]))
    orchestrator.tick(T + 10 * DAY)
    assert (person.stage, person.journey) == ("a", 3)
    assert person.history[-1].journey_record == "p"


def test_s18_what_a_cap_has_given_to_both_in_one_period_adds_up(way: dict[str, str]) -> None:
    orchestrator = again(NOBODY)
    for name in "pq":
        created(orchestrator, name, "a")
        orchestrator.apply(act("1", "web_visit", T + HOUR, name))
    merge(orchestrator, at=T + 2 * HOUR, **way)
    person = orchestrator.survivor("p")
    assert person.behavior_score == 5  # the greater of both, as no rule says otherwise
    orchestrator.apply(act("2", "web_visit", T + 3 * HOUR, "p"))
    assert person.behavior_score == 5  # ten of ten were given today


def test_s14_the_end_of_each_records_own_processing_brings_fields_once_sorted(
    way: dict[str, str],
) -> None:
    orchestrator = again(NOBODY)
    for name in "pq":
        orchestrator.apply(act("0", "created", T, name))
    merge(orchestrator, at=T + HOUR, **way)
    orchestrator.tick(T + 6 * HOUR)
    person = orchestrator.survivor("p")
    rows = len(person.history)
    for name, field in (("p", "industry"), ("q", "role")):
        end = act("processed", "processed", T + DAY, name, **{field: "x"})
        assert orchestrator.apply(end).result == "unchanged"
    assert (person.industry, person.role, len(person.history)) == ("x", "x", rows)


def test_s14_the_same_end_of_processing_of_another_record_counts_and_is_in_the_log(
    way: dict[str, str],
) -> None:
    """A replay must know that both waited: nobody is sorted by settle."""
    log: list[Activity] = []
    live = Lifecycle(MODEL, log=log.append)
    live.expect_processed(["p", "q"])
    for name in "pq":
        live.apply(act("0", "created", T, name))
    live.apply(act("m", "merged", T + HOUR, way["to"], loser=way["loser"]))
    ends = [act("processed", "processed", T + DAY, name, industry="steel") for name in "pq"]
    assert [live.apply(end).result for end in ends] == ["moved", "unchanged"]
    assert [live.apply(end).result for end in ends] == ["duplicate", "duplicate"]
    copy = Lifecycle(MODEL)
    copy.replay(log)
    assert copy.person("p").history == live.person("p").history


def test_s9_a_return_that_has_held_since_the_entry_waits_on_behind_a_merge(
    way: dict[str, str],
) -> None:
    orchestrator = again(NOBODY)
    created(orchestrator, "p", "new")
    created(orchestrator, "q", "x", hand_raised=True)
    merge(orchestrator, at=T + HOUR, **way)
    person = orchestrator.survivor("q")
    assert (person.stage, person.hand_raised) == ("x", True)
    for number, raised in enumerate((False, True)):
        at = T + (2 + number) * HOUR
        orchestrator.apply(act(f"{number}", "changed", at, hand_raised=raised))
    assert (person.stage, person.journey) == ("a", 2)
