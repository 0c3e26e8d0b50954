"""What sales does: answers, works, opens deals, wins and loses them, gives people back."""

from __future__ import annotations

from lifecycle_fsm.demo.company import doubles, habits
from lifecycle_fsm.demo.company.closing import Closing
from lifecycle_fsm.demo.company.deals import Deals
from lifecycle_fsm.demo.company.marketing import warms_up_again
from lifecycle_fsm.demo.company.reps import TEAM, Developer, Executive, developer, executive
from lifecycle_fsm.demo.company.seasons import DAY, HOUR, MINUTE, OVER
from lifecycle_fsm.demo.company.story import Story


class Selling:
    """How sales treats one person, whose story it continues."""

    def __init__(self, story: Story, deals: Deals, *, merges: bool) -> None:
        self.story = story
        self.merges = merges
        self.chance = story.chance
        self.deals = deals
        self.closing = Closing(story)
        self.account = story.who.account
        self.developer: Developer = developer(self.account.country, story.id)
        self.by_sales = False
        if self.chance.share(0.05):
            self.developer = self.chance.pick(TEAM)  # somebody helps out

    # -- the lead is handed over -----------------------------------------------------------------

    def is_told(self) -> None:
        """Sales hears of somebody, and answers: mostly soon, sometimes late, sometimes never."""
        story, chance, rep = self.story, self.chance, self.developer
        assert story.since is not None
        story.now = story.since
        self._sync()
        if chance.share(rep.forgets):
            self._is_forgotten()
            return
        # While somebody is away, a colleague looks after the leads, or mostly none does.
        away = rep.away if chance.share(0.9) else frozenset()
        story.work(habits.SLOW_ANSWER if chance.share(rep.slow) else rep.answers, away)
        answer = chance.one_of(habits.ANSWERS)
        if answer == "accepts":
            self._accepts()
            self.works()
        elif answer == "returns":
            self._rejects(chance.one_of(habits.RETURNS_AT_ONCE))
            self.is_recycled()
        else:
            self._rules_out()
            self.is_ruled_out()

    def _sync(self) -> None:
        """The CRM says that it has the record: in seconds, unless it is busy for hours."""
        story, chance = self.story, self.chance
        if story.in_crm:
            return
        story.in_crm = True
        began = story.now
        story.now += chance.whole(3, 95) if chance.share(0.87) else chance.whole(HOUR, 7 * HOUR)
        story.happens("crm_synced")
        story.now = began + 2 * MINUTE

    def _is_forgotten(self) -> None:
        """Nobody answers. The interest cools, and comes back, and still nobody answers."""
        story, chance = self.story, self.chance
        story.wait((3, 10, 20, 40))
        if chance.share(0.5):
            story.is_given(-30, "nothing for weeks")
            story.wait((5, 20, 45, 90))
            story.looks(chance.whole(3, 8), pricing=0.5)
        elif chance.share(0.25):
            self.opens()

    def _accepts(self) -> None:
        story, chance, rep = self.story, self.chance, self.developer
        if chance.share(rep.by_taking_over):
            story.happens("owner_changed", owner=rep.name)
            story.work(habits.WITHIN_THE_HOUR)
            self._calls()
        else:
            self._calls()
            if chance.share(0.8):
                story.work(habits.WITHIN_THE_HOUR)
                story.happens("owner_changed", owner=rep.name)

    def _calls(self, by: Executive | Developer | None = None) -> None:
        self.story.happens("sales_touched", by=(by or self.developer).name)

    def _rejects(self, reason: str) -> None:
        story, name = self.story, self.developer.name
        if self.chance.share(0.03):
            # Not from the list that was agreed on: it is refused, and done again properly.
            story.happens("sales_rejected", reason=self.chance.pick(habits.UNHEARD_OF), by=name)
            story.work(habits.WITHIN_THE_HOUR)
        story.happens("sales_rejected", reason=reason, by=name)

    # -- a lead is worked ----------------------------------------------------------------------

    def works(self) -> None:
        """Calls and mails, until something comes of it."""
        story, chance = self.story, self.chance
        for _ in range(chance.of(habits.CALLS)):
            story.work(habits.NEXT_CALL)
            self._calls()
            if chance.share(0.22):
                story.now += chance.whole(10 * MINUTE, 2 * HOUR)
                story.looks(chance.whole(1, 4), pricing=0.15)
                if chance.share(0.05):
                    story.now += chance.whole(20, 200)
                    story.raises_hand()
        story.work(habits.NEXT_CALL)
        found = chance.one_of(habits.WORKS["sales" if self.by_sales else "marketing"])
        if found == "deal":
            self.opens()
        elif found == "returns":
            self._rejects(chance.one_of(habits.RETURNS))
            self.is_recycled()
        elif found == "rules out":
            self._rules_out()
            self.is_ruled_out()

    def _rules_out(self) -> None:
        """With a reason from the list; or by hand, which the model allows at any stage."""
        if self.chance.share(0.12):
            self.story.happens("disqualify", reason="sanctioned", by=self.developer.name)
        else:
            self._rejects(self.chance.one_of(habits.RULES_OUT))

    # -- two records of one person ----------------------------------------------------------------

    def comes_twice(self) -> bool:
        """Some fill in another form under another address; whether sales works on them then."""
        if not self._twice(0.03):
            return False
        asks = self.chance.share(0.3)
        doubles.comes_again(self.story, self.developer, asks=asks)
        if asks:
            self.story.in_crm = True
            self.works()
        return asks

    # -- deals ---------------------------------------------------------------------------------

    def opens(self) -> None:
        """An opportunity, with all that becomes of it."""
        story, chance = self.story, self.chance
        rep = executive(self.account.country, busy=chance.share(0.15))
        if not story.in_crm:
            self._sync()
        if story.deals == 0 and chance.share(0.9) and not self.by_sales:
            story.happens("converted", contact=f"c-{story.id}", account=self.account.domain)
            story.now += chance.whole(1, 20)
        deal = self.closing.opens(rep)
        if chance.share(0.85):
            story.work(habits.WITHIN_THE_HOUR)
            story.happens("owner_changed", owner=rep.name)
        ends = story.now + chance.of(habits.CYCLE) * DAY
        second = self.closing.opens_beside(deal, ends) if chance.share(0.08) else None
        try:
            self.closing.negotiates(deal, ends)
            if chance.share(0.08):
                return  # and nobody ever closes it
            given_up = chance.share(0.015)
            if given_up:
                # Some say so too early.
                story.happens("disqualify", reason="out_of_business", by=rep.name)
                story.work(habits.NEXT_IN_DEAL)
            won = chance.share(rep.wins)
            if not won and not given_up and chance.share(0.04):
                # Out of an opportunity leads only its end.
                self._rejects("no_budget")
                story.work(habits.WITHIN_THE_HOUR)
            self.closing.closes(deal, won=won)
        finally:
            self.deals.keep(deal)
        if second is not None and not deal.won:
            # The loss of one of two opportunities is no loss yet.
            story.work(habits.SECOND_DEAL)
            self.closing.closes(second, won=chance.share(0.5))
            deal = second
        if deal.won:
            self.is_customer()
        elif given_up:
            self.is_ruled_out()
        else:
            self.is_recycled()

    # -- what comes after ------------------------------------------------------------------------

    def is_customer(self) -> None:
        """Customers read manuals and news; some buy more, which changes no stage."""
        story, chance = self.story, self.chance
        more = story.now + chance.whole(90, 420) * DAY if chance.share(0.35) else OVER
        again = story.now + chance.whole(20, 300) * DAY if self._twice(0.06) else OVER
        while True:
            story.wait((1, 3, 7, 14, 25))
            if chance.share(0.25):
                story.clicks()
            else:
                story.reads_manual(chance.whole(1, 3))
            if story.now >= more:
                more = OVER
                self._buys_more()
            if story.now >= again:
                again = OVER
                doubles.customer_comes_again(story)

    def buys_at_once(self) -> None:
        """An order comes, and nobody knew."""
        self.deals.keep(self.closing.buys_at_once())
        self.is_customer()

    def _twice(self, share: float) -> bool:
        return self.merges and self.chance.share(share)

    def _buys_more(self) -> None:
        story, chance = self.story, self.chance
        rep = executive(self.account.country, busy=False)
        story.work(habits.NEXT_CALL)
        self._calls(rep)
        story.work(habits.NEXT_CALL)
        deal = self.closing.opens(rep, shell=False)
        story.work(habits.UPSELL)
        self.closing.closes(deal, won=chance.share(0.7))

    def is_recycled(self) -> None:
        """Given back to marketing: most are never heard of again, some come back, even twice."""
        story, chance = self.story, self.chance
        story.rests()
        then = chance.one_of(habits.THEN)
        if then == "sales again":
            story.work(habits.CALLS_AGAIN)
            self._calls(executive(self.account.country, busy=False))
            story.work(habits.NEXT_CALL)
            self.opens()
        elif then == "buys":
            story.work(habits.CALLS_AGAIN)
            self.buys_at_once()
        elif then == "leaves":
            story.work(habits.RULES_OUT_LATE)
            story.happens("changed", role="accounts_payable")
        elif then == "ruled out":
            story.work(habits.RULES_OUT_LATE)
            story.happens("disqualify", reason="out_of_business")
        elif then in ("soon", "later"):
            story.wait(habits.SOON if then == "soon" else habits.LATER)
            warms_up_again(story)
            if story.since is not None and story.journeys < 5:
                self.is_told()
        elif then == "reads":
            story.cool = True
            for _ in range(chance.whole(2, 9)):
                story.wait((4, 14, 28, 45, 80))
                story.looks(chance.whole(1, 2), pricing=0)
        elif chance.share(0.15):
            story.wait((3, 10, 30, 60))
            story.unsubscribes()

    def is_ruled_out(self) -> None:
        """Will not buy; who asks for a demo all the same is looked at by a human."""
        story, chance = self.story, self.chance
        story.rests()
        if chance.share(0.12):
            story.wait((10, 40, 90, 200))
            story.raises_hand()
            story.since = None
            if chance.share(0.4):
                story.work(habits.REVIEWS)
                story.happens("reinstate", by=self.developer.name)
                story.since = story.now
                self.is_told()
