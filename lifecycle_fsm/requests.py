"""What a lifecycle asks of people and of other systems, as data [S11][S24].

The engine delivers nothing: whoever receives a decision sends what it asks for, when and as often
as its own channel needs. The id of a request is the same on every run, so that the same thing is
not sent twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, NamedTuple, TypeAlias

import attrs

from lifecycle_fsm.fields import Value

#: What became of a request: it goes out now; it waits for the CRM; it goes out after the wait; or
#: the person has gone on, and nobody needs it any more [S12][S24].
State: TypeAlias = Literal["sent", "held", "released", "superseded"]


class Cause(NamedTuple):
    """Why something is asked for: an activity, or time where there is none.

    Args:
        activity: the id of the activity.
        record: whose it was, where that record was folded into the person [S23]: the ids of
            activities are unique within one record only [S19].
    """

    activity: str | None = None
    record: str | None = None

    def key(self, at: datetime) -> str:
        """What tells this cause from all others of the person, the same on every run."""
        if self.activity is None:
            return f"{at:%Y-%m-%dT%H:%M:%S.%fZ}"
        return self.activity if self.record is None else f"{self.record}/{self.activity}"


# Not frozen, though nobody changes one, for the same reason as a decision: it is made in a hurry.
@attrs.define
class Request:
    """Something that a person or another system is asked to do.

    Args:
        id: the same on every run: person, rule and cause, and the stage where the person went on
            from it at once [S12].
        person: about whom.
        rule: the name of the alert, assignment rule or deadline; ``mail`` for a change of what
            marketing mail may do [S12].
        channel: ``task``, ``email``, ``list_add``, ``list_remove``, ``webhook``, ``crm_sync`` or
            ``mail``.
        to: who gets it; nothing where nobody was known.
        text: in words, with the person's values in their places.
        at: the person's clock when it was asked, and when it was released.
        stage: the stage whose entry asked, or whose deadline was missed.
        activity: the id of the activity that caused it; nothing where time did.
        due_at: until when, where a deadline says so.
        state: ``sent``, ``held``, ``released`` or ``superseded``.
        data: values for a machine that reads it.
    """

    id: str
    person: str
    rule: str
    channel: str
    to: str | None
    text: str
    at: datetime
    stage: str | None = None
    activity: str | None = None
    due_at: datetime | None = None
    state: State = "sent"
    data: Mapping[str, Value] = attrs.field(factory=dict)

    def __hash__(self) -> int:
        return hash((self.id, self.state))

    @property
    def goes_out(self) -> bool:
        """Whether somebody has to deliver it now."""
        return self.state in ("sent", "released")

    def __str__(self) -> str:
        due = f", due {self.due_at:%Y-%m-%d %H:%M} UTC" if self.due_at else ""
        words = f": {self.text}" if self.text else ""
        to = f" to {self.to}" if self.to else ""
        return f"{self.channel}{to} by {self.rule}, {self.state}{due}{words}"
