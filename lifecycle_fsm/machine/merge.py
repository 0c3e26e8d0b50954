"""The effect of a merge on the visits and journeys of two records of one person [S23]."""

from __future__ import annotations

from datetime import datetime

import attrs

from lifecycle_fsm.activities import Natural, natural
from lifecycle_fsm.machine.lean_transitions import TransitionContext
from lifecycle_fsm.model import Model
from lifecycle_fsm.person import Person


class MergeDirection:
    """Which visit of two records continues, by the rules of a model."""

    def __init__(self, model: Model) -> None:
        self._ranks = model.ranks
        self._winning = frozenset(model.winning_detours)

    def loser_wins(self, survivor: Person, loser: Person) -> bool:
        """Whether the visit of the record that is merged away wins and continues [S23].

        The highest rank wins. The path beats a detour, except for the model's winning detours, and
        original processing loses to everything. In a tie the older entry wins, then the smaller id,
        in natural order [S19], of the record in which the journey began.
        """
        return self._claim(loser) < self._claim(survivor)

    def _claim(self, person: Person) -> tuple[int, int, datetime, Natural]:
        stage, entered = person.stage, person.stage_entered_at
        assert entered is not None, "who was created is in a stage"
        rank = self._ranks.get(stage)
        if rank is None:
            place = (0 if stage in self._winning else 2, 0)
        else:
            place = (1, -rank) if rank else (3, 0)
        return *place, entered, natural(person.journey_record)


def continue_visit(
    survivor: Person, loser: Person, context: TransitionContext, *, loser_wins: bool, initial: str
) -> None:
    """Let the winning visit continue in the survivor, with its entry, journey, deadlines and notes
    on returns. The losing visit ends without a decision on its deadlines. The survivor gets its
    ``merge`` row."""
    before = survivor._stage
    if loser_wins:
        visit = loser.present_visit
        survivor._stage = loser._stage
        survivor._stage_entered_at = loser._stage_entered_at
        record = loser.journey_record
        survivor._journey_record = record if record != survivor.id else None
        survivor._deadlines = loser._deadlines
        survivor._shut_returns = loser._shut_returns
        facts = [fact for fact in loser._decided if fact.visit == visit]
        loser._decided = tuple(fact for fact in loser._decided if fact not in facts)
        survivor._decided += tuple(attrs.evolve(fact, person=survivor.id) for fact in facts)
    survivor._last_journey = max(
        survivor._journey, survivor._last_journey, loser._journey, loser._last_journey
    )
    if loser_wins:
        survivor._journey = loser._journey
        survivor._journey_started_at = loser._journey_started_at
    if survivor._stage == initial:
        # The first end of processing sorts both.
        survivor._settles_at = min(
            filter(None, (survivor._settles_at, loser._settles_at)), default=None
        )
    else:
        survivor._settles_at = None
    context.append(
        survivor, before, survivor._stage, "merge", "merged", credit=False,
        entered_at=survivor._stage_entered_at,
    )  # fmt: skip


def close_record(loser: Person, merge: TransitionContext) -> TransitionContext:
    """Take the loser out of its stage with a closing row; nothing happens to it any more.

    Returns:
        the context of that row.
    """
    now = merge.now
    context = TransitionContext(
        loser, now, merge.at, merge.late, None, merge.activity, merge.version
    )
    before, loser._stage = loser._stage, ""
    loser._stage_entered_at = now
    loser._clock, loser._due, loser._settles_at = now, None, None
    loser._deferred, loser._deadlines, loser._shut_returns = (), (), ()
    context.append(loser, before, "", "merge", "merged")
    return context
