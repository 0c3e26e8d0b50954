"""The chapters of a story, and the story as a document.

A chapter covers the time in one stage; chapters follow the order in which a record was in them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING

import attrs

from lifecycle_fsm.document import blocks as doc
from lifecycle_fsm.history import VisitKey
from lifecycle_fsm.model import Model
from lifecycle_fsm.story.entries import Entry
from lifecycle_fsm.wording import clean, joined, lasting, plain

if TYPE_CHECKING:
    from lifecycle_fsm.story.story import Story


@attrs.frozen(kw_only=True)
class Chapter:
    """The time of one record in one stage, from what led there until the end, or until now.

    Original processing, which is usually short, belongs to the chapter of the stage that it led to.
    If another record is merged in and its visit goes on, the chapter starts with the merge [S23].
    ``end`` is ``None`` while the person is in the stage.
    """

    record: str
    journey: int
    stage: str
    start: datetime
    end: datetime | None
    entries: tuple[Entry, ...]


def chapters(model: Model, record: str, entries: Iterable[Entry]) -> Iterator[Chapter]:
    """The chapters of one record."""
    initial = model.initial.name
    stage, journey, collected = initial, 1, list[Entry]()
    start: datetime | None = None
    visit: VisitKey | None = None
    for entry in entries:
        row = entry.row
        if row is not None and row.visit != visit:
            if stage != initial and collected and start is not None:
                yield Chapter(
                    record=record, journey=journey, stage=stage, start=start, end=entry.at,
                    entries=tuple(collected),
                )  # fmt: skip
                collected = []
            if stage != initial or row.to_stage != initial:
                start = row.entered_at
            stage, journey, visit = row.to_stage, row.journey, row.visit
        start = start or entry.at
        collected.append(entry)
    if collected and start is not None:
        closed = any(not row.to_stage for moment in collected[-1].moments for row in moment.rows)
        yield Chapter(
            record=record, journey=journey, stage=stage, start=start,
            end=collected[-1].at if closed else None, entries=tuple(collected),
        )  # fmt: skip


# -- as a document -----------------------------------------------------------------------------


def document(story: Story) -> doc.Document:
    """The story as a document."""
    formatter = story.formatter
    stage = story.model.stage(story.stage)
    label = f", {clean(stage.label)}" if stage.label else ""
    since = story.stage_entered_at or story.end
    return doc.Document(
        title=(
            f"{clean(story.person)}: {formatter.stage(stage.name)}{label}, since "
            f"{formatter.day(since)} ({lasting(story.end - since)})"
        ),
        blocks=[doc.Lines(_head(story)), *_past(story), *_present(story)],
    )


def _head(story: Story) -> Iterator[str]:
    """Whose story it is, which records were merged, and when it ends."""
    if who := _who(story):
        yield who
    folded = list(dict.fromkeys(chapter.record for chapter in story.others))
    asked_for, person = clean(story.asked_for), clean(story.person)
    if story.asked_for in folded:
        yield f"The record {asked_for} was merged into {person}: this is the story of both."
    elif story.asked_for != story.person:
        yield f"{asked_for} is the contact that the lead {person} became."
    elif folded:
        what = "record was" if len(folded) == 1 else "records were"
        yield f"{joined(map(clean, folded))}: the other {what} merged into this one."
    yield f"As of {story.formatter.moment(story.end)}; times are {story.zone}."


def _who(story: Story) -> str:
    """Name, job and company, as far as they are known."""
    fields = story.fields
    first, last, job, company, country = (
        clean(str(fields.get(name) or ""))
        for name in ("first_name", "last_name", "job_title", "company", "country")
    )
    name = " ".join(filter(None, (first, last)))
    work = " at ".join(filter(None, (job, company)))
    return ", ".join(filter(None, (name, work, country)))


def _past(story: Story) -> Iterator[doc.Section]:
    """The journeys, and the records that were merged in."""
    for journey, chapters in groupby(story.chapters, key=lambda chapter: chapter.journey):
        blocks = [_chapter(story, chapter) for chapter in chapters]
        yield doc.Section(title=f"Journey {journey}", blocks=blocks)
    for record, chapters in groupby(story.others, key=lambda chapter: chapter.record):
        until = doc.Paragraph(f"{clean(record)}, until it was folded in.")
        blocks = [_chapter(story, chapter) for chapter in chapters]
        yield doc.Section(title="The other record", blocks=[until, *blocks])


def _present(story: Story) -> Iterator[doc.Section]:
    """The present situation, and what comes next."""
    situation = story.situation
    yield _listed("Now", situation.facts)
    if situation.coming:
        timeline = _timeline(story, situation.coming)
        yield doc.Section(title="If nothing else happens", blocks=[timeline])
    system = [way.text for way in situation.ways if way.trigger is None]
    if system and story.stage != story.model.initial.name:
        yield _listed("What would move them", system)
    requests = [f"“{plain(way.trigger)}”: {way.text}" for way in situation.ways if way.trigger]
    if requests:
        yield _listed("What can be asked for", requests)
    yield doc.Section(title="Time in each stage", blocks=[_stamps(story)])
    if story.deadlines:
        yield doc.Section(title="Deadlines", blocks=[_deadlines(story)])


def _listed(title: str, items: Iterable[str]) -> doc.Section:
    return doc.Section(title=title, blocks=[doc.BulletList(items)])


def _chapter(story: Story, chapter: Chapter) -> doc.Block:
    formatter = story.formatter
    start = formatter.day(chapter.start)
    if chapter.end is None:
        lasted = f"since {start}"
    else:
        end = formatter.day(chapter.end)
        days = start if start == end else f"{start} to {end}"
        lasted = f"{days}, {lasting(chapter.end - chapter.start)}"
    title = f"{formatter.place(chapter.stage)}: {lasted}"
    return doc.Section(title=title, blocks=[_timeline(story, chapter.entries)])


def _timeline(story: Story, entries: Iterable[Entry]) -> doc.Timeline:
    return doc.Timeline(
        doc.TimelineEvent(_when(story, entry), entry.text, entry.details) for entry in entries
    )


def _when(story: Story, entry: Entry) -> tuple[str, ...]:
    """The time of an entry; for a run, its first and last day."""
    formatter = story.formatter
    if entry.until is not None:
        first, last = formatter.day(entry.at), formatter.day(entry.until)
        if first != last:
            return first, f"to {last}"
    return (formatter.moment(entry.at),)


def _stamps(story: Story) -> doc.DataTable:
    formatter = story.formatter
    rows = (
        (
            formatter.stage(stamp.stage),
            formatter.day(stamp.first),
            formatter.day(stamp.latest),
            f"{stamp.visits}",
            lasting(stamp.total),
        )
        for stamp in story.stamps
    )
    return doc.DataTable(
        head=("stage", "first", "latest", "visits", "in all"), rows=rows, align="right"
    )


def _deadlines(story: Story) -> doc.DataTable:
    formatter = story.formatter
    rows = (
        (
            formatter.deadline(formatter.deadlines[fact.rule]).strip("“”"),
            formatter.stage(fact.stage),
            formatter.moment(fact.due_at),
            f"{fact.outcome}, as an activity told that came late" if fact.late else fact.outcome,
        )
        for fact in sorted(story.deadlines, key=lambda fact: fact.due_at)
    )
    head = ("deadline", "stage", "due", "what became of it")
    return doc.DataTable(head=head, rows=rows, align="right")
