"""Duplicates: of two records that are merged, the one whose visit ended counts as merged."""

from __future__ import annotations

from typing import Any

import pytest

from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.funnel import Duplicates, Ratio, duplicates, measure, observe
from lifecycle_fsm.history import HistoryRow
from lifecycle_fsm.report.measure_tables import measure_parts
from tests.funnel.made import MODEL, day, days, kept, merge, mixed, onward, walk

WEB, FAIR = {"source": "web"}, {"source": "fair"}


def pairs(*, swapped: bool = False) -> list[HistoryRow]:
    """Three people: one with two records, one with three, one with one."""

    def joined(first: Any, second: Any, at: float) -> tuple[list[HistoryRow], list[HistoryRow]]:
        both = merge(second, first, at) if swapped else merge(first, second, at)
        return both[::-1] if swapped else both

    ann, anna = joined(
        walk("ann", ("processing", 0, WEB), ("mql", 0), ("sal", 1)),
        walk("anna", ("processing", 4, FAIR), ("mal", 4), ("mql", 6)),
        10,
    )
    ben, benno = joined(
        walk("ben", ("processing", 2, WEB), ("mal", 2)),
        walk("benno", ("processing", 3, WEB), ("mal", 3), ("mql", 5)),
        7,
    )
    survivor = benno if swapped else ben
    survivor, third = joined(survivor, walk("z", ("processing", 8, WEB), ("mal", 8)), 12)
    ben, benno = (ben, survivor) if swapped else (survivor, benno)
    alone = walk("cy", ("processing", 9, FAIR), ("mql", 9))
    return mixed(ann, anna, ben, benno, third, alone)


def counted(*rows: Duplicates) -> list[tuple[str, Ratio, Ratio, float | None]]:
    return [
        (row.group, row.ratio, row.leads, None if row.median is None else row.median / days(1))
        for row in rows
    ]


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize(
    ("how", "expected"),
    [
        # anna after 6 days as an MQL, ben after 5 and z after 4 as MALs
        ({}, [("", Ratio(3, 6), Ratio(1, 3), 5)]),
        ({"by": "source"}, [("fair", Ratio(1, 2), Ratio(1, 1), 6),
                            ("web", Ratio(2, 4), Ratio(0, 2), 4)]),
        ({"window": (day(3), day(9))}, [("", Ratio(2, 3), Ratio(1, 2), 4)]),
        ({"until": day(9)}, [("", Ratio(1, 6), Ratio(0, 1), 5)]),
        ({"where": "source == 'fair'"}, [("", Ratio(1, 2), Ratio(1, 1), 6)]),
        ({"journeys": "repeat"}, []),
    ],
)  # fmt: skip
def test_s23_r10_of_two_merged_records_one_counts_whoever_survives(
    how: dict[str, Any], expected: Any, swapped: bool
) -> None:
    assert counted(*duplicates(observe(pairs(swapped=swapped), MODEL, **how))) == expected


def test_a_record_that_sales_worked_on_was_a_lead_of_its_own() -> None:
    sal = walk("a", ("processing", 0), ("mal", 1), ("sal", 2))
    rows = mixed(*merge(walk("b", ("processing", 0), ("sql", 1)), sal, 3))
    (row,) = duplicates(observe(rows, MODEL))
    assert (row.stage, row.leads) == ("mql", Ratio(1, 1))
    (later,) = duplicates(observe(rows, MODEL), "sql")
    assert (later.stage, later.leads) == ("sal", Ratio(1, 1))


def test_the_group_is_that_behind_original_processing() -> None:
    first = walk("a", ("processing", 0, kept(country=None)), ("mal", 1, kept(country="DE")))
    (row,) = duplicates(observe(first, MODEL, by="country"))
    assert row.group == "DE"


def test_a_record_without_its_creation_is_left_out() -> None:
    gone = walk("b", ("processing", 0), ("mal", 0))
    survivor, loser = merge(walk("a", ("processing", 1), ("mql", 1)), gone, 5)
    (row,) = duplicates(observe(mixed(survivor, loser[1:]), MODEL))
    assert row.ratio == Ratio(0, 1)


def test_a_journey_that_ended_otherwise_is_not_merged() -> None:
    """The next journey is outside of the filter, and the merge ended that one."""
    again = ("mal", 5, {"source": "fair"})
    gone = walk("a", ("processing", 0, WEB), ("mql", 1), ("recycled", 2), again)
    rows = mixed(*merge(walk("b", ("processing", 0, FAIR), ("mql", 0)), gone, 9))
    (row,) = duplicates(observe(rows, MODEL, where="source == 'web'"))
    assert row.ratio == Ratio(0, 1)


def test_what_happens_behind_the_merge_is_that_of_the_other_record() -> None:
    """A record that was an MQL only as the record into which it was merged was no lead before."""
    mal = walk("b", ("processing", 2), ("mal", 2))
    survivor, loser = merge(walk("a", ("processing", 1), ("mal", 1)), mal, 5)
    (row,) = duplicates(observe(mixed(onward(survivor, ("mql", 8)), loser), MODEL))
    assert (row.ratio, row.leads) == (Ratio(1, 2), Ratio(0, 1))


def test_a_report_has_it() -> None:
    report = measure(pairs(), MODEL, measures=["duplicates"], until=day(20))
    (row,) = report.as_dict()["measures"]["duplicates"]["rows"]
    assert (row["ratio"]["part"], row["ratio"]["few"], row["median_days"]) == (3, True, 5)
    assert row["leads"]["range"] is not None


def test_where_sales_begins_must_be_on_the_path() -> None:
    with pytest.raises(LifecycleError, match="the work of sales cannot begin with 'recycled'"):
        duplicates(observe(pairs(), MODEL), "recycled")


def test_a_page_shows_it_where_somebody_was_merged() -> None:
    report = measure(pairs(), MODEL, measures=["duplicates"], by="source")
    (part,) = measure_parts(report, MODEL)
    (table,) = part.tables
    assert [row[:4] for row in table.rows] == [("fair", 1, 2, 0.5), ("web", 2, 4, 0.5)]
    assert table.notes == ("Leads by then: they had entered MQL, or a later stage of the path.",)
    alone = measure(walk("a", ("processing", 0)), MODEL, measures=["duplicates"])
    assert not measure_parts(alone, MODEL)
