"""The story of one record: what happens, one thing after the other, until the company's story ends.

A story keeps its own rough idea of how warm a person is, so that marketing and sales behave as
people do. What the activities in fact mean is for the model to say.
"""

from __future__ import annotations

from typing import Any

import attrs

from lifecycle_fsm.demo.company import words
from lifecycle_fsm.demo.company.chance import Chance, Spread
from lifecycle_fsm.demo.company.interest import (
    CAREERS,
    CLICK,
    FORM,
    NO_MAIL,
    PAGE,
    PRICES,
    WARM,
    Interest,
    Points,
)
from lifecycle_fsm.demo.company.outages import TRIES, outage_at
from lifecycle_fsm.demo.company.person import Identity
from lifecycle_fsm.demo.company.seasons import DAY, MINUTE, OVER, instant, office, visit

#: The most that somebody ever has of whom sales is not to be told.
_LUKEWARM = 52

_LATE = 0.012  # of the calls are logged days later
_TWICE = 0.0009  # of the activities are sent twice
_BETWEEN_PAGES: Spread = (8, 20, 40, 90, 240)


class Over(Exception):
    """What comes now would happen after the end. No error: every story ends so."""


@attrs.frozen
class Happening:
    """An activity as it is sent: ``arrives`` is when the log gets it."""

    arrives: int
    id: str
    person: str
    kind: str
    at: int
    payload: dict[str, Any]


class Story:
    """One record, from the second in which it is made."""

    def __init__(self, who: Identity, chance: Chance, now: int) -> None:
        self.who = who
        self.id = who.id
        self.chance = chance
        self.now = now
        self.came: list[Happening] = []
        self.interest = Interest(now)
        self.hand = False
        self.since: int | None = None  # sales is to be told
        self.cool = False  # never gathers enough for that
        self.wants_mail = True
        self.in_crm = False
        self.journeys = 1
        self.deals = 0
        self.others: list[Story] = []  # more records of the same person
        self.outage = outage_at(now)
        self.processed = now + (chance.of(TRIES) if self.outage else 1) * MINUTE

    # -- what happens --------------------------------------------------------------------------

    def happens(self, kind: str, /, **payload: Any) -> None:
        """Something happens now.

        Raises:
            Over: it is too late.
        """
        self.told(kind, self.now, **payload)

    def told(self, kind: str, at: int, /, **payload: Any) -> None:
        """Now the log hears what happened at another time.

        Raises:
            Over: it is too late.
        """
        if self.now >= OVER:
            raise Over
        chance = self.chance
        name = kind if kind == "created" else f"{self.id}-{len(self.came):03}"
        arrives = self.now
        if kind == "sales_touched" and chance.share(_LATE):
            arrives += chance.whole(DAY, 9 * DAY)
        sent = Happening(arrives, name, self.id, kind, at, payload)
        self.came.append(sent)
        if kind != "created" and chance.share(_TWICE):
            self.came.append(attrs.evolve(sent, arrives=arrives + chance.whole(1, 10 * MINUTE)))

    def wait(self, days: Spread) -> None:
        """Until the person comes again, about so many days later."""
        self.now = visit(self.chance, self.now, days)

    def work(self, minutes: Spread, away: frozenset[int] = frozenset()) -> None:
        """Until somebody in the office gets to it, after so many minutes of office time."""
        self.now = office(self.now, self.chance.of(minutes), away)

    def twin(self) -> Story:
        """Another record of the same person, which begins now."""
        letter = "bcdefg"[len(self.others)]
        other = Story(attrs.evolve(self.who, id=f"{self.id}{letter}"), self.chance, self.now)
        self.others.append(other)
        return other

    # -- how warm the person is ------------------------------------------------------------------

    @property
    def fits(self) -> bool:
        """Whether marketing is interested in them, by what is known now."""
        return self.who.fits(enriched=self.outage is None or self.now >= self.outage.filled)

    def gains(self, what: Points) -> None:
        """What they do shows interest."""
        self.interest.give(what, self.now)
        self.warms()

    def warms(self) -> None:
        """Sales is told from the first second in which there is enough reason."""
        if self.since is None and (
            self.hand or (self.interest.points >= WARM and self.warm and self.fits)
        ):
            self.since = max(self.now, self.processed)

    @property
    def warm(self) -> bool:
        """Whether there is interest enough, by now."""
        return self.interest.at(self.now) >= WARM

    def rests(self) -> None:
        """Sales has given them back, and the heat is out."""
        self.interest.cool(self.now)
        self.hand = False
        self.since = None
        self.journeys += 1

    def _may(self, *what: Points) -> bool:
        if not (self.cool and self.fits):
            return True
        more = sum(self.interest.would_give(one, self.now) for one in what)
        return self.interest.at(self.now) + more <= _LUKEWARM

    # -- what people do --------------------------------------------------------------------------

    def looks(self, pages: int, pricing: float = 0.06) -> None:
        """Somebody looks at so many pages, one after the other."""
        chance = self.chance
        for _ in range(pages):
            prices = chance.share(pricing) and self._may(PAGE, PRICES)
            if not prices and not self._may(PAGE):
                return
            self.happens("web_visit", page=chance.pick(words.PRICING if prices else words.PAGES))
            self.gains(PAGE)
            if prices:
                self.gains(PRICES)
            self.now += chance.of(_BETWEEN_PAGES)

    def reads_manual(self, pages: int) -> None:
        """A customer looks something up."""
        for _ in range(pages):
            self.happens("web_visit", page=self.chance.pick(words.FOR_CUSTOMERS))
            self.now += self.chance.of(_BETWEEN_PAGES)

    def clicks(self) -> None:
        """A link in a mail is clicked, if mail still comes."""
        if self.wants_mail and self._may(CLICK):
            month = instant(self.now).strftime("%Y-%m")
            campaign = f"{self.chance.pick(words.CAMPAIGNS)} {month}"
            self.happens("email_clicked", campaign=campaign)
            self.gains(CLICK)

    def fills_form(self) -> None:
        """A form that gives something in return."""
        if self._may(FORM):
            self.happens("form_filled", form=self.chance.pick(words.PAPERS))
            self.gains(FORM)

    def raises_hand(self) -> None:
        """A form that asks for sales."""
        form = self.chance.pick(words.HANDS)
        if self.chance.share(0.3):
            self.happens("form_filled", form=form, source="direct")
        else:
            self.happens("form_filled", form=form)
        self.hand = True
        self.gains(FORM)

    def is_given(self, points: int, reason: str) -> None:
        """Points by hand, or by a campaign."""
        self.happens("score_given", points=points, reason=reason)
        self.interest.add(points, self.now)
        self.warms()

    def unsubscribes(self) -> None:
        """No more mail."""
        if self.wants_mail:
            self.happens("unsubscribed")
            self.interest.add(NO_MAIL, self.now)
            self.wants_mail = False

    def looks_for_work(self) -> None:
        """The page of open positions."""
        self.happens("web_visit", page="/careers")
        self.interest.add(CAREERS, self.now)
