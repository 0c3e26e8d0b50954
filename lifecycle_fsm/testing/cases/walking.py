"""A person who walks a path of a tour, through the orchestrator and all that it does [S7].

A step is one line: an activity with what it brings, ``form_filled: form = Hand-Raise: Demo``, or
``wait 90 days``. The first is ``created``; ``processed`` ends original processing with the values
that its steps gave. Each activity comes an hour after the one before, and ``processed`` at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import attrs

from lifecycle_fsm.activities import Activity
from lifecycle_fsm.errors import LifecycleError, RecordError, suggest
from lifecycle_fsm.fields import FieldType
from lifecycle_fsm.history import HistoryRow
from lifecycle_fsm.model import Model
from lifecycle_fsm.model.kinds import OPEN_KINDS
from lifecycle_fsm.orchestrator import Orchestrator
from lifecycle_fsm.person import Person
from lifecycle_fsm.solving import NOW
from lifecycle_fsm.testing.cases import wording

WAIT = "wait "
#: How long after one activity the next one comes.
PAUSE = timedelta(hours=1)


class Walker:
    """Walks paths of one model, each with a person of its own."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._orchestrator = _orchestrator(model)
        self._count = 0

    def walk(self, steps: Sequence[str]) -> tuple[str, ...]:
        """Where each step leads, in words.

        Raises:
            LifecycleError: a step is none, or the model does not take its activity.
        """
        walk = self.begin()
        return tuple(walk.step(one) for one in steps)

    def begin(self) -> Walk:
        """A new walk, before its first step; the one before is over."""
        # Time passes for everybody in the book: so nobody stays there.
        self._orchestrator.people.clear()
        self._count += 1
        return Walk(self.model, self._orchestrator, f"walker-{self._count}")


class Walk:
    """One person on the way."""

    def __init__(self, model: Model, orchestrator: Orchestrator, id: str) -> None:
        self.model = model
        self.id = id
        self.now = NOW - PAUSE
        #: The rows of the last step.
        self.rows: tuple[HistoryRow, ...] = ()
        #: Whether the last step asked for a move and did not get it.
        self.refused = False
        self._orchestrator = orchestrator
        self._taken = 0
        orchestrator.expect_processed([id])

    @property
    def person(self) -> Person:
        """The person as it is now."""
        return self._orchestrator.people[self.id]

    def step(self, text: str) -> str:
        """Take one step, and say where it led.

        Raises:
            LifecycleError: it is no step, or the activity was rejected.
        """
        before = len(self.person.history) if self._taken else 0
        self.refused = False
        if text.startswith(WAIT):
            self.now += wording.length_read(text.removeprefix(WAIT))
            self._orchestrator.tick(self.now)
        else:
            self._apply(text)
        self._taken += 1
        self.rows = self.person.history[before:]
        return self._said()

    def _apply(self, text: str) -> None:
        kind, _, brings = text.partition(":")
        kind = kind.strip()
        at = self.now if kind == "processed" else self.now + PAUSE
        payload = wording.read(brings.strip(), payload_of(self.model, kind), at)
        activity = Activity(f"{self._taken}", self.id, kind, at, payload)
        decision = self._orchestrator.apply(activity)
        if decision.result in ("rejected", "held", "parked"):
            raise LifecycleError(f"{text}: {decision.result}: {decision.reason}")
        self.now = at
        self.refused = bool(decision.unmet) or decision.result == "no_such_move"

    def _said(self) -> str:
        stage = self.person.stage
        hops = [f"{row.to_stage} by {row.rule}" for row in self.rows if row.kind != "enter"]
        if hops:
            return f"goes to {', then to '.join(hops)}"
        if self.refused:
            return "refused"
        return f"is in {stage}" if self._taken == 1 else f"stays in {stage}"


def payload_of(model: Model, kind: str) -> dict[str, FieldType]:
    """What an activity of this kind may bring, by name.

    Raises:
        RecordError: there is no such kind.
    """
    if kind not in model.activity_kinds:
        raise RecordError(f"no activity named {kind!r}{suggest(kind, model.activity_kinds)}")
    if kind in OPEN_KINDS:
        return dict(model.field_types)
    return {one.name: one.type for one in model.activity_kinds[kind].payload}


def _orchestrator(model: Model) -> Orchestrator:
    """An orchestrator of the model; without its steps where these need libraries, tables or
    functions of the project that are not here. The activity ``processed`` says what they gave
    [S14]. That there are points of fit stays known, or the sort would give them anew."""
    try:
        return Orchestrator(model)
    except LifecycleError:
        kept = [step for step in model.processing if step.use == "demographic_score"]
        return Orchestrator(attrs.evolve(model, processing=kept))
