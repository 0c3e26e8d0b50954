"""Folding two records of one person into one: fields, opportunities, and the stage [S22][S23].

What becomes of a field that the model's ``merging`` does not name:

* opportunities are united by id, and what follows from them is counted anew; of records that came
  with a number of them, and no ids, the greater number is kept;
* ``created_at`` is the earlier one; ``unsubscribed`` and ``hand_raised`` hold where they held for
  either; of ``behavior_score``, ``demographic_score``, ``scored_at``, ``hand_raised_at``,
  ``sales_touched_at`` and ``last_lost_at`` the greater one is kept;
* of all others the survivor's value, or the loser's where the survivor has none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any

from lifecycle_fsm.data import keep_opportunities, one_of
from lifecycle_fsm.fields import FieldType
from lifecycle_fsm.model import MergeRule, Model
from lifecycle_fsm.person import Person

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
    """The rules by which a model folds persons together, ready to run."""

    def __init__(self, model: Model) -> None:
        self._ranks = model.ranks
        rules = {**DEFAULTS, **model.merging}
        self._fields = [
            (name, _ready(rules.get(name, "survivor"), kind))
            for name, kind in model.field_types.items()
            if name not in _DERIVED
        ]

    def fold(self, survivor: Person, loser: Person) -> None:
        """Write the loser's fields and opportunities into the survivor."""
        for name, one in self._fields:
            setattr(survivor, name, one(getattr(survivor, name), getattr(loser, name)))
        _unite(survivor, loser)
        survivor._points = _used(survivor._points, loser._points)

    def stage(self, ours: str, theirs: str) -> str:
        """Which of two stages counts: the highest rank, the path before a detour, the survivor's
        where both are detours; one that waits for the sort is behind all others [S23]."""
        return theirs if self._weight(theirs) > self._weight(ours) else ours

    def _weight(self, stage: str) -> int:
        rank = self._ranks.get(stage)
        return 0 if rank is None else rank or -1


def _unite(survivor: Person, loser: Person) -> None:
    """Opportunities by id [S22]. Who came with a number of them, and no ids, keeps that number."""
    told = {
        name: max(getattr(one, name) for one in (survivor, loser) if not one._opportunities)
        for name in _DERIVED
        if not (survivor._opportunities and loser._opportunities)
    }
    if loser._opportunities:
        kept = dict(survivor._opportunities or {})
        for name, theirs in loser._opportunities.items():
            kept[name] = one_of(kept[name], theirs) if name in kept else theirs
        keep_opportunities(survivor, kept)
    for name, number in told.items():
        setattr(survivor, name, max(getattr(survivor, name), number))


def _used(ours: tuple[int, ...], theirs: tuple[int, ...]) -> tuple[int, ...]:
    """What the caps of score rules have given to either: of each rule the later period counts, and
    in one period the survivor's points."""
    found = {theirs[at]: theirs[at : at + 3] for at in range(0, len(theirs), 3)}
    for at in range(0, len(ours), 3):
        other = found.get(ours[at])
        if other is None or ours[at + 1] >= other[1]:
            found[ours[at]] = ours[at : at + 3]
    return tuple(chain.from_iterable(found.values()))


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
