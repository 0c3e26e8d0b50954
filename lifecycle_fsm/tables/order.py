"""The order in which activities are applied when a whole log is at hand [S19]."""

from __future__ import annotations

from collections.abc import Iterable

from lifecycle_fsm.activities import Activity


def by_event(activities: Iterable[Activity]) -> list[Activity]:
    """Sort activities by event: first every ``created``, then by UTC instant and id [S19].

    That is the order of each person's own activities, and at the same time one order over all
    persons, so that what touches two of them (a merge) comes when it happened. What is equal in
    all of it, such as an activity that came twice, keeps the order in which it came.
    """
    return sorted(activities, key=lambda one: (*one.order, one.person))
