"""What is measured: windows, journeys, groups, and where the work of sales begins."""

from __future__ import annotations

import attrs
import pytest

from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.funnel import NOTHING, observe, people_now, ready_for_sales, sales_stage
from lifecycle_fsm.funnel.scope import in_order, named
from lifecycle_fsm.model import load
from tests.funnel.made import MODEL, day, kept, mixed, walk

ROWS = mixed(
    walk("a", ("processing", 0), ("mal", 0, {"owner": "ann", **kept(sourced_by="marketing")})),
    walk("b", ("processing", 2), ("mal", 2), ("mql", 6, {"owner": "bob"})),
    walk("c", ("processing", 3), ("mql", 3), ("recycled", 4), ("mql", 8)),
)


def people(**how: object) -> dict[tuple[str, str], int]:
    found = people_now(observe(ROWS, MODEL, **how))  # type: ignore[arg-type]
    return {(one.group, one.stage): one.people for one in found if one.people}


def test_r27_people_are_counted_at_the_end_of_the_window() -> None:
    assert people() == {("", "mal"): 1, ("", "mql"): 2}
    assert people(window=(None, day(6))) == {("", "mal"): 2, ("", "recycled"): 1}
    # The window ends before its end, what is known ends with its end.
    assert people(until=day(6)) == {("", "mal"): 1, ("", "mql"): 1, ("", "recycled"): 1}
    assert people(window=(None, day(99)), until=day(6)) == people(until=day(6))
    assert people(window=(day(5), day(5))) == people(window=(None, day(5)))


def test_people_now_has_every_stage() -> None:
    assert [one.stage for one in people_now(observe(ROWS, MODEL))] == list(MODEL.by_name)
    assert sum(one.people for one in people_now(observe([], MODEL))) == 0


def test_r24_groups_are_by_the_value_at_the_entry() -> None:
    assert people(by="owner") == {("ann", "mal"): 1, ("bob", "mql"): 1, (NOTHING, "mql"): 1}
    assert people(by="sourced_by") == {("marketing", "mal"): 1, (NOTHING, "mql"): 2}
    assert people(by="journey") == {("1", "mal"): 1, ("1", "mql"): 1, ("2", "mql"): 1}
    assert people(by="rule")["everybody_else", "mal"] == 1
    assert people(by="version") == {(MODEL.version, "mal"): 1, (MODEL.version, "mql"): 2}


def test_r33_journeys_can_be_told_apart() -> None:
    assert people(journeys="first") == {("", "mal"): 1, ("", "mql"): 1}
    assert people(journeys="repeat") == {("", "mql"): 1}


def test_r27_who_is_ready_for_sales_is_in_the_stage_before_theirs() -> None:
    ready = ready_for_sales(observe(ROWS, MODEL))
    assert [(one.person, one.since, one.time.days, one.owner) for one in ready] == [
        ("b", day(6), 2, "bob"),
        ("c", day(8), 0, None),
    ]
    assert [one.person for one in ready_for_sales(observe(ROWS, MODEL), "mql")] == ["a"]
    # Nobody is ready in original processing.
    waiting = walk("d", ("processing", 1))
    assert ready_for_sales(observe(waiting, MODEL), "mal") == ()
    # A window that goes on behind what is known makes nobody wait longer.
    beyond = observe(ROWS, MODEL, window=(None, day(99)))
    assert [one.time.days for one in ready_for_sales(beyond)] == [2, 0]
    assert ready_for_sales(observe([], MODEL)) == ()


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"window": (day(2), day(1))}, "the window ends before it starts"),
        ({"journeys": "second"}, "no journeys named 'second': use 'all', 'first' or 'repeat'"),
        ({"zone": "Europe/Berlni"}, "there is no time zone 'Europe/Berlni'"),
        (
            {"by": "seniority"},
            r"keeps no 'seniority': it can be split by owner, assigned_to, source, journey, "
            r"rule, version, sourced_by; to keep it, write dimensions = \['seniority'\] into",
        ),
        ({"by": "sourcedby"}, "did you mean 'sourced_by'"),
    ],
)
def test_what_cannot_be_measured_is_told_with_the_remedy(
    how: dict[str, object], message: str
) -> None:
    with pytest.raises(LifecycleError, match=message):
        observe(ROWS, MODEL, **how)  # type: ignore[arg-type]


def test_a_history_from_before_a_dimension_is_told_apart() -> None:
    model = attrs.evolve(MODEL, dimensions=("seniority",))
    with pytest.raises(LifecycleError, match="the model keeps 'seniority' by now: run it again"):
        observe(ROWS, model, by="seniority")


def test_values_have_names_and_an_order() -> None:
    values = [True, None, "", 10, 2, "x", day(0)]
    assert [named(one) for one in values] == [
        "true", NOTHING, NOTHING, "10", "2", "x", "2024-01-01T00:00:00+00:00",
    ]  # fmt: skip
    assert sorted(["x", NOTHING, "10", "2", "a"], key=in_order) == ["2", "10", "a", "x", NOTHING]


def test_where_the_work_of_sales_begins() -> None:
    assert sales_stage(MODEL).name == "sal"
    assert sales_stage(load("two_step")).name == "lead"
    assert sales_stage(MODEL, "mql").name == "mql"
    for wrong in ("processing", "customer", "recycled"):
        with pytest.raises(LifecycleError, match="name a stage of the path between"):
            sales_stage(MODEL, wrong)
    with pytest.raises(LifecycleError, match="no stage named 'sall'; did you mean 'sal'"):
        sales_stage(MODEL, "sall")
