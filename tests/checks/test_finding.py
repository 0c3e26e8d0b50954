"""How a finding is told: in words, as a line for a test, and as plain values."""

from __future__ import annotations

from datetime import timedelta

import pytest

from lifecycle_fsm.checks import Finding
from lifecycle_fsm.proof import NOW

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def finding(**more: object) -> Finding:
    given = {"check": "some", "severity": "error", "fault": "gap", "where": "sort", "message": "x"}
    return Finding(**{**given, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("before", "words"),
    [
        (0 * DAY, "this instant"),
        (DAY, "1 day ago"),
        (90 * DAY, "90 days ago"),
        (-2 * DAY, "2 days from now"),
        (timedelta(microseconds=1), "a moment ago"),
        (2 * DAY + timedelta(microseconds=1), "2 days and a moment ago"),
        (HOUR, "1 hour ago"),
        (
            DAY + 2 * HOUR + timedelta(minutes=1, seconds=30),
            "1 day, 2 hours, 1 minute and 30 seconds ago",
        ),
    ],
)
def test_a_time_is_told_by_how_long_ago_it_was(before: timedelta, words: str) -> None:
    found = finding(stage="sql", person={"last_lost_at": NOW - before})
    assert found.shows == f"somebody in sql: last lost {words}"


def test_a_finding_names_the_line_where_it_has_one() -> None:
    assert str(finding()) == "error: sort: gap: x"
    assert str(finding(line=7)) == "error: line 7: sort: gap: x"


def test_a_person_without_anything_is_whoever_it_is() -> None:
    assert finding(stage="mql").shows == "somebody in mql, whoever it is"
    assert finding().shows == ""


def test_what_an_activity_brings_is_told_as_guards_write_it_and_is_no_person() -> None:
    found = finding(stage="mql", person={"activity__form": "Demo", "hand_raised": True})
    assert found.shows == "somebody in mql: activity.form Demo, hand raised yes"
    assert found.code == ""
    assert found.as_plain()["person"] == {"activity.form": "Demo", "hand_raised": True}


def test_the_line_for_a_test_can_be_run() -> None:
    found = finding(
        stage="mql", person={"behavior_score": 60, "owner": None, "scored_at": NOW - DAY}
    )
    told = eval(found.code, {"person_in": lambda stage, **fields: (stage, fields)})
    assert told == (
        "mql",
        {
            # Beside another time it matters when the stage and the journey began.
            "stage_entered_at": "2024-06-03T12:00:00Z",
            "journey_started_at": "2024-06-03T12:00:00Z",
            "behavior_score": 60,
            "owner": None,
            "scored_at": "2024-06-02T12:00:00Z",
        },
    )
