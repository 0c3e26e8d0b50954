"""The story of one person: what happened, what it changed, what was refused, what comes next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any

import attrs

from lifecycle_fsm.activities import Activity
from lifecycle_fsm.document import render_markdown, render_text
from lifecycle_fsm.errors import LifecycleError, suggest
from lifecycle_fsm.fields import Value
from lifecycle_fsm.guard import Outcome
from lifecycle_fsm.history import DeadlineFact, HistoryRow, Stamp, stamps
from lifecycle_fsm.machine import Decision, Refusal
from lifecycle_fsm.model import Model
from lifecycle_fsm.processing import Step
from lifecycle_fsm.processing.step import Rows, Run
from lifecycle_fsm.story.chapters import Chapter, chapters, document
from lifecycle_fsm.story.entries import Entry, EntryBuilder
from lifecycle_fsm.story.next_steps import Situation, situation
from lifecycle_fsm.story.replay import Replay
from lifecycle_fsm.story.story_formatter import StoryFormatter


@attrs.frozen(kw_only=True, slots=False)
class Story:
    """The story of one person, made by :func:`tell`; :meth:`text` and :meth:`markdown` write it.

    Args:
        person: the id of the person; if the record that was asked for was merged into another, the
            id of the other.
        asked_for: the id that was asked for.
        end: the instant at which the story ends.
        zone: the zone in which texts show times; values are in UTC.
        stage, stage_entered_at, journey, fields: the person at the end.
        chapters: what happened to the person, by stage.
        others: what happened to the merged records before the merge.
        situation: the present, what time alone will bring, and what would move the person.
        history: the rows of all moves [S25].
        stamps: when each stage was entered, how often, and how long it lasted [S25].
        deadlines: the outcomes of deadlines, including those of merged records [S21].
        decisions: all decisions, including those that changed nothing [S10].
        causes: the activities behind rows and decisions, by record and id.
    """

    person: str
    asked_for: str
    model: Model = attrs.field(repr=False)
    end: datetime
    zone: str
    stage: str
    stage_entered_at: datetime | None
    journey: int
    fields: Mapping[str, Value] = attrs.field(repr=False)
    chapters: tuple[Chapter, ...] = attrs.field(repr=False)
    others: tuple[Chapter, ...] = attrs.field(repr=False)
    situation: Situation = attrs.field(repr=False)
    history: tuple[HistoryRow, ...] = attrs.field(repr=False)
    stamps: tuple[Stamp, ...] = attrs.field(repr=False)
    deadlines: tuple[DeadlineFact, ...] = attrs.field(repr=False)
    decisions: tuple[Decision, ...] = attrs.field(repr=False)
    causes: Mapping[tuple[str, str], Activity] = attrs.field(repr=False)

    @cached_property
    def formatter(self) -> StoryFormatter:
        """The words of the model, with the story's zone."""
        return StoryFormatter(self.model, self.zone)

    def text(self, width: int = 100) -> str:
        """The story as plain text, in lines of at most ``width`` characters."""
        return render_text(document(self), width)

    def markdown(self) -> str:
        """The story as Markdown."""
        return render_markdown(document(self))

    def as_dict(self) -> dict[str, Any]:
        """Everything as plain values, for JSON: times are ``datetime`` in UTC; keys are never
        renamed, only added."""
        return _as_plain(self)

    def __str__(self) -> str:
        return self.text()


def tell(
    model: Model,
    log: Iterable[Activity],
    person: str,
    *,
    until: datetime | None = None,
    trigger: str | None = None,
    zone: str = "UTC",
    steps: Mapping[str, Run] | Iterable[Step] = (),
    tables: Mapping[str, Rows] | None = None,
) -> Story:
    """Tell the story of one person from a log of activities.

    The log is run again, only for this person and the records that are merged with theirs; so the
    story says what the engine does, not what somebody thinks that it did.

    Args:
        model: the lifecycle.
        log: activities in the order in which they are applied, of this person or of everybody; a
            log that ``Lifecycle(log=…)`` has kept gives exactly the story that happened [S14].
        person: the id. For a record that was merged into another, the other's story is told.
        until: the end of the story; what happened later is left out, and time passes up to it. By
            default, the last thing that happened.
        trigger: explain only what this trigger of a process move would do.
        zone: the zone in which texts show times.
        steps: steps of original processing, as for :class:`~lifecycle_fsm.Lifecycle`, if the log
            does not record their results.
        tables: rows for its enrich steps.

    Raises:
        UnknownPerson: the log does not create the person.
        NoSuchMove: no move with the trigger leaves the person's stage.
        LifecycleError: the trigger or the zone does not exist.
    """
    formatter = StoryFormatter(model, zone)
    if trigger is not None and trigger not in model.triggers:
        hint = suggest(trigger, model.triggers)
        hint = hint or f"; there are {', '.join(model.triggers) or 'none'}"
        raise LifecycleError(f"the model has no trigger {trigger!r}{hint}")
    replay = Replay(model, log, person, until=until, steps=steps, tables=tables)
    builder = EntryBuilder(formatter)
    subject = replay.person
    by_record: dict[str, tuple[Chapter, ...]] = {}
    for record in dict.fromkeys([subject.id, *(moment.person for moment in replay.moments)]):
        own = [moment for moment in replay.moments if moment.person == record]
        by_record[record] = tuple(chapters(model, record, builder.entries(own)))
    survivor = replay.orchestrator.survivor
    ours = {record for record in replay.orchestrator.people if survivor(record) is subject}
    history = subject.history
    return Story(
        person=subject.id,
        asked_for=person,
        model=model,
        end=replay.end,
        zone=zone,
        stage=subject.stage,
        stage_entered_at=subject.stage_entered_at,
        journey=subject.journey,
        fields={name: getattr(subject, name) for name in model.field_types},
        chapters=by_record.pop(subject.id),
        others=tuple(
            part for record, parts in by_record.items() if record in ours for part in parts
        ),
        history=history,
        stamps=tuple(stamps(history, replay.end).values()),
        deadlines=tuple(
            fact
            for record, person in replay.orchestrator.people.items()
            if record in ours
            for fact in person.deadlines
        ),
        decisions=tuple(
            decision
            for moment in replay.moments
            if moment.person in ours
            for decision in moment.decisions
        ),
        causes=replay.causes,
        situation=situation(replay, builder, trigger),  # last, because it lets time pass
    )


# -- as plain values ---------------------------------------------------------------------------


def _as_plain(story: Story) -> dict[str, Any]:
    model, situation = story.model, story.situation
    stage = model.stage(story.stage)
    return {
        **_picked(story, "person asked_for end:as_of zone stage stage_entered_at journey"),
        "model": {"name": model.name, "version": model.version},
        "fields": {name: value for name, value in story.fields.items() if value is not None},
        "mail": "unsubscribed" if story.fields["unsubscribed"] else stage.mail,
        "stamps": [
            {
                **_picked(stamp, "stage first latest visits"),
                "seconds": stamp.total.total_seconds(),
            }
            for stamp in story.stamps
        ],
        "history": [_row(row, story.causes) for row in story.history],
        "deadlines": [attrs.asdict(deadline) for deadline in story.deadlines],
        "decisions": [_decision(decision) for decision in story.decisions],
        "not_open": [
            {"trigger": way.trigger, **_refusal(way.refusal)}
            for way in situation.ways
            if way.refusal is not None
        ],
        "would_move": list(
            dict.fromkeys(way.trigger for way in situation.ways if way.open and way.trigger)
        ),
        "chapters": [_chapter(chapter) for chapter in story.chapters],
        "folded_in": [_chapter(chapter) for chapter in story.others],
        "now": list(situation.facts),
        "ways": [_picked(way, "move target:to trigger open text") for way in situation.ways],
        "coming": [_entry(entry) for entry in situation.coming],
    }


def _picked(record: object, names: str) -> dict[str, Any]:
    """Attributes of a record under their own names, or under the names after a colon."""
    pairs = (name.partition(":") for name in names.split())
    return {key or name: getattr(record, name) for name, _, key in pairs}


def _row(row: HistoryRow, causes: Mapping[tuple[str, str], Activity]) -> dict[str, Any]:
    cause = causes.get((row.person, row.activity or ""))
    return {
        **_picked(row, "sequence at now from_stage:from to_stage:to kind rule trigger activity"),
        "because": {"kind": cause.kind, "payload": dict(cause.payload)} if cause else None,
        **_picked(row, "journey_record journey entered_at owner assigned_to"),
        "passed_over": list(row.passed_over),
        **_picked(row, "credit late"),
    }


def _decision(decision: Decision) -> dict[str, Any]:
    return {
        **_picked(decision, "person at now result stage kind trigger activity"),
        "unmet": [_refusal(refusal) for refusal in decision.unmet],
        **_picked(decision, "reason late"),
        "requests": [
            _picked(request, "id rule channel to text state stage due_at")
            | {"data": dict(request.data)}
            for request in decision.requests
        ],
    }


def _refusal(refusal: Refusal) -> dict[str, Any]:
    return {
        **_picked(refusal, "move target:to"),
        "unmet": [part.label for part in refusal.unmet],
        "seen": {name: value for part in refusal.unmet for name, value in part.seen},
        "note": refusal.note,
    }


def _chapter(chapter: Chapter) -> dict[str, Any]:
    return {
        **_picked(chapter, "record journey stage start:from end:to"),
        "entries": [_entry(entry) for entry in chapter.entries],
    }


def _entry(entry: Entry) -> dict[str, Any]:
    activities = [moment.activity and moment.activity.id for moment in entry.moments]
    return {
        **_picked(entry, "at until text"),
        "details": list(entry.details),
        "activities": [activity for activity in activities if activity is not None],
        "changes": [
            {"activity": activity, **_picked(change, "field before:from after:to")}
            for activity, moment in zip(activities, entry.moments, strict=True)
            for change in moment.changes
        ],
        "because": [
            {"rule": row.rule, "guard": outcome.text, "seen": _seen(outcome)}
            for moment in entry.moments
            for row in moment.rows
            if (outcome := moment.reasons.get(row.sequence)) is not None
        ],
    }


def _seen(outcome: Outcome) -> dict[str, Any]:
    seen = dict(outcome.seen)
    for child in outcome.children:
        seen |= _seen(child)
    return seen
