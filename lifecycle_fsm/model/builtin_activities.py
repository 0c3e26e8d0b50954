"""The built-in kinds of activity: what each brings, sets and asks for [S18].

``created`` and ``processed`` may bring any field of the person; ``opportunity_*`` and ``merged``
are kept by the data silo itself, by id [S22][S23].
"""

from __future__ import annotations

from collections.abc import Mapping

from lifecycle_fsm.activities import TIME_PASSED
from lifecycle_fsm.fields import FieldDef, FieldType
from lifecycle_fsm.model.definition import ActivityKind

#: Kinds whose payload names fields of the person.
OPEN_KINDS = frozenset({"created", "processed", "changed"})
#: Kinds that a model cannot declare again, because the silos do more with them than set fields.
KEPT = OPEN_KINDS | {
    "merged",
    "opportunity_changed",
    "opportunity_lost",
    "opportunity_opened",
    "opportunity_won",
    "score_given",
    TIME_PASSED,
}
#: Kinds that never ask for a move and give no points.
SILENT = frozenset({"created", "processed", TIME_PASSED})


def _payload(**types: str) -> tuple[FieldDef, ...]:
    return tuple(FieldDef(name, FieldType.from_text(text)) for name, text in types.items())


_OPPORTUNITY = _payload(
    opportunity="str", amount="float | None", closes_at="datetime | None", reason="str | None"
)

BUILT_IN: Mapping[str, ActivityKind] = {
    kind.name: kind
    for kind in (
        ActivityKind(
            name="created",
            description="the person's record was made, by marketing or by sales: first, and once",
        ),
        ActivityKind(
            name="processed",
            description="original processing ended, with the values that its steps gave",
        ),
        ActivityKind(
            name="changed",
            description="fields of the record were changed: by hand, an import, another system",
        ),
        ActivityKind(
            name="form_filled",
            payload=_payload(form="str", page="str | None", source="str | None"),
            sets={"last_form": "activity.form", "source_latest": "activity.source"},
            description="a web form was sent",
        ),
        ActivityKind(
            name="web_visit",
            payload=_payload(page="str | None", source="str | None"),
            sets={"source_latest": "activity.source"},
            description="a page was visited",
        ),
        ActivityKind(
            name="email_clicked",
            payload=_payload(campaign="str | None", link="str | None"),
            description="a link in an e-mail was clicked",
        ),
        ActivityKind(
            name="unsubscribed",
            sets={"unsubscribed": True},
            description="the person wants no marketing mail any more",
        ),
        ActivityKind(
            name="score_given",
            payload=_payload(points="int", reason="str | None"),
            sets={"behavior_score": "behavior_score + activity.points"},
            description="points were added to the behavior score, or taken from it",
        ),
        ActivityKind(
            name="owner_changed",
            payload=_payload(owner="str | None"),
            sets={"owner": "activity.owner", "owner_changed_at": "now"},
            trigger="owner_changed",
            description="the CRM gave the record to another salesperson, or to nobody",
        ),
        ActivityKind(
            name="sales_touched",
            payload=_payload(by="str | None"),
            sets={"sales_touched_at": "now"},
            trigger="sales_touched",
            description="a salesperson logged a call, a mail or a meeting",
        ),
        ActivityKind(
            name="lead_status_changed",
            payload=_payload(status="str", reason="str | None"),
            sets={"lead_status": "activity.status", "rejection_reason": "activity.reason"},
            trigger="lead_status_changed",
            description="sales set another status in the CRM",
        ),
        ActivityKind(
            name="opportunity_opened",
            payload=_OPPORTUNITY,
            trigger="opportunity_opened",
            description="the person became a contact of an opportunity; open once it has an amount "
            "and a close date",
        ),
        ActivityKind(
            name="opportunity_changed",
            payload=_OPPORTUNITY,
            trigger="opportunity_changed",
            description="an opportunity has another amount or close date",
        ),
        ActivityKind(
            name="opportunity_won",
            payload=_OPPORTUNITY,
            trigger="opportunity_won",
            description="an opportunity was closed and won",
        ),
        ActivityKind(
            name="opportunity_lost",
            payload=_OPPORTUNITY,
            trigger="opportunity_lost",
            description="an opportunity was closed and lost",
        ),
        ActivityKind(
            name="crm_synced",
            sets={"crm_synced_at": "now"},
            description="the CRM acknowledged the record",
        ),
        ActivityKind(
            name="converted",
            payload=_payload(contact="str | None", account="str | None"),
            sets={"converted_at": "now"},
            trigger="converted",
            description="the lead became a contact; the person stays the same",
        ),
        ActivityKind(
            name="merged",
            payload=_payload(loser="str"),
            description="another record of the same person was folded into this one",
        ),
        ActivityKind(
            name=TIME_PASSED,
            description="something was due and changed the person; written by the lifecycle itself",
        ),
    )
}


def asking(trigger: str) -> ActivityKind:
    """The kind of a trigger that no other kind raises: the human's request itself."""
    return ActivityKind(
        name=trigger,
        payload=_payload(reason="str | None", by="str | None"),
        sets={"rejection_reason": "activity.reason"},
        trigger=trigger,
        description=f"somebody asked for {trigger.replace('_', ' ')}",
    )
