"""Compiled effects: what a move, an activity or a rule writes into the fields [S18]."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, TypeAlias

from lifecycle_fsm.attributes import writer
from lifecycle_fsm.fields import FieldType, Value
from lifecycle_fsm.guard import Const, Guard, Payload, Vocabulary, compile_condition, compile_term
from lifecycle_fsm.guard.terms import walk
from lifecycle_fsm.model import Set, given

Payloads: TypeAlias = Mapping[str, Value]
Effects: TypeAlias = Callable[[Any, datetime, Payloads], None]
NO_PAYLOAD: Payloads = {}
#: The attributes of a person that guards may read and only the machine writes.
MACHINE_FIELDS: Mapping[str, str] = {
    "stage": "_stage",
    "stage_entered_at": "_stage_entered_at",
    "journey": "_journey",
    "journey_started_at": "_journey_started_at",
}


def attribute_of(name: str) -> str:
    """The attribute of a person that holds the field."""
    return MACHINE_FIELDS.get(name, name)


def condition(guard: Guard, words: Vocabulary) -> Callable[[Any, datetime, Payloads], bool]:
    """The condition of a silo's rule as a function of person, now and payload."""
    return compile_condition(guard, words, attribute_of)


def effects(
    sets: Iterable[Set], types: Mapping[str, FieldType], words: Vocabulary
) -> Effects | None:
    """One function that writes all the fields, or ``None`` if there are none.

    All right-hand sides read the fields as they were before. Numbers are clamped to the field's
    bounds. A value that needs a missing part of the payload is skipped.
    """
    parts = [_part(effect, types[effect.field], words) for effect in sets]
    if not parts:
        return None
    if len(parts) == 1:
        return _single(*parts[0])
    if not any(needs for _, _, needs in parts):
        return _several([compute for _, compute, _ in parts], writer(name for name, _, _ in parts))

    def write(person: Any, now: datetime, payload: Payloads) -> None:
        values = []
        for name, compute, needs in parts:
            for part in needs:
                if payload.get(part) is None:
                    break
            else:
                values.append((name, compute(person, now, payload)))
        for name, value in values:
            setattr(person, name, value)

    return write


_Part: TypeAlias = tuple[str, Callable[[Any, datetime, Payloads], Any], tuple[str, ...]]


def _several(computations: list[Callable[..., Any]], put: Callable[..., None]) -> Effects:
    def write(person: Any, now: datetime, payload: Payloads) -> None:
        put(person, [compute(person, now, payload) for compute in computations])

    return write


def _single(name: str, value: Callable[..., Any], needs: tuple[str, ...]) -> Effects:
    def write(person: Any, now: datetime, payload: Payloads) -> None:
        for part in needs:
            if payload.get(part) is None:
                return
        setattr(person, name, value(person, now, payload))

    return write


def _part(effect: Set, kind: FieldType, words: Vocabulary) -> _Part:
    needs = tuple(dict.fromkeys(n.name for n in walk(effect.value) if isinstance(n, Payload)))
    words = given(words)
    if isinstance(effect.value, Guard):
        return effect.field, compile_condition(effect.value, words, attribute_of), needs
    target = None if isinstance(effect.value, Const) else kind
    return effect.field, compile_term(effect.value, words, attribute_of, target), needs
