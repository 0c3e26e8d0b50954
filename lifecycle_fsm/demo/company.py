"""A made-up company: two years of people and what they do, the same for the same seed.

It fits the shipped model ``waterfall``: its tokens, its sales team, its reasons. It contains no
engine: it invents what happened, and the model determines what that means.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

import attrs

from lifecycle_fsm.activities import Activity
from lifecycle_fsm.demo import market
from lifecycle_fsm.demo.chance import Chance, Spread
from lifecycle_fsm.demo.market import DAY, FAIRS, OVER, Account, Accounts, Fair, instant
from lifecycle_fsm.demo.prospects import COURSES, QUIET, SOURCES, Identity, PastEnd, asks, grows
from lifecycle_fsm.demo.sales import Deal, Deals, Lead, executive
from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.files import write_file
from lifecycle_fsm.lifecycle import Lifecycle
from lifecycle_fsm.model import Model
from lifecycle_fsm.spreadsheet import csv_text
from lifecycle_fsm.tables import by_event

# ------------------------------------------------------------------ how people arrive


def _by_form(lead: Lead) -> None:
    """A person fills in a form, which creates the record."""
    chance = lead.chance
    source, worth = chance.weighted(SOURCES)
    lead.create("marketing", "form", source=source)
    course = chance.weighted(COURSES[worth])
    if course is not asks:
        lead.now += chance.number(0, 4)
        lead.fill_form()
        if lead.come_twice():
            return
    course(lead)
    if lead.alerted_at is None and course in QUIET and chance.share(0.03):
        _found_by_sales(lead)
    else:
        lead.hand_over()


def _found_by_sales(lead: Lead) -> None:
    """Sales calls a person whom marketing still nurtures, or is the first to learn of a deal."""
    lead.work((300, 2_000, 6_000, 12_000))
    if lead.chance.share(0.06):
        lead.buy_at_once()
    elif lead.chance.share(0.35):
        lead.open_deal()
    else:
        lead.call()
        lead.work_lead()


def _made_by_sales(lead: Lead) -> None:
    """A salesperson has found them, and usually calls."""
    lead.by_sales = lead.in_crm = True
    lead.create("sales", "crm", owner=lead.developer.name)
    if not lead.chance.share(0.12):
        lead.call(after=(10, 60, 400, 1_500))
        lead.work_lead()


def _to_be_paid(lead: Lead) -> None:
    """Accounts payable and legal are nobody's leads, until one of them becomes a buyer."""
    role = "legal" if lead.chance.share(0.25) else "accounts_payable"
    lead.create("sales", "crm", role=role, owner=executive(lead.account.country))
    if lead.chance.share(0.18):
        lead.wait((20, 60, 120, 240))
        lead.send("changed", role="buyer")
        grows(lead)
        lead.hand_over()


def _competitor(lead: Lead) -> None:
    """A person from a competitor is recognised by the domain; some even ask for a demo."""
    lead.create("marketing", "form", source="organic search")
    lead.now += lead.chance.number(0, 6)
    lead.fill_form()
    lead.come_back((0, 5), (0, 4, 15, 40), (1, 6), pricing=0.4)
    if lead.chance.share(0.35):
        lead.wait((0, 5, 30))
        lead.raise_hand()


#: Points for a talk at the booth of a fair; a person who asked for an offer is hot.
_TALKED: Spread = (5, 10, 15, 20, 25, 30)
_HOT: Spread = (65, 70, 80)


def _from_fair(lead: Lead, fair: Fair) -> None:
    """A list from a fair is imported: all are created in the same second, with points."""
    chance = lead.chance
    lead.create(fair.by, "list", source="trade fair")
    points = chance.number(*(_HOT if chance.share(0.13) else _TALKED))
    talk = "asks for an offer" if points >= _HOT[0] else "talk"
    lead.give_points(points, f"{fair.name}: {talk}")
    if lead.alerted_at is None:
        chance.weighted(COURSES["poor"])(lead)
    lead.hand_over()


def _colleague_of_customer(lead: Lead, deal: Deal) -> None:
    """A contact of a customer is added late: the CRM reports a deal that was already won."""
    lead.create("sales", "crm", owner=deal.executive)
    lead.now += lead.chance.number(5, 45)
    lead.end_deal(deal, won=True, at=deal.closed)
    lead.be_customer()


def _on_open_deal(lead: Lead, deal: Deal) -> None:
    """An open deal gets one more contact, and ends for all of its contacts at the same time."""
    lead.by_sales = lead.in_crm = True
    lead.create("sales", "crm", owner=deal.executive)
    lead.now += lead.chance.number(5, 45)
    lead.send("opportunity_opened", at=deal.opened, **deal.terms)
    calls: Spread = (300, 900, 2_000, 4_000)
    lead.work(calls)
    while lead.now < deal.closed:
        lead.call(by=deal.executive)
        lead.work(calls)
    lead.now = deal.closed
    lead.end_deal(deal, won=deal.won)
    if deal.won:
        lead.be_customer()
    else:
        lead.recycle()


_ORIGINS = {
    "form": 780, "fair": 95, "made by sales": 55, "colleague of a customer": 20,
    "on an open deal": 16, "to be paid": 14, "competitor": 14,
}  # fmt: skip
_WITHOUT_OCCASION = {"form": _by_form, "to be paid": _to_be_paid, "competitor": _competitor}
_RIVAL = Account("Competitor", "competitor.example", "DE", "software", 300, known=False)


class Population:
    """The people of a company, one after another, with everything that happens to them.

    Each person has their own draws, and is affected only by the people before them, through their
    accounts and deals. So adding people leaves the earlier ones as they were.

    Args:
        seed: a different number gives a different company.
    """

    def __init__(self, seed: int) -> None:
        self.accounts = Accounts(seed)
        self._seed = seed
        self._deals: Deals = {True: [], False: []}

    def next(self, number: int) -> Lead:
        """The person with this number, with everything that happens to them."""
        chance = Chance(self._seed, "person", number)
        account = self.accounts.next(chance)
        origin = chance.weighted(_ORIGINS)
        occasion = self._occasion(chance, origin)
        if isinstance(occasion, Deal):
            account = occasion.account
        elif origin == "competitor":
            account = _RIVAL
        begins = _begins(chance, origin, occasion)
        identity = Identity.draw(f"p{number:05}", account, chance)
        lead = Lead(identity, chance, begins, self._deals)
        with suppress(PastEnd):
            match occasion:
                case Fair():
                    _from_fair(lead, occasion)
                case Deal(won=True):
                    _colleague_of_customer(lead, occasion)
                case Deal():
                    _on_open_deal(lead, occasion)
                case None:  # including would-be colleagues, as long as there is no such deal
                    _WITHOUT_OCCASION.get(origin, _made_by_sales)(lead)
        return lead

    def _occasion(self, chance: Chance, origin: str) -> Fair | Deal | None:
        """The fair or the deal that brings a person; None if there is no such deal yet."""
        if origin == "fair":
            return chance.weighted(FAIRS)
        if origin in ("colleague of a customer", "on an open deal"):
            deals = self._deals[origin == "colleague of a customer"]
            return chance.choice(deals) if deals else None
        return None


def _begins(chance: Chance, origin: str, occasion: Fair | Deal | None) -> int:
    """The second in which the record of a new person is created."""
    latest = OVER
    match occasion:
        case Fair():
            return occasion.imported
        case Deal(won=True):
            begins = chance.number(occasion.closed, OVER - 1)
        case Deal():
            latest = occasion.closed
            last = min(latest, occasion.opened + 60 * DAY, OVER) - 1
            begins = chance.number(occasion.opened, last)
        case None:
            begins = market.arrival(chance)
    if origin in ("form", "competitor"):
        return begins
    # Sales creates records in office hours.
    later = market.office(begins, chance.number(0, 90))
    return later if later < latest else begins


# ------------------------------------------------------------------ the whole company

_BAR_STEP = 200


@attrs.frozen
class Company:
    """What has happened at a company.

    Args:
        log: every activity, in the order in which the log received them.
        arrived: the second in which each of them arrived.
        accounts: the companies that people work for.
        held_up: the people whose original processing had to go on without company data, and until
            when that took.
    """

    log: list[Activity]
    arrived: array[int]
    accounts: list[Account]
    held_up: Mapping[str, datetime]

    def with_processing(self, model: Model) -> Company:
        """The same company with a ``processed`` activity for each person who was held up."""
        log, arrived = list(self.log), self.arrived[:]
        for activity in self._processed(model):
            at = market.second_of(activity.at)
            position = bisect_right(arrived, at)
            log.insert(position, activity)
            arrived.insert(position, at)
        return attrs.evolve(self, log=log, arrived=arrived)

    def _processed(self, model: Model) -> list[Activity]:
        """The results of original processing during an outage of the data provider.

        Only the engine knows them. For these few people, the chain of the model runs with a step
        ``enrich`` that fails, and the results of the other steps become the activity ``processed``,
        as in the log of a system that was live at the time [S13][S14].
        """
        logged: list[Activity] = []
        lifecycle = Lifecycle(model, steps={"enrich": _no_answer}, log=logged.append)
        lifecycle.expect_processed(self.held_up)
        for activity in by_event(entry for entry in self.log if entry.person in self.held_up):
            if activity.at <= self.held_up[activity.person]:
                lifecycle.apply(activity)
        for person, at in self.held_up.items():
            lifecycle.process(person, at=at)
        return [activity for activity in logged if activity.kind == "processed"]


def _no_answer(person: Any, context: Any) -> NoReturn:
    raise ConnectionError("the data provider does not answer")


def invent(
    people: int,
    seed: int,
    *,
    bar: Callable[[str, float | None], None] = lambda what, done: None,
) -> Company:
    """Make up a company that so many people come to in two years."""
    population = Population(seed)
    sent: list[tuple[int, Activity]] = []
    held_up: dict[str, datetime] = {}
    for number in range(1, people + 1):
        lead = population.next(number)
        for record in (lead, *lead.second_records):
            sent += record.sent
            if record.outage is not None and record.sent:
                held_up[record.id] = instant(record.processed_at)
        if number % _BAR_STEP == 1:
            bar("making up", (number - 1) / people)
    sent.sort(key=lambda entry: (entry[0], entry[1].person, entry[1].at, entry[1].id))
    return Company(
        log=[activity for _, activity in sent],
        arrived=array("q", [arrives for arrives, _ in sent]),
        accounts=population.accounts.all,
        held_up=held_up,
    )


# ------------------------------------------------------------------ files
#
# Input that ``run`` reads without a mapping, and a model that uses the table of companies.

PEOPLE, ACTIVITIES, TABLE = "people.csv", "activities.csv", "companies.csv"
MODEL = "lifecycle.toml"
#: The files of a run by role.
INPUTS = {"people": PEOPLE, "activities": ACTIVITIES}
_ENRICH = 'step = "enrich"'
_OPTIONS = "options = { "
_MONEY = """
# Reports add amounts in euros, with these rates for 1 unit of another currency.
[money]
currency = "EUR"
rates = { CHF = 1.05, GBP = 1.17, USD = 0.92 }
"""


def write(company: Company, folder: Path) -> None:
    """Write people, activities and the table of companies into a new folder."""
    folder.mkdir()
    people = [
        {"id": entry.person, "created_at": entry.at, **entry.payload}
        for entry in sorted(company.log, key=lambda entry: entry.person)
        if entry.kind == "created"
    ]
    activities = [
        {"id": entry.id, "person": entry.person, "kind": entry.kind, "at": entry.at}
        | dict(entry.payload)
        for entry in company.log
        if entry.kind != "created"
    ]
    columns = ("domain", "name", "industry", "employees")
    table = [
        {column: getattr(account, column) for column in columns}
        for account in sorted(company.accounts, key=lambda account: account.domain)
        if account.known
    ]
    for name, rows in ((PEOPLE, people), (ACTIVITIES, activities), (TABLE, table)):
        names = dict.fromkeys(column for row in rows for column in row)
        cells = ([row.get(column) for column in names] for row in rows)
        write_file(folder / name, csv_text(names, cells))


def with_table(text: str) -> str:
    """The text of a model whose step ``enrich`` reads the table that lies beside it.

    Raises:
        LifecycleError: the model has no such step.
    """
    before, step, behind = text.partition(_ENRICH)
    between, options, rest = behind.partition(_OPTIONS)
    if not options or "[[" in between:
        raise LifecycleError(f"the model has no {_ENRICH} with {_OPTIONS}… behind it")
    return f'{before}{step}{between}{options}table = "{TABLE}", {rest}'


def with_money(text: str) -> str:
    """The text of a model without ``[money]``, with the currencies of the deals. No rule reads
    amounts, so its version stays."""
    return text + _MONEY
