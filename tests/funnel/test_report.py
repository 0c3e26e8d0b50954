"""All measures together."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.funnel import FORMULAS, MEASURES, FunnelReport, Measure, measure
from lifecycle_fsm.history import HistoryRow
from lifecycle_fsm.model import Deadline
from tests.funnel.made import MODEL as WATERFALL
from tests.funnel.made import day, days, decided, histories, kept, mixed, walk

MODEL = attrs.evolve(
    WATERFALL,
    assignment=(),
    alerts=(),
    deadlines=[Deadline(name="answered", stage="mql", after=days(2))],
)
ROWS = mixed(
    walk("a", ("processing", 0, kept(sourced_by="marketing")), ("mal", 0), ("mql", 5), ("sal", 6)),
    walk("b", ("processing", 9), ("mql", 9)),
)
FACTS = decided(ROWS, MODEL, day(9))


def test_every_measure_has_its_formula_reading_window_and_zone() -> None:
    window = (day(0), day(30))
    found = measure(
        ROWS, MODEL, window=window, zone="Europe/Berlin", every="month", compare=day(4),
        deadlines=FACTS, opportunities=[],
    ).as_dict()  # fmt: skip
    assert list(MEASURES) == list(FORMULAS)
    # The history keeps no reasons.
    assert list(found["measures"]) == [name for name in MEASURES if name != "reasons"]
    for name, one in found["measures"].items():
        assert one["formula"] == FORMULAS[name]
        assert one["window"] == {"from": "2024-01-01T00:00:00Z", "to": "2024-01-31T00:00:00Z"}
        assert one["zone"] == "Europe/Berlin"
        assert "reading" in one
    conversion = found["measures"]["conversion"]["rows"]
    assert {one["reading"] for one in conversion} == {"through", "over"}
    mal = next(one for one in conversion if one["source"] == "mal")
    assert mal["median_days"] == 5.0
    assert mal["ratio"]["share"] == 1.0
    assert mal["ratio"]["few"] is True
    assert found["measures"]["sla"]["rows"][0]["ratio"] == {
        "part": 1, "whole": 1, "share": 1.0, "few": True,
        "range": pytest.approx([0.2065, 1.0], abs=1e-3),
    }  # fmt: skip
    json.dumps(found)


def test_only_what_is_asked_for_is_measured() -> None:
    found = measure(ROWS, MODEL, measures=["flows", "people"])
    assert found.measures == ("people", "flows")
    assert found.people
    assert found.flows
    assert not any((found.conversions, found.stays, found.reps, found.shares))
    with pytest.raises(LifecycleError, match=r"no measure named 'flow': .*; did you mean 'flows'"):
        measure(ROWS, MODEL, measures=["flow"])  # type: ignore[list-item]


def test_what_is_not_asked_for_needs_no_scipy(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "scipy.stats", None)
    wanted: list[Measure] = ["people", "ready", "flows", "conversion", "reps", "share", "overdue"]
    assert measure(ROWS, MODEL, measures=wanted, deadlines=FACTS).measures == tuple(wanted)
    assert measure(ROWS, MODEL, measures=["stuck"], stuck_after=days(1)).stuck


@pytest.mark.parametrize(
    ("how", "note"),
    [
        ({}, "what is known ends with the last row of the history"),
        ({"window": (None, day(99))}, "the window goes on behind what is known"),
        ({"by": "owner"}, "groups are by 'owner' as it was when the stage was entered"),
        ({}, "a share of fewer than 30 says little"),
        ({}, "a flow ratio over 100 % is no error"),
        ({"horizon": days(5)}, "were not watched for the whole horizon"),
        ({}, "kept and missed deadlines are read from the table `deadlines`, which `run` writes"),
        ({}, "nobody is called stuck in Processing, MAL, MQL, SAL, SQL: "),
    ],
)
def test_what_must_be_known_is_noted(how: dict[str, Any], note: str) -> None:
    assert any(note in one for one in measure(ROWS, MODEL, **how).notes)


def test_a_share_that_cannot_be_measured_is_a_note_until_it_is_asked_for() -> None:
    rows = walk("a", ("processing", 0), ("mal", 0))
    found = measure(rows, MODEL)
    assert "share" not in found.measures
    assert any("marketing's share needs 'sourced_by'" in one for one in found.notes)
    asked: list[dict[str, Any]] = [{"target": 0.5}, {"measures": ["share"]}]
    for how in asked:
        with pytest.raises(LifecycleError, match="marketing's share needs 'sourced_by'"):
            measure(rows, MODEL, **how)


def test_agreements_that_cannot_be_measured_are_a_note_until_they_are_asked_for() -> None:
    found = measure(ROWS, MODEL)
    assert not {"sla", "overdue"}.intersection(found.measures)
    with pytest.raises(LifecycleError, match="read from the table `deadlines`"):
        measure(ROWS, MODEL, measures=["overdue"])
    without = attrs.evolve(MODEL, deadlines=())
    assert {"sla", "overdue"} <= set(measure(ROWS, without).measures)


def test_s19_times_that_lateness_changed_are_noted() -> None:
    rows = walk("a", ("processing", 30, {"at": day(0), "late": True}), ("mal", 40, {"at": day(40)}))
    told = (
        "1 entry came late, by up to 30 days, and counts from the person's clock then: times from "
        "there on are shorter than they were, and those up to there longer"
    )
    assert told in measure(rows, MODEL).notes
    assert not any("came late" in one for one in measure(ROWS, MODEL).notes)
    # What lies outside the window is not measured.
    assert told not in measure(rows, MODEL, window=(day(35), None)).notes


def test_an_empty_history_has_a_report() -> None:
    found = measure([], MODEL)
    assert (found.until, found.notes[0]) == (None, "the history is empty")
    json.dumps(found.as_dict())


def test_an_unknown_reading_is_told() -> None:
    with pytest.raises(LifecycleError, match="no reading named 'both'"):
        measure(ROWS, MODEL, reading="both")  # type: ignore[arg-type]


@settings(max_examples=10, deadline=None)
@given(histories(), st.randoms(use_true_random=False))
def test_the_same_history_gives_the_same_report(rows: list[HistoryRow], chance: Any) -> None:
    def report(of: list[HistoryRow]) -> FunnelReport:
        return measure(of, MODEL, every="week", by="owner", until=day(200))

    shuffled = list(rows)
    chance.shuffle(shuffled)
    assert report(rows) == report(shuffled)
    assert json.dumps(report(rows).as_dict()) == json.dumps(report(shuffled).as_dict())
