"""What the assertions of a bench hold, and what they say where they do not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from lifecycle_fsm import LifecycleError, Person, load, p, t
from lifecycle_fsm.testing import Bench
from tests.machine.small import move, small

Check = Callable[[Bench], Any]
WATERFALL = load("waterfall")
UNKNOWN_REASON = ("rejection_reason in $recycle_reasons", "rejection_reason in $disqualify_reasons")


@pytest.fixture
def bench() -> Bench:
    return Bench(WATERFALL)


def lead(bench: Bench, **fields: Any) -> Person:
    """Somebody at MAL who fits, and lacks one point."""
    given = {"demographic_score": 20, "behavior_score": 64, **fields}
    return bench.person_in("mal", id="ann", **given)


def rejected(bench: Bench, reason: str | None = "on holiday") -> Person:
    return bench.person_in("mql", id="ann", rejection_reason=reason)


@pytest.mark.parametrize(
    "holds",
    [
        lambda b: b.assert_stays(lead(b)),
        lambda b: b.assert_moves(lead(b, behavior_score=65), to="mql"),
        lambda b: b.assert_moves(lead(b, behavior_score=65), to="mql", by="qualified_by_score"),
        lambda b: b.assert_moves(
            b.person_in("processing", hand_raised=True, sales_touched_at=b.clock.now),
            to="sal",
            by=["sorted_by_hand_raise", "accepted"],
        ),
        lambda b: b.assert_moves(rejected(b, "student"), "sales_rejected", to="disqualified"),
        lambda b: b.assert_refused(rejected(b), "sales_rejected"),
        lambda b: b.assert_refused(rejected(b), "sales_rejected", because=UNKNOWN_REASON),
        lambda b: b.assert_refused(
            rejected(b),
            "sales_rejected",
            move="recycled_by_sales",
            because={"rejection_reason in $recycle_reasons": "on holiday"},
        ),
        # A named guard stands for all of it that is unmet; a tree from Python for its text.
        lambda b: b.assert_stays(lead(b), move="qualified_by_score", because="interested"),
        lambda b: b.assert_stays(
            lead(b),
            move="qualified_by_score",
            because={"interested": 64},
        ),
        lambda b: b.assert_stays(
            lead(b, demographic_score=19),
            move="qualified_by_score",
            because=[p.behavior_score >= t.mql_threshold, p.demographic_score >= t.fit_threshold],
        ),
        lambda b: b.assert_stays(
            lead(b, demographic_score=19), move="qualified_by_score", because="fits and interested"
        ),
        # Of several values each by its name; a time in any spelling.
        lambda b: b.assert_stays(
            b.person_in("mql", sales_touched_at="2024-01-01", journey_started_at="2024-02-02"),
            because={
                "sales_touched_at >= journey_started_at": {"sales_touched_at": "2024-01-01T00:00Z"},
                "owner_changed_at >= journey_started_at": {"owner_changed_at": None},
                "owner in $sdr_team": None,
                "open_opportunities >= 1": 0,
                "won": 0,
                "role in $off_path_roles": None,
            },
        ),
        lambda b: b.assert_holds(lead(b), "fits and not interested"),
        lambda b: b.assert_fails(lead(b), p.hand_raised),
    ],
)
def test_what_holds(bench: Bench, holds: Check) -> None:
    holds(bench)


@pytest.mark.parametrize(
    ("fails", "said", "unsaid"),
    [
        (
            lambda b: b.assert_moves(lead(b), to="mql"),
            [
                "ann in mal at 2024-06-03 12:00 UTC should move to mql, but stays, because",
                "qualified_by_hand_raise -> mql",
                "✗ hand raised",
                "✓ demographic score ≥ 20 (it is 20)",
                "✗ behavior score ≥ 65 (it is 64)",
                "ann: mal since 2024-06-03T11:00Z, journey 1",
                "behavior_score=64",
            ],
            ["won_early"],
        ),
        (
            lambda b: b.assert_moves(lead(b, hand_raised=True), to="mql", by="qualified_by_score"),
            ["by qualified_by_score, but moves", "mal -> mql by qualified_by_hand_raise"],
            [],
        ),
        (
            lambda b: b.assert_moves(
                b.person_in("processing", hand_raised=True, sales_touched_at=b.clock.now),
                to="sal",
                by=["sorted_by_score", "accepted"],
            ),
            ["by sorted_by_score, accepted, but moves", "mql -> sal by accepted"],
            [],
        ),
        (
            # A list is of all moves, also a list of one.
            lambda b: b.assert_moves(
                b.person_in("processing", hand_raised=True, sales_touched_at=b.clock.now),
                to="sal",
                by=["accepted"],
            ),
            ["should move to sal by accepted, but moves", "processing -> mql by sorted_by_hand"],
            [],
        ),
        (
            lambda b: b.assert_moves(lead(b, hand_raised=True), to="sal"),
            ["mal -> mql by qualified_by_hand_raise", "worked_by_sales -> sal", "✗ sales owns"],
            ["opportunity_early"],
        ),
        (
            lambda b: b.assert_moves(rejected(b), "reinstate", to="mal"),
            [
                "on 'reinstate', but stays: no move named by 'reinstate' leaves 'mql'; from there "
                "one can ask for disqualify, sales_rejected"
            ],
            ["because"],
        ),
        (
            lambda b: b.assert_moves(rejected(b), "sales_rejected", to="customer"),
            # Nothing leads there: then every move that was asked is told.
            ["recycled_by_sales -> recycled", "disqualified_by_sales -> disqualified"],
            [],
        ),
        (
            lambda b: b.assert_stays(lead(b, hand_raised=True)),
            ["should stay, but moves", "mal -> mql by qualified_by_hand_raise"],
            [],
        ),
        (
            lambda b: b.assert_refused(rejected(b, "student"), "sales_rejected"),
            ["should be refused on 'sales_rejected', but moves", "mql -> disqualified by disq"],
            [],
        ),
        (
            lambda b: b.assert_refused(rejected(b), "reinstate"),
            ["but there is nothing to refuse: no move named by 'reinstate' leaves 'mql'"],
            [],
        ),
        (
            lambda b: b.assert_refused(
                rejected(b),
                "sales_rejected",
                because={UNKNOWN_REASON[0]: "student", "hand_raised": False},
            ),
            [
                "should be refused on 'sales_rejected' for these reasons, but they differ:",
                "recycled_by_sales -> recycled",
                "- ✗ rejection reason is one of no_budget, no_time, no_answer, not_ready (it is on "
                "holiday)  <- said: 'student'",
                "+ ✗ rejection reason is one of wrong_person",
                "- hand_raised  <- no move that was asked reads this",
                "= as said, + unmet and not said, - said and not so",
            ],
            [],
        ),
        (
            lambda b: b.assert_stays(
                lead(b), move="qualified_by_score", because={"fits": 20, "interested": 64}
            ),
            ["= ✗ behavior score ≥ 65 (it is 64)", "- ✓ fits  <- it holds"],
            ["+ ✗"],
        ),
        (
            # The number 64 and the text "64" are two things; so are 1 and yes.
            lambda b: b.assert_stays(
                lead(b), move="qualified_by_score", because={"interested": "64"}
            ),
            ["- ✗ behavior score ≥ 65 (it is 64)  <- said: '64'"],
            [],
        ),
        (
            lambda b: b.assert_holds(lead(b), "fits and interested"),
            ["should hold, and does not", "✓ demographic score ≥ 20", "✗ behavior score ≥ 65"],
            [],
        ),
        (
            lambda b: b.assert_fails(lead(b), "fits"),
            ["fits should not hold, and does", "✓ demographic score ≥ 20 (it is 20)"],
            [],
        ),
    ],
)
def test_what_does_not_hold_is_told_with_all_that_is_to_be_known(
    bench: Bench, fails: Check, said: list[str], unsaid: list[str]
) -> None:
    with pytest.raises(AssertionError) as error:
        fails(bench)
    text = str(error.value)
    assert [one for one in said if one not in text] == [], text
    assert [one for one in unsaid if one in text] == [], text


def test_a_failure_tells_of_the_person_as_time_has_left_it(bench: Bench) -> None:
    """Half of the interest goes after thirty days, so that 80 points are 40 when it is asked."""
    person = lead(bench, behavior_score=80, scored_at=bench.clock.now, demographic_score=0)
    bench.clock.forward(days=30)
    with pytest.raises(AssertionError, match=r"behavior score ≥ 65 \(it is 40\)"):
        bench.assert_moves(person, to="mql")


def rich(person: Any, now: datetime) -> bool:
    """A guard that nobody can look into."""
    return bool(person.level > 3)


def test_a_python_callable_is_told_by_its_name() -> None:
    bench = Bench(small(move("go", "a", "b", when=rich)))
    bench.assert_moves(bench.person_in("a", level=4), to="b", by="go")
    with pytest.raises(AssertionError, match="go -> b\n    ✗ rich\n"):
        bench.assert_moves(bench.person_in("a", level=3), to="b")


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        (lambda b: b.assert_moves(lead(b), to="mqll"), "no stage named 'mqll'; did you mean 'mql'"),
        (
            lambda b: b.assert_moves(lead(b), to="mql", by="qualified_by_scor"),
            "no move and no sort rule named 'qualified_by_scor'; did you mean 'qualified_by_score'",
        ),
        (lambda b: b.assert_moves(lead(b), to="mql", by=["won"]), "no sort rule named 'won'"),
        (lambda b: b.assert_moves(lead(b), "disqualfy", to="mql"), "did you mean 'disqualify'"),
        (lambda b: b.assert_stays(lead(b), because="hand_rised"), "did you mean 'hand_raised'"),
        (lambda b: b.assert_stays(lead(b), because="hand_raised >"), "column 14"),
        (
            lambda b: b.assert_stays(lead(b), move="requalified", because="fits"),
            "no move named 'requalified' was refused to ann in 'mal'; did you mean 'qualified_by_",
        ),
        (
            lambda b: b.assert_stays(
                b.person_in("mql"), because={"sales_touched_at >= journey_started_at": None}
            ),
            "it reads sales_touched_at, journey_started_at: say the value of each by its name",
        ),
        (lambda b: b.assert_holds(lead(b), "fitz"), "no field or named guard 'fitz'; did you mean"),
    ],
)
def test_a_test_that_asks_for_what_there_is_not_is_told(
    bench: Bench, wrong: Check, complaint: str
) -> None:
    with pytest.raises(LifecycleError, match=complaint):
        wrong(bench)
