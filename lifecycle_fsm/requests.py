"""What a lifecycle asks people and other systems to do, as data [S11][S24].

The engine delivers nothing. The program that receives a decision sends its requests, at the time
and as often as its channel needs. A request has the same id in every run, so that nothing is sent
twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, NamedTuple, TypeAlias

import attrs

from lifecycle_fsm.fields import Value

#: The state of a request: it goes out now; it waits for the CRM; it goes out after that wait; or
#: the person has moved on and it is no longer needed [S12][S24].
State: TypeAlias = Literal["sent", "held", "released", "superseded"]


class Cause(NamedTuple):
    """The cause of a request: an activity, or the passing of time.

    Args:
        activity: the id of the activity; ``None`` for time.
        record: the record that the activity belonged to, if that record was merged into the person
            [S23]: the ids of activities are unique only within a record [S19].
    """

    activity: str | None = None
    record: str | None = None

    def key(self, at: datetime) -> str:
        """A key that identifies this cause among all of the person, the same in every run."""
        if self.activity is None:
            return f"{at:%Y-%m-%dT%H:%M:%S.%fZ}"
        return self.activity if self.record is None else f"{self.record}/{self.activity}"


# Not frozen, for speed, as with a decision; no code changes one.
@attrs.define
class Request:
    """One thing that a person or another system is asked to do.

    Args:
        id: the same in every run; made from the person, the rule and the cause, and from the stage
            if the person moved on from it at once [S12].
        person: the id of the person that it is about.
        rule: the name of the alert, assignment rule or deadline; ``mail`` for a change in what
            marketing mail may do [S12].
        channel: ``task``, ``email``, ``list_add``, ``list_remove``, ``webhook``, ``crm_sync`` or
            ``mail``.
        to: the recipient; ``None`` if none was known.
        text: the text, with the person's values filled in.
        at: the person's clock when the request was made; after a wait, when it was released.
        stage: the stage whose entry caused it, or whose deadline was missed.
        activity: the id of the activity that caused it; ``None`` if time did.
        due_at: when the work is due, if a deadline sets that.
        state: ``sent``, ``held``, ``released`` or ``superseded``.
        data: values for the program that reads it.
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
        """Whether the request has to be delivered now."""
        return self.state in ("sent", "released")

    def __str__(self) -> str:
        due = f", due {self.due_at:%Y-%m-%d %H:%M} UTC" if self.due_at else ""
        words = f": {self.text}" if self.text else ""
        to = f" to {self.to}" if self.to else ""
        return f"{self.channel}{to} by {self.rule}, {self.state}{due}{words}"
