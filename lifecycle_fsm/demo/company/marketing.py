"""What people do before sales hears of them, and again after sales has given them back."""

from __future__ import annotations

from collections.abc import Callable

from lifecycle_fsm.demo.company.chance import Odds, Spread
from lifecycle_fsm.demo.company.story import Story

#: Where people come from who fill in a form, and what that is worth.
SOURCES: Odds[tuple[str, str]] = Odds(
    {
        ("organic search", "usual"): 26,
        ("paid search", "usual"): 19,
        ("webinar", "good"): 12,
        ("content syndication", "poor"): 16,
        ("social media", "poor"): 11,
        ("referral", "good"): 8,
        ("partner", "good"): 8,
    }
)

_AGAIN: Spread = (0, 3, 9, 20, 34, 60, 110)
_SOON: Spread = (0, 0, 1, 3, 6, 12)
_LETTERS: Spread = (2, 8, 14, 21, 35)


def bystander(story: Story) -> None:
    """Has a look, and perhaps another."""
    story.cool = True
    for _ in range(story.chance.of((0, 1, 2, 3, 4, 8))):
        story.wait(_AGAIN)
        if story.chance.share(0.3):
            story.clicks()
        else:
            story.looks(story.chance.whole(1, 2))
    _cools_off(story)


def reader(story: Story) -> None:
    """Reads every newsletter, and buys nothing."""
    story.cool = True
    for _ in range(story.chance.of((2, 7, 13, 21, 44))):
        story.wait(_LETTERS)
        if story.chance.share(0.45):
            story.clicks()
        elif story.chance.share(0.08):
            story.fills_form()
        else:
            story.looks(story.chance.whole(1, 3))
    _cools_off(story)


def grows(story: Story) -> None:
    """Comes back again and again, and looks at the prices: enough for sales, if the person fits."""
    chance = story.chance
    if chance.share(0.3):
        for _ in range(chance.whole(1, 4)):
            story.wait(_AGAIN)
            story.looks(chance.whole(1, 3))
    for _ in range(chance.whole(5, 14)):
        if story.since is not None:
            return
        story.wait(_SOON)
        if chance.share(0.22):
            story.fills_form()
        elif chance.share(0.2):
            story.clicks()
        else:
            story.looks(chance.whole(1, 5), pricing=0.28)
    if story.outage is not None and story.warm and story.who.fits(enriched=True):
        # The company data that were missing make the difference when they come.
        story.now = max(story.now, story.outage.filled)
        story.warms()


def asks(story: Story) -> None:
    """Raises a hand: some with the first form they fill in, the others a while later."""
    chance = story.chance
    if chance.share(0.45):
        story.now += chance.whole(0, 25)
    else:
        for _ in range(chance.of((0, 1, 2, 3, 6))):
            story.wait(_AGAIN)
            story.looks(chance.whole(1, 4), pricing=0.15)
        story.wait(_SOON)
    story.raises_hand()


def fades(story: Story) -> None:
    """Was interested, and is no more: the points that are taken away move nobody."""
    chance = story.chance
    story.cool = True
    for _ in range(chance.whole(1, 4)):
        story.wait(_SOON)
        story.looks(chance.whole(1, 4), pricing=0.2)
    story.wait(_AGAIN)
    if chance.share(0.6):
        story.unsubscribes()
    else:
        story.is_given(-10, "mail bounced")


def student(story: Story) -> None:
    """Reads everything, writes a thesis; somebody notices."""
    chance = story.chance
    story.cool = True
    for _ in range(chance.whole(3, 9)):
        story.wait(_SOON)
        story.looks(chance.whole(2, 5))
    if chance.share(0.5):
        story.looks_for_work()
        story.now += chance.whole(30, 300)
        story.is_given(-20, "looks for work")
    if chance.share(0.6):
        story.work((200, 900, 3_000, 9_000))
        story.happens("disqualify", reason="student")


#: How people are, by what their source is worth.
COURSES: dict[str, Odds[Callable[[Story], None]]] = {
    "good": Odds({bystander: 20, reader: 17, grows: 35, asks: 22, fades: 5, student: 1}),
    "usual": Odds({bystander: 31, reader: 23, grows: 27, asks: 10, fades: 6, student: 3}),
    "poor": Odds({bystander: 46, reader: 26, grows: 13, asks: 5, fades: 6, student: 4}),
}


def _cools_off(story: Story) -> None:
    chance = story.chance
    if chance.share(0.05):
        story.wait(_AGAIN)
        story.unsubscribes()
    elif chance.share(0.012):
        story.work((200, 900, 3_000, 9_000))
        story.happens("disqualify", reason="out_of_business")
    elif chance.share(0.01):
        story.wait(_AGAIN)
        story.happens("changed", role=chance.pick(["accounts_payable", "legal"]))


def warms_up_again(story: Story) -> None:
    """Somebody whom sales gave back shows interest: by a form that says so, or by the pages."""
    chance = story.chance
    if chance.share(0.4):
        story.looks(chance.whole(1, 4), pricing=0.3)
        story.now += chance.whole(20, 400)
        story.raises_hand()
        return
    for _ in range(chance.whole(3, 9)):
        story.looks(chance.whole(2, 6), pricing=0.35)
        if story.since is not None:
            return
        if chance.share(0.35):
            story.fills_form()
        story.wait(_SOON)
