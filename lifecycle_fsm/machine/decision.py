"""The result of each activity or trigger [S10]."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Literal, TypeAlias

import attrs

from lifecycle_fsm.errors import NoSuchMove, Refused
from lifecycle_fsm.guard import Outcome
from lifecycle_fsm.history import ROW, HistoryRow, Packed, unpack
from lifecycle_fsm.requests import Request

if TYPE_CHECKING:
    from lifecycle_fsm.activities import Activity
    from lifecycle_fsm.machine.lean_transitions import TransitionContext
    from lifecycle_fsm.person import Person

Result: TypeAlias = Literal[
    "moved",
    "unchanged",
    "refused",
    "no_such_move",
    "deferred",
    "held",
    "duplicate",
    "rejected",
    "parked",
]


@attrs.frozen
class Refusal:
    """One move that was requested but is not open: its guard as a tree of outcomes, and all of its
    unmet parts."""

    move: str
    target: str
    outcome: Outcome
    unmet: tuple[Outcome, ...]
    note: str = ""

    def __str__(self) -> str:
        reasons = [self.note] if self.note else [str(outcome).strip() for outcome in self.unmet]
        return f"{self.move} -> {self.target}: " + "; ".join(reasons)


# Not frozen, although no code changes one: attrs takes four times as long to make a frozen object,
# and every activity makes one.
@attrs.define
class Decision:
    """The result of one activity or trigger.

    ``result`` is one word: *moved*; *unchanged* (no trigger, and at most data changed); *refused*
    (the move exists, but its guards are unmet); *no_such_move*; *deferred* (waits for the sort);
    *held* (the person is not known yet); *duplicate*; *rejected*; *parked* (an error stopped it, it
    is retried). ``rows`` are the hops that it caused, ``stage`` is the stage after them. ``unmet``
    explains a refused trigger, even if system moves then moved the person. ``requests`` are the
    requests to deliver, and those that were held back or superseded; a machine without an
    orchestrator makes none. ``kind`` is the kind of the activity, or for an effect of time ``time``
    (a move), ``decay`` or ``deadline`` (a missed one).
    """

    result: Result
    person: str
    at: datetime
    now: datetime
    stage: str
    trigger: str | None = None
    activity: str | None = None
    kind: str | None = None
    hops: Packed = attrs.field(default=(), repr=False)
    first: int = attrs.field(default=1, repr=False)
    unmet: tuple[Refusal, ...] = ()
    reason: str = ""
    late: bool = False
    requests: tuple[Request, ...] = ()

    @classmethod
    def fired(
        cls,
        result: Result,
        person: Person,
        context: TransitionContext,
        activity: str | None,
        kind: str,
        unmet: tuple[Refusal, ...] = (),
        reason: str = "",
        requests: tuple[Request, ...] = (),
    ) -> Decision:
        """The machine ran: the rows that it added to the history, and the unmet guards."""
        start = context.start
        return cls(
            result,
            person.id,
            context.at,
            context.now,
            person._stage,
            context.trigger,
            activity,
            kind,
            person._history[start:],
            context.rows_before + start // ROW + 1,
            unmet,
            reason,
            context.late,
            requests,
        )

    @classmethod
    def stopped(
        cls,
        result: Result,
        person: Person,
        activity: Activity,
        reason: str,
        trigger: str | None = None,
    ) -> Decision:
        """The activity did not change the person: it was a duplicate, rejected, or parked."""
        now = max(activity.at, person.clock or activity.at)
        return cls(
            result,
            person.id,
            activity.at,
            now,
            person.stage,
            trigger,
            activity.id,
            activity.kind,
            reason=reason,
            late=now > activity.at,
        )

    @classmethod
    def of_unknown(
        cls,
        result: Result,
        activity: Activity,
        reason: str = "",
        created: Person | None = None,
    ) -> Decision:
        """The person of the activity did not exist: it was held, a duplicate, rejected or parked,
        or it created that person."""
        return cls(
            result,
            activity.person,
            activity.at,
            activity.at,
            created.stage if created else "",
            None,
            activity.id,
            activity.kind,
            created.packed_history if created else (),
            1,
            (),
            reason,
        )

    def __hash__(self) -> int:
        return hash((self.result, self.person, self.at, self.now, self.activity, self.trigger))

    @property
    def moved(self) -> bool:
        """Whether the stage changed."""
        return any(hop.from_stage != hop.to_stage for hop in self.hops[::ROW])

    @property
    def rows(self) -> tuple[HistoryRow, ...]:
        """The rows of the hops; stored packed, because most decisions are only counted."""
        return tuple(unpack(self.person, self.hops, self.first))

    def __str__(self) -> str:
        asked = self.trigger or self.kind or "time"
        text = f"{self.person}: {asked} at {self.now:%Y-%m-%d %H:%M} UTC: "
        text += self.result.replace("_", " ")
        rows = self.rows
        if rows:
            hops = " -> ".join([rows[0].from_stage or "·", *(row.to_stage for row in rows)])
            text += f" {hops} by {', '.join(row.rule for row in rows)}"
        if self.late:
            text += f", late: it happened at {self.at:%Y-%m-%d %H:%M}"
        if self.reason:
            text += f": {self.reason}"
        unmet = [f"  {refusal}" for refusal in self.unmet]
        return "\n".join([text, *unmet, *(f"  asks for {request}" for request in self.requests)])

    def or_raise(self) -> Decision:
        """Return the decision, or raise an error if the move was refused or does not exist.

        If a system move moved the person nevertheless, the result is ``moved`` and nothing is
        raised; ``unmet`` still says why the trigger itself was refused.

        Raises:
            Refused: the move is declared, but its guards are unmet.
            NoSuchMove: no move with this trigger leaves the stage.
        """
        if self.result == "refused":
            raise Refused(str(self), self)
        if self.result == "no_such_move":
            raise NoSuchMove(str(self), self)
        return self
