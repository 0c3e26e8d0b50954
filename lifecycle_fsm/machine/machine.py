"""The model as a ``transitions`` machine: one for all persons [S6]–[S12]."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeAlias, cast
from weakref import WeakSet

from lifecycle_fsm.effects import Payloads, attribute_of, effects
from lifecycle_fsm.errors import LifecycleError, NoSuchMove, RecordError, suggest
from lifecycle_fsm.fields import instant
from lifecycle_fsm.guard import (
    Outcome,
    TurningPoint,
    compile_explainer,
    compile_guard,
    next_turn,
    turning_points,
    unmet,
)
from lifecycle_fsm.history import HistoryRow, unpack
from lifecycle_fsm.machine.decision import Decision, Refusal, Result
from lifecycle_fsm.machine.lean import Firing, LeanEvent, LeanMachine
from lifecycle_fsm.machine.triggers import own_class
from lifecycle_fsm.machine.whole import Whole
from lifecycle_fsm.model import Edge, Model, Set
from lifecycle_fsm.person import Person, accept_fields
from lifecycle_fsm.scoring import Scoring

#: Events of the machine that are no trigger of the model; user triggers never start with ``_``.
ADVANCE, SORT = "_advance", "_sort"
Agenda: TypeAlias = Callable[[Person, datetime, int, datetime | None], datetime | None]
Front: TypeAlias = Callable[[Person, str, datetime, str | None, Payloads], Decision]
_NEXT = timedelta(microseconds=1)
#: Every machine that is in use, and who is told of each new one: for coverage, and only while a
#: machine is made.
MACHINES: WeakSet[LifecycleMachine] = WeakSet()
WATCHERS: list[Callable[[LifecycleMachine], None]] = []


class LifecycleMachine:
    """The machine of a model. It holds no persons, and a person holds no reference to it.

    One writer per person at a time: like every plain Python object a person takes no lock.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self.version = model.version
        #: The class of this model's persons, with a method for each trigger.
        self.person_class = own_class(self)
        #: What ``person.<trigger>(at=…)`` goes through: whoever keeps the person's log, else this.
        self.front: Front = self._alone
        #: What time brings beside moves, where somebody keeps an agenda: from the person, now, the
        #: phase and the next time-opened move, the instant at which something is due next [S20].
        self.agenda: Agenda | None = None
        self._initial = model.initial.name
        #: Does work on a person that happens whole or not at all [S11].
        self.whole = Whole(self.person_class)
        self.wire()
        MACHINES.add(self)
        for watcher in WATCHERS:
            watcher(self)

    def wire(self) -> None:
        """Make the moves from the model; once, for a model never changes but under mutation."""
        model = self.model
        #: The score rules, which a move that changes what they depend on runs again [S18].
        self.scoring = Scoring(model)
        self._words = model.vocabulary
        self._machine = LeanMachine(
            model=None,
            states=[stage.name for stage in model.stages],
            initial=model.initial.name,
            auto_transitions=False,
            queued=False,
            send_event=True,
            model_attribute="_stage",
        )
        for edge in model.sort_edges:
            self._add(SORT, edge)
        for edge in model.edges:
            self._add(edge.on or ADVANCE, edge)
        #: Every trigger as an event of ``transitions``: ``events[name].trigger(person, firing=…)``.
        self.events = cast(Mapping[str, LeanEvent], self._machine.events)
        self._sort = self.events[SORT].fire
        self._advance = self.events[ADVANCE].fire if ADVANCE in self.events else _never
        #: The detours that a system move leads back from.
        self._returning = frozenset(
            edge.source for edge in model.edges if edge.kind == "return" and not edge.on
        )
        self._explainers: dict[str, Callable[[Any, datetime], Outcome]] = {}
        self._turning = self._turning_points()

    def _add(self, event: str, edge: Edge) -> None:
        then: tuple[Set, ...] = getattr(edge.rule, "then", ())
        write = effects(then, self.model.field_types, self._words)
        self._machine.add_transition(
            event,
            edge.source,
            edge.target,
            edge=edge,
            guard=compile_guard(edge.when, self._words, attribute_of),
            then=self.scoring.rescoring(write, (one.field for one in then)),
        )

    def _turning_points(self) -> Mapping[str, tuple[TurningPoint, ...]]:
        """For each stage, when its system moves can open by time alone [S20]."""
        found: dict[str, list[TurningPoint]] = {}
        for edge in self.model.edges:
            points = () if edge.on else turning_points(edge.when, self._words)
            if points:
                found.setdefault(edge.source, []).extend(points)
        return {stage: tuple(dict.fromkeys(points)) for stage, points in found.items()}

    # ------------------------------------------------------------------ persons

    def person(self, id: str, **fields: Any) -> Person:
        """A new person of this model's class, in no stage yet.

        Raises:
            RecordError: a field does not exist or does not take the value.
        """
        if not id or type(id) is not str:
            raise RecordError(f"a person needs a text as its id, not {id!r}")
        return self.person_class(id, **accept_fields(self.model.field_types, fields))  # type: ignore[arg-type]

    def enter(self, person: Person, at: datetime | str, activity: str | None = None) -> HistoryRow:
        """Put a new person into original processing [S13].

        Raises:
            LifecycleError: the person has been created before.
        """
        if person._stage:
            raise LifecycleError(f"{person.id} is in {person._stage!r} already, not new")
        self.begin(person, instant(at), activity)
        return next(unpack(person.id, person._history))

    def begin(self, person: Person, at: datetime, activity: str | None) -> None:
        """The same for somebody who is known to be new, for the inner loop."""
        firing = Firing(person, at, at, False, None, activity, self.version)
        person._clock = at
        person._stage = self._initial
        person._stage_entered_at = at
        person._journey = 1
        person._journey_started_at = at
        firing.append(person, None, self._initial, "enter", "created")

    def sort(self, person: Person, firing: Firing) -> None:
        """Give a person in original processing the first stage [S15]; system moves wait until the
        deferred triggers have fired [S14]."""
        if person._stage == self._initial:
            self._sort(person, firing)

    # ------------------------------------------------------------------ asking

    def firing(
        self, person: Person, at: datetime, trigger: str | None = None, activity: str | None = None
    ) -> Firing:
        """The frame of one asking: late where the person's clock is further [S19]."""
        clock = person._clock
        if clock is None or at > clock:
            return Firing(person, at, at, False, trigger, activity, self.version)
        return Firing(
            person, clock, at, at < clock or person._phase > 0, trigger, activity, self.version
        )

    def ask(self, person: Person, trigger: str, firing: Firing) -> Result:
        """Fire a process trigger once, in the stage found [S7]."""
        event = self.events.get(trigger)
        if event is None or not event.transitions.get(person._stage):
            return "no_such_move"
        return "moved" if event.fire(person, firing) else "refused"

    def advance(self, person: Person, firing: Firing) -> None:
        """Run the system moves to completion [S7]; it ends, because the path goes forward only,
        no return happens at the instant of its detour, and no detour is entered twice [S9]."""
        while self._advance(person, firing):
            pass

    def run(
        self, person: Person, trigger: str | None, firing: Firing
    ) -> tuple[Result, tuple[Refusal, ...]]:
        """One whole asking: the trigger once, the system moves to completion, the clock [S7]."""
        result: Result = "unchanged"
        unmet: tuple[Refusal, ...] = ()
        if trigger is not None:
            result = self.ask(person, trigger, firing)
            if result == "refused":
                unmet = self.refusals(person, trigger, firing.now)
        self.advance(person, firing)
        self.wind(person, firing.now, 0)
        return ("moved" if firing.entered else result), unmet

    def wind(self, person: Person, now: datetime, phase: int, *, stayed: bool = False) -> None:
        """Set the person's clock, phase 0 for an activity and 1 for what was due, and find out
        what is due next [S20]; ``stayed`` where what was due has moved nobody."""
        clock = person._clock
        if clock is None or now > clock:
            person._clock, person._phase = now, phase
        elif phase > person._phase:
            person._phase = phase
        if person._stage != self._initial:
            # A return that is held back only because this is the instant of its detour happens
            # right after [S9]: once for each activity, so that nobody swings to and fro.
            waits = (
                (phase == 0 or stayed)
                and person._stage in self._returning
                and person._stage_entered_at == now
                and self._may_return(person, now)
            )
            # Few stages have a move that time opens: the others are spared the call.
            timed = person._stage in self._turning
            due = now + _NEXT if waits else self.due(person, now) if timed else None
            # The person's own phase: a late activity does not bring back what has been due.
            agenda = self.agenda
            person._due = due if agenda is None else agenda(person, now, person._phase, due)

    def _may_return(self, person: Person, now: datetime) -> bool:
        returns = self.events[ADVANCE].transitions.get(person._stage, ())
        return any(one.returns and one.guard(person, now) for one in returns)

    def pass_time(self, person: Person, due: datetime) -> Firing:
        """Try the system moves at an instant at which time may have opened one [S20]."""
        firing = Firing(person, due, due, False, None, None, self.version)
        self.advance(person, firing)
        self.wind(person, due, 1, stayed=not firing.entered)
        return firing

    def fire(
        self,
        person: Any,
        trigger: str,
        *,
        at: datetime | str,
        activity: str | None = None,
        history: list[HistoryRow] | None = None,
    ) -> Decision:
        """Ask for a move: the trigger once, then the system moves to completion [S7].

        Args:
            person: of this model's class, or a foreign object, such as an ORM row, whose
                attributes are the stage and the fields; see
                :class:`~lifecycle_fsm.machine.foreign.Foreign` for other names.
            trigger: a process trigger of the model.
            at: when it was asked; a naive time counts as UTC [S4].
            activity: id of the activity that caused it, for the history.
            history: of a foreign object: its rows so far, to which the new ones are appended.

        Returns:
            the decision; ``.or_raise()`` makes a refusal an exception.

        Raises:
            NoSuchMove: the model has no such trigger at all.
            StageConflict: the stage of a foreign object is not the last of its history.
        """
        at = instant(at)
        if trigger not in self.model.triggers:
            self._unknown(trigger, person, at)
        if isinstance(person, Person):
            self._own(person)
        else:
            from lifecycle_fsm.machine.foreign import Foreign  # it fires through this machine

            return Foreign(self).fire(person, trigger, at=at, activity=activity, history=history)
        return self.whole(person, self._fire, person, trigger, at, activity)

    def _fire(self, person: Person, trigger: str, at: datetime, activity: str | None) -> Decision:
        self._pass(person, at)
        firing = self.firing(person, at, trigger, activity)
        stage = person._stage
        result, unmet = self.run(person, trigger, firing)
        return Decision(
            result,
            person.id,
            firing.at,
            firing.now,
            person._stage,
            trigger,
            activity,
            None,
            firing.added(person),
            firing.first,
            unmet,
            self.no_such(trigger, stage) if result == "no_such_move" else "",
            firing.late,
        )

    def _alone(
        self, person: Person, trigger: str, at: datetime, activity: str | None, payload: Payloads
    ) -> Decision:
        if payload:
            raise RecordError(
                f"{', '.join(payload)}: nobody keeps the activities of this person; set the "
                "fields, then ask"
            )
        return self.fire(person, trigger, at=at, activity=activity)

    def asked(
        self, person: Person, trigger: str, at: datetime | str, activity: str | None, **payload: Any
    ) -> Decision:
        """Ask as ``person.<trigger>(at=…)`` does: by an activity, where somebody keeps them."""
        when = instant(at)
        if trigger not in self.model.triggers:
            self._unknown(trigger, person, when)
        return self.front(person, trigger, when, activity, payload)

    def _own(self, person: Person) -> None:
        if not person._stage:
            raise LifecycleError(f"{person.id} is in no stage yet: enter() or admit comes first")
        if not isinstance(person, self.person_class):
            raise LifecycleError(
                f"{person.id} is a {type(person).__name__}, of another model than "
                f"{self.model.name!r}: make persons with this machine's person()"
            )

    def let(self, person: Person, at: datetime | str) -> Decision:
        """Let the system move a person of whom something has changed, or time has passed: the sort
        where it has not been, then the system moves to completion [S7][S15].

        For persons whom no ``Lifecycle`` keeps; there, activities do this.
        """
        self._own(person)
        return self.whole(person, self._let, person, instant(at))

    def _let(self, person: Person, at: datetime) -> Decision:
        self._pass(person, at)
        firing = self.firing(person, at)
        self.sort(person, firing)
        result, _ = self.run(person, None, firing)
        return Decision(
            result, person.id, firing.at, firing.now, person._stage, None, None, "system",
            firing.added(person), firing.first, late=firing.late,
        )  # fmt: skip

    def _pass(self, person: Person, until: datetime) -> None:
        """Let happen what time opens before an asking [S20]."""
        while person._stage != self._initial and person._due is not None and person._due < until:
            self.pass_time(person, person._due)

    def no_such(self, trigger: str, stage: str) -> str:
        """Why a trigger does nothing in a stage, and what could be asked for there."""
        here = sorted(
            name for name in self.model.triggers if self.events[name].transitions.get(stage)
        )
        return (
            f"no move named by {trigger!r} leaves {stage!r}; from there one can ask for "
            f"{', '.join(here) or 'nothing'}"
        )

    def _unknown(self, trigger: str, person: Any, at: datetime) -> None:
        known = self.model.triggers
        message = (
            f"the model {self.model.name!r} has no trigger {trigger!r}{suggest(trigger, known)}; "
            f"it has {', '.join(known) or 'none'}"
        )
        name = str(getattr(person, "id", ""))
        stage = str(getattr(person, "stage", ""))
        raise NoSuchMove(
            message, Decision("no_such_move", name, at, at, stage, trigger, reason=message)
        )

    # ------------------------------------------------------------------ knowing

    def may(self, person: Person, trigger: str, at: datetime | str) -> bool:
        """Whether the trigger would move the person at that time; nothing changes.

        Raises:
            NoSuchMove: the model has no such trigger at all.
        """
        when = instant(at)
        if trigger not in self.model.triggers:
            self._unknown(trigger, person, when)
        firing = self.firing(person, when, trigger)
        return any(
            one.opens(person, firing)
            for one in self.events[trigger].transitions.get(person._stage, ())
        )

    def explain(
        self, person: Person, trigger: str | None, at: datetime | str
    ) -> tuple[Refusal, ...]:
        """Why the trigger, or without one the system, does not move the person at that time: every
        move that is not open, with all that is unmet and the values seen [S10].

        Raises:
            NoSuchMove: there is no such trigger, or none of its moves leaves the person's stage.
        """
        when = instant(at)
        if trigger is not None:
            if trigger not in self.model.triggers:
                self._unknown(trigger, person, when)
            if not self.events[trigger].transitions.get(person._stage):
                message = self.no_such(trigger, person._stage)
                raise NoSuchMove(
                    message,
                    Decision(
                        "no_such_move", person.id, when, when, person._stage, trigger,
                        reason=message,
                    ),
                )  # fmt: skip
        return self.refusals(person, trigger, when)

    def _explainer(self, edge: Edge) -> Callable[[Any, datetime], Outcome]:
        """The guard made ready to be explained, once: most guards never are."""
        ready = self._explainers.get(edge.name)
        if ready is None:
            ready = compile_explainer(edge.when, self._words, attribute_of)
            self._explainers[edge.name] = ready
        return ready

    def refusals(self, person: Person, trigger: str | None, now: datetime) -> tuple[Refusal, ...]:
        """Every move of the trigger (or, without one, every system move) that leaves the person's
        stage and is not open, with all that is unmet and the values seen [S10]."""
        event = self.events.get(SORT if person._stage == self._initial else trigger or ADVANCE)
        firing = Firing(person, now, now, False, trigger, None, self.version)
        found = []
        for move in event.transitions.get(person._stage, ()) if event else ():
            if move.opens(person, firing):
                continue
            outcome = self._explainer(move.edge)(person, now)
            note = (
                "not at the instant of the detour that led here"
                if outcome.holds and move.returns
                else ""
            )
            found.append(
                Refusal(move.edge.rule.name, move.edge.target, outcome, unmet(outcome), note)
            )
        return tuple(found)

    def due(self, person: Person, after: datetime) -> datetime | None:
        """The next instant after ``after`` at which a system move may open by time alone [S20]."""
        points = self._turning.get(person._stage)
        return next_turn(points, person, after, attribute_of) if points else None


def _never(person: Person, firing: Firing) -> bool:
    """The system moves of a model that has none."""
    return False
