"""People who have two records, because they came a second time under another address."""

from __future__ import annotations

from lifecycle_fsm.demo.company.chance import Spread
from lifecycle_fsm.demo.company.reps import Developer
from lifecycle_fsm.demo.company.seasons import MINUTE
from lifecycle_fsm.demo.company.story import Story

_LATER: Spread = (2, 7, 16, 35, 80)  # days
_FOUND: Spread = (120, 600, 1_500, 3_000, 6_000)  # minutes of office time


def _second_record(story: Story) -> Story:
    twin = story.twin()
    who = twin.who
    twin.happens(
        "created",
        created_by="marketing",
        created_through="form",
        source=story.chance.pick(["organic search", "paid search", "webinar"]),
        email=who.other_email,
        first_name=who.first,
        last_name=who.last,
        company=who.account.name,
        country=who.country,
        job_title=who.title,
    )
    return twin


def comes_again(story: Story, rep: Developer, *, asks: bool) -> None:
    """A second form makes a second record. If it asks for sales, these answer it, see who it is,
    and fold the two together; otherwise somebody finds it when cleaning up."""
    story.wait(_LATER)
    twin = _second_record(story)
    twin.now += story.chance.whole(2, 20)
    if asks:
        twin.raises_hand()
        twin.now = max(twin.now, twin.processed) + story.chance.whole(5, 90)
        twin.happens("crm_synced")
        twin.work(rep.answers)
        twin.happens("sales_touched", by=rep.name)
        twin.work((5, 20, 60, 200))
    else:
        twin.fills_form()
        if story.chance.share(0.5):
            twin.wait((0, 2, 5))
            twin.looks(story.chance.whole(1, 3))
        twin.work(_FOUND)
    _fold(story, twin)


def customer_comes_again(story: Story) -> None:
    """Somebody who has bought long ago reads a paper at home: one record is Customer, one MAL."""
    twin = _second_record(story)
    twin.now += story.chance.whole(2, 20)
    twin.fills_form()
    twin.work(_FOUND)
    _fold(story, twin)


def _fold(story: Story, twin: Story) -> None:
    story.now = max(story.now, twin.now, twin.processed + MINUTE)
    story.happens("merged", loser=twin.id)
    story.interest.add(max(twin.interest.at(twin.now), 0), story.now)
