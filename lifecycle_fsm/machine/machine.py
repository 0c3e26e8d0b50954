"""The model as a ``transitions`` machine: one for all people."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from lifecycle_fsm.errors import LifecycleError, NoSuchMove, RecordError, suggest
from lifecycle_fsm.fields import instant
from lifecycle_fsm.guard import (
    Always,
    Observed,
    Opaque,
    Or,
    Outcome,
    TurningPoint,
    compile_explainer,
    compile_guard,
    compile_observed,
    conditions,
    turning_points,
    unmet,
)
from lifecycle_fsm.guard.terms import walk
from lifecycle_fsm.history import HistoryRow, MoveKind, unpack
from lifecycle_fsm.machine.clock import MachineClock
from lifecycle_fsm.machine.decision import Decision, Refusal, Result
from lifecycle_fsm.machine.lean_transitions import (
    ADVANCE,
    LeanEvent,
    LeanMachine,
    TransitionContext,
)
from lifecycle_fsm.machine.observer import EVERYWHERE, Observer
from lifecycle_fsm.machine.returns import is_shut
from lifecycle_fsm.machine.transaction import Transaction
from lifecycle_fsm.machine.triggers import own_class
from lifecycle_fsm.model import Edge, Model, Set, Stage
from lifecycle_fsm.person import Person, accept_fields
from lifecycle_fsm.silos.deadlines import Scheduler
from lifecycle_fsm.silos.effects import attribute_of, effects
from lifecycle_fsm.silos.scoring import Scoring

#: Why a move is not open although its guard holds [S9][S14].
SHUT = (
    "it has held ever since the detour was entered: it is made when it becomes true again after it "
    "has been false"
)
DEFERRED = "deferred: it waits for the end of original processing"
#: The event of the sort; like ``ADVANCE`` it is not a trigger of the model.
SORT = "_sort"
#: The attributes that a machine makes from its model.
_WIRED = frozenset(
    "scoring scheduler events _words _machine _sort _advance _explainers _observed _turning".split()
)


class PossibleTrigger(NamedTuple):
    """A process trigger that can be fired for a person.

    Args:
        trigger: its name.
        target: the stage that it would move the person to; ``None`` if it would be refused.
        refusals: every move of the trigger that is not open, with all its unmet guards.
    """

    trigger: str
    target: str | None
    refusals: tuple[Refusal, ...]


class LifecycleMachine(MachineClock):
    """The machine of a model. It holds no people, and a person holds no reference to it.

    Only one writer may change a person at a time: like plain Python objects, people are not locked.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        #: The observers of this machine; see :class:`~lifecycle_fsm.machine.observer.Observer`.
        self.observers: list[Observer] = []
        self.version = model.version
        #: The class of this model's people, with a method for each trigger.
        self.person_class = own_class(self)
        self._initial = model.initial.name
        #: Does work on a person completely or not at all [S11].
        self.transaction = Transaction(self.person_class)
        self._make_moves()
        for observer in tuple(EVERYWHERE):
            observer.machine_made(self)

    def wire(self, model: Model) -> None:
        """Use the moves of this model from now on: the machine's own model, or a changed copy with
        the same stages, fields and triggers, for mutation tests.

        The moves are made when first needed. People stay, and so does the version in their rows.
        """
        self.model = model
        for name in _WIRED:
            vars(self).pop(name, None)
        self.__class__ = _UnwiredMachine

    def _make_moves(self) -> None:
        model = self.model
        #: The score rules; a move that changes one of their inputs runs them again [S18].
        self.scoring = Scoring(model)
        self._words = model.vocabulary
        self.scheduler = Scheduler(model, self.scoring)
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
        #: Every trigger as an event of ``transitions``: ``.trigger(person, context=…)``.
        self.events = cast(Mapping[str, LeanEvent], self._machine.events)
        self._sort = self.events[SORT].fire
        self._advance = self.events[ADVANCE].fire if ADVANCE in self.events else _never
        self._connect()
        self._explainers: dict[str, Callable[[Any, datetime], Outcome]] = {}
        self._observed: dict[str, Observed] = {}
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
            then=self.scoring.rescoring(write, (effect.field for effect in then)),
        )

    def _connect(self) -> None:
        """Tell each move which returns and deadlines it affects."""
        moves = [
            move
            for event in self.events.values()
            for moves in event.transitions.values()
            for move in moves
        ]
        promised = self.scheduler.by_stage
        for event in self.events.values():
            event.observers = self.observers
            event.any_open = {
                stage: compile_guard(Or(guards), self._words, attribute_of)
                for stage, moves in event.transitions.items()
                if len(guards := tuple(move.edge.when for move in moves)) > 1
                # A callable is called only when its own move is tried. If one move is always open,
                # as in the sort, the combined guard says nothing.
                and not any(
                    isinstance(part, Opaque | Always) for guard in guards for part in walk(guard)
                )
            }
        for move in moves:
            move.machine = self
            source, target = move.edge.source, move.edge.target
            move.returns_behind = tuple(
                other for other in moves if other.may_be_shut and other.edge.source == target
            )
            move.leaves = self.scheduler if source in promised else None
            move.enters = self.scheduler if target in promised else None

    def _turning_points(self) -> Mapping[str, tuple[TurningPoint, ...]]:
        """For each stage, when the passing of time alone can open its system moves [S20]."""
        by_stage: dict[str, list[TurningPoint]] = {}
        for edge in self.model.edges:
            points = () if edge.on else turning_points(edge.when, self._words)
            if points:
                by_stage.setdefault(edge.source, []).extend(points)
        return {stage: tuple(dict.fromkeys(points)) for stage, points in by_stage.items()}

    # ------------------------------------------------------------------ people

    def person(self, id: str, **fields: Any) -> Person:
        """A new person of this model's class, not in any stage yet.

        Raises:
            RecordError: a field does not exist or does not accept the value.
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
        """Put a person who is known to be new into original processing, for the inner loop."""
        context = TransitionContext(person, at, at, False, None, activity, self.version)
        person._clock = at
        person._stage = self._initial
        person._stage_entered_at = at
        person._journey = 1
        person._journey_started_at = at
        context.append(person, None, self._initial, "enter", "created")
        self.schedule(person, at, 0)

    def sort(self, person: Person, context: TransitionContext) -> None:
        """Give a person in original processing the first stage [S15]; system moves wait until the
        deferred triggers have fired [S14]."""
        if person._stage == self._initial:
            self._sort(person, context)

    # ------------------------------------------------------------------ asking

    def context(
        self, person: Person, at: datetime, trigger: str | None = None, activity: str | None = None
    ) -> TransitionContext:
        """The context of an activity or trigger; late if the person's clock is ahead [S19]."""
        clock = person._clock
        if clock is None or at > clock:
            return TransitionContext(person, at, at, False, trigger, activity, self.version)
        return TransitionContext(
            person, clock, at, at < clock or person._phase > 0, trigger, activity, self.version
        )

    def ask(self, person: Person, trigger: str, context: TransitionContext) -> Result:
        """Fire a process trigger once, from the current stage [S7]."""
        event = self.events.get(trigger)
        told = self.observers or EVERYWHERE
        if told:
            for observer in (*self.observers, *EVERYWHERE):
                observer.transition_tried(self, person, trigger, context.now)
        result: Result = "no_such_move"
        if event is not None and event.transitions.get(person._stage):
            result = "moved" if event.fire(person, context) else "refused"
        if told and result != "moved":
            for observer in (*self.observers, *EVERYWHERE):
                observer.transition_refused(self, person, trigger, context.now, result)
        return result

    def advance(self, person: Person, context: TransitionContext) -> None:
        """Run the system moves to completion [S7]. This ends, because the path only goes forward,
        detours do not lead to each other in a circle [S6], and a return waits until its guard has
        been false once [S9]."""
        while self._advance(person, context):
            pass

    def run(
        self, person: Person, trigger: str | None, context: TransitionContext
    ) -> tuple[Result, tuple[Refusal, ...]]:
        """Fire the trigger once, run the system moves to completion, and set the clock [S7]."""
        result: Result = "unchanged"
        unmet: tuple[Refusal, ...] = ()
        if trigger is not None:
            result = self.ask(person, trigger, context)
            if result == "refused":
                unmet = self.refusals(person, trigger, context.now, told=True)
        while self._advance(person, context):
            pass
        self.advance_clock(person, context.now, 0)
        return ("moved" if context.entered else result), unmet

    def fire(
        self,
        person: Any,
        trigger: str,
        *,
        at: datetime | str,
        activity: str | None = None,
        history: list[HistoryRow] | None = None,
    ) -> Decision:
        """Fire a trigger once, then run the system moves to completion [S7].

        Args:
            person: a person of this model's class, or a foreign object, such as an ORM row, whose
                attributes are the stage and the fields; for other names see
                :class:`~lifecycle_fsm.machine.foreign_objects.Foreign`.
            trigger: a process trigger of the model.
            at: when it was fired; a naive time counts as UTC [S4].
            activity: the id of the activity that caused it, for the history.
            history: for a foreign object, its rows so far; the new ones are appended.

        Returns:
            the decision; ``.or_raise()`` turns a refusal into an exception.

        Raises:
            NoSuchMove: the model has no such trigger.
            StageConflict: the stage of a foreign object differs from the last row of its history.
        """
        at = instant(at)
        if trigger not in self.model.triggers:
            self._unknown(trigger, person, at)
        if isinstance(person, Person):
            self._own(person)
        else:
            # Foreign fires through this machine.
            from lifecycle_fsm.machine.foreign_objects import Foreign

            return Foreign(self).fire(person, trigger, at=at, activity=activity, history=history)
        return self.transaction(person, self._fire, person, trigger, at, activity)

    def _fire(self, person: Person, trigger: str, at: datetime, activity: str | None) -> Decision:
        self._pass(person, at)
        context = self.context(person, at, trigger, activity)
        stage = person._stage
        result, unmet = self.run(person, trigger, context)
        return Decision(
            result,
            person.id,
            context.at,
            context.now,
            person._stage,
            trigger,
            activity,
            None,
            context.added(person),
            context.first,
            unmet,
            self.no_such(trigger, stage) if result == "no_such_move" else "",
            context.late,
        )

    def asked(
        self, person: Person, trigger: str, at: datetime | str, activity: str | None, **payload: Any
    ) -> Decision:
        """Fire as ``person.<trigger>(at=…)`` does: by an activity, if the person has a keeper."""
        when = instant(at)
        if trigger not in self.model.triggers:
            self._unknown(trigger, person, when)
        keeper = person.keeper
        if keeper is not None:
            decision: Decision = keeper.ask(person, trigger, when, activity, payload)
            return decision
        if payload:
            raise RecordError(
                f"{', '.join(payload)}: nobody keeps the activities of this person; set the "
                "fields, then ask"
            )
        return self.fire(person, trigger, at=when, activity=activity)

    def _own(self, person: Person) -> None:
        if not person._stage:
            raise LifecycleError(f"{person.id} is in no stage yet: enter() or admit comes first")
        if not isinstance(person, self.person_class):
            raise LifecycleError(
                f"{person.id} is a {type(person).__name__}, of another model than "
                f"{self.model.name!r}: make persons with this machine's person()"
            )

    # ------------------------------------------------------------------ for keepers of people

    def settle_at(self, person: Person, at: datetime | None, now: datetime | None = None) -> None:
        """Set when the model's ``settle`` ends original processing, or ``None`` if other code ends
        it [S14]; recompute what is due next, after ``now`` or the person's clock."""
        person._settles_at = at
        now = now or person._clock
        if now is not None:
            self.schedule(person, now, person._phase)

    def end_processing(self, person: Person, context: TransitionContext, by: str | None) -> None:
        """Give a person in original processing the first stage, and cancel ``settle``; ``by`` is
        the record whose end of processing this is, unless ``settle`` itself ended it."""
        person._settles_at = None
        person._sorted_by = by
        self.sort(person, context)

    def stand_behind_activities(self, person: Person, now: datetime) -> None:
        """Make further activities of this instant late: effects of time follow them [S19]."""
        if person._clock == now:
            person._phase = 1

    def record_past(
        self,
        person: Person,
        at: datetime,
        source: str | None,
        target: str,
        kind: MoveKind,
        rule: str,
        passed: tuple[str, ...] = (),
        credit: bool = True,
        trigger: str | None = None,
        *,
        journey: int | None = None,
    ) -> None:
        """Add a row to a person's invented past, such as for a test; no guard is evaluated and no
        effect applied. ``journey`` is the journey's number, unless the row begins one."""
        if kind == "return":
            person._journey += 1
            person._journey_started_at = at
        elif source is None:
            person._journey, person._journey_started_at = 1, at
        if journey is not None:
            person._journey = journey
        person._stage, person._stage_entered_at = target, at
        context = TransitionContext(person, at, at, False, trigger, None, self.version)
        context.append(person, source, target, kind, rule, passed, credit)

    def resume(self, person: Person, now: datetime) -> None:
        """Start time for a person whose past was recorded: deadlines of the current visit that
        would already have passed count as handled [S21]."""
        self.scheduler.enter(person, now)
        person._deadlines = tuple(deadline for deadline in person._deadlines if deadline.due >= now)
        self.advance_clock(person, now, 0)

    def evaluate(self, person: Person, at: datetime | str) -> Decision:
        """Let the system move a person after something changed or time passed: the sort, if still
        pending, then the system moves to completion [S7][S15].

        For people without a ``Lifecycle``, in which activities do this.
        """
        self._own(person)
        return self.transaction(person, self._evaluate, person, instant(at))

    def _evaluate(self, person: Person, at: datetime) -> Decision:
        self._pass(person, at)
        context = self.context(person, at)
        self.sort(person, context)
        result, _ = self.run(person, None, context)
        return Decision(
            result, person.id, context.at, context.now, person._stage, None, None, "system",
            context.added(person), context.first, late=context.late,
        )  # fmt: skip

    def no_such(self, trigger: str, stage: str) -> str:
        """Why a trigger does nothing in a stage, and which triggers would."""
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

    # ------------------------------------------------------------------ queries

    @property
    def states(self) -> Mapping[str, Stage]:
        """The stages by name, in the order of the model; as in ``transitions.Machine``."""
        return {stage.name: stage for stage in self.model.stages}

    def get_triggers(self, *stages: str) -> tuple[str, ...]:
        """The process triggers that leave any of these stages, in the order of the model.

        Raises:
            LifecycleError: the model has no such stage.
        """
        for stage in stages:
            self.model.stage(stage)
        return tuple(
            trigger
            for trigger in self.model.triggers
            if any(self.events[trigger].transitions.get(stage) for stage in stages)
        )

    def get_transitions(
        self, trigger: str | None = "", source: str = "*", dest: str = "*"
    ) -> tuple[Edge, ...]:
        """The moves between stages, in the order in which they are tried [S8]; as in
        ``transitions.Machine``.

        Args:
            trigger: the trigger of the moves; ``None`` for system moves, an empty text for all.
            source: the stage that they leave; ``*`` for any.
            dest: the stage that they enter; ``*`` for any.
        """
        return tuple(
            edge
            for edge in (*self.model.sort_edges, *self.model.edges)
            if trigger in ("", edge.on)
            and source in ("*", edge.source)
            and dest in ("*", edge.target)
        )

    def triggers(self, person: Person, at: datetime | str) -> tuple[PossibleTrigger, ...]:
        """The triggers that can be fired for a person at an instant: each that leaves the stage in
        which an activity would then find the person, with its unmet guards [S10][S20].

        In original processing there are none: every trigger waits for the sort [S14].
        """
        person, now = self.as_of(person, instant(at))
        if person._stage == self._initial:
            return ()
        return tuple(
            PossibleTrigger(
                trigger,
                next(
                    (
                        move.edge.target
                        for move in self.events[trigger].transitions[person._stage]
                        if move.opens(person, now)
                    ),
                    None,
                ),
                self.refusals(person, trigger, now),
            )
            for trigger in self.get_triggers(person._stage)
        )

    def may(self, person: Person, trigger: str, at: datetime | str) -> bool:
        """Whether the trigger would move the person at that time; nothing changes.

        The answer is for the person as an activity at that instant would find them: after
        everything that is due before it. In original processing every trigger waits, so no one
        moves [S14][S20].

        Raises:
            NoSuchMove: the model has no such trigger.
        """
        when = instant(at)
        if trigger not in self.model.triggers:
            self._unknown(trigger, person, when)
        person, now = self.as_of(person, when)
        return any(
            move.opens(person, now)
            for move in self.events[trigger].transitions.get(person._stage, ())
        )

    def explain(
        self, person: Person, trigger: str | None, at: datetime | str
    ) -> tuple[Refusal, ...]:
        """Why the trigger, or without one the system, does not move the person at that time: every
        move that is not open, with all its unmet guards and the values they read [S10].

        The answer is for the person as an activity at that instant would find them: after
        everything that is due before it [S20]. In original processing a trigger is deferred, and
        each of its moves says so.

        Raises:
            NoSuchMove: the trigger does not exist, or none of its moves leaves the person's stage.
        """
        when = instant(at)
        if trigger is not None and trigger not in self.model.triggers:
            self._unknown(trigger, person, when)
        person, now = self.as_of(person, when)
        if trigger is not None:
            if person._stage == self._initial:
                return tuple(self._deferred(trigger, person, now))
            if not self.events[trigger].transitions.get(person._stage):
                message = self.no_such(trigger, person._stage)
                raise NoSuchMove(
                    message,
                    Decision(
                        "no_such_move", person.id, when, when, person._stage, trigger,
                        reason=message,
                    ),
                )  # fmt: skip
        return self.refusals(person, trigger, now)

    def _deferred(self, trigger: str, person: Person, now: datetime) -> Iterator[Refusal]:
        moves = {
            move.name: move for moves in self.events[trigger].transitions.values() for move in moves
        }
        for move in moves.values():
            outcome = self._explainer(move.edge)(person, now)
            yield Refusal(move.name, move.edge.target, outcome, (), DEFERRED)

    def _explainer(self, edge: Edge) -> Callable[[Any, datetime], Outcome]:
        """The explainer of an edge's guard, compiled at first use: most are never needed."""
        ready = self._explainers.get(edge.name)
        if ready is None:
            ready = compile_explainer(edge.when, self._words, attribute_of)
            self._explainers[edge.name] = ready
        return ready

    def observed(self, edge: Edge) -> Observed:
        """The guard of an edge, compiled to report the outcomes of its conditions, for observers
        that need them."""
        ready = self._observed.get(edge.name)
        if ready is None:
            parts = conditions(edge.when, self._words)
            ready = compile_observed(parts, self._words, attribute_of)
            self._observed[edge.name] = ready
        return ready

    def refusals(
        self, person: Person, trigger: str | None, now: datetime, *, told: bool = False
    ) -> tuple[Refusal, ...]:
        """Every move of the trigger (or, without one, every system move) that leaves the person's
        stage and is not open, with all its unmet guards and the values they read [S10].

        Observers are notified of the guards unless ``told`` says that they already were.
        """
        event = self.events.get(SORT if person._stage == self._initial else trigger or ADVANCE)
        refused = []
        for move in event.transitions.get(person._stage, ()) if event else ():
            holds = move.guard(person, now) if told else move.evaluate(person, now)
            if holds and not is_shut(person, move):
                continue
            outcome = self._explainer(move.edge)(person, now)
            note = SHUT if outcome.holds else ""
            refused.append(Refusal(move.name, move.edge.target, outcome, unmet(outcome), note))
        return tuple(refused)


class _UnwiredMachine(LifecycleMachine):
    """A machine that makes its moves when one of them is first needed. A separate class, because
    ``__getattr__`` slows down every attribute of a class that has it."""

    if not TYPE_CHECKING:  # it would hide misspelled names from a type checker

        def __getattr__(self, name: str) -> Any:
            if name not in _WIRED:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            self.__class__ = LifecycleMachine
            self._make_moves()
            return vars(self)[name]


def _never(person: Person, context: TransitionContext) -> bool:
    """The system moves of a model without any."""
    return False
