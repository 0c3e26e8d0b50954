"""Merges the fields and opportunities of two records of one person [S22][S23].

What becomes of a field that the model's ``merging`` does not name:

* opportunities are united by id, and their counts and amounts are computed anew; if the records
  came with such numbers but no ids, the greater number is kept;
* ``created_at`` is the earlier one; ``unsubscribed`` and ``hand_raised`` are true if they are true
  for either record; ``behavior_score``, ``demographic_score``, ``scored_at``, ``hand_raised_at``,
  ``sales_touched_at`` and ``last_lost_at`` keep the greater value;
* all other fields keep the value of the record whose visit wins or, if it has none, the other
  record's value. So no field depends on which record survives.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lifecycle_fsm.fields import FieldType
from lifecycle_fsm.model import MergeRule, Model
from lifecycle_fsm.person import Person
from lifecycle_fsm.silos.data import merged_opportunity

_GREATER = (
    "unsubscribed",
    "hand_raised",
    "behavior_score",
    "demographic_score",
    "scored_at",
    "hand_raised_at",
    "sales_touched_at",
    "last_lost_at",
)
DEFAULTS: Mapping[str, MergeRule] = {"created_at": "min", **dict.fromkeys(_GREATER, "max")}
_DERIVED = ("open_opportunities", "won_opportunities")


class Merging:
    """The rules by which a model merges people, ready to run."""

    def __init__(self, model: Model) -> None:
        rules = {**DEFAULTS, **model.merging}
        self._derived = (*_DERIVED, *model.amounts)
        self._fields = [
            (name, _ready(rules.get(name, "survivor"), kind))
            for name, kind in model.field_types.items()
            if name not in self._derived
        ]

    def fold(self, survivor: Person, loser: Person, *, loser_wins: bool) -> None:
        """Write the loser's fields and opportunities into the survivor."""
        winner, other = (loser, survivor) if loser_wins else (survivor, loser)
        for name, choose in self._fields:
            setattr(survivor, name, choose(getattr(winner, name), getattr(other, name)))
        _unite(survivor, winner, other, self._derived)
        survivor.add_capped_points(loser)


def _unite(survivor: Person, winner: Person, other: Person, derived: tuple[str, ...]) -> None:
    """Unite opportunities by id [S22]; a number that came without ids is kept if it is greater."""
    told = {
        name: max(getattr(record, name) for record in (winner, other) if not record.opportunities)
        for name in derived
        if not (winner.opportunities and other.opportunities)
    }
    if winner.opportunities or other.opportunities:
        kept = dict(winner.opportunities)
        for name, theirs in other.opportunities.items():
            kept[name] = merged_opportunity(kept[name], theirs) if name in kept else theirs
        survivor.keep_opportunities(kept)
    for name, number in told.items():
        setattr(survivor, name, max(getattr(survivor, name), number))


def _ready(rule: MergeRule, kind: FieldType) -> Callable[[Any, Any], Any]:
    def known(ours: Any, theirs: Any) -> Any:
        if ours is None or ours == "":
            return theirs
        if theirs is None or theirs == "":
            return ours
        if rule == "max":
            return max(ours, theirs)
        if rule == "min":
            return min(ours, theirs)
        if rule == "sum":
            return kind.clamp(ours + theirs)
        return ours if rule == "survivor" else theirs

    return known
