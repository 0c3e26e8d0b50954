"""Marketing's share of entries against a target (R24, R31)."""

from __future__ import annotations

from typing import Any

import pytest

from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.funnel import MarketingShare, Ratio, marketing_share, observe
from tests.funnel.made import MODEL, day, kept, merge, mixed, onward, walk

MARKETING, SALES = kept(sourced_by="marketing"), kept(sourced_by="sales")
ROWS = mixed(
    walk("m1", ("processing", 0, MARKETING), ("mal", 0), ("mql", 5), ("sal", 6), ("sql", 8)),
    walk("m2", ("processing", 0, MARKETING), ("mal", 0), ("sql", 9)),
    walk("s1", ("processing", 0, SALES), ("sal", 0), ("sql", 9)),
    # Marketing sourced it, and sales found it on an open opportunity: nobody nurtured it there.
    # In its next journey marketing did.
    walk("late", ("processing", 0, MARKETING), ("sql", 0), ("recycled", 1), ("mql", 2), ("sql", 3)),
    walk("unknown", ("processing", 0, kept(sourced_by=None)), ("mal", 0), ("sql", 4)),
)


def share(stage: str, **how: Any) -> MarketingShare:
    target = how.pop("target", None)
    (found,) = marketing_share(observe(ROWS, MODEL, **how), [stage], target=target)
    return found


def test_r24_each_entry_is_on_one_side() -> None:
    sql = share("sql")
    assert (sql.marketing, sql.sales, sql.unknown) == (3, 2, 1)
    assert (sql.ratio.part, sql.ratio.whole, sql.ratio.share) == (3, 6, 0.5)
    assert (share("mql").marketing, share("mql").ratio.whole) == (2, 2)
    assert (share("sal").marketing, share("sal").sales) == (1, 1)


def test_r23_no_credit_in_one_journey_is_none_in_all_its_stages() -> None:
    rows = walk("late", ("processing", 0, MARKETING), ("sql", 0), ("customer", 9))
    (won,) = marketing_share(observe(rows, MODEL), ["customer"])
    assert (won.marketing, won.sales) == (0, 1)


@pytest.mark.parametrize("old_survives", [True, False])
def test_s23_a_merge_takes_no_credit_whoever_survives(old_survives: bool) -> None:
    old = walk("old", ("processing", 0, MARKETING), ("mql", 0), ("sal", 1))
    new = walk("new", ("processing", 3, MARKETING), ("mal", 3))
    survivor, loser = merge(old, new, 5) if old_survives else merge(new, old, 5)
    rows = mixed(onward(survivor, ("customer", 9), said=MARKETING), loser)
    found = {one.stage: one for one in marketing_share(observe(rows, MODEL))}
    assert {name: (one.marketing, one.ratio.whole) for name, one in found.items()} == {
        "mal": (1, 1), "mql": (1, 1), "sal": (1, 1), "sql": (0, 0), "customer": (1, 1),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("target", "met", "gap"),
    [(0.5, True, 0.0), (0.6, False, -0.1), ({"sql": 0.25}, True, 0.25), ({"mql": 0.9}, None, None)],
)
def test_r31_a_target_is_met_or_missed_by_so_much(
    target: Any, met: bool | None, gap: float | None
) -> None:
    found = share("sql", target=target)
    assert found.met is met
    assert found.gap == (None if gap is None else pytest.approx(gap))


def test_r59_a_third_source_is_neither_marketing_nor_sales() -> None:
    partner = kept(sourced_by="partner")
    rows = mixed(ROWS, walk("p", ("processing", 0, partner), ("mal", 0), ("sql", 4)),
                 walk("q", ("processing", 0, partner), ("sql", 4)))  # fmt: skip
    (sql,) = marketing_share(observe(rows, MODEL), ["sql"])
    # No credit is the credit of sales, whoever sourced the person.
    assert sql.entries == {"marketing": 3, "sales": 3, "partner": 1}
    assert (sql.unknown, sql.ratio.whole) == (1, 8)
    assert sql.credit["partner"] == Ratio(1, 8)


def test_a_share_that_is_the_target_to_the_last_digit_meets_it() -> None:
    found = MarketingShare(
        group="", stage="x", entries={"marketing": 3, "sales": 7}, unknown=0, target=0.1 + 0.2
    )
    assert found.met


def test_the_window_is_that_of_the_entry() -> None:
    assert share("sql", window=(day(4), day(9))).ratio.whole == 2
    nothing = share("sql", window=(day(50), None), target=0.5)
    assert (nothing.ratio.share, nothing.gap, nothing.met) == (None, None, None)


def test_the_stages_are_those_of_the_path_behind_original_processing() -> None:
    found = marketing_share(observe(ROWS, MODEL))
    assert [one.stage for one in found] == ["mal", "mql", "sal", "sql", "customer"]
    assert all(one.ratio.whole == 0 for one in marketing_share(observe([], MODEL)))


def test_groups_add_up() -> None:
    parts = marketing_share(observe(ROWS, MODEL, by="journey"), ["sql"])
    assert [(one.group, one.marketing, one.sales) for one in parts] == [("1", 2, 2), ("2", 1, 0)]


def test_what_cannot_be_told_says_why() -> None:
    rows = walk("a", ("processing", 0), ("mal", 0))
    with pytest.raises(
        LifecycleError, match=r"write dimensions = \[\"sourced_by\"\] into the model"
    ):
        marketing_share(observe(rows, MODEL))
    with pytest.raises(LifecycleError, match="a share from 0 to 1, not 60"):
        share("sql", target=60)
    with pytest.raises(LifecycleError, match="no stage named 'sqll'"):
        share("sqll")
