"""How people come, each with a record that is made in its own way, and what follows from that."""

from __future__ import annotations

from typing import Any

from lifecycle_fsm.demo.company import marketing
from lifecycle_fsm.demo.company.deals import Deal
from lifecycle_fsm.demo.company.fairs import HOT, TALKED, Fair
from lifecycle_fsm.demo.company.reps import executive
from lifecycle_fsm.demo.company.seasons import MINUTE, instant
from lifecycle_fsm.demo.company.selling import Selling
from lifecycle_fsm.demo.company.story import Story

#: How somebody may be by whom sales is not told, and whom it may find all the same.
_QUIET = (marketing.bystander, marketing.reader, marketing.fades)


def _created(story: Story, by: str, through: str, **more: Any) -> None:
    record = story.who.record(story.chance)
    story.happens("created", created_by=by, created_through=through, **more, **record)
    outage = story.outage
    if outage is not None and story.who.account.known:
        # The company data that were missing are fetched in one night.
        account, now = story.who.account, story.now
        story.now = outage.filled + story.chance.whole(0, 40 * MINUTE)
        story.happens("changed", industry=account.industry, employees=account.employees)
        story.now = now


def by_form(story: Story, selling: Selling) -> None:
    """Somebody fills in a form, which makes the record."""
    source, worth = story.chance.one_of(marketing.SOURCES)
    _created(story, "marketing", "form", source=source)
    course = story.chance.one_of(marketing.COURSES[worth])
    if course is not marketing.asks:
        story.now += story.chance.whole(0, 4)
        story.fills_form()
        if selling.comes_twice():
            return
    course(story)
    if story.since is not None:
        selling.is_told()
    elif course in _QUIET and story.chance.share(0.03):
        _sales_was_first(story, selling)


def from_fair(story: Story, selling: Selling, fair: Fair) -> None:
    """A list comes home from a fair: everybody on it is made at the same second, with points."""
    chance = story.chance
    _created(story, fair.by, "list", source="trade fair")
    points = chance.of(HOT if chance.share(0.13) else TALKED)
    story.is_given(points, f"{fair.name}: {'asks for an offer' if points >= HOT[0] else 'talk'}")
    if story.since is None:
        chance.one_of(marketing.COURSES["poor"])(story)
    if story.since is not None:
        selling.is_told()


def made_by_sales(story: Story, selling: Selling) -> None:
    """Somebody in sales has found them, and calls; or does not, after all."""
    chance = story.chance
    selling.by_sales = True
    story.in_crm = True
    _created(story, "sales", "crm", owner=selling.developer.name)
    if chance.share(0.12):
        return
    story.work((10, 60, 400, 1_500))
    story.happens("sales_touched", by=selling.developer.name)
    selling.works()


def colleague_of_customer(story: Story, selling: Selling, deal: Deal) -> None:
    """A contact of a customer is found late: the CRM tells of a deal that was won before."""
    _created(story, "sales", "crm", owner=deal.executive.name)
    story.now += story.chance.whole(5, 45)
    story.told("opportunity_won", deal.closed, opportunity=deal.id, amount=deal.amount)
    selling.is_customer()


def on_open_deal(story: Story, selling: Selling, deal: Deal) -> None:
    """A deal that is open gets one more contact, and ends for all of them at the same time."""
    chance = story.chance
    selling.by_sales = True
    story.in_crm = True
    _created(story, "sales", "crm", owner=deal.executive.name)
    story.now += chance.whole(5, 45)
    story.told(
        "opportunity_opened",
        deal.opened,
        opportunity=deal.id,
        amount=deal.amount,
        closes_at=instant(deal.closes),
    )
    while True:
        story.work((300, 900, 2_000, 4_000))
        if story.now >= deal.closed:
            break
        story.happens("sales_touched", by=deal.executive.name)
    story.now = deal.closed
    if deal.won:
        story.happens("opportunity_won", opportunity=deal.id, amount=deal.amount)
        selling.is_customer()
    else:
        story.happens("opportunity_lost", opportunity=deal.id, reason=deal.reason)
        selling.is_recycled()


def to_be_paid(story: Story, selling: Selling) -> None:
    """Accounts payable and legal are nobody's leads, until one of them becomes a buyer."""
    chance = story.chance
    rep = executive(story.who.account.country, busy=False)
    role = "legal" if chance.share(0.25) else "accounts_payable"
    _created(story, "sales", "crm", role=role, owner=rep.name)
    if chance.share(0.18):
        story.wait((20, 60, 120, 240))
        story.happens("changed", role="buyer")
        marketing.grows(story)
        if story.since is not None:
            selling.is_told()


def competitor(story: Story) -> None:
    """Somebody from a competitor is known by the domain; some even ask for a demo."""
    chance = story.chance
    _created(story, "marketing", "form", source="organic search")
    story.now += chance.whole(0, 6)
    story.fills_form()
    for _ in range(chance.whole(0, 5)):
        story.wait((0, 4, 15, 40))
        story.looks(chance.whole(1, 6), pricing=0.4)
    if chance.share(0.35):
        story.wait((0, 5, 30))
        story.raises_hand()


def _sales_was_first(story: Story, selling: Selling) -> None:
    """Sales calls somebody whom marketing still nurtures, or hears of a deal before anybody."""
    story.work((300, 2_000, 6_000, 12_000))
    if story.chance.share(0.06):
        selling.buys_at_once()
    elif story.chance.share(0.35):
        selling.opens()
    else:
        story.happens("sales_touched", by=selling.developer.name)
        selling.works()
