"""What the page on guards tries its examples with."""

from __future__ import annotations

from typing import Any

from lifecycle_fsm import Lifecycle, loads

_FILE = """
name = "small"
stages = [{ name = "new" }, { name = "contact" }, { name = "lead" }]
sort = [{ name = "everybody", when = "otherwise", to = "contact" }]

[tokens]
mql_threshold = 65
rest_days = 90
half = 0.5
markets = ["DE", "AT"]
demo_prefix = "Demo"

[guards]
interested = "behavior_score >= $mql_threshold"

[[moves]]
name = "tried"
from = "contact"
to = "lead"
on = "ask"
when = '''GUARD'''
then = { EFFECT }
"""


def _asked(guard: str, effect: str, fields: dict[str, Any]) -> tuple[bool, Any]:
    """Whether somebody with these fields moves ten days after creation, and who that is."""
    small = Lifecycle(loads(_FILE.replace("GUARD", guard).replace("EFFECT", effect)))
    small.admit("ann", at="2024-05-01T00:00Z", **fields)
    decision = small.apply("ann", "ask", at="2024-05-11T00:00Z")
    return decision.moved, small.person("ann")


def holds(guard: str, **fields: Any) -> bool:
    """Whether the guard holds for a person with these fields, ten days after creation."""
    return _asked(guard, "", fields)[0]


def written(effect: str, field: str, **fields: Any) -> Any:
    """What an effect makes of a field."""
    return getattr(_asked("always", effect, fields)[1], field)
