"""What the fields hold behind a move, as values over the fields before it."""

from __future__ import annotations

from collections.abc import Mapping

from lifecycle_fsm.fields import FieldType
from lifecycle_fsm.guard import Arithmetic, Const, Extreme, Field, Guard, Now, Term
from lifecycle_fsm.model import Edge, Model, Move

#: What the machine sets at every return.
AT_RETURN: Mapping[str, Term | Guard] = {
    "stage_entered_at": Now(),
    "journey_started_at": Now(),
    "journey": Arithmetic("+", Field("journey"), Const(1)),
}


def values_after(edge: Edge, model: Model, now: Term | None = None) -> dict[str, Term | Guard]:
    """What the effects of a move leave in the fields, held within their bounds.

    ``now`` is how the instant of the move reads later on, where the move is past.
    """
    if not isinstance(edge.rule, Move):
        return {}
    return {
        one.field: now or one.value
        if isinstance(one.value, Now)
        else _clamped(one.value, model.field_types[one.field])
        for one in edge.rule.then
    }


def _clamped(value: Term | Guard, kind: FieldType) -> Term | Guard:
    if isinstance(value, Guard | Const) or kind.kind not in ("int", "float"):
        return value
    if kind.maximum is not None:
        value = Extreme("min", (value, Const(kind.maximum)))
    if kind.minimum is not None:
        value = Extreme("max", (value, Const(kind.minimum)))
    return value
