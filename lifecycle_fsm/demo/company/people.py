"""The people of the company, one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from lifecycle_fsm.demo.company import coming
from lifecycle_fsm.demo.company.accounts import Account, Accounts
from lifecycle_fsm.demo.company.chance import Chance, Odds
from lifecycle_fsm.demo.company.deals import Deal, Deals
from lifecycle_fsm.demo.company.fairs import FAIRS
from lifecycle_fsm.demo.company.person import identity
from lifecycle_fsm.demo.company.seasons import DAY, OVER, arrival, office
from lifecycle_fsm.demo.company.selling import Selling
from lifecycle_fsm.demo.company.story import Over, Story

_HOW: Odds[str] = Odds(
    {
        "form": 780,
        "fair": 95,
        "made by sales": 55,
        "colleague of a customer": 20,
        "on an open deal": 16,
        "to be paid": 14,
        "competitor": 14,
    }
)
_BY_SALES = ("made by sales", "colleague of a customer", "on an open deal", "to be paid")
_RIVAL = Account("Competitor", "competitor.example", "DE", "software", 300, known=False)


class People:
    """Everybody who comes, with what happens to them.

    Each has chance of their own, and is touched only by those before them: by their accounts and
    their deals. So more people leave the first ones as they were.

    Args:
        seed: another number, another company.
        merges: whether somebody may have two records that are folded together.
    """

    def __init__(self, seed: int, *, merges: bool = True) -> None:
        self.seed = seed
        self.merges = merges
        self.accounts = Accounts(seed)
        self._deals = Deals()

    def come(self, people: int) -> Iterator[Story]:
        """The stories of so many people."""
        for number in range(1, people + 1):
            yield self._comes(number)

    def _comes(self, number: int) -> Story:
        chance = Chance(self.seed, "person", number)
        account = self.accounts.of(chance)
        how = chance.one_of(_HOW)
        deal: Deal | None = None
        if how == "colleague of a customer":
            deal = self._deals.any_won(chance)
        elif how == "on an open deal":
            deal = self._deals.any_other(chance)
        fair = chance.one_of(FAIRS) if how == "fair" else None
        if deal is not None:
            account = deal.account
        elif how == "competitor":
            account = _RIVAL
        if fair is not None:
            begins = fair.imported
        elif deal is not None and deal.won:
            begins = chance.whole(deal.closed, OVER - 1)
        elif deal is not None:
            begins = chance.whole(deal.opened, min(deal.closed, deal.opened + 60 * DAY, OVER) - 1)
        else:
            begins = arrival(chance)
        if deal is not None or how in _BY_SALES:
            # Sales makes records when it is at work.
            later = office(begins, chance.whole(0, 90))
            begins = (
                later if later < (OVER if deal is None or deal.won else deal.closed) else begins
            )
        story = Story(identity(f"p{number:05}", account, chance), chance, begins)
        selling = Selling(story, self._deals, merges=self.merges)
        with suppress(Over):
            if fair is not None:
                coming.from_fair(story, selling, fair)
            elif deal is not None and deal.won:
                coming.colleague_of_customer(story, selling, deal)
            elif deal is not None:
                coming.on_open_deal(story, selling, deal)
            elif how == "form":
                coming.by_form(story, selling)
            elif how == "to be paid":
                coming.to_be_paid(story, selling)
            elif how == "competitor":
                coming.competitor(story)
            else:  # also who was to be a colleague, as long as there is no such deal
                coming.made_by_sales(story, selling)
        return story
