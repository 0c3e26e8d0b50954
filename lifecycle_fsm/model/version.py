"""The version of a model: a hash of its meaning [S28]."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

import attrs

from lifecycle_fsm.guard import Guard, Named, Opaque
from lifecycle_fsm.guard.terms import transform
from lifecycle_fsm.model.unstructure import parts

if TYPE_CHECKING:
    from lifecycle_fsm.model.model import Model

#: Keys for display only: a changed label does not change the lifecycle.
DISPLAY = frozenset(
    {
        "title",
        "label",
        "description",
        "code",
        "group",
        "system",
        "systems",
        "playbook",
        "text",
        "theme",
    }
    | {"dimensions", "segments", "claims", "ties"}
)
#: What a rule that depends on currency and rates reads.
_AMOUNT = re.compile(r"\b(open|won)_amount\b")
#: Keys that control how a step runs: a changed timeout does not change the lifecycle.
_OPERATION = frozenset({"timeout", "attempts"})
_UNCOUNTED = DISPLAY | _OPERATION
#: Tables whose keys are chosen by users: a token may be called ``label``.
_NAMED_BY_USER = frozenset({"tokens", "guards", "fields", "kinds", "payload", "calendars"})
#: Tables that count in full.
_VALUES = frozenset({"options", "then", "sets", "merging", "hours"})


def version(model: Model) -> str:
    """Twelve hexadecimal digits of the SHA-256 of the model without its display parts.

    A guard that is a Python function counts by its name, because its meaning is unknown. Currency
    and rates count only where a rule reads the amounts that follow from them; otherwise they are
    for reports, and may change every month.
    """
    moves = tuple(attrs.evolve(move, when=transform(move.when, _name)) for move in model.moves)
    plain = meaning(parts(model, moves))
    money = plain.pop("money", None)
    text = _as_json(plain)
    if money is not None and _AMOUNT.search(text):
        text = _as_json({**plain, "money": money})
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _as_json(plain: Any) -> str:
    return json.dumps(plain, sort_keys=True, ensure_ascii=False, default=repr)


def _name(guard: Guard) -> Guard:
    return Named(f"python {guard.name}") if isinstance(guard, Opaque) else guard


def _unlabelled(value: Any) -> Any:
    """A token or a named guard in its short form: a label does not count."""
    short = isinstance(value, dict) and set(value) in ({"value"}, {"when"})
    return next(iter(value.values())) if short else value


def meaning(value: Any, key: str = "") -> Any:
    """Plain values of a model without those for display; ``key`` is the key that holds them."""
    if key in _VALUES:
        return value
    if key in _NAMED_BY_USER:
        return {name: _unlabelled(meaning(part)) for name, part in value.items()}
    if isinstance(value, dict):
        kept = {name: meaning(part, name) for name, part in value.items() if name not in _UNCOUNTED}
        # A field given as a type, and one as a table with nothing but the type, mean the same.
        return kept["type"] if set(kept) == {"type"} else kept
    if isinstance(value, list):
        return [meaning(part) for part in value]
    return value
