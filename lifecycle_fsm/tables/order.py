"""The order in which activities are applied when a whole log is at hand [S19]."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import groupby

from lifecycle_fsm.activities import TIME_PASSED, Activity


def by_event(activities: Iterable[Activity]) -> list[Activity]:
    """Sort activities by event, as :attr:`.Activity.order` says: first every ``created``, then by
    instant, ``sequence`` and id [S19]. What time brought is left out: a rebuild finds it anew.

    That is the order of each person's own activities, and at the same time one order over all
    persons, so that what touches two of them (a merge) comes when it happened. What is equal in
    all of it, such as an activity that came twice, keeps the order in which it came.
    """
    ordered = sorted(
        (activity for activity in activities if activity.kind != TIME_PASSED),
        key=_first_then_instant,
    )
    # The whole key is slow to make, and seldom needed: instants are mostly different.
    return [
        activity
        for _, same in groupby(
            ordered, key=lambda activity: (activity.kind == "created", activity.at)
        )
        for activity in _in_one_instant(list(same))
    ]


def _first_then_instant(activity: Activity) -> tuple[bool, datetime]:
    return activity.kind != "created", activity.at


def _in_one_instant(activities: list[Activity]) -> list[Activity]:
    if len(activities) > 1:
        activities.sort(key=lambda activity: (*activity.order, activity.person))
    return activities
