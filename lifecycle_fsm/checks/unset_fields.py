"""Fields of the model that conditions read and nothing in the model sets."""

from __future__ import annotations

from collections.abc import Iterator

from lifecycle_fsm.checks.finding import Finding
from lifecycle_fsm.checks.question_context import QuestionContext
from lifecycle_fsm.model.name_resolution import fields_read
from lifecycle_fsm.person import BASE_FIELDS


def check(context: QuestionContext) -> Iterator[Finding]:
    """Unset fields among those that the model adds; those of every person come with the record."""
    model = context.model
    set_fields = {effect.field for effect in model.effects}
    set_fields |= {name for step in model.chain for name in step.writes}
    read = set(fields_read(model, context.trees()))
    for field in model.fields:
        derived = field.name in BASE_FIELDS or field.name in model.amounts
        if field.name in read and not derived and field.name not in set_fields:
            message = (
                "conditions read it, and no activity, rule, move or step sets it, so that it stays "
                "as it begins unless a record brings it: add a rule under [[data]] or a kind of "
                "activity that sets it"
            )
            yield Finding("warning", "never set", f"fields.{field.name}", message)
