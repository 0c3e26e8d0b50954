"""A model as the configuration of a plain ``transitions`` machine, with its guards as callables."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from transitions import EventData

from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.fields import instant
from lifecycle_fsm.guard import compile_guard
from lifecycle_fsm.model import Edge, Model, Move
from lifecycle_fsm.silos.effects import NO_PAYLOAD, effects

#: The triggers of the system moves and of the sort in a plain machine.
ADVANCE, SORT = "advance", "sort"


def to_transitions(model: Model) -> dict[str, Any]:
    """The moves of a model as keyword arguments of ``transitions.Machine`` or ``GraphMachine``.

    ``lead`` is any object with the model's fields, ``stage_entered_at``, ``journey`` and
    ``journey_started_at`` as attributes [S1]. Every trigger is fired with ``at=``, the instant at
    which it happens; ``sort`` gives the first stage [S15], ``advance`` makes a system move [S7]::

        machine = transitions.Machine(lead, **to_transitions(model))
        lead.sort(at=now)
        while lead.advance(at=now):
            pass
        lead.hand_raised(at=now)

    A trigger that no move of the stage has is ignored and returns ``False``.

    Guards become conditions, and the effects of a move are applied before the stage changes. Only
    moves are included: not data, scoring, deadlines, requests and history, nor the wait of a return
    that already holds when its detour is entered [S9].

    Raises:
        LifecycleError: a trigger of the model is called ``sort`` or ``advance``.
    """
    taken = {ADVANCE, SORT}.intersection(model.triggers)
    if taken:
        raise LifecycleError(
            f"the model {model.name!r} has a trigger {sorted(taken)[0]!r}, which is how the plain "
            "machine calls moves of its own: give the trigger another name"
        )
    return {
        "states": [stage.name for stage in model.stages],
        "initial": model.initial.name,
        "transitions": [
            *(_transition(edge, SORT, model) for edge in model.sort_edges),
            *(_transition(edge, edge.on or ADVANCE, model) for edge in model.edges),
        ],
        "model_attribute": "stage",
        "auto_transitions": False,
        "send_event": True,
        "ignore_invalid_triggers": True,
    }


def _transition(edge: Edge, trigger: str, model: Model) -> dict[str, Any]:
    holds = compile_guard(edge.when, model.vocabulary)
    then = edge.rule.then if isinstance(edge.rule, Move) else ()
    write = effects(then, model.field_types, model.vocabulary)

    def condition(event: EventData) -> bool:
        return holds(event.model, _asked_at(event))

    def before(event: EventData) -> None:
        if write is not None:
            write(event.model, _asked_at(event), NO_PAYLOAD)

    def after(event: EventData) -> None:
        lead: Any = event.model
        now = _asked_at(event)
        if edge.kind == "return":
            lead.journey += 1
            lead.journey_started_at = now
        lead.stage_entered_at = now

    condition.__name__ = f"{edge.name}_holds"
    callbacks: dict[str, Callable[[EventData], Any]] = {
        "conditions": condition,
        "before": before,
        "after": after,
    }
    return {"trigger": trigger, "source": edge.source, "dest": edge.target, **callbacks}


def _asked_at(event: EventData) -> datetime:
    at = event.kwargs.get("at")
    if at is None:
        raise LifecycleError(f"{event.event.name} is asked without at=: say at which instant")
    return instant(at)
