"""Decay for a person, and what time brought, in short."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from lifecycle_fsm import Decision
from lifecycle_fsm.model import Decay
from tests.machine.small import DAY

MICRO = timedelta(microseconds=1)


def fading(every: timedelta = DAY, name: str = "fading", **more: Any) -> Decay:
    given: dict[str, Any] = {"since": "created_at", "then": {"level": "level - 1"}, **more}
    return Decay(name=name, every=every, **given)


def told(decisions: list[Decision], kind: str = "decay") -> list[tuple[str, datetime]]:
    return [(one.reason, one.now) for one in decisions if one.kind == kind]


def instants(decisions: list[Decision], kind: str = "decay") -> list[datetime]:
    return [one.now for one in decisions if one.kind == kind]
