"""The model as a ``transitions`` machine: one for all persons [S6]–[S12]."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias, cast
from weakref import WeakSet

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
from lifecycle_fsm.machine.transaction import Whole
from lifecycle_fsm.machine.triggers import own_class
from lifecycle_fsm.model import Edge, Model, Set
from lifecycle_fsm.person import Person, accept_fields
from lifecycle_fsm.silos.clock import Agenda, Missed
from lifecycle_fsm.silos.effects import Payloads, attribute_of, effects
from lifecycle_fsm.silos.scoring import Scoring

#: Why a move is not open whose guard holds [S9][S14].
SHUT = (
    "it has held ever since the detour was entered: it is made when it becomes true again after it "
    "has been false"
)
DEFERRED = "deferred: it waits for the end of original processing"
#: Events of the machine that are no trigger of the model; user triggers never start with ``_``.
ADVANCE, SORT = "_advance", "_sort"
Front: TypeAlias = Callable[[Person, str, datetime, str | None, Payloads], Decision]
#: Every machine that is in use, and who is told of each new one: for coverage, and only while a
#: machine is made.
MACHINES: WeakSet[LifecycleMachine] = WeakSet()
WATCHERS: list[Callable[[LifecycleMachine], None]] = []


class Passed(NamedTuple):
    """What happened to a person at an instant at which something was due [S20].

    Args:
        firing: the system moves that were made, if any.
        faded: what decay changed, in words, rule by rule.
        missed: the deadlines that were missed.
        changed: whether anything of the person is not as before: a field, a row, a deadline that
            was decided, or a note that a condition has held, or a return has not.
    """

    firing: Firing
    faded: list[str]
    missed: list[Missed]
    changed: bool


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
        #: Decay and deadlines: what time brings beside moves [S20][S21].
        self.agenda = Agenda(model, self.scoring)
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
        self._connect()
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

    def _connect(self) -> None:
        """Tell each move what its way touches beside the stage: returns, and deadlines."""
        moves = [
            move
            for event in self.events.values()
            for moves in event.transitions.values()
            for move in moves
        ]
        promised = self.agenda.by_stage
        for move in moves:
            source, target = move.edge.source, move.edge.target
            move.returns_behind = tuple(
                other for other in moves if other.may_be_shut and other.edge.source == target
            )
            move.leaves = self.agenda if source in promised else None
            move.enters = self.agenda if target in promised else None

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
        self.schedule(person, at, 0)

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
        detours lead to each other in no circle [S6], and a return waits until it has been closed
        once [S9]."""
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
        self.advance_clock(person, firing.now, 0)
        return ("moved" if firing.entered else result), unmet

    def advance_clock(self, person: Person, now: datetime, phase: int) -> None:
        """Set the person's clock, phase 0 for an activity and 1 for what was due, and find out
        what is due next [S20]."""
        clock = person._clock
        if clock is None or now > clock:
            person._clock, person._phase = now, phase
        elif phase > person._phase:
            person._phase = phase
        if person._deadlines:
            self.agenda.observe(person, now)
        # The person's own phase: a late activity does not bring back what has been due.
        self.schedule(person, now, person._phase)

    def schedule(self, person: Person, now: datetime, phase: int, *, in_vain: bool = False) -> None:
        """Find out when time may change the person next, after ``now``; ``in_vain`` where what was
        due then has changed nothing."""
        due = self.agenda.next(person, now, phase, in_vain)
        stage = person._stage
        if stage == self._initial:
            turn = person._settles_at
        else:
            # Few stages have a move that time opens: the others are spared the call.
            points = self._turning.get(stage)
            turn = next_turn(points, person, now, attribute_of) if points else None
        person._due = due if turn is None or (due is not None and due < turn) else turn

    def pass_time(self, person: Person, due: datetime) -> Passed:
        """Let happen what is due at an instant: decay, deadlines, then the moves that it opens;
        in original processing decay alone [S20].

        Where nothing comes of it, the person's clock stays as it was [S19].
        """
        agenda = self.agenda
        before = person._decided, person._deadlines, person._shut_returns
        faded = agenda.fade(person, due)
        firing = Firing(person, due, due, False, None, None, self.version)
        missed: list[Missed] = []
        if person._stage != self._initial:
            if person._deadlines:
                missed = agenda.decide(person, due)
            self.advance(person, firing)
            if person._deadlines:
                agenda.observe(person, due)
        changed = bool(faded or firing.entered) or before != (
            person._decided, person._deadlines, person._shut_returns
        )  # fmt: skip
        if changed:
            self.advance_clock(person, due, 1)
        else:
            self.schedule(person, due, 1, in_vain=True)
        return Passed(firing, faded, missed, changed)

    def next_due(self, person: Person) -> datetime | None:
        """When time alone may change the person next, or ``None`` if it never does: decay, a
        deadline, a move that time opens, or the sort that ``settle`` brings [S20].

        Nothing may come of it, such as where a score that fades is zero already.
        """
        return person._due

    def as_of(self, person: Person, at: datetime) -> tuple[Person, datetime]:
        """The person as an activity at that instant would find them, and the instant at which it
        would be applied [S20].

        It is the person, or a copy to whom all has happened that is due before. The steps of
        original processing never run for a question.
        """
        clock = person._clock
        if clock is None or at <= clock:
            return person, clock or at
        if person._due is None or person._due >= at:
            return person, at
        later = self.whole.copy(person)
        while later._due is not None and later._due < at:
            if later._stage == self._initial and later._due == later._settles_at:
                break
            self.pass_time(later, later._due)
        return later, at

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
        """Let happen what is due before an asking [S20]; who keeps the person runs the sort."""
        while person._due is not None and person._due < until:
            if person._stage == self._initial and person._due == person._settles_at:
                return
            self.pass_time(person, person._due)

    def pass_turns(self, person: Person, until: datetime) -> None:
        """Let the moves happen that time opens before an instant, for somebody whose decay and
        deadlines nobody keeps, and who may be where nobody saw how the stage was entered."""
        now = person._clock
        assert now is not None, "who has a history has a clock"
        event = self.events.get(ADVANCE)
        if event is not None and until == person._stage_entered_at:
            person._shut_returns = tuple(
                move.name
                for move in event.transitions.get(person._stage, ())
                if move.may_be_shut and move.guard(person, until)
            )
        while (due := self.due(person, now)) is not None and due < until:
            now = due
            firing = Firing(person, due, due, False, None, None, self.version)
            self.advance(person, firing)
            if firing.entered:
                person._clock, person._phase = due, 1
        person._due = None

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

        It answers as an activity at that instant would find the person: after all that is due
        before it. In original processing every trigger waits, so nobody would move [S14][S20].

        Raises:
            NoSuchMove: the model has no such trigger at all.
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
        move that is not open, with all that is unmet and the values seen [S10].

        It answers as an activity at that instant would find the person: after all that is due
        before it [S20]. In original processing a trigger is deferred, and each of its moves says
        so.

        Raises:
            NoSuchMove: there is no such trigger, or none of its moves leaves the person's stage.
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
        refused = []
        for move in event.transitions.get(person._stage, ()) if event else ():
            if move.opens(person, now):
                continue
            outcome = self._explainer(move.edge)(person, now)
            note = SHUT if outcome.holds else ""
            refused.append(Refusal(move.name, move.edge.target, outcome, unmet(outcome), note))
        return tuple(refused)

    def due(self, person: Person, after: datetime) -> datetime | None:
        """The next instant after ``after`` at which a system move may open by time alone [S20]."""
        points = self._turning.get(person._stage)
        return next_turn(points, person, after, attribute_of) if points else None


def _never(person: Person, firing: Firing) -> bool:
    """The system moves of a model that has none."""
    return False
