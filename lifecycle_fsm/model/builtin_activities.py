"""The built-in kinds of activity: the payload, effects and trigger of each [S18].

``created`` and ``processed`` may set any field of the person. The data silo itself keeps
``opportunity_*`` and ``merged``, by id [S22][S23].
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lifecycle_fsm.activities import MODEL_CHANGED, TIME_PASSED
from lifecycle_fsm.fields import FieldDef, FieldType
from lifecycle_fsm.model.conversions import Set
from lifecycle_fsm.model.definition import ActivityKind

#: Kinds whose payload names fields of the person.
OPEN_KINDS = frozenset({"created", "processed", "changed"})
#: Kinds that a model cannot redeclare, because the silos do more with them than set fields.
KEPT = OPEN_KINDS | {
    "merged",
    "opportunity_changed",
    "opportunity_lost",
    "opportunity_opened",
    "opportunity_won",
    "score_given",
    MODEL_CHANGED,
    TIME_PASSED,
}
#: Kinds that never raise a trigger and give no points.
SILENT = frozenset({"created", "processed", MODEL_CHANGED, TIME_PASSED})


def _kind(
    name: str,
    description: str,
    trigger: str | None = None,
    sets: Mapping[str, object] | Iterable[Set] = (),
    **payload: str,
) -> ActivityKind:
    """A kind of activity; ``payload`` maps the names of its values to their types."""
    brings = (FieldDef(field, FieldType.from_text(text)) for field, text in payload.items())
    return ActivityKind(
        name=name, payload=tuple(brings), sets=sets, trigger=trigger, description=description
    )


def _opportunity(name: str, description: str) -> ActivityKind:
    return _kind(
        name,
        description,
        trigger=name,
        opportunity="str",
        amount="float | None",
        currency="str | None",
        closes_at="datetime | None",
        reason="str | None",
    )


_KINDS = (
    _kind("created", "the person's record was made, by marketing or by sales: first, and once"),
    _kind("processed", "original processing ended, with the values that its steps gave"),
    _kind("changed", "fields of the record were changed: by hand, an import, another system"),
    _kind(
        "form_filled",
        "a web form was sent",
        sets={"last_form": "activity.form", "source_latest": "activity.source"},
        form="str",
        page="str | None",
        source="str | None",
    ),
    _kind(
        "web_visit",
        "a page was visited",
        sets={"source_latest": "activity.source"},
        page="str | None",
        source="str | None",
    ),
    _kind(
        "email_clicked", "a link in an e-mail was clicked", campaign="str | None", link="str | None"
    ),
    _kind(
        "unsubscribed", "the person wants no marketing mail any more", sets={"unsubscribed": True}
    ),
    _kind(
        "score_given",
        "points were added to the behavior score, or taken from it",
        sets={"behavior_score": "behavior_score + activity.points"},
        points="int",
        reason="str | None",
    ),
    _kind(
        "owner_changed",
        "the CRM gave the record to another salesperson, or to nobody",
        trigger="owner_changed",
        sets={"owner": "activity.owner", "owner_changed_at": "now"},
        owner="str | None",
    ),
    _kind(
        "sales_touched",
        "a salesperson logged a call, a mail or a meeting",
        trigger="sales_touched",
        sets={"sales_touched_at": "now"},
        by="str | None",
    ),
    _kind(
        "lead_status_changed",
        "sales set another status in the CRM",
        trigger="lead_status_changed",
        sets={"lead_status": "activity.status", "rejection_reason": "activity.reason"},
        status="str",
        reason="str | None",
    ),
    _opportunity(
        "opportunity_opened",
        "the person became a contact of an opportunity; open once it has an amount and a close "
        "date",
    ),
    _opportunity(
        "opportunity_changed", "an opportunity has another amount, currency or close date"
    ),
    _opportunity("opportunity_won", "an opportunity was closed and won"),
    _opportunity("opportunity_lost", "an opportunity was closed and lost"),
    _kind("crm_synced", "the CRM acknowledged the record", sets={"crm_synced_at": "now"}),
    _kind(
        "converted",
        "the lead became a contact; the person stays the same",
        trigger="converted",
        sets={"converted_at": "now"},
        contact="str | None",
        account="str | None",
    ),
    _kind("merged", "another record of the same person was merged into this one", loser="str"),
    _kind(TIME_PASSED, "something was due and changed the person; written by the lifecycle itself"),
    _kind(
        MODEL_CHANGED,
        "the person was moved to another version of the model; written by the lifecycle itself",
        from_version="str",
        to_version="str",
        stages="str | None",
    ),
)
BUILT_IN: Mapping[str, ActivityKind] = {kind.name: kind for kind in _KINDS}


def asking(trigger: str) -> ActivityKind:
    """The kind for a trigger that no other kind raises: a direct request by a human."""
    return _kind(
        trigger,
        f"somebody asked for {trigger.replace('_', ' ')}",
        trigger,
        {"rejection_reason": "activity.reason"},
        reason="str | None",
        by="str | None",
    )
