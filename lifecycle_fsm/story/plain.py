"""A story as plain values, for JSON: keys are never renamed, only added."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs

from lifecycle_fsm.activities import Activity
from lifecycle_fsm.machine import Decision, Refusal
from lifecycle_fsm.requests import Request

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
        "person": story.person,
        "asked_for": story.asked_for,
        "as_of": story.end,
        "zone": story.zone,
        "stage": story.stage,
        "stage_entered_at": story.stage_entered_at,
        "journey": story.journey,
        "model": {"name": model.name, "version": model.version},
        "fields": {name: value for name, value in story.fields.items() if value is not None},
        "mail": "unsubscribed" if story.fields["unsubscribed"] else stage.mail,
        "stamps": [
            {
                "stage": one.stage,
                "first": one.first,
                "latest": one.latest,
                "visits": one.visits,
                "seconds": one.total.total_seconds(),
            }
            for one in story.stamps
        ],
        "history": [_row(row, story.causes) for row in story.history],
        "deadlines": [attrs.asdict(deadline) for deadline in story.deadlines],
        "decisions": [_decision(one) for one in story.decisions],
        "not_open": [
            {"trigger": way.trigger, **_refusal(way.refusal)}
            for way in situation.ways
            if way.refusal is not None
        ],
        "would_move": list(
            dict.fromkeys(way.trigger for way in situation.ways if way.open and way.trigger)
        ),
        "chapters": [_chapter(one) for one in story.chapters],
        "folded_in": [_chapter(one) for one in story.others],
        "now": list(situation.facts),
        "ways": [
            {"move": one.move, "to": one.target, "trigger": one.trigger, "open": one.open,
             "text": one.text}
            for one in situation.ways
        ],
        "coming": [_entry(one) for one in situation.coming],
    }  # fmt: skip


def _row(row: HistoryRow, causes: Mapping[tuple[str, str], Activity]) -> dict[str, Any]:
    cause = causes.get((row.person, row.activity or ""))
    return {
        "sequence": row.sequence,
        "at": row.at,
        "now": row.now,
        "from": row.from_stage,
        "to": row.to_stage,
        "kind": row.kind,
        "rule": row.rule,
        "trigger": row.trigger,
        "activity": row.activity,
        "because": {"kind": cause.kind, "payload": dict(cause.payload)} if cause else None,
        "journey_record": row.journey_record,
        "journey": row.journey,
        "entered_at": row.entered_at,
        "owner": row.owner,
        "assigned_to": row.assigned_to,
        "passed_over": list(row.passed_over),
        "credit": row.credit,
        "late": row.late,
    }


def _decision(one: Decision) -> dict[str, Any]:
    return {
        "person": one.person,
        "at": one.at,
        "now": one.now,
        "result": one.result,
        "stage": one.stage,
        "kind": one.kind,
        "trigger": one.trigger,
        "activity": one.activity,
        "unmet": [_refusal(part) for part in one.unmet],
        "reason": one.reason,
        "late": one.late,
        "requests": [_request(part) for part in one.requests],
    }


def _request(one: Request) -> dict[str, Any]:
    return {
        "id": one.id,
        "rule": one.rule,
        "channel": one.channel,
        "to": one.to,
        "text": one.text,
        "state": one.state,
        "stage": one.stage,
        "due_at": one.due_at,
        "data": dict(one.data),
    }


def _refusal(one: Refusal) -> dict[str, Any]:
    return {
        "move": one.move,
        "to": one.target,
        "unmet": [part.label for part in one.unmet],
        "seen": {name: value for part in one.unmet for name, value in part.seen},
        "note": one.note,
    }


def _chapter(one: Chapter) -> dict[str, Any]:
    return {
        "record": one.record,
        "journey": one.journey,
        "stage": one.stage,
        "from": one.start,
        "to": one.end,
        "entries": [_entry(entry) for entry in one.entries],
    }


def _entry(one: Entry) -> dict[str, Any]:
    return {
        "at": one.at,
        "until": one.until,
        "text": one.text,
        "details": list(one.details),
        "activities": [
            moment.activity.id for moment in one.moments if moment.activity is not None
        ],
        "changes": [
            {"activity": moment.activity.id if moment.activity is not None else None,
             "field": change.field, "from": change.before, "to": change.after}
            for moment in one.moments
            for change in moment.changes
        ],
        "because": [
            {"rule": row.rule, "guard": outcome.text, "seen": _seen(outcome)}
            for moment in one.moments
            for row in moment.rows
            if (outcome := moment.reasons.get(row.sequence)) is not None
        ],
    }  # fmt: skip


def _seen(outcome: Any) -> dict[str, Any]:
    found = dict(outcome.seen)
    for child in outcome.children:
        found |= _seen(child)
    return found
