"""How an executive works on a deal: opens it, negotiates, wins or loses it."""

from __future__ import annotations

from lifecycle_fsm.demo.company import habits
from lifecycle_fsm.demo.company.deals import Deal
from lifecycle_fsm.demo.company.reps import Executive, executive
from lifecycle_fsm.demo.company.seasons import DAY, HOUR, MINUTE, OVER, instant
from lifecycle_fsm.demo.company.story import Story


class Closing:
    """The deals of one person."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.chance = story.chance

    def opens(self, rep: Executive, *, shell: bool = True) -> Deal:
        """A deal is opened: some as an empty shell, which counts only when it is filled."""
        story, chance = self.story, self.chance
        story.deals += 1
        deal = self._new(rep)
        if shell and chance.share(0.2):
            story.happens("opportunity_opened", opportunity=deal.id)
            story.work(habits.FILLS_IN_DEAL)
            self._says("opportunity_changed", deal)
            deal.opened = story.now
        else:
            self._says("opportunity_opened", deal)
        return deal

    def buys_at_once(self) -> Deal:
        """Somebody orders, and no deal was ever open."""
        self.story.deals += 1
        deal = self._new(executive(self.story.who.account.country, busy=False))
        self.closes(deal, won=True)
        return deal

    def _new(self, rep: Executive) -> Deal:
        story = self.story
        return Deal(
            id=f"o-{story.id}-{story.deals}",
            account=story.who.account,
            executive=rep,
            opened=story.now,
            amount=self._amount(),
            closes=story.now + self.chance.whole(30, 120) * DAY,
        )

    def _amount(self) -> float:
        step = 500 if self.story.who.account.employees < 100 else 2_500
        return float(self.chance.of((3, 8, 12, 18, 30, 60)) * step)

    def _says(self, kind: str, deal: Deal) -> None:
        self.story.happens(
            kind, opportunity=deal.id, amount=deal.amount, closes_at=instant(deal.closes)
        )

    def opens_beside(self, deal: Deal, ends: int) -> Deal | None:
        """While the deal is discussed, another one is opened for another part of the company."""
        story, began = self.story, self.story.now
        story.now = began + (ends - began) // 3
        if story.now >= OVER:
            story.now = began
            return None
        other = self.opens(deal.executive, shell=False)
        story.now = began
        return other

    def negotiates(self, deal: Deal, ends: int) -> None:
        """Calls and visits, until it has to be decided."""
        story, chance = self.story, self.chance
        while True:
            story.work(habits.NEXT_IN_DEAL)
            if story.now >= ends:
                return
            story.happens("sales_touched", by=deal.executive.name)
            if chance.share(0.4):
                story.now += chance.whole(5 * MINUTE, 3 * HOUR)
                story.looks(chance.whole(1, 5), pricing=0.25)
            if chance.share(0.06):
                deal.amount = max(500.0, deal.amount - chance.whole(1, 4) * 500)
                deal.closes += chance.whole(10, 30) * DAY
                self._says("opportunity_changed", deal)

    def closes(self, deal: Deal, *, won: bool) -> None:
        """It is won, or lost for a reason."""
        story = self.story
        if won:
            story.happens("opportunity_won", opportunity=deal.id, amount=deal.amount)
        else:
            reason = self.chance.one_of(habits.WHY_LOST)
            story.happens("opportunity_lost", opportunity=deal.id, reason=reason)
            deal.reason = reason
        deal.won, deal.closed = won, story.now
