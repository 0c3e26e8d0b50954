"""Before and after: two windows, or two versions (R30)."""

from __future__ import annotations

from typing import Any

import pytest

from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.funnel import (
    Comparison,
    ConversionChange,
    compare_at,
    compare_versions,
    known_versions,
    observe,
    stays,
)
from lifecycle_fsm.history import HistoryRow
from tests.funnel.made import MODEL, day, days, mixed, walk


def crowd(name: str, since: float, of: int, to: int, after: float, **said: Any) -> list[HistoryRow]:
    """So many who enter MAL then, of whom some enter MQL so many days later."""
    return mixed(
        *(
            walk(
                f"{name}{place:03}",
                ("processing", since, said),
                ("mal", since),
                *([("mql", since + after)] if place < to else []),
            )
            for place in range(of)
        )
    )


ROWS = mixed(
    crowd("before", 0, 40, 10, 20, version="v1"),
    crowd("after", 100, 40, 30, 5, version="v2"),
    walk("last", ("processing", 130, {"version": "v2"})),
)


def change(found: Comparison, reading: str = "through") -> ConversionChange:
    return next(
        one
        for one in found.conversions
        if (one.before.source, one.before.target, one.before.reading) == ("mal", "mql", reading)
    )


@pytest.mark.parametrize("how", ["window", "versions"])
def test_r30_conversion_times_and_entries_side_by_side(how: str) -> None:
    scope = observe(ROWS, MODEL)
    found = compare_at(scope, day(60)) if how == "window" else compare_versions(scope)
    mal = change(found)
    assert (mal.before.ratio.part, mal.before.ratio.whole) == (10, 40)
    assert (mal.after.ratio.part, mal.after.ratio.whole) == (30, 40)
    assert mal.points == pytest.approx(0.5)
    assert mal.apart
    assert (mal.before.median, mal.after.median) == (days(20), days(5))
    stay = next(one for one in found.stays if one.before.stage == "mal")
    assert (stay.before.median, stay.after.median, stay.difference) == (None, days(5), None)
    processing = next(one for one in found.stays if one.before.stage == "processing")
    assert processing.difference == days(0)
    volume = next(one for one in found.volumes if one.stage == "mal")
    assert (volume.before, volume.after) == (40, 40)
    if how == "window":
        assert (found.before.days, found.after.days) == (days(60), days(70))
        assert volume.before_rate == pytest.approx(20)
        assert (found.before.end, found.after.start) == (day(60), day(60))
    else:
        assert (found.before.version, found.after.version) == ("v1", "v2")
        assert (volume.before_rate, found.before.days) == (None, None)


def test_the_times_are_those_of_each_side() -> None:
    scope = observe(ROWS, MODEL)
    found = compare_at(scope, day(60))
    before = stays(observe(ROWS, MODEL, window=(None, day(60))))
    assert tuple(one.before for one in found.stays) == before


def test_how_long_each_side_was_watched_is_a_median() -> None:
    rows = mixed(*(walk(f"p{one}", ("processing", one)) for one in (1, 2, 9, 21, 22, 29)))
    found = compare_at(observe(rows, MODEL, until=day(40)), day(20))
    assert (found.before.followed, found.after.followed) == (days(38), days(18))


def test_the_younger_had_less_time_and_a_horizon_gives_all_the_same() -> None:
    scope = observe(ROWS, MODEL)
    plain = compare_at(scope, day(60))
    assert [one.split(":")[0] for one in plain.cautions][:1] == [
        "the journeys after were watched for 30 days at the median, those before for 130 days"
    ]
    fair = compare_at(scope, day(60), horizon=days(10))
    assert (change(fair).before.reached, change(fair).after.reached) == (0, 30)
    assert not any("were watched for" in one for one in fair.cautions)
    short = compare_at(scope, day(60), horizon=days(31))
    assert change(short).after.journeys == 0
    assert any("after were not watched for 31 days" in one for one in short.cautions)


def test_few_journeys_and_chance_are_said() -> None:
    rows = mixed(crowd("b", 0, 10, 4, 3), crowd("a", 50, 10, 5, 3))
    found = compare_at(observe(rows, MODEL), day(20), horizon=days(3))
    assert change(found).points == pytest.approx(0.1)
    assert not change(found).apart
    assert any("fewer than 30 journeys" in one for one in found.cautions)


def test_groups_are_compared_with_themselves() -> None:
    rows = mixed(
        crowd("b", 0, 2, 1, 3, owner="ann"),
        crowd("a", 50, 2, 2, 3, owner="ann"),
        crowd("c", 50, 2, 2, 3, owner="bob"),
    )
    found = compare_at(observe(rows, MODEL, by="owner"), day(20))
    assert {one.before.group for one in found.conversions} == {"ann"}
    assert {one.group: (one.before, one.after) for one in found.volumes if one.stage == "mal"} == {
        "ann": (2, 2),
        "bob": (0, 2),
    }


def test_versions_are_known_by_when_they_began() -> None:
    assert known_versions(observe(ROWS, MODEL)) == ("v1", "v2")
    found = compare_versions(observe(ROWS, MODEL), ("v2", "v1"))
    assert (found.before.version, found.after.version) == ("v2", "v1")


def test_what_cannot_be_compared_is_told() -> None:
    scope = observe(ROWS, MODEL)
    for at in (day(-1), day(0.5), day(500)):
        window = observe(ROWS, MODEL, window=(day(0.5), None))
        with pytest.raises(LifecycleError, match="lies outside the window or what is known"):
            compare_at(window, at)
    with pytest.raises(LifecycleError, match="this history has no version 'v3': it has v1, v2"):
        compare_versions(scope, ("v1", "v3"))
    one = observe(crowd("a", 0, 2, 1, 1), MODEL)
    with pytest.raises(LifecycleError, match=f"by one version of a model, {MODEL.version}"):
        compare_versions(one)
    with pytest.raises(LifecycleError, match="this history is empty"):
        compare_versions(observe([], MODEL))
