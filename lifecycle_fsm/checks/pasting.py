"""People as code: what is found can be pasted into a test."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from lifecycle_fsm.fields import Value


def person_in_code(stage: str, fields: Mapping[str, Value]) -> str:
    """A person as a line of a test: ``person_in("mql", behavior_score=64)``.

    Times are those of somebody at the instant at which a bench of :mod:`lifecycle_fsm.testing`
    starts.
    """
    return f"person_in({', '.join(arguments(stage, fields))})"


def arguments(stage: str, fields: Mapping[str, Value]) -> list[str]:
    """What ``person_in`` takes, as code."""
    told = (f"{name}={literal(value)}" for name, value in fields.items() if name != "stage")
    return [literal(stage), *told]


def literal(value: Any) -> str:
    """A value as code: texts in double quotes, times in ISO 8601."""
    if isinstance(value, datetime):
        return f'"{value.isoformat().replace("+00:00", "Z")}"'
    if isinstance(value, str):
        written = repr(value)
        return f'"{written[1:-1]}"' if '"' not in written and written[0] == "'" else written
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    return repr(value)
