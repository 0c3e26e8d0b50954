"""Limits: broken only on the wrong side, with the number, its counts, and who is meant."""

from __future__ import annotations

from typing import Any

import pytest

from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.funnel import Scope, observe
from lifecycle_fsm.report.report_limits import CURRENT, LIMITED, ReportLimit
from tests.report.made import MODEL, ROWS, measured

SCOPE = observe(ROWS, MODEL, deadlines=())


def limit(measure: str, *of: str, **bounds: Any) -> ReportLimit:
    return ReportLimit(measure=measure, of=of, **bounds)  # type: ignore[arg-type]


def numbers() -> dict[tuple[str, ...], float]:
    """By measure and what it is of, its number, from the tables of the report."""
    report = measured(window=None, zone="UTC", deadlines=())
    through = [row for row in report.conversions if row.reading == "through"]
    conversion = {(row.source, row.target): row.ratio.share for row in through}
    stages = [stage.name for stage in MODEL.stages]
    people = {row.stage: row.people for row in report.people}
    entered = {name: sum(r.entered for r in report.flows if r.stage == name) for name in stages}
    return {
        ("conversion", "mql", "sal"): conversion["mql", "sal"] or 0,
        ("people", "mql"): people["mql"],
        ("people", "all"): sum(people.values()),
        ("entries", "mql"): entered["mql"],
        ("entries", "all"): sum(entered.values()),
        ("ready", "all"): len(report.ready),
        ("overdue", "all"): 0,
        ("stuck", "all"): len(report.stuck),
        ("stuck", "sal"): sum(row.stage == "sal" for row in report.stuck),
    }


@pytest.mark.parametrize("key", numbers())
def test_a_limit_is_broken_on_the_wrong_side_only(key: tuple[str, ...]) -> None:
    number = numbers()[key]
    assert limit(*key, below=number, above=number).judge(SCOPE) is None
    above = limit(*key, above=number - 0.001, name="Ours", segment="Web").judge(SCOPE)
    assert above is not None
    assert above.startswith(f"Ours: Web: {key[0]}")
    assert ", above " in above
    below = limit(*key, below=number + 0.001).judge(SCOPE)
    assert below is not None
    assert below.startswith(f"{key[0]} ")
    assert ", below " in below


def test_a_share_is_told_with_its_counts() -> None:
    row = next(
        row
        for row in measured(window=None).conversions
        if (row.source, row.target, row.reading) == ("sql", "customer", "through")
    )
    line = limit("conversion", "sql", "customer", below=1.0).judge(SCOPE)
    few = ", which are few" if row.ratio.few else ""
    share = f"{(row.ratio.share or 0) * 100:.1f} %"
    assert line == (
        f"conversion SQL → Customer is {share} ({row.reached} of {row.journeys}{few}), "
        "below 100.0 %"
    )


def test_nobody_breaks_no_limit_of_a_share() -> None:
    empty = observe([], MODEL)
    assert limit("conversion", "mql", "sal", below=0.5).judge(empty) is None


def test_what_is_not_in_the_model_is_told() -> None:
    for wrong, message in (
        (limit("people", "mgl", above=1), "did you mean 'mql'"),
        (limit("kept", "mql_answerd", below=1), "did you mean 'mql_answered'"),
        (limit("conversion", "mql", "sla", below=1), "no stage named 'sla'"),
        (limit("ready", "mql", above=1), "write ready = 'all'"),
        (limit("kept", "all", below=1), "no deadline 'all'"),
    ):
        with pytest.raises(LifecycleError, match=message):
            wrong.check(MODEL)
    for right in (limit("people", "all", above=1), limit("overdue", "mql_answered", above=1)):
        right.check(MODEL)


def test_every_limited_measure_can_be_judged() -> None:
    of = {"conversion": ("mql", "sal"), "share": ("mql",), "kept": ("mql_answered",)}
    scope: Scope = SCOPE
    for name in LIMITED:
        bounded = limit(name, *of.get(name, ("all",)), below=0)
        if name == "share":  # this history does not know who sourced people
            with pytest.raises(LifecycleError, match="sourced_by"):
                bounded.judge(scope)
        else:
            assert bounded.judge(scope) is None
    assert set(LIMITED) >= CURRENT
