"""Filters of journeys: two lines of business in one model, each as a funnel of its own (R49)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle_fsm import diagram, p
from lifecycle_fsm.errors import GuardSyntaxError, LifecycleError
from lifecycle_fsm.funnel import Counts, Reading, count, measure, observe
from lifecycle_fsm.history import HistoryRow
from lifecycle_fsm.sheet import make_sheet
from tests.funnel.made import MODEL, WINDOWS, day, histories, kept, mixed, walk, window

GERMAN, AMERICAN = kept(country="DE"), kept(country="US")
ROWS = mixed(
    # Processing finds out where somebody is from, and a later change moves nobody between funnels.
    walk("a", ("processing", 0, kept(country=None)), ("mal", 1, GERMAN), ("mql", 2, AMERICAN)),
    walk("b", ("processing", 0, AMERICAN), ("mal", 1), ("mql", 3)),
    walk("c", ("processing", 0, GERMAN), ("mql", 1), ("recycled", 2), ("mql", 4, AMERICAN)),
    walk("d", ("processing", 0, {**GERMAN, "owner": "ann"})),
    walk("e", ("processing", 0, kept(country=None))),
)


def people(where: object) -> dict[str, int]:
    return {stage: number for stage, number in count(ROWS, MODEL, where=where).people.items()
            if number}  # fmt: skip


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("country == 'DE'", {"processing": 1, "mql": 1}),  # d is judged by what is known so far
        ("country == 'US'", {"mql": 2}),  # b, and the second journey of c
        ("country is missing", {"processing": 1}),
        ("not (country == 'DE')", {"processing": 1, "mql": 2}),
        ("owner == 'ann' or source is known", {"processing": 1}),
        ("owner in $sdr_team", {}),
        (p.country == "DE", {"processing": 1, "mql": 1}),
        ("owner == 'nobody'", {}),
    ],
)
def test_journeys_are_filtered_by_the_row_behind_processing(
    where: object, expected: dict[str, int]
) -> None:
    assert people(where) == expected


def test_the_first_of_two_journeys_keeps_its_detour() -> None:
    counts = count(ROWS, MODEL, where="country == 'DE'")
    assert (counts.entered["mql"], counts.entered["recycled"], counts.journeys) == (2, 1, 2)
    assert sum(counts.moves.values()) == 4


def test_a_guard_of_the_model_is_a_named_filter() -> None:
    model = attrs.evolve(MODEL, guards={**MODEL.guards, "german": "country == 'DE'"})
    assert count(ROWS, model, where="german").people["mql"] == 1


Numbers = Counter[tuple[str, Any]]


def numbers(counts: Counts) -> Numbers:
    parts: Mapping[str, Mapping[Any, int]] = {
        "people": counts.people,
        "moves": counts.moves,
        "entered": counts.entered,
        "passed over": counts.passed_over,
        "began": {pair: ratio.journeys for pair, ratio in counts.conversion.items()},
        "reached": {pair: ratio.reached for pair, ratio in counts.conversion.items()},
        "journeys": {"": counts.journeys},
    }
    return Counter({(part, key): n for part, of in parts.items() for key, n in of.items() if n})


@settings(max_examples=80, deadline=None)
@given(
    histories(),
    st.sampled_from(
        ["owner == 'ann'", "country == 'DE' and sourced_by != 'sales'", "sourced_by is known"]
    ),
    st.sampled_from(["through", "over"]),
    st.sampled_from(WINDOWS),
)
def test_a_filter_and_its_negation_add_up_to_the_whole(
    rows: list[HistoryRow], where: str, reading: Reading, of: tuple[float | None, float | None]
) -> None:
    whole, inside, outside = (
        numbers(count(rows, MODEL, reading=reading, window=window(of), where=guard))
        for guard in (None, where, f"not ({where})")
    )
    assert inside + outside == whole


@pytest.mark.parametrize(
    ("where", "message"),
    [
        (
            "behavior_score > 3",
            r"keeps no 'behavior_score': it can be filtered by owner, assigned_to, source, "
            r"country; to keep it, write dimensions = \['behavior_score'\] into the model",
        ),
        ("fits", "keeps no 'demographic_score': it can be filtered by"),  # a named guard
        ("contry == 'DE'", "keeps no 'contry': .* did you mean 'country'"),
        ("sourced_by == 'sales'", "the model keeps 'sourced_by' by now: run it again"),
        ("journey == 2", "it can be filtered by owner, assigned_to, source, country"),
        ("owner == 3", "does not fit the history: owner is a text and 3 is a whole number"),
        ("owner", "owner is a text and not yes or no: compare it"),
        ("country in $nort_countries", "no token named 'nort_countries'; did you mean"),
        ("country = 'DE'", r"(?s)\(column 9\).*\n +\^"),
        (lambda row: True, "is not a guard"),
    ],
)
def test_what_is_no_filter_is_told_with_the_remedy(where: object, message: str) -> None:
    with pytest.raises((LifecycleError, GuardSyntaxError), match=message):
        observe(ROWS, MODEL, where=where)


def test_a_history_without_rows_can_be_filtered_by_what_the_model_keeps() -> None:
    assert count([], MODEL, where="sourced_by == 'sales'").total == 0


def test_report_picture_and_sheet_name_the_filter() -> None:
    where = 'country == "DE"'
    report = measure(ROWS, MODEL, where=where, by="country", compare=day(2))
    assert sum(row.people for row in report.people) == 2
    assert report.as_dict()["where"] == where
    assert report.as_dict()["measures"]["flows"]["where"] == where
    assert any("only journeys where country = DE, as it was" in note for note in report.notes)
    assert report.comparison is not None
    assert sum(row.before + row.after for row in report.comparison.volumes) == 7
    counts = count(ROWS, MODEL, where=where)
    assert "only where country = DE" in diagram.draw_funnel(MODEL, counts).dot
    page = make_sheet(MODEL, history=ROWS, where=where)
    assert "2 journeys, only those where country = DE" in page.markdown()
    with pytest.raises(LifecycleError, match="needs a history"):
        make_sheet(MODEL, where=where)
