"""Nothing is claimed that a log cannot know: companies of which the truth is known (R51)."""

from __future__ import annotations

import json
from functools import cache

import attrs
import pytest

from lifecycle_fsm import Lifecycle
from lifecycle_fsm.cli.whatif_tables import as_text
from lifecycle_fsm.funnel import conversions, observe
from lifecycle_fsm.funnel.conversion import Ratio
from lifecycle_fsm.whatif import WhatIf, what_if
from tests.what_if.worlds import WATERFALL, history, log, with_threshold


@cache
def asked(points: int) -> WhatIf:
    return what_if(WATERFALL, tokens={"mql_threshold": points}, activities=log())


def accepted(lifecycle: Lifecycle) -> Ratio:
    scope = observe(list(lifecycle.history), lifecycle.model)
    rows = conversions(scope, [("mql", "sal")])
    return next(row.ratio for row in rows if row.reading == "through")


def entries(lifecycle: Lifecycle) -> set[tuple[str, str, object]]:
    return {(row.person, row.to_stage, row.now) for row in lifecycle.history if row.visits}


@cache
def worlds() -> tuple[Ratio, Ratio, Ratio]:
    """The conversion with 65 points; in truth with 50 points; and as a replay makes believe."""
    lower = with_threshold(50)
    return (
        accepted(history(WATERFALL, log())),
        accepted(history(lower, log(50))),
        accepted(history(lower, log())),
    )


def test_a_replay_makes_believe_that_conversion_falls() -> None:
    before, truth, replayed = (ratio.share or 0 for ratio in worlds())
    assert replayed < before - 0.05
    assert truth > before - 0.05


def test_a_lower_threshold_claims_no_conversion() -> None:
    *_, replayed = worlds()
    what = asked(50)
    wrong = (f"{(replayed.share or 0) * 100:.0f} %", f"{replayed.part:,} of {replayed.whole:,}")
    text = as_text(attrs.evolve(what, capacity=3.0))
    assert not [claim for claim in wrong if claim in text]
    assert "nobody knows what would have become of the " in text
    plain = json.loads(json.dumps(what.as_dict(), default=str))
    numbers = {
        (share["part"], share["whole"])
        for stage in plain["stages"]
        for share in [stage["really_converted"]]
    }
    before = worlds()[0]
    assert (before.part, before.whole) in numbers
    assert (replayed.part, replayed.whole) not in numbers
    assert {stage["stage"] for stage in plain["stages"]} == {"mql"}
    keys = {key for stage in plain["stages"] for key in stage}
    assert not [key for key in keys if "conver" in key and not key.startswith("really_")]


@pytest.mark.parametrize("points", [50, 80])
def test_what_is_claimed_of_a_person_happens_in_the_company_that_works_so(points: int) -> None:
    """Up to the first difference of a person; the company only guesses the points, so that a few
    stop earlier there."""
    truth = entries(history(with_threshold(points), log(points)))
    claims = [
        ((change.person, "mql", change.new_at) in truth)
        if change.kind in ("added", "earlier")
        else ((change.person, "mql", change.old_at) not in truth)
        for change in asked(points).changes
        if change.stage == "mql"
    ]
    assert len(claims) > 30
    assert claims.count(False) <= len(claims) * 0.05


def test_what_became_of_people_is_what_the_log_says() -> None:
    old = history(WATERFALL, log())
    rows = list(old.history)
    path = [stage.name for stage in WATERFALL.path]
    lost = [change for change in asked(80).changes if change.kind == "lost"]
    assert {change.became for change in lost} >= {"sal", "sql", "customer"}
    for change in lost:
        theirs = [row for row in rows if old.person(row.person).id == change.person]
        entry = next(row for row in theirs if row.to_stage == "mql" and row.now == change.old_at)
        later = [
            row.to_stage
            for row in theirs
            if row.journey == entry.journey
            and row.journey_record == entry.journey_record
            and (row.now, row.sequence) > (entry.now, entry.sequence)
            and row.visits
        ]
        further = [path.index(name) for name in later if name in path]
        assert change.became == (path[max(further)] if further else (later or [""])[-1])
