"""The persons of a model, for a proof: what may be true of somebody at some instant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lifecycle_fsm.fields import FieldType, Value
from lifecycle_fsm.guard import Guard, Now, Term, parse_guard
from lifecycle_fsm.model import Model
from lifecycle_fsm.person import BASE_FIELDS
from lifecycle_fsm.solving import NOW, Work, World

#: What holds for everybody who is in a stage: the machine and the data silo see to it.
_LAWS = (
    parse_guard("stage_entered_at is known"),
    parse_guard("journey_started_at is known"),
    parse_guard("journey_started_at <= stage_entered_at"),
    parse_guard("journey >= 1"),
    parse_guard("open_opportunities >= 0"),
    parse_guard("won_opportunities >= 0"),
)
#: Times of the shipped person that something wrote when it happened, so never times to come.
_PAST = frozenset(name for name, one in BASE_FIELDS.items() if one.type.kind == "datetime") | {
    "stage_entered_at",
    "journey_started_at",
}


def world_of(model: Model, work: Work | None = None) -> World:
    """Everybody whom the model can speak of, at one instant.

    Fields start as in somebody of whom nothing is known. Times that only ``now`` writes are not
    later than the instant; the stage began then or before, and its journey not after it [S1].
    ``work`` is what all questions about them may take; without it there is no end.
    """
    starts = {one.name: one.start() for one in (*BASE_FIELDS.values(), *model.fields)}
    starts |= {"stage": model.initial.name, "journey": 1}
    starts |= {"stage_entered_at": NOW, "journey_started_at": NOW}
    kinds = model.vocabulary.fields
    past = {
        name: NOW
        for name, kind in kinds.items()
        if kind.kind == "datetime" and (name in _PAST or _only_now(name, model))
    }
    return World(model.vocabulary, start=starts, latest=past, laws=_LAWS, work=work or Work())


def start_of_brought(fields: Mapping[str, FieldType]) -> dict[str, Value]:
    """What an activity brings of which nothing is known: a text that it has to bring has content,
    while that of a person may never have been set [S4]."""
    return {
        name: "other"
        for name, kind in fields.items()
        if kind.kind == "str" and not kind.nullable and not kind.choices
    }


def _only_now(name: str, model: Model) -> bool:
    written = [value for field, value in _written(model) if field == name]
    return bool(written) and all(isinstance(value, Now) for value in written)


def _written(model: Model) -> Iterator[tuple[str, Term | Guard]]:
    """Every effect of the model: the field, and what it gets."""
    for group in (
        *(kind.sets for kind in model.activity_kinds.values()),
        *(rule.then for rule in model.data),
        *(move.then for move in model.moves),
        *(rule.then for rule in model.decay),
    ):
        for one in group:
            yield one.field, one.value
