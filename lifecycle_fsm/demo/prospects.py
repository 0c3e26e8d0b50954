"""People: who they are, what they do, and how warm that makes them before sales hears of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import attrs

from lifecycle_fsm.activities import Activity
from lifecycle_fsm.demo import market, word_lists
from lifecycle_fsm.demo.chance import Chance, Spread
from lifecycle_fsm.demo.market import DAY, MINUTE, OVER, Account, instant, outage_at
from lifecycle_fsm.stable_hash import stable_choice

# ------------------------------------------------------------------ identity

_LEVEL_POINTS = {"manager": 10, "staff": 0}  # as the model gives them; higher levels get 20


@attrs.frozen
class Identity:
    """A person's name, work and addresses."""

    id: str
    first: str
    last: str
    account: Account
    level: str
    title: str
    country: str
    phone: str | None

    @classmethod
    def draw(cls, id: str, account: Account, chance: Chance) -> Identity:
        """Draw a person who works for a company."""
        level = chance.weighted(word_lists.LEVEL_WEIGHTS)
        code, phone = account.country, word_lists.PHONE_NUMBERS.get(account.country)
        # Most choose their country from a list; some type its name.
        countries = [code] * (3 if code == "DE" else 2) + [word_lists.COUNTRY_NAMES[code]]
        return cls(
            id=id,
            first=chance.choice(word_lists.FIRST_NAMES),
            last=chance.choice(word_lists.LAST_NAMES),
            account=account,
            level=level,
            title=chance.choice(word_lists.TITLES[level]),
            country=chance.choice(countries),
            phone=f"{phone}{chance.number(10, 99)}" if phone and chance.share(0.4) else None,
        )

    def email(self, domain: str) -> str:
        """The person's address at a domain."""
        name = f"{self.first}.{self.last}".lower().translate(word_lists.PLAIN_LETTERS)
        return f"{name}@{domain}"

    def fits(self, *, enriched: bool) -> bool:
        """Whether marketing is interested in them, by the rules of the model."""
        large = enriched and self.account.known and self.account.employees >= 50
        return _LEVEL_POINTS.get(self.level, 20) + (15 if large else 0) + 5 >= 20

    def fields(self, email: str) -> dict[str, Any]:
        """The fields that a form asks for."""
        return {
            "email": email,
            "first_name": self.first,
            "last_name": self.last,
            "company": self.account.name,
            "country": self.country,
            "job_title": self.title,
        }

    def typed(self, chance: Chance) -> dict[str, Any]:
        """The fields of a new record, as a person typed them: mostly tidy."""
        email = self.email(self.account.domain)
        fields = self.fields(f" {email.title()}" if chance.share(0.04) else email)
        if chance.share(0.02):
            fields["last_name"] = self.last.upper()
        if self.phone is not None:
            fields["phone"] = self.phone
        return fields


# ------------------------------------------------------------------ what people do

#: The points for an act, and the most that such acts give within so many days, by the name of the
#: rule in the model ``waterfall``.
SCORES = {
    "form": (15, 45, 7),
    "pricing_page": (10, 20, 1),
    "any_page": (2, 20, 7),
    "mail_click": (5, 15, 7),
}
#: The points from which sales is alerted to people who fit.
WARM = 65
#: The maximum for people whom sales is never alerted to: each has one of these, so that there are
#: people just below any threshold that one may try.
_LUKEWARM = range(52, WARM)
_COOLS = 30 * DAY  # half the points go after this time without new ones
_CAREERS, _NO_MAIL = -10, -20

_LATE = 0.012  # of the calls are logged days later
_TWICE = 0.0009  # of the activities are sent twice
_BETWEEN_PAGES: Spread = (8, 20, 40, 90, 240)  # seconds
#: Minutes that original processing retries in an outage, before it goes on without company data.
_TRIES: Spread = (12, 20, 35, 60, 110)


class PastEnd(Exception):
    """Something would happen after the end: not an error, but the way every record ends."""


class Prospect:
    """A person's record, from the second in which it is created: what happens, in order.

    It keeps its own rough estimate of how warm the person is, so that marketing and sales behave as
    people do. The model determines what the activities actually mean.
    """

    def __init__(self, identity: Identity, chance: Chance, now: int) -> None:
        self.identity = identity
        self.id = identity.id
        self.chance = chance
        self.now = now
        self.sent: list[tuple[int, Activity]] = []  # with the second in which the log receives it
        self.outage = outage_at(now)
        self.processed_at = now + (chance.number(*_TRIES) if self.outage else 1) * MINUTE
        self.alerted_at: int | None = None  # when sales is alerted to them
        self.hand_raised = False
        self._lukewarm = stable_choice(_LUKEWARM, "lukewarm", identity.id)
        self.stays_cool = False  # never gathers enough points for sales to be alerted
        self.wants_mail = True
        self._score = 0
        self._warmed_at = now  # when the person last showed interest
        self._given: dict[tuple[str, int], int] = {}

    # -- what happens --------------------------------------------------------------------------

    def send(
        self, kind: str, /, *, after: Spread | None = None, at: int | None = None, **payload: Any
    ) -> None:
        """Record an activity.

        Args:
            kind: the kind of the activity.
            after: so many minutes of office time later; by default, at once.
            at: when it happened, if the log hears of it only now.
            payload: the payload of the activity.

        Raises:
            PastEnd: it would happen after the end.
        """
        if after is not None:
            self.work(after)
        if self.now >= OVER:
            raise PastEnd
        chance, arrives = self.chance, self.now
        name = kind if kind == "created" else f"{self.id}-{len(self.sent):03}"
        if kind == "sales_touched" and chance.share(_LATE):
            arrives += chance.number(DAY, 9 * DAY)
        activity = Activity(name, self.id, kind, instant(self.now if at is None else at), payload)
        self.sent.append((arrives, activity))
        if kind != "created" and chance.share(_TWICE):
            self.sent.append((arrives + chance.number(1, 10 * MINUTE), activity))

    def create(self, by: str, through: str, **fields: Any) -> None:
        """Create the record."""
        fields |= self.identity.typed(self.chance)
        self.send("created", created_by=by, created_through=through, **fields)
        account = self.identity.account
        if self.outage is not None and account.known:
            # The missing company data are fetched in one night.
            now, self.now = self.now, self.outage.filled + self.chance.number(0, 40 * MINUTE)
            self.send("changed", industry=account.industry, employees=account.employees)
            self.now = now

    def wait(self, days: Spread) -> None:
        """Advance to when the person comes back, about so many days later."""
        self.now = market.visit(self.chance, self.now, days)

    def work(self, minutes: Spread, away: frozenset[int] = frozenset()) -> None:
        """Advance by so many minutes of office time."""
        self.now = market.office(self.now, self.chance.number(*minutes), away)

    # -- how warm the person is ------------------------------------------------------------------

    @property
    def score(self) -> int:
        """The points that are left now."""
        quiet = (self.now - self._warmed_at) // _COOLS
        return self._score >> min(quiet, 30) if quiet > 0 and self._score > 0 else self._score

    @property
    def fits(self) -> bool:
        """Whether marketing is interested in them, by what is known now."""
        return self.identity.fits(enriched=self.outage is None or self.now >= self.outage.filled)

    def add_points(self, points: int, *, interest: bool) -> None:
        """Add or take away points; ``interest`` says whether they show interest."""
        self._score = self.score + points
        if interest:
            self._warmed_at = self.now

    def alert_if_warm(self) -> None:
        """Note when sales is alerted to the person, as soon as there is enough reason."""
        if self.alerted_at is None and (self.hand_raised or (self.score >= WARM and self.fits)):
            self.alerted_at = max(self.now, self.processed_at)

    def cool_down(self) -> None:
        """Halve the points after sales returned the lead, to below the threshold for alerts."""
        points = self.score
        self._score = min(points, points // 2, WARM - 1)
        self.hand_raised = False
        self.alerted_at = None

    def _worth(self, rule: str) -> int:
        """The points for an act now. Weeks begin on Mondays, like the made-up time."""
        points, cap, days = SCORES[rule]
        return min(points, cap - self._given.get((rule, self.now // DAY // days), 0))

    def _gain(self, rule: str) -> None:
        points, turn = self._worth(rule), (rule, self.now // DAY // SCORES[rule][2])
        self._given[turn] = self._given.get(turn, 0) + points
        self.add_points(points, interest=True)
        self.alert_if_warm()

    def _may(self, *rules: str) -> bool:
        """Whether a person who is meant to stay cool still is after these acts."""
        if not (self.stays_cool and self.fits):
            return True
        return self.score + sum(map(self._worth, rules)) <= self._lukewarm

    # -- what people do --------------------------------------------------------------------------

    def look(self, pages: Spread, pricing: float = 0.06) -> None:
        """Look at so many pages; the given share of them shows prices."""
        chance = self.chance
        for _ in range(chance.number(*pages)):
            prices = chance.share(pricing) and self._may("any_page", "pricing_page")
            if not prices and not self._may("any_page"):
                return
            options = word_lists.PRICING_PAGES if prices else word_lists.PAGES
            self.send("web_visit", page=chance.choice(options))
            self._gain("any_page")
            if prices:
                self._gain("pricing_page")
            self.now += chance.number(*_BETWEEN_PAGES)

    def read_manual(self, pages: Spread) -> None:
        """Look something up, as a customer."""
        for _ in range(self.chance.number(*pages)):
            self.send("web_visit", page=self.chance.choice(word_lists.CUSTOMER_PAGES))
            self.now += self.chance.number(*_BETWEEN_PAGES)

    def click(self) -> None:
        """Click a link in a mail, if mail is still sent."""
        if self.wants_mail and self._may("mail_click"):
            campaign = self.chance.choice(word_lists.CAMPAIGNS)
            self.send("email_clicked", campaign=f"{campaign} {instant(self.now):%Y-%m}")
            self._gain("mail_click")

    def fill_form(self) -> None:
        """Fill in a form that gives something in return."""
        if self._may("form"):
            self.send("form_filled", form=self.chance.choice(word_lists.PAPERS))
            self._gain("form")

    def raise_hand(self) -> None:
        """Fill in a form that asks for sales."""
        form = self.chance.choice(word_lists.HAND_RAISES)
        source: dict[str, Any] = {"source": "direct"} if self.chance.share(0.3) else {}
        self.send("form_filled", form=form, **source)
        self.hand_raised = True
        self._gain("form")

    def give_points(self, points: int, reason: str) -> None:
        """Give points by hand, or by a campaign."""
        self.send("score_given", points=points, reason=reason)
        self.add_points(points, interest=points > 0)
        self.alert_if_warm()

    def unsubscribe(self) -> None:
        """Unsubscribe from mail, once."""
        if self.wants_mail:
            self.send("unsubscribed")
            self.add_points(_NO_MAIL, interest=False)
            self.wants_mail = False

    def look_for_work(self) -> None:
        """Look at the page of open positions."""
        self.send("web_visit", page="/careers")
        self.add_points(_CAREERS, interest=False)

    def come_back(
        self,
        times: Spread,
        days: Spread,
        pages: Spread,
        *,
        pricing: float = 0.06,
        instead: tuple[tuple[float, Course], ...] = (),
        until_alerted: bool = False,
    ) -> None:
        """Come back again and again.

        Args:
            times: how often.
            days: after how many days each time.
            pages: how many pages they look at.
            pricing: the share of these that show prices.
            instead: what they do, in this share of the times, instead of looking at pages.
            until_alerted: whether to stop once sales is alerted.
        """
        for _ in range(self.chance.number(*times)):
            if until_alerted and self.alerted_at is not None:
                return
            self.wait(days)
            for share, act in instead:
                if self.chance.share(share):
                    act(self)
                    break
            else:
                self.look(pages, pricing)


#: What a person does over a period.
Course: TypeAlias = Callable[[Prospect], None]

# ------------------------------------------------------------------ how people behave

_AGAIN: Spread = (0, 3, 9, 20, 34, 60, 110)  # days
_SOON: Spread = (0, 0, 1, 3, 6, 12)
_LETTERS: Spread = (2, 8, 14, 21, 35)
_NOTICED: Spread = (200, 900, 3_000, 9_000)  # minutes of office time


def bystander(person: Prospect) -> None:
    """Has a look, and perhaps another."""
    person.stays_cool = True
    person.come_back((0, 1, 2, 3, 4, 8), _AGAIN, (1, 2), instead=((0.3, Prospect.click),))
    _loses_interest(person)


def reader(person: Prospect) -> None:
    """Reads every newsletter, and buys nothing."""
    person.stays_cool = True
    acts = ((0.45, Prospect.click), (0.08, Prospect.fill_form))
    person.come_back((2, 7, 13, 21, 44), _LETTERS, (1, 3), instead=acts)
    _loses_interest(person)


def _loses_interest(person: Prospect) -> None:
    chance = person.chance
    if chance.share(0.05):
        person.wait(_AGAIN)
        person.unsubscribe()
    elif chance.share(0.012):
        person.send("disqualify", after=_NOTICED, reason="out_of_business")
    elif chance.share(0.01):
        person.wait(_AGAIN)
        person.send("changed", role=chance.choice(["accounts_payable", "legal"]))


def grows(person: Prospect) -> None:
    """Comes back again and again, and looks at the prices: enough for sales, if the person fits."""
    if person.chance.share(0.3):
        person.come_back((1, 4), _AGAIN, (1, 3))
    acts = ((0.22, Prospect.fill_form), (0.2, Prospect.click))
    person.come_back((5, 14), _SOON, (1, 5), pricing=0.28, instead=acts, until_alerted=True)
    if person.outage is not None and person.score >= WARM and person.identity.fits(enriched=True):
        # For these people, the missing company data make the difference once they are filled in.
        person.now = max(person.now, person.outage.filled)
        person.alert_if_warm()


def asks(person: Prospect) -> None:
    """Raises a hand: some with the first form they fill in, the others a while later."""
    if person.chance.share(0.45):
        person.now += person.chance.number(0, 25)
    else:
        person.come_back((0, 1, 2, 3, 6), _AGAIN, (1, 4), pricing=0.15)
        person.wait(_SOON)
    person.raise_hand()


def fades(person: Prospect) -> None:
    """Was interested, but no longer is: taking points away moves nobody."""
    person.stays_cool = True
    person.come_back((1, 4), _SOON, (1, 4), pricing=0.2)
    person.wait(_AGAIN)
    if person.chance.share(0.6):
        person.unsubscribe()
    else:
        person.give_points(-10, "mail bounced")


def student(person: Prospect) -> None:
    """Reads everything for a thesis; somebody notices."""
    person.stays_cool = True
    person.come_back((3, 9), _SOON, (2, 5))
    if person.chance.share(0.5):
        person.look_for_work()
        person.now += person.chance.number(30, 300)
        person.give_points(-20, "looks for work")
    if person.chance.share(0.6):
        person.send("disqualify", after=_NOTICED, reason="student")


#: Where people who fill in a form come from, and what that source is worth.
SOURCES = {
    ("organic search", "usual"): 26, ("paid search", "usual"): 19, ("webinar", "good"): 12,
    ("content syndication", "poor"): 16, ("social media", "poor"): 11, ("referral", "good"): 8,
    ("partner", "good"): 8,
}  # fmt: skip
#: How people behave, by what their source is worth.
COURSES: dict[str, dict[Course, int]] = {
    "good": {bystander: 20, reader: 17, grows: 35, asks: 22, fades: 5, student: 1},
    "usual": {bystander: 31, reader: 23, grows: 27, asks: 10, fades: 6, student: 3},
    "poor": {bystander: 46, reader: 26, grows: 13, asks: 5, fades: 6, student: 4},
}
#: The behaviour of people whom sales is not alerted to, but may still find by itself.
QUIET = (bystander, reader, fades)
