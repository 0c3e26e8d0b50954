"""The scoring silo: behavior and demographics, apart [S18]."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest

from lifecycle_fsm import (
    ActivityKind,
    FieldDef,
    FieldType,
    Lifecycle,
    Model,
    ModelError,
    Person,
    ScoreRule,
    SortRule,
    Stage,
    load,
)
from lifecycle_fsm.fields import INT_MAX, INT_MIN
from lifecycle_fsm.model import Period
from lifecycle_fsm.orchestrator import Orchestrator
from tests.machine.small import (
    DAY,
    FIELDS,
    HOUR,
    SECOND,
    STEP_040,
    T,
    act,
    admitted,
    hops,
    move,
    running,
    small,
)


def points(name: str, points: Any, when: str = "always", on: str | None = None) -> ScoreRule:
    return ScoreRule(name=name, points=points, when=when, on=on)


def waterfall(**fields: Any) -> tuple[Orchestrator, Any]:
    orchestrator = Orchestrator(load("waterfall"))
    return orchestrator, admitted(orchestrator, **fields)


def test_s18_behavior_points_add_up_activity_by_activity() -> None:
    orchestrator, person = waterfall()
    steps: list[tuple[str, dict[str, Any], int]] = [
        ("form_filled", {"form": "News"}, 15),
        ("web_visit", {"page": "/about"}, 17),
        ("web_visit", {"page": "/pricing/team"}, 29),
        ("email_clicked", {}, 34),
        ("score_given", {"points": 6}, 40),
        ("score_given", {"points": -100}, -60),
        ("sales_touched", {}, -60),
    ]
    for number, (kind, payload, score) in enumerate(steps):
        orchestrator.apply(act(str(number), kind, T + HOUR, **payload))
        assert person.behavior_score == score
    assert person.demographic_score == 0


def test_s18_all_rules_of_one_activity_see_the_score_before_it() -> None:
    orchestrator, person = running(
        scoring=(
            points("first", 5, on="web_visit"),
            points("second", 5, "behavior_score >= 5", on="web_visit"),
        )
    )
    scores = []
    for number in range(3):
        orchestrator.apply(act(str(number), "web_visit", T + HOUR))
        scores.append(person.behavior_score)
    assert scores == [5, 15, 25]


def test_s18_scores_see_what_data_wrote_for_the_same_activity() -> None:
    orchestrator, person = running(scoring=(points("raise", 9, "last_form == 'x'", "form_filled"),))
    orchestrator.apply(act("1", "form_filled", T + HOUR, form="x"))
    assert person.behavior_score == 9


def test_s18_points_may_be_a_token_or_computed() -> None:
    orchestrator, person = running(
        tokens={"visit": 4},
        scoring=(
            points("visit", "$visit", on="web_visit"),
            points("given", "activity.points * 2", on="score_given"),
        ),
    )
    orchestrator.apply(act("1", "web_visit", T + HOUR))
    assert person.behavior_score == 4
    orchestrator.apply(act("2", "score_given", T + HOUR, points=3))
    assert person.behavior_score == 4 + 3 + 6  # the kind's own points, and twice those


def test_s5_scores_stay_within_64_bits() -> None:
    orchestrator, person = running(fields={"behavior_score": INT_MAX - 1})
    orchestrator.apply(act("1", "score_given", T + HOUR, points=10))
    assert person.behavior_score == INT_MAX
    orchestrator, person = running(
        scoring=(points("visit", -10, on="web_visit"),), fields={"behavior_score": INT_MIN + 1}
    )
    orchestrator.apply(act("1", "web_visit", T + HOUR))
    assert person.behavior_score == INT_MIN


# ------------------------------------------------------------------ demographics


def test_s13_step_040_sums_the_rules_that_hold() -> None:
    _, person = waterfall(seniority="vp", employees=50, email="a@acme.com")
    assert person.demographic_score == 20 + 15 + 5
    _, person = waterfall(seniority="manager")
    assert person.demographic_score == 10
    _, person = waterfall()
    assert person.demographic_score == 0


def test_s18_the_demographic_score_is_computed_again_when_its_inputs_change() -> None:
    orchestrator, person = waterfall()
    assert person.demographic_score == 0
    orchestrator.apply(act("1", "changed", T + HOUR, seniority="vp"))
    assert person.demographic_score == 20
    orchestrator.apply(act("2", "changed", T + 2 * HOUR, employees=500))
    assert person.demographic_score == 35
    orchestrator.apply(act("3", "changed", T + 3 * HOUR, seniority=None))
    assert person.demographic_score == 15


def test_s18_it_is_left_alone_while_its_inputs_stay() -> None:
    orchestrator, person = waterfall(seniority="vp")
    person.demographic_score = 99  # as another system would have it
    orchestrator.apply(act("1", "changed", T + HOUR, owner="ada"))
    orchestrator.apply(act("2", "web_visit", T + HOUR))
    assert person.demographic_score == 99


def test_s18_new_fit_can_qualify_at_once() -> None:
    orchestrator, person = waterfall()
    orchestrator.apply(act("1", "score_given", T + HOUR, points=80))
    assert person.stage == "mal"
    decision = orchestrator.apply(act("2", "changed", T + DAY, seniority="head"))
    assert [row.rule for row in decision.rows] == ["qualified_by_score"]


@pytest.mark.parametrize(
    ("guard", "kind", "payload"),
    [
        ("won_opportunities >= 1", "opportunity_won", {"opportunity": "o"}),
        (
            "open_opportunities >= 1",
            "opportunity_opened",
            {"opportunity": "o", "amount": 1, "closes_at": T + DAY},
        ),
        ("last_lost_at is known", "opportunity_lost", {"opportunity": "o"}),
        ("owner is known", "owner_changed", {"owner": "ada"}),
        ("unsubscribed", "unsubscribed", {}),
        ("last_form == 'x'", "form_filled", {"form": "x"}),
        ("level == 4", "changed", {"level": 4}),
    ],
)
def test_s18_whatever_writes_an_input_has_it_computed_again(
    guard: str, kind: str, payload: dict[str, Any]
) -> None:
    orchestrator, person = running(scoring=(points("fit", 10, guard),), processing=STEP_040)
    assert person.demographic_score == 0
    orchestrator.apply(act("1", kind, T + HOUR, **payload))
    assert person.demographic_score == 10


def test_s18_behavior_is_no_input_of_demographics_and_named_guards_are_looked_through() -> None:
    orchestrator, person = running(
        guards={"senior": "seniority == 'vp'"},
        scoring=(points("fit", 10, "senior"),),
        processing=STEP_040,
    )
    orchestrator.apply(act("1", "changed", T + HOUR, seniority="vp"))
    assert person.demographic_score == 10


def test_s18_without_demographic_rules_the_score_is_somebody_elses() -> None:
    orchestrator, person = running(processing=STEP_040, fields={"demographic_score": 42})
    assert person.demographic_score == 42
    orchestrator.apply(act("1", "changed", T + HOUR, demographic_score=7, seniority="vp"))
    assert person.demographic_score == 7


def test_s18_scoring_never_reads_the_stage() -> None:
    with pytest.raises(ModelError, match="never read the stage"):
        running(scoring=(points("fit", 1, "stage == 'a'"),))


# ------------------------------------------------------------------ scores and moves


def test_a_score_that_falls_below_the_threshold_moves_nobody() -> None:
    orchestrator, person = waterfall(seniority="vp")
    orchestrator.apply(act("1", "score_given", T + HOUR, points=65))
    assert person.stage == "mql"
    before = person.history
    orchestrator.apply(act("2", "score_given", T + DAY, points=-60))
    orchestrator.apply(act("3", "changed", T + DAY, seniority=None))
    orchestrator.tick(T + 300 * DAY)
    assert (person.stage, person.history) == ("mql", before)


def test_r37_recycling_lowers_the_score_and_mql_does_not_fire_again_at_once() -> None:
    for score in (65, 90, 300, 129):
        orchestrator, person = waterfall(seniority="vp")
        orchestrator.apply(act("1", "score_given", T + HOUR, points=score))
        assert person.stage == "mql"
        orchestrator.apply(act("2", "sales_rejected", T + DAY, reason="no_time"))
        assert person.stage == "recycled"
        assert person.behavior_score == min(score // 2, 64)
        assert person.hand_raised is False
        orchestrator.apply(act("3", "crm_synced", T + DAY + SECOND))
        orchestrator.tick(T + 80 * DAY)
        assert person.stage == "recycled"
        missing = 65 - person.behavior_score
        orchestrator.apply(act("4", "score_given", T + 81 * DAY, points=missing))
        assert hops(person)[-1] == ("recycled", "mql", "requalified")


def test_r21_a_negative_score_does_not_defeat_a_hand_raise() -> None:
    orchestrator, person = waterfall(behavior_score=-500)
    orchestrator.apply(act("1", "form_filled", T + HOUR, form="Hand-Raise: Contact Us"))
    assert person.stage == "mql"


def test_r20_by_score_and_by_hand_raise_stay_distinguishable() -> None:
    orchestrator, by_score = waterfall(seniority="vp")
    orchestrator.apply(act("1", "score_given", T + HOUR, points=65))
    orchestrator, by_hand = waterfall(seniority="vp")
    orchestrator.apply(act("1", "form_filled", T + HOUR, form="Hand-Raise: Demo"))
    assert by_score.history[-1].rule == "qualified_by_score"
    assert by_hand.history[-1].rule == "qualified_by_hand_raise"


def test_s7_a_lasting_fact_stays_for_a_later_stage() -> None:
    orchestrator, person = running(
        move("go", "a", "b", on="go"), move("on", "b", "c", when="behavior_score >= 50")
    )
    orchestrator.apply(act("1", "score_given", T + HOUR, points=50))
    assert person.stage == "a"
    orchestrator.apply(act("2", "go", T + DAY))
    assert person.stage == "c"


@pytest.mark.parametrize(("effects", "score"), [({"industry": "'shipping'"}, 30), ({}, 0)])
def test_s18_a_move_that_changes_an_input_changes_the_demographic_score(
    effects: dict[str, str], score: int
) -> None:
    new, lead, won = Stage("new"), Stage("lead"), Stage("won")
    model = Model(
        name="fit",
        stages=[new, lead, won],
        sort=[SortRule(name="all", when="otherwise", target="lead")],
        scoring=[ScoreRule(name="ships", when="industry == 'shipping'", points=30)],
        processing=STEP_040,
        moves=[lead.to(won, on="win", then=effects)],
    )
    person = Lifecycle(model).admit("ann", at="2024-05-01T09:00Z")
    assert person.demographic_score == 0
    person.fire("win", at="2024-05-02T09:00Z")
    assert (person.stage, person.demographic_score) == ("won", score)


# ------------------------------------------------------------------ caps, by rule and period


def capped(name: str, points: Any, cap: int, per: Period | None, on: str, **more: Any) -> ScoreRule:
    return ScoreRule(name=name, points=points, cap=cap, per=per, on=on, **more)


def visits(instants: Sequence[str], *rules: ScoreRule, **more: Any) -> Person:
    """Somebody long known who visits a page at each of these times."""
    orchestrator, person = running(scoring=rules, **more)
    for number, instant in enumerate(instants):
        orchestrator.apply(act(f"{number:02}", "web_visit", datetime.fromisoformat(instant)))
    return person


#: Two instants, and whether they lie in one period. All of it in UTC; weeks begin on Monday.
PERIODS: dict[str, tuple[Period | None, str, str, bool]] = {
    "from midnight": ("day", "2024-05-02T00:00Z", "2024-05-02T23:59:59.999999Z", True),
    "up to midnight": ("day", "2024-05-02T23:59:59.999999Z", "2024-05-03T00:00Z", False),
    "one local day, two of UTC": ("day", "2024-05-02T01:00+02:00", "2024-05-02T03:00+02:00", False),
    "two local days, one of UTC": ("day", "2024-05-02T22:00-05:00", "2024-05-03T18:00-05:00", True),
    "the same day of another month": ("day", "2024-05-02T12:00Z", "2024-06-02T12:00Z", False),
    "Monday to Sunday": ("week", "2024-05-06T00:00Z", "2024-05-12T23:59:59Z", True),
    "Sunday and Monday": ("week", "2024-05-12T23:59:59.999999Z", "2024-05-13T00:00Z", False),
    "a week over New Year": ("week", "2024-12-30T00:00Z", "2025-01-05T23:59:59Z", True),
    "a Monday by its local date only": (
        "week",
        "2024-05-13T01:00+02:00",
        "2024-05-13T03:00+02:00",
        False,
    ),
    "a whole month": ("month", "2024-07-01T00:00Z", "2024-07-31T23:59:59Z", True),
    "two months": ("month", "2024-07-31T23:59:59Z", "2024-08-01T00:00Z", False),
    "December and January": ("month", "2024-12-31T23:59:59Z", "2025-01-01T00:00Z", False),
    "the same month of two years": ("month", "2024-07-15T00:00Z", "2025-07-15T00:00Z", False),
    "a whole year": ("year", "2025-01-01T00:00Z", "2025-12-31T23:59:59Z", True),
    "two years": ("year", "2025-12-31T23:59:59Z", "2026-01-01T00:00Z", False),
    "ever": (None, "2024-05-02T00:00Z", "2034-05-02T00:00Z", True),
}


@pytest.mark.parametrize(("per", "first", "second", "one"), PERIODS.values(), ids=PERIODS.keys())
@pytest.mark.parametrize("points", [10, -10])
def test_s18_a_cap_holds_within_one_period(
    per: Period | None, first: str, second: str, one: bool, points: int
) -> None:
    rule = capped("visit", points, 10, per, "web_visit")
    assert visits([first, second], rule).behavior_score == points * (1 if one else 2)


def test_s18_after_a_period_everything_may_be_given_again() -> None:
    rule = capped("visit", 10, 25, "day", "web_visit")
    days = [f"2024-05-0{day}T{hour:02}:00Z" for day in (2, 3, 4) for hour in range(4)]
    assert visits(days[:4], rule).behavior_score == 25  # 10, 10, and what is left of the cap
    assert visits(days[:5], rule).behavior_score == 35
    assert visits(days, rule).behavior_score == 75


RATED = ActivityKind(name="rated", payload=(FieldDef("points", FieldType("int")),))
#: Points that come one after the other, and what one rule with a cap of 10 has given after each.
RATINGS: dict[str, tuple[list[int], list[int]]] = {
    "never more than the cap": ([8, 8, 8], [8, 10, 10]),
    "nor less than it, below zero": ([-8, -8, -8], [-8, -10, -10]),
    "points that go down make room again": ([8, 8, -5, 9], [8, 10, 5, 10]),
    "from one end to the other": ([10, -30, 30], [10, -10, 10]),
    "one that is larger than the cap": ([99], [10]),
    "nothing is nothing": ([0, 4, 0], [0, 4, 4]),
}


@pytest.mark.parametrize(("given", "totals"), RATINGS.values(), ids=RATINGS.keys())
def test_s18_the_points_of_one_rule_stay_within_its_cap_both_ways(
    given: list[int], totals: list[int]
) -> None:
    orchestrator, person = running(
        kinds=(RATED,), scoring=(capped("rated", "activity.points", 10, "year", "rated"),)
    )
    for number, (points, total) in enumerate(zip(given, totals, strict=True)):
        orchestrator.apply(act(str(number), "rated", T + HOUR, points=points))
        assert person.behavior_score == total


def test_s18_each_rule_has_its_own_cap_and_others_go_on() -> None:
    rules = (
        capped("visit", 10, 20, "day", "web_visit"),
        capped("any", 3, 7, "week", "web_visit"),
        points("free", 1, on="web_visit"),
    )
    assert visits(["2024-05-02T12:00Z"] * 1, *rules).behavior_score == 14
    assert visits([f"2024-05-02T{hour}:00Z" for hour in range(10, 15)], *rules).behavior_score == (
        20 + 7 + 5
    )


def test_s18_a_cap_is_counted_for_each_person() -> None:
    orchestrator, person = running(scoring=(capped("visit", 10, 10, None, "web_visit"),))
    other = admitted(orchestrator, "q")
    for number in range(2):
        orchestrator.apply(act(str(number), "web_visit", T + HOUR))
    orchestrator.apply(act("0", "web_visit", T + HOUR, "q"))
    assert (person.behavior_score, other.behavior_score) == (10, 10)


def test_s19_a_late_activity_counts_in_the_period_in_which_it_is_applied() -> None:
    rule = capped("visit", 10, 10, "day", "web_visit")
    late = ["2024-05-02T12:00Z", "2024-05-03T12:00Z", "2024-05-02T13:00Z"]
    assert visits(late, rule).behavior_score == 20


def test_s18_a_guard_that_does_not_hold_uses_up_nothing_of_the_cap() -> None:
    orchestrator, person = running(
        scoring=(capped("visit", 10, 10, None, "web_visit", when="activity.page == '/pricing'"),)
    )
    orchestrator.apply(act("1", "web_visit", T + HOUR, page="/"))
    orchestrator.apply(act("2", "web_visit", T + HOUR, page="/pricing"))
    assert person.behavior_score == 10


def test_s18_caps_count_during_processing_too() -> None:
    rule = capped("visit", 10, 10, "day", "web_visit")
    orchestrator = Orchestrator(small(scoring=(rule,), settle=DAY))
    orchestrator.apply(act("0", "created", T))
    orchestrator.apply(act("1", "web_visit", T + SECOND))
    orchestrator.process("p", T + HOUR)
    orchestrator.apply(act("2", "web_visit", T + 2 * HOUR))
    assert orchestrator.people["p"].behavior_score == 10


def test_s18_a_cap_is_counted_beside_the_bounds_of_the_score() -> None:
    """What the bounds of the field cut off was given all the same."""
    bounded = FieldDef("behavior_score", FieldType("int", minimum=0, maximum=15), 0)
    rules = (
        capped("visit", 10, 30, None, "web_visit"),
        points("down", -15, on="email_clicked"),
    )
    orchestrator = Orchestrator(small(fields=(*FIELDS, bounded), scoring=rules))
    person = admitted(orchestrator)
    for number, (kind, score) in enumerate(
        [("web_visit", 10), ("web_visit", 15), ("email_clicked", 0), ("web_visit", 10)]
    ):
        orchestrator.apply(act(str(number), kind, T + HOUR))
        assert person.behavior_score == score
    orchestrator.apply(act("9", "web_visit", T + HOUR))
    assert person.behavior_score == 10  # three times ten were given


# ------------------------------------------------------------------ when interest was last shown

VISIT = act("1", "web_visit", T + HOUR)
#: The rules, the activity, and whether it shows interest.
INTEREST: dict[str, tuple[tuple[ScoreRule, ...], Any, bool]] = {
    "points": ((points("visit", 5, on="web_visit"),), VISIT, True),
    "points below zero": ((points("visit", -5, on="web_visit"),), VISIT, False),
    "no points": ((points("visit", 0, on="web_visit"),), VISIT, False),
    "no rule for it": ((points("click", 5, on="email_clicked"),), VISIT, False),
    "a rule that does not hold": ((points("visit", 5, "level == 1", "web_visit"),), VISIT, False),
    "as much taken as given": (
        (points("visit", 5, on="web_visit"), points("less", -5, on="web_visit")),
        VISIT,
        True,
    ),
    "points that somebody gives": ((), act("1", "score_given", T + HOUR, points=5), True),
    "points of fit": ((points("fit", 5, "level == 1"),), act("1", "changed", T, level=1), False),
}


@pytest.mark.parametrize(("rules", "activity", "shown"), INTEREST.values(), ids=INTEREST.keys())
def test_s18_when_points_of_interest_were_last_given(
    rules: tuple[ScoreRule, ...], activity: Any, shown: bool
) -> None:
    orchestrator, person = running(scoring=rules, processing=STEP_040)
    orchestrator.apply(activity)
    assert person.scored_at == (T + HOUR if shown else None)


def test_s18_interest_that_a_cap_leaves_without_points_is_interest_all_the_same() -> None:
    person = visits(
        ["2024-05-02T12:00Z", "2024-05-03T12:00Z"], capped("visit", 10, 10, None, "web_visit")
    )
    assert person.behavior_score == 10
    assert person.scored_at == datetime.fromisoformat("2024-05-03T12:00Z")


def test_s19_late_interest_is_shown_when_it_is_applied() -> None:
    person = visits(["2024-05-03T12:00Z", "2024-05-02T12:00Z"], points("visit", 1, on="web_visit"))
    assert person.scored_at == datetime.fromisoformat("2024-05-03T12:00Z")
