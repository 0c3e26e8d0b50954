"""Deals, which the people of one account have in common."""

from __future__ import annotations

import attrs

from lifecycle_fsm.demo.company.accounts import Account
from lifecycle_fsm.demo.company.chance import Chance
from lifecycle_fsm.demo.company.reps import Executive
from lifecycle_fsm.demo.company.seasons import OVER


@attrs.define
class Deal:
    """An opportunity, from its opening to its end, if it has one."""

    id: str
    account: Account
    executive: Executive
    opened: int
    amount: float
    closes: int
    closed: int = OVER
    won: bool = False
    reason: str | None = None


class Deals:
    """What colleagues who come later may be contacts of."""

    def __init__(self) -> None:
        self._all: list[Deal] = []
        self._won: list[Deal] = []

    def keep(self, deal: Deal) -> None:
        """Remember a deal with all that became of it."""
        (self._won if deal.won else self._all).append(deal)

    def any_won(self, chance: Chance) -> Deal | None:
        """A deal that was won."""
        return chance.pick(self._won) if self._won else None

    def any_other(self, chance: Chance) -> Deal | None:
        """A deal that was lost, or goes on."""
        return chance.pick(self._all) if self._all else None
