"""The entries to expect on each day, from who is where and from who arrives."""

from __future__ import annotations

from lifecycle_fsm.forecast.arrivals import expected_arrivals
from lifecycle_fsm.forecast.pace import AGES, Pace, observe_pace, season
from lifecycle_fsm.forecast.visit_days import Numbers, VisitDays

#: How many moves of one person on one day are followed.
_HOPS = 20


def expect(visits: VisitDays, origin: int, days: int, growth: float | None = None) -> Numbers:
    """The entries to expect from what was known before a day.

    Groups are scaled so that together they are what is expected of everybody.

    Args:
        visits: the visits; only what happened before the day is read.
        origin: the first day of the forecast.
        days: for how many days.
        growth: see :func:`.expected_arrivals`.

    Returns:
        The entries by day, state, group, and today's people or new ones.
    """
    import numpy as np

    pace = observe_pace(visits, origin)
    quiet = np.ones((days, visits.states))
    quiet[:, np.arange(visits.states) != visits.initial] = season(visits, origin, days, pace)[
        :, None
    ]
    arrivals = expected_arrivals(visits, origin, days, growth)
    entries = project(pace, present(visits, origin), arrivals, quiet)
    if len(visits.groups) > 1:
        whole, parts = expect(visits.whole, origin, days, growth), entries.sum(2, keepdims=True)
        entries *= np.divide(whole, parts, out=np.zeros(parts.shape), where=parts > 0)
    return entries


def present(visits: VisitDays, origin: int) -> Numbers:
    """How many people are where at the beginning of a day, by state, group and days since the
    entry."""
    import numpy as np

    here = (visits.entered < origin) & (visits.left >= origin)
    age = np.minimum(origin - visits.entered[here], AGES - 1)
    shape = (visits.states, len(visits.groups), AGES)
    places = np.ravel_multi_index((visits.state[here], visits.group[here], age), shape)
    return np.bincount(places, visits.count[here], int(np.prod(shape))).reshape(shape)


def project(pace: Pace, people: Numbers, arrivals: Numbers, quiet: Numbers) -> Numbers:
    """The entries to expect, of the people of today and of those who arrive later.

    Args:
        pace: how fast people move.
        people: who is where, as :func:`present` counts them.
        arrivals: the new people to expect, by day, state and group.
        quiet: what the pace of each day and state is multiplied by.

    Returns:
        The entries by day, state, group, and today's people or new ones.
    """
    import numpy as np

    states, groups, _ = people.shape
    # By state, then today's people and new ones, each by group; then by age, or by what follows.
    room = np.zeros((states, 2 * groups, len(arrivals) + AGES))
    room[:, :groups, len(arrivals) :] = people
    tilt = np.concatenate([pace.tilt, pace.tilt], 1)
    leaves = np.matmul(tilt, pace.leaves)
    # Nobody leaves more surely than surely.
    most = 1 / np.maximum(leaves.max(2, keepdims=True), 1e-9)
    later = np.ascontiguousarray(pace.leaves.transpose(0, 2, 1)[:, :, :states])
    entries = np.zeros((len(arrivals), states, 2, groups))

    def regrouped(moving: Numbers) -> Numbers:
        if pace.regroups is None:
            return moving.sum(0).T
        split = moving.reshape(states, 2, groups, states)
        return np.einsum("sbgk,skgh->kbh", split, pace.regroups).reshape(states, -1)

    for day, arriving in enumerate(arrivals):
        # People stay where they are in this room, and the window of ages moves on by a day.
        here = room[:, :, len(arrivals) - day :][:, :, :AGES]
        faster = np.minimum(quiet[day][:, None, None], most)
        speed = tilt[:, :, :states] * faster
        come = regrouped(np.matmul(here, later) * speed)
        come[:, groups:] += arriving
        here *= 1 - leaves * faster
        here[..., -2] += here[..., -1]
        for _ in range(_HOPS):
            entries[day] += come.reshape(states, 2, groups)
            here[..., 0] += come * (1 - leaves[..., 0] * faster[..., 0])
            come = regrouped(come[..., None] * later[:, None, 0] * speed)
            if come.sum() < 1e-9:
                break
    return entries.transpose(0, 1, 3, 2)
