"""Stories of the field, in the shipped ``waterfall``: deadlines, outages, scores that fall and rise
[S20][S21].

Each is one test, to be read from top to bottom.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from lifecycle_fsm import Activity, Decision, Lifecycle, load
from tests.scenarios.stories import DAY, HOUR, MINUTE, MONDAY, Story

MICRO = timedelta(microseconds=1)
WATERFALL = load("waterfall")
DEMO = {"form": "Hand-Raise: Demo"}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


#: When somebody raises a hand, and when sales must have answered: four hours of the office in
#: Berlin, over a weekend in which the clocks change.
ANSWERED = {
    "clocks put forward": ("2024-03-29T15:30+01:00", "2024-04-01T11:30+02:00"),
    "clocks put back": ("2024-10-25T15:30+02:00", "2024-10-28T11:30+01:00"),
}


@pytest.mark.parametrize(("asked", "due"), ANSWERED.values(), ids=ANSWERED.keys())
@pytest.mark.parametrize("late", [timedelta(0), MICRO])
def test_accepted_exactly_at_the_deadline_over_a_change_of_clocks(
    asked: str, due: str, late: timedelta
) -> None:
    """In time at the very instant, missed a microsecond behind it; and accepted either way."""
    ann = Story("waterfall", at=at(asked), country="SE")
    ann.happens(0 * DAY, "form_filled", **DEMO)
    ann.happens(at(due) - at(asked) + late, "sales_touched")
    assert ann.stages == ["mal", "mql", "sal"]
    assert ann.person.history[-1].late is False
    missed = [(one.reason, one.now) for one in ann.decisions if one.kind == "deadline"]
    assert missed == ([("mql_answered", at(due))] if late else [])


WEEK_OVER = MONDAY + 8 * DAY


def week() -> list[Activity]:
    """What came in during a week in which the engine was down."""
    demo = "form_filled"
    found = [
        Activity("1", "asks", demo, MONDAY + HOUR, DEMO),
        Activity("2", "asks", "sales_touched", MONDAY + 3 * HOUR),
        Activity("1", "waits", demo, MONDAY + 2 * HOUR, DEMO),
        Activity("2", "waits", "web_visit", MONDAY + 6 * DAY, {"page": "/pricing"}),
        Activity("1", "given_back", demo, MONDAY - 90 * DAY + HOUR, DEMO),
        Activity("2", "given_back", "sales_rejected", MONDAY - 88 * DAY, {"reason": "no_time"}),
        Activity("c", "new", "created", MONDAY + 4 * DAY, {"job_title": "CEO"}),
        Activity("1", "new", "score_given", MONDAY + 4 * DAY + 30 * MINUTE, {"points": 70}),
    ]
    created = [
        Activity("c", name, "created", MONDAY - 90 * DAY, {"country": "SE"})
        for name in ("asks", "waits", "given_back")
    ]
    return [*created, *sorted(found, key=lambda one: one.order)]


def caught_up() -> list[Decision]:
    """The week's log at once, then one tick."""
    decisions: list[Decision] = []
    lifecycle = Lifecycle(WATERFALL, record=decisions.append)
    for activity in week():
        lifecycle.apply(activity)
    lifecycle.tick(WEEK_OVER)
    return decisions


def ran_all_the_time() -> list[Decision]:
    """A tick each hour, and each activity when it happens."""
    decisions: list[Decision] = []
    lifecycle = Lifecycle(WATERFALL, record=decisions.append)
    log, now = week(), MONDAY - 90 * DAY
    while now <= WEEK_OVER:
        while log and log[0].at <= now:
            lifecycle.apply(log.pop(0))
        lifecycle.tick(now)
        now += 10 * MINUTE if now >= MONDAY else HOUR
    return decisions


def test_a_tick_after_an_outage_of_a_week() -> None:
    """Everybody is where they would be had the engine run all the time, and every promise that was
    missed was missed when it was missed."""
    decisions = caught_up()
    assert {one.person: one.stage for one in decisions} == {
        "asks": "sal",
        "waits": "mql",
        "given_back": "mal",
        "new": "mql",
    }
    missed = [(one.person, one.reason, one.now) for one in decisions if one.kind == "deadline"]
    assert ("waits", "mql_answered", at("2024-06-03T16:00+02:00")) in missed
    assert ("waits", "mql_forgotten", at("2024-06-04T16:00+02:00")) in missed
    (rested,) = [row for one in decisions for row in one.rows if row.rule == "rested"]
    assert rested.now == MONDAY + 2 * DAY
    told, expected = (
        sorted(
            ((one.person, one.now, one.kind, one.rows, one.requests) for one in found),
            key=lambda one: (one[0], one[1]),
        )
        for found in (decisions, ran_all_the_time())
    )
    assert told == expected


def test_a_score_falls_below_the_threshold_and_rises_again() -> None:
    """An MQL loses points, by silence and by the careers page, and stays an MQL: only entries
    stamp. Points that come back make no second entry. Given back she is cold, and warms up again
    with a second entry, in a second journey."""
    ann = Story("waterfall", job_title="VP Sales")
    ann.happens(1 * DAY, "score_given", points=70)
    assert ann.stages == ["mal", "mql"]
    ann.passes(62 * DAY)
    ann.happens(62 * DAY, "web_visit", page="/careers/sales")
    assert ann.person.behavior_score == 70 // 2 // 2 - 10
    assert ann.stages == ["mal", "mql"]
    ann.happens(63 * DAY, "score_given", points=80)
    assert ann.person.behavior_score == 87
    assert ann.stages == ["mal", "mql"]
    assert ann.person.stamps["mql"].visits == 1

    ann.happens(64 * DAY, "sales_rejected", reason="not_ready")
    assert (ann.stages[-1], ann.person.behavior_score) == ("recycled", 43)
    ann.happens(70 * DAY, "score_given", points=21)
    assert ann.person.behavior_score == 64
    assert ann.person.stage == "recycled"
    ann.happens(71 * DAY, "score_given", points=-30)
    ann.happens(72 * DAY, "score_given", points=31)
    assert ann.stages == ["mal", "mql", "recycled", "mql"]
    assert ann.rules[-1] == "requalified"
    assert (ann.person.stamps["mql"].visits, ann.person.journey) == (2, 2)
