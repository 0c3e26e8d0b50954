"""The built-in kinds of activity [S18]: the file beside this module declares them, as a model does
its own."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

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


_FILE = Path(__file__).with_suffix(".toml")
BUILT_IN: Mapping[str, ActivityKind] = {
    row["name"]: _kind(
        row["name"], row["description"], row.get("trigger"), row.get("sets", ()),
        **row.get("payload", {}),
    )
    for row in tomllib.loads(_FILE.read_text("utf-8"))["kinds"]
}  # fmt: skip


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
