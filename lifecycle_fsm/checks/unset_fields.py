"""Fields of the model that conditions read and nothing in the model sets."""

from __future__ import annotations

from collections.abc import Iterator

from lifecycle_fsm.checks.finding import Finding
from lifecycle_fsm.checks.question_context import Ground
from lifecycle_fsm.checks.rule_index import effects_of, readers
from lifecycle_fsm.model.name_resolution import fields_read
from lifecycle_fsm.person import BASE_FIELDS

NAME = "unset_fields"


def check(ground: Ground) -> Iterator[Finding]:
    """Only the fields that the model adds: those of every person come with the record."""
    model = ground.model
    written = {one.field for _, one in effects_of(model)}
    written |= {name for step in model.chain for name in step.writes}
    read = set(fields_read(model, readers(model)))
    for one in model.fields:
        if one.name in BASE_FIELDS or one.name in written or one.name not in read:
            continue
        yield Finding(
            check=NAME,
            severity="warning",
            fault="never set",
            where=f"fields.{one.name}",
            message="conditions read it, and no activity, rule, move or step sets it, so that it "
            "stays as it begins unless a record brings it: add a rule under [[data]] or a kind of "
            "activity that sets it",
        )
