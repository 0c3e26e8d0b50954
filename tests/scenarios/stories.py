"""What the stories of several models share: a lifecycle that keeps all that it asks for."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from typing import Any

from lifecycle_fsm import Decision, Lifecycle, Person, load

shipped = cache(load)

# A Monday, nine o'clock in London, ten in Berlin, four in the night in New York.
MONDAY = datetime.fromisoformat("2024-06-03T09:00+01:00")
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
OPEN = {"opportunity": "deal", "amount": 9000, "closes_at": MONDAY + 90 * DAY}


class Story:
    """One person in a shipped model, what happens to them, and what was asked for because of it."""

    def __init__(self, model: str, *, at: datetime = MONDAY, **fields: Any) -> None:
        self.decisions: list[Decision] = []
        self.lifecycle = Lifecycle(shipped(model), record=self.decisions.append)
        self.start = at
        self.lifecycle.admit("ann", at=at, **fields)

    @property
    def person(self) -> Person:
        return self.lifecycle.person("ann")

    @property
    def stages(self) -> list[str]:
        """The stages that were entered, without that of original processing."""
        return [row.to_stage for row in self.person.history[1:]]

    @property
    def rules(self) -> list[str]:
        """What brought the person there."""
        return [row.rule for row in self.person.history[1:]]

    def happens(self, after: timedelta, kind: str, **payload: Any) -> Decision:
        """Something happens so long after the creation."""
        return self.lifecycle.apply("ann", kind, at=self.start + after, **payload)

    def passes(self, until: timedelta) -> list[Decision]:
        """Time passes, until so long after the creation."""
        return self.lifecycle.tick(self.start + until)

    def asked(self, *states: str) -> list[tuple[str, str, str | None]]:
        """What was asked for so far: rule, channel, and whom; without the changes of mail."""
        return [
            (one.rule, one.channel, one.to)
            for decision in self.decisions
            for one in decision.requests
            if one.channel != "mail" and one.state in (states or ("sent", "released"))
        ]

    def rules_asked(self, *states: str) -> list[str]:
        """The rules that asked so far."""
        return [rule for rule, _, _ in self.asked(*states)]

    def due(self, rule: str) -> datetime | None:
        """Until when the last request of the rule has to be done."""
        found = [
            one for decision in self.decisions for one in decision.requests if one.rule == rule
        ]
        return found[-1].due_at
