"""How fast people leave each state, and where they go, by the days that they have been there."""

from __future__ import annotations

import attrs

from lifecycle_fsm.forecast.visit_days import WATCHED, Numbers, VisitDays

#: Only what was seen in so many days counts: a company of long ago is another company.
WINDOW = 365
#: A year of whole weeks, so that a Monday is compared with a Monday.
YEAR = 364
#: The ages that share a pace begin with these days: single days, then weeks, then 30 days.
_BEGINS = (*range(15), *range(15, 92, 7), *range(92, 453, 30))
#: How many days of a visit are told apart; the last stands for all later ones.
AGES = _BEGINS[-1] + 1
#: A pace is known from so many moves, or from as many people who might have moved and did not.
_MOVES, _PEOPLE = 10, 30
#: How many moves of everybody a pace of one group, and how many of all groups a change of group, is
#: mixed with.
_MIXED = 10
#: Two standard deviations, squared: less is chance.
_CHANCE = 4


@attrs.frozen(eq=False)
class Pace:
    """The chance that a visit ends on a day, with each state that may follow.

    Args:
        leaves: by state, the state that follows and the age in days.
        tilt: by state, group and the state that follows, how much faster the group is than all.
        regroups: by state, the state that follows, the group before and the group behind: the
            share of those who move that are in this group then; ``None`` if there is one group.
    """

    leaves: Numbers
    tilt: Numbers
    regroups: Numbers | None


def observe_pace(visits: VisitDays, origin: int) -> Pace:
    """The pace of the :data:`WINDOW` days before a day.

    A visit is watched from its beginning, or from that of these days, to its end or to theirs. The
    states that may follow compete with each other (Aalen and Johansen).
    """
    import numpy as np

    states, since = visits.states, origin - WINDOW
    seen = (visits.entered < origin) & (visits.left >= since)
    state, entered, count = visits.state[seen], visits.entered[seen], visits.count[seen]
    youngest = np.maximum(since - entered, 0)
    oldest = np.minimum(visits.left[seen], origin - 1) - entered
    size = int(oldest.max(initial=0)) + 2
    risk = np.bincount(state * size + youngest, count, states * size)
    risk -= np.bincount(state * size + oldest + 1, count, states * size)
    ends = _ends(visits, since, origin)
    key = (visits.state[ends] * (states + 1) + visits.after[ends]) * size
    key += visits.left[ends] - visits.entered[ends]
    moves = np.bincount(key, visits.count[ends], states * (states + 1) * size)
    begins = [begin for begin in _BEGINS if begin < size]
    leaves = _smooth(
        np.add.reduceat(risk.reshape(states, size).cumsum(1), begins, 1),
        np.add.reduceat(moves.reshape(states, states + 1, size), begins, 2),
    )
    leaves = leaves[:, :, np.searchsorted(begins, np.arange(AGES), "right") - 1]
    if len(visits.groups) == 1:
        return Pace(leaves, np.ones((states, 1, states + 1)), None)
    return Pace(leaves, _tilt(visits, since, origin, leaves), _regroups(visits, since, origin))


def _ends(visits: VisitDays, since: int, origin: int) -> Numbers:
    """Which visits ended in these days because somebody moved, or a record was merged."""
    return (visits.left >= since) & (visits.left < origin) & (visits.after != WATCHED)


def _smooth(risk: Numbers, moves: Numbers) -> Numbers:
    """Moves by the days of those who might have moved, of each age and of as many ages beside it as
    it takes to know. The day of the entry is unlike the others, and stands alone."""
    import numpy as np

    states, bins = risk.shape
    people = risk / np.diff([*_BEGINS, _BEGINS[-1] + 30])[:bins]
    pace = np.zeros(moves.shape)
    for state in range(states):
        # Sums up to each age, from which those between two ages are quick to tell.
        moved, there = (
            [0, *sums.cumsum().tolist()] for sums in (moves[state].sum(0), people[state])
        )
        for place in range(bins):
            low, high = place, place + 1
            while (
                place
                and (low > 1 or high < bins)
                and moved[high] - moved[low] < _MOVES
                and there[high] - there[low] < _PEOPLE
            ):
                low, high = max(1, low - 1), min(bins, high + 1)
            at_risk = risk[state, low:high].sum()
            if at_risk:
                pace[state, :, place] = moves[state, :, low:high].sum(1) / at_risk
    return pace


def _expected(
    visits: VisitDays, since: int, origin: int, leaves: Numbers
) -> tuple[Numbers, Numbers]:
    """The visits of these days, and the moves to expect of each, by the state that follows.

    ``leaves`` is by state, the state that follows and the age, as in :class:`Pace`."""
    import numpy as np

    near = (visits.entered < origin) & (visits.left >= since)
    state, entered = visits.state[near], visits.entered[near]
    sums = np.zeros((AGES + 1, *leaves.shape[:2]))
    sums[1:] = leaves.transpose(2, 0, 1).cumsum(0)

    def up_to(day: Numbers) -> Numbers:
        """Expected before an age, which the last age of the pace may lie below."""
        age = np.maximum(day - entered, 0)
        beyond = np.maximum(age - AGES, 0)[:, None] * leaves[state, :, -1]
        return sums[np.minimum(age, AGES), state] + beyond

    moves = up_to(np.minimum(visits.left[near] + 1, origin)) - up_to(since)
    return near, moves * visits.count[near, None]


def _tilt(visits: VisitDays, since: int, origin: int, leaves: Numbers) -> Numbers:
    """How much faster each group is than all, as far as it has moved enough to tell."""
    import numpy as np

    seen, expected = np.zeros((2, visits.states, len(visits.groups), visits.states + 1))
    ends = _ends(visits, since, origin)
    key = (visits.state[ends], visits.group[ends], visits.after[ends])
    np.add.at(seen, key, visits.count[ends])
    near, moves = _expected(visits, since, origin, leaves)
    np.add.at(expected, (visits.state[near], visits.group[near]), moves)
    return (seen + _MIXED) / (expected + _MIXED)


def _regroups(visits: VisitDays, since: int, origin: int) -> Numbers:
    import numpy as np

    states, groups = visits.states, len(visits.groups)
    ends = _ends(visits, since, origin) & (visits.after < states)
    moves = np.zeros((states, states, groups, groups))
    key = (visits.state[ends], visits.after[ends], visits.group[ends], visits.regroup[ends])
    np.add.at(moves, key, visits.count[ends])
    usual = moves.sum((0, 1)) + np.eye(groups)
    moves += _MIXED * usual / usual.sum(1, keepdims=True)
    return moves / moves.sum(3, keepdims=True)


def season(visits: VisitDays, origin: int, days: int, pace: Pace) -> Numbers:
    """How much faster people move on each day than the pace says, as in the same week last year.

    It is 1 unless that week was quieter or busier than chance allows, such as that of Christmas.
    """
    import numpy as np

    factors = np.ones(days)
    everybody = pace.leaves.sum(1, keepdims=True)
    walking = visits.state != visits.initial
    for since in range(origin - YEAR, origin - YEAR + days, 7):
        until = min(since + 7, origin)
        if since < visits.first or since >= until:
            continue
        near, expects = _expected(visits, since, until, everybody)
        expected = float(expects[walking[near]].sum())
        moves = int(visits.count[_ends(visits, since, until) & walking].sum())
        unlikely = (moves - expected) ** 2 / max(expected, 1)
        if unlikely > _CHANCE:
            faster = (moves + 1) / (expected + 1) - 1
            day = since - origin + YEAR
            factors[day : day + 7] += (1 - _CHANCE / unlikely) * faster
    return factors
