"""Sales: who is on the team, how often it does what, and what happens to the leads it works on."""

from __future__ import annotations

from typing import Any, TypeAlias

import attrs

from lifecycle_fsm.demo.chance import Chance, Spread
from lifecycle_fsm.demo.market import DAY, HOUR, MINUTE, OVER, Account, days_between, instant
from lifecycle_fsm.demo.prospects import Identity, Prospect
from lifecycle_fsm.stable_hash import stable_choice

# ------------------------------------------------------------------ the team


def _days_off(text: str) -> frozenset[int]:
    """The numbers of the days of holidays such as ``2024-07-22/2024-08-02``."""
    return frozenset().union(*(days_between(*part.split("/")) for part in text.split()))


@attrs.frozen
class Developer:
    """A member of the sales-development team, who answers leads."""

    name: str
    answers: Spread  # minutes of office time
    slow: float  # of the leads wait for days
    forgets: float  # of the leads are never answered
    by_taking_over: float  # of the leads are accepted by a change of owner, the others by a call
    away: frozenset[int] = attrs.field(converter=_days_off)


#: In the order of the model's token ``sdr_team``; all names and territories are the model's.
TEAM = (
    Developer(
        "sdr.north", (3, 12, 25, 45, 80, 130, 215), slow=0.05, forgets=0.02, by_taking_over=0.7,
        away="2024-07-22/2024-08-02 2024-12-23/2025-01-03 "
        "2025-07-14/2025-07-25 2025-12-22/2026-01-02",
    ),
    Developer(
        "sdr.baltic", (5, 20, 45, 75, 120, 170, 235), slow=0.07, forgets=0.04, by_taking_over=0.85,
        away="2024-06-17/2024-06-28 2024-12-23/2024-12-31 "
        "2025-06-16/2025-06-27 2025-12-22/2025-12-31",
    ),
    Developer(
        "sdr.south", (8, 35, 70, 120, 180, 260, 420), slow=0.12, forgets=0.09, by_taking_over=0.35,
        away="2024-08-05/2024-08-23 2024-12-20/2025-01-06 "
        "2025-08-04/2025-08-22 2025-12-19/2026-01-06",
    ),
    Developer(
        "sdr.iberia", (4, 18, 40, 80, 140, 200, 330), slow=0.09, forgets=0.05, by_taking_over=0.5,
        away="2024-08-12/2024-08-30 2024-12-23/2025-01-07 "
        "2025-08-11/2025-08-29 2025-12-22/2026-01-07",
    ),
)  # fmt: skip
NORTH = frozenset({"DK", "EE", "FI", "LT", "LV", "NO", "SE"})
SOUTH = frozenset({"ES", "IT", "PT"})

#: The account executives, who close deals, and the share that each wins.
EXECUTIVES = {"ae.lindberg": 0.43, "ae.moreau": 0.39, "ae.brown": 0.34, "ae.okafor": 0.26}
#: The executive for the deals of a country; another one gets those of all other countries.
_COUNTRIES = {
    **dict.fromkeys(("DE", "AT", "CH"), "ae.lindberg"),
    **dict.fromkeys(("FR", "IT", "ES", "PT"), "ae.moreau"),
    "US": "ae.okafor",
}


def developer(country: str, person: str) -> Developer:
    """The developer for a person: one of the territory's two, or of the team, by hash [S16]."""
    if country in NORTH:
        return stable_choice(TEAM[:2], "north", person)
    if country in SOUTH:
        return stable_choice(TEAM[2:], "south", person)
    return stable_choice(TEAM, "elsewhere", person)


def executive(country: str, *, busy: bool = False) -> str:
    """Who closes deals in a country; if they are busy, the one who helps out everywhere."""
    return "ae.okafor" if busy else _COUNTRIES.get(country, "ae.brown")


# ------------------------------------------------------------------ how often, and how long

# Minutes of office time.
_WITHIN_THE_HOUR: Spread = (5, 15, 30, 60)
_NEXT_CALL: Spread = (60, 300, 600, 1_200, 2_600)
_SLOW_ANSWER: Spread = (300, 480, 900, 1_500, 3_600)
_FILLS_IN_DEAL: Spread = (30, 200, 600, 1_800)
_NEXT_IN_DEAL: Spread = (300, 700, 1_400, 2_600, 5_000)
_SECOND_DEAL: Spread = (300, 1_200, 4_000, 9_000)
_UPSELL: Spread = (2_000, 5_000, 12_000, 20_000)
_CALLS_AGAIN: Spread = (4_000, 9_000, 20_000, 40_000)
_RULES_OUT_LATE: Spread = (2_000, 9_000, 20_000)
_REVIEWS: Spread = (60, 400, 1_200)
_FINDS_SECOND_RECORD: Spread = (120, 600, 1_500, 3_000, 6_000)
# Days.
_CYCLE: Spread = (6, 18, 32, 50, 75, 115, 190)  # of a deal
_SECOND_RECORD: Spread = (2, 7, 16, 35, 80)
#: Days until a recycled person comes back.
_COMES_AGAIN: dict[str, Spread] = {"soon": (9, 20, 35, 55, 75), "later": (92, 120, 160, 220, 320)}

_CALLS: Spread = (1, 2, 4, 6, 10)  # until a lead leads to something
_ANSWERS = {"accepts": 715, "returns": 200, "rules out": 85}
#: The outcomes of leads that sales works on, by who found them.
_OUTCOMES_BY_MARKETING = {"deal": 490, "returns": 325, "rules out": 75, "stops": 110}
_OUTCOMES_BY_SALES = {"deal": 390, "returns": 310, "rules out": 70, "stops": 230}
#: What happens to people after they were recycled.
_AFTERWARDS = {
    "gone": 70, "soon": 54, "later": 48, "sales again": 14, "reads": 40, "ruled out": 6,
    "buys": 2, "leaves": 2,
}  # fmt: skip

# Why sales returns a lead at once, why after having worked on it, and why it disqualifies one: the
# reasons are those of the model's tokens.
_RETURNS_AT_ONCE = {"no_answer": 40, "no_time": 25, "not_ready": 22, "no_budget": 13}
RETURNS = {"no_budget": 34, "not_ready": 30, "no_answer": 22, "no_time": 14}
RULES_OUT = {"wrong_person": 46, "student": 26, "competitor": 14, "out_of_business": 14}
_UNHEARD_OF = ("bad timing", "call again in spring", "on holiday")
_WHY_LOST = {"price": 34, "competitor": 24, "no decision": 30, "missing function": 12}

#: The currencies of deals outside of the euro, by country.
_CURRENCIES = {"CH": "CHF", "GB": "GBP", "US": "USD"}

# ------------------------------------------------------------------ leads and their deals


@attrs.define
class Deal:
    """An opportunity, from its opening to its end, if it has one."""

    id: str
    account: Account
    executive: str
    opened: int
    amount: float
    closes: int
    closed: int = OVER
    won: bool = False
    reason: str | None = None

    @property
    def terms(self) -> dict[str, Any]:
        """What the CRM says of it while it is open."""
        return {"opportunity": self.id, **self.worth, "closes_at": instant(self.closes)}

    @property
    def worth(self) -> dict[str, Any]:
        """Its amount, and its currency unless the company reports in it."""
        currency = _CURRENCIES.get(self.account.country)
        return {"amount": self.amount} | ({"currency": currency} if currency else {})


#: The deals of everybody, by whether they were won: later people may be contacts of them.
Deals: TypeAlias = dict[bool, list[Deal]]


class Lead(Prospect):
    """A record, and how sales treats it.

    Args:
        identity: whose record it is.
        chance: the draws of this person.
        now: the second in which the record is created.
        deals: where its deals are kept.
    """

    def __init__(self, identity: Identity, chance: Chance, now: int, deals: Deals) -> None:
        super().__init__(identity, chance, now)
        self.account = identity.account
        self.developer = developer(self.account.country, self.id)
        if chance.share(0.05):
            self.developer = chance.choice(TEAM)  # somebody helps out
        self.by_sales = False  # whether sales found them
        self.in_crm = False
        self.second_records: list[Prospect] = []
        self._all_deals = deals
        self._journeys = 1
        self._deals = 0

    # -- the lead is handed over -----------------------------------------------------------------

    def hand_over(self) -> None:
        """Hand the lead to sales if it was alerted; most answers are quick, some late or none."""
        if self.alerted_at is None:
            return
        self.now = self.alerted_at
        self._sync()
        chance, rep = self.chance, self.developer
        if chance.share(rep.forgets):
            self._forget()
            return
        # While a rep is away, usually nobody answers the leads; sometimes a colleague does.
        away = rep.away if chance.share(0.9) else frozenset()
        self.work(_SLOW_ANSWER if chance.share(rep.slow) else rep.answers, away)
        self._decide(_ANSWERS, _RETURNS_AT_ONCE)

    def _decide(self, outcomes: dict[str, int], reasons: dict[str, int]) -> None:
        """Draw what sales does with a lead, and the reason if it returns it."""
        match self.chance.weighted(outcomes):
            case "accepts":
                self._accept()
                self.work_lead()
            case "deal":
                self.open_deal()
            case "returns":
                self._reject(self.chance.weighted(reasons))
                self.recycle()
            case "rules out":
                self._rule_out()
                self._after_ruling_out()

    def _sync(self) -> None:
        """The CRM confirms the record: within seconds, unless it is busy for hours."""
        if self.in_crm:
            return
        self.in_crm = True
        began, quick = self.now, self.chance.share(0.87)
        self.now += self.chance.number(3, 95) if quick else self.chance.number(HOUR, 7 * HOUR)
        self.send("crm_synced")
        self.now = began + 2 * MINUTE

    def _forget(self) -> None:
        """Nobody answers. The interest cools, and comes back, and still nobody answers."""
        self.wait((3, 10, 20, 40))
        if self.chance.share(0.5):
            self.give_points(-30, "nothing for weeks")
            self.wait((5, 20, 45, 90))
            self.look((3, 8), pricing=0.5)
        elif self.chance.share(0.25):
            self.open_deal()

    def _accept(self) -> None:
        rep = self.developer
        if self.chance.share(rep.by_taking_over):
            self.send("owner_changed", owner=rep.name)
            self.call(after=_WITHIN_THE_HOUR)
        else:
            self.call()
            if self.chance.share(0.8):
                self.send("owner_changed", after=_WITHIN_THE_HOUR, owner=rep.name)

    def call(self, *, after: Spread | None = None, by: str | None = None) -> None:
        """Call or write to the lead; ``by`` does it instead of its own developer."""
        self.send("sales_touched", after=after, by=by or self.developer.name)

    def _reject(self, reason: str) -> None:
        by, after = self.developer.name, None
        if self.chance.share(0.03):
            # The reason is not on the agreed list: it is refused, and given again properly.
            self.send("sales_rejected", reason=self.chance.choice(_UNHEARD_OF), by=by)
            after = _WITHIN_THE_HOUR
        self.send("sales_rejected", after=after, reason=reason, by=by)

    def _rule_out(self) -> None:
        """Disqualify for a reason from the list, or by hand, which any stage allows."""
        if self.chance.share(0.12):
            self.send("disqualify", reason="sanctioned", by=self.developer.name)
        else:
            self._reject(self.chance.weighted(RULES_OUT))

    def work_lead(self) -> None:
        """Call and write until there is an outcome."""
        chance = self.chance
        for _ in range(chance.number(*_CALLS)):
            self.call(after=_NEXT_CALL)
            if chance.share(0.22):
                self.now += chance.number(10 * MINUTE, 2 * HOUR)
                self.look((1, 4), pricing=0.15)
                if chance.share(0.05):
                    self.now += chance.number(20, 200)
                    self.raise_hand()
        self.work(_NEXT_CALL)
        self._decide(_OUTCOMES_BY_SALES if self.by_sales else _OUTCOMES_BY_MARKETING, RETURNS)

    # -- two records of one person ----------------------------------------------------------------

    def come_twice(self) -> bool:
        """Some fill in a second form with another address; returns whether sales works on them."""
        if not self.chance.share(0.03):
            return False
        asks = self.chance.share(0.3)
        self.wait(_SECOND_RECORD)
        self._add_second_record(asks=asks, looks=True)
        if asks:
            self.in_crm = True
            self.work_lead()
        return asks

    def _add_second_record(self, *, asks: bool = False, looks: bool = False) -> None:
        """Create another record by a form with another address, and merge it into this one: when
        sales answers it, if it asks for sales, or else when somebody cleans up."""
        letter, chance = "bcdefg"[len(self.second_records)], self.chance
        second = Prospect(attrs.evolve(self.identity, id=f"{self.id}{letter}"), chance, self.now)
        self.second_records.append(second)
        second.send(
            "created",
            created_by="marketing",
            created_through="form",
            source=chance.choice(["organic search", "paid search", "webinar"]),
            **self.identity.fields(self.identity.email("post.example")),
        )
        second.now += chance.number(2, 20)
        if asks:
            second.raise_hand()
            second.now = max(second.now, second.processed_at) + chance.number(5, 90)
            second.send("crm_synced")
            rep = self.developer
            second.send("sales_touched", after=rep.answers, by=rep.name)
            second.work((5, 20, 60, 200))
        else:
            second.fill_form()
            if looks and chance.share(0.5):
                second.wait((0, 2, 5))
                second.look((1, 3))
            second.work(_FINDS_SECOND_RECORD)
        self.now = max(self.now, second.now, second.processed_at + MINUTE)
        self.send("merged", loser=second.id)
        self.add_points(max(second.score, 0), interest=second.score > 0)

    # -- deals ---------------------------------------------------------------------------------

    def open_deal(self) -> None:
        """Open an opportunity, and follow it to its end."""
        chance = self.chance
        rep = executive(self.account.country, busy=chance.share(0.15))
        self._sync()
        if self._deals == 0 and chance.share(0.9) and not self.by_sales:
            self.send("converted", contact=f"c-{self.id}", account=self.account.domain)
            self.now += chance.number(1, 20)
        deal = self._open(rep, shells=0.2)
        if chance.share(0.85):
            self.send("owner_changed", after=_WITHIN_THE_HOUR, owner=rep)
        ends = self.now + chance.number(*_CYCLE) * DAY
        other = self._open_beside(deal, ends) if chance.share(0.08) else None
        try:
            self._negotiate(deal, ends)
            if chance.share(0.08):
                return  # and nobody ever closes it
            given_up = chance.share(0.015)
            if given_up:
                # Some say so too early.
                self.send("disqualify", reason="out_of_business", by=rep)
                self.work(_NEXT_IN_DEAL)
            won = chance.share(EXECUTIVES[rep])
            if not won and not given_up and chance.share(0.04):
                # The only way out of an opportunity is its end.
                self._reject("no_budget")
                self.work(_WITHIN_THE_HOUR)
            self._close(deal, won=won)
        finally:
            self._all_deals[deal.won].append(deal)
        if other is not None and not deal.won:
            # Losing one of two opportunities does not lose the person yet.
            self.work(_SECOND_DEAL)
            deal = other
            self._close(deal, won=chance.share(0.5))
        if deal.won:
            self.be_customer()
        elif given_up:
            self._after_ruling_out()
        else:
            self.recycle()

    def _new_deal(self, rep: str) -> Deal:
        self._deals += 1
        step = 500 if self.account.employees < 100 else 2_500
        return Deal(
            id=f"o-{self.id}-{self._deals}",
            account=self.account,
            executive=rep,
            opened=self.now,
            amount=float(self.chance.number(3, 8, 12, 18, 30, 60) * step),
            closes=self.now + self.chance.number(30, 120) * DAY,
        )

    def _open(self, rep: str, *, shells: float = 0) -> Deal:
        """Open a deal: this share as empty shells, which count only once they are filled in."""
        deal = self._new_deal(rep)
        if shells and self.chance.share(shells):
            self.send("opportunity_opened", opportunity=deal.id)
            self.send("opportunity_changed", after=_FILLS_IN_DEAL, **deal.terms)
            deal.opened = self.now
        else:
            self.send("opportunity_opened", **deal.terms)
        return deal

    def _open_beside(self, deal: Deal, ends: int) -> Deal | None:
        """Open a second deal, for another part of the company, while the first is discussed."""
        began, self.now = self.now, self.now + (ends - self.now) // 3
        other = self._open(deal.executive) if self.now < OVER else None
        self.now = began
        return other

    def _negotiate(self, deal: Deal, ends: int) -> None:
        """Call and visit until the deal is decided."""
        chance = self.chance
        self.work(_NEXT_IN_DEAL)
        while self.now < ends:
            self.call(by=deal.executive)
            if chance.share(0.4):
                self.now += chance.number(5 * MINUTE, 3 * HOUR)
                self.look((1, 5), pricing=0.25)
            if chance.share(0.06):
                deal.amount = max(500.0, deal.amount - chance.number(1, 4) * 500)
                deal.closes += chance.number(10, 30) * DAY
                self.send("opportunity_changed", **deal.terms)
            self.work(_NEXT_IN_DEAL)

    def _close(self, deal: Deal, *, won: bool) -> None:
        """Close the deal: won, or lost for a reason."""
        deal.reason = None if won else self.chance.weighted(_WHY_LOST)
        self.end_deal(deal, won=won)
        deal.won, deal.closed = won, self.now

    def end_deal(self, deal: Deal, *, won: bool, at: int | None = None) -> None:
        """The CRM reports how a deal ended, now or at another time."""
        if won:
            self.send("opportunity_won", at=at, opportunity=deal.id, **deal.worth)
        else:
            self.send("opportunity_lost", at=at, opportunity=deal.id, reason=deal.reason)

    # -- what comes after ------------------------------------------------------------------------

    def be_customer(self) -> None:
        """Read manuals and news as a customer; some buy more, which changes no stage."""
        chance = self.chance
        more = self.now + chance.number(90, 420) * DAY if chance.share(0.35) else OVER
        again = self.now + chance.number(20, 300) * DAY if chance.share(0.06) else OVER
        while True:
            self.wait((1, 3, 7, 14, 25))
            if chance.share(0.25):
                self.click()
            else:
                self.read_manual((1, 3))
            if self.now >= more:
                more = OVER
                self._buy_more()
            if self.now >= again:
                # One record is Customer, one MAL.
                again = OVER
                self._add_second_record()

    def _buy_more(self) -> None:
        rep = executive(self.account.country)
        self.call(after=_NEXT_CALL, by=rep)
        self.work(_NEXT_CALL)
        deal = self._open(rep)
        self.work(_UPSELL)
        self._close(deal, won=self.chance.share(0.7))

    def buy_at_once(self) -> None:
        """Order without a deal that was ever open."""
        deal = self._new_deal(executive(self.account.country))
        self._close(deal, won=True)
        self._all_deals[deal.won].append(deal)
        self.be_customer()

    def cool_down(self) -> None:
        """Sales has returned the lead, and the next journey begins."""
        super().cool_down()
        self._journeys += 1

    def recycle(self) -> None:
        """Return the lead to marketing: most are gone for good, some come back, even twice."""
        self.cool_down()
        match self.chance.weighted(_AFTERWARDS):
            case "sales again":
                self.call(after=_CALLS_AGAIN, by=executive(self.account.country))
                self.work(_NEXT_CALL)
                self.open_deal()
            case "buys":
                self.work(_CALLS_AGAIN)
                self.buy_at_once()
            case "leaves":
                self.send("changed", after=_RULES_OUT_LATE, role="accounts_payable")
            case "ruled out":
                self.send("disqualify", after=_RULES_OUT_LATE, reason="out_of_business")
            case ("soon" | "later") as when:
                self.wait(_COMES_AGAIN[when])
                self._warm_up_again()
                if self._journeys < 5:
                    self.hand_over()
            case "reads":
                self.stays_cool = True
                self.come_back((2, 9), (4, 14, 28, 45, 80), (1, 2), pricing=0)
            case _:
                if self.chance.share(0.15):
                    self.wait((3, 10, 30, 60))
                    self.unsubscribe()

    def _warm_up_again(self) -> None:
        """Show interest again after sales returned the lead: by a form, or by looking at pages."""
        chance = self.chance
        if chance.share(0.4):
            self.look((1, 4), pricing=0.3)
            self.now += chance.number(20, 400)
            self.raise_hand()
            return
        for _ in range(chance.number(3, 9)):
            self.look((2, 6), pricing=0.35)
            if self.alerted_at is not None:
                return
            if chance.share(0.35):
                self.fill_form()
            self.wait((0, 0, 1, 3, 6, 12))

    def _after_ruling_out(self) -> None:
        """Go on after being disqualified: a human reviews people who still ask for a demo."""
        self.cool_down()
        if self.chance.share(0.12):
            self.wait((10, 40, 90, 200))
            self.raise_hand()
            self.alerted_at = None
            if self.chance.share(0.4):
                self.send("reinstate", after=_REVIEWS, by=self.developer.name)
                self.alerted_at = self.now
                self.hand_over()
