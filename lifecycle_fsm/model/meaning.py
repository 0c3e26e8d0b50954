"""The version of a model: a hash of what it means [S28]."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lifecycle_fsm.model.model import Model

#: Keys that are for people's eyes: another label is not another lifecycle.
DISPLAY = frozenset({"title", "label", "description", "code", "group", "system", "systems"})
_NAMED_BY_USER = frozenset(
    {"tokens", "guards", "fields", "kinds", "then", "sets", "options", "payload"}
)


def version(model: Model) -> str:
    """Twelve hexadecimal digits of the SHA-256 of the model without its display parts."""
    from lifecycle_fsm.model.plain import to_plain  # builds models itself

    plain = {key: _meaning(value, key) for key, value in to_plain(model).items()}
    text = json.dumps(
        {key: value for key, value in plain.items() if key not in DISPLAY},
        sort_keys=True,
        ensure_ascii=False,
        default=str,
    )
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _meaning(value: Any, key: str) -> Any:
    if isinstance(value, dict):
        names_are_data = key in _NAMED_BY_USER
        return {
            name: _meaning(one, "" if names_are_data else name)
            for name, one in value.items()
            if names_are_data or name not in DISPLAY
        }
    if isinstance(value, list):
        return [_meaning(one, "") for one in value]
    return value
