"""What stands where in a story, before it is text or Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import attrs

from lifecycle_fsm.wording import clean, joined, plain

if TYPE_CHECKING:
    from lifecycle_fsm.story.chapters import Chapter
    from lifecycle_fsm.story.entries import Entry
    from lifecycle_fsm.story.story import Story


@attrs.frozen
class Head:
    """Who it is about, and where they are."""

    title: str
    lines: tuple[str, ...]


@attrs.frozen(kw_only=True)
class Part:
    """A heading of level 1 or 2 with what stands below it."""

    level: int
    title: str
    lines: tuple[str, ...] = ()
    entries: tuple[Entry, ...] = ()
    items: tuple[str, ...] = ()
    table: tuple[tuple[str, ...], ...] = ()


def head(story: Story) -> Head:
    """The headline, and what has to be known before one reads on."""
    speech = story.speech
    stage = story.model.stage(story.stage)
    label = f", {clean(stage.label)}" if stage.label else ""
    since = story.stage_entered_at or story.end
    title = (
        f"{clean(story.person)}: {speech.stage(stage.name)}{label}, since {speech.day(since)} "
        f"({speech.lasting(story.end - since)})"
    )
    lines = [who(story)] if who(story) else []
    folded = list(dict.fromkeys(one.record for one in story.others))
    asked_for, person = clean(story.asked_for), clean(story.person)
    if story.asked_for in folded:
        lines.append(f"The record {asked_for} was folded into {person}: this is the story of both.")
    elif story.asked_for != story.person:
        lines.append(f"{asked_for} is the contact that the lead {person} became.")
    elif folded:
        what = "record was" if len(folded) == 1 else "records were"
        lines.append(f"{joined(map(clean, folded))}: the other {what} folded into this one.")
    lines.append(f"As of {speech.moment(story.end)}; times are {story.zone}.")
    return Head(title, tuple(lines))


def who(story: Story) -> str:
    """Name, job and company, as far as they are known."""
    fields = story.fields
    first, last, job, company, country = (
        clean(str(fields.get(name) or ""))
        for name in ("first_name", "last_name", "job_title", "company", "country")
    )
    name = " ".join(filter(None, (first, last)))
    work = " at ".join(filter(None, (job, company)))
    return ", ".join(filter(None, (name, work, country)))


def parts(story: Story) -> Iterator[Part]:
    """Everything below the headline."""
    yield from _journeys(story)
    yield from _others(story)
    situation = story.situation
    yield Part(level=1, title="Now", items=situation.facts)
    if situation.coming:
        yield Part(level=1, title="If nothing else happens", entries=situation.coming)
    sorted_yet = story.stage != story.model.initial.name
    system = tuple(one.text for one in situation.ways if one.trigger is None)
    if system and sorted_yet:
        yield Part(level=1, title="What would move them", items=system)
    asked = tuple(
        f"“{_asked(one.trigger)}”: {one.text}" for one in situation.ways if one.trigger is not None
    )
    if asked:
        yield Part(level=1, title="What can be asked for", items=asked)
    yield Part(level=1, title="Time in each stage", table=_stamps(story))
    if story.deadlines:
        yield Part(level=1, title="Deadlines", table=_deadlines(story))


def _journeys(story: Story) -> Iterator[Part]:
    journey = 0
    for one in story.chapters:
        if one.journey != journey:
            journey = one.journey
            yield Part(level=1, title=f"Journey {journey}")
        yield _chapter(story, one)


def _others(story: Story) -> Iterator[Part]:
    record = ""
    for one in story.others:
        if one.record != record:
            record = one.record
            yield Part(
                level=1,
                title="The other record",
                lines=(f"{clean(record)}, until it was folded in.",),
            )
        yield _chapter(story, one)


def _chapter(story: Story, one: Chapter) -> Part:
    speech = story.speech
    if one.end is None:
        lasted = f"since {speech.day(one.start)}"
    else:
        start, end = speech.day(one.start), speech.day(one.end)
        days = start if start == end else f"{start} to {end}"
        lasted = f"{days}, {speech.lasting(one.end - one.start)}"
    return Part(level=2, title=f"{speech.place(one.stage)}: {lasted}", entries=one.entries)


def when(story: Story, entry: Entry) -> tuple[str, ...]:
    """When an entry was; of a run its first and its last day."""
    speech = story.speech
    if entry.until is None:
        return (speech.moment(entry.at),)
    first, last = speech.day(entry.at), speech.day(entry.until)
    if first != last:
        return (first, f"to {last}")
    return (speech.moment(entry.at),)


def _stamps(story: Story) -> tuple[tuple[str, ...], ...]:
    speech = story.speech
    head = ("stage", "first", "latest", "visits", "in all")
    rows = (
        (
            speech.stage(one.stage),
            speech.day(one.first),
            speech.day(one.latest),
            f"{one.visits}",
            speech.lasting(one.total),
        )
        for one in story.stamps
    )
    return (head, *rows)


def _deadlines(story: Story) -> tuple[tuple[str, ...], ...]:
    speech = story.speech
    head = ("deadline", "stage", "due", "what became of it")
    rows = (
        (
            speech.deadline(speech.deadlines[one.rule]).strip("“”"),
            speech.stage(one.stage),
            speech.moment(one.due_at),
            f"{one.outcome}, as an activity told that came late" if one.late else one.outcome,
        )
        for one in sorted(story.deadlines, key=lambda one: one.due_at)
    )
    return (head, *rows)


def _asked(trigger: str) -> str:
    return plain(trigger)
