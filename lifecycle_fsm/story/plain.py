"""A story as plain values, for JSON: keys are never renamed, only added."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs

from lifecycle_fsm.activities import Activity
from lifecycle_fsm.guard import Outcome
from lifecycle_fsm.machine import Decision, Refusal

if TYPE_CHECKING:
    from lifecycle_fsm.history import HistoryRow
    from lifecycle_fsm.story.chapters import Chapter
    from lifecycle_fsm.story.entries import Entry
    from lifecycle_fsm.story.story import Story


def values(story: Story) -> dict[str, Any]:
    """Everything that the story knows."""
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
    """Attributes of a record under their names, or under those behind a colon."""
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
