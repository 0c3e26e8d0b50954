"""Objects of other classes, such as ORM rows, moved by the same machine [S6]."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, MutableSequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import attrs

from lifecycle_fsm.errors import RecordError, StageConflict
from lifecycle_fsm.fields import instant
from lifecycle_fsm.history import ROW, HistoryRow, pack
from lifecycle_fsm.machine.decision import Decision, Refusal
from lifecycle_fsm.person import Person

if TYPE_CHECKING:
    from lifecycle_fsm.machine.machine import LifecycleMachine

_MISSING = object()


@attrs.frozen
class Foreign:
    """A machine's view of objects of another class.

    Args:
        machine: the machine of the model.
        stage: the name of the attribute that holds the stage.
        id: the name of the attribute that identifies the object.
        fields: maps fields to their attributes, for those with other names.

    A field that the object does not have counts as never set. An effect that would write such a
    field raises an error, so that no value is lost.

    An object with its rows stores less than a person of a ``Lifecycle``: it has no decay and no
    deadlines, and a return that held when its detour was entered is shut at that instant only [S9].
    """

    machine: LifecycleMachine
    stage: str = "stage"
    id: str = "id"
    fields: Mapping[str, str] = attrs.field(factory=dict)

    def fire(
        self,
        obj: Any,
        trigger: str,
        *,
        at: datetime | str,
        activity: str | None = None,
        history: list[HistoryRow] | None = None,
    ) -> Decision:
        """Fire a trigger for the object. Its stage and fields change only if everything succeeds;
        the new rows are appended to ``history``.

        An activity that a row of the history already names is a duplicate and changes nothing
        [S19]. If time moved the object before the trigger, the decision includes those rows and its
        result is ``moved``.

        Raises:
            StageConflict: the stage differs from the last row of the history: other code wrote it.
            RecordError: the history is missing or empty, or a value does not fit its field.
        """
        known = self._known(obj, history)
        if activity is not None and any(row.activity == activity for row in known):
            when = instant(at)
            return Decision(
                "duplicate", known[-1].person, when, max(when, known[-1].now), known[-1].to_stage,
                trigger, activity, reason="a row of the history names it",
            )  # fmt: skip
        person = self._person(obj, known)
        return self._back(
            obj,
            person,
            history,
            at,
            lambda: self.machine.fire(person, trigger, at=at, activity=activity),
        )

    def advance(
        self, obj: Any, *, at: datetime | str, history: list[HistoryRow] | None = None
    ) -> Decision:
        """Make system moves only, after fields of the object have changed or time has passed; an
        object in original processing is sorted first [S7][S15].

        Raises:
            StageConflict, RecordError: as :meth:`fire`.
        """
        person = self._person(obj, self._known(obj, history))
        return self._back(obj, person, history, at, lambda: self.machine.evaluate(person, at))

    def may(
        self, obj: Any, trigger: str, *, at: datetime | str, history: list[HistoryRow] | None = None
    ) -> bool:
        """Whether the trigger would move the object at that time; nothing changes."""
        person = self._person(obj, self._known(obj, history))
        self.machine.pass_turns(person, instant(at))
        return self.machine.may(person, trigger, at)

    def explain(
        self,
        obj: Any,
        trigger: str | None = None,
        *,
        at: datetime | str,
        history: list[HistoryRow] | None = None,
    ) -> tuple[Refusal, ...]:
        """Every move that is not open to the object, with all its unmet guards [S10]."""
        person = self._person(obj, self._known(obj, history))
        self.machine.pass_turns(person, instant(at))
        return self.machine.explain(person, trigger, at)

    def adopt(self, obj: Any, *, at: datetime | str, stage: str | None = None) -> list[HistoryRow]:
        """The history of an object that is new to the machine: one row that enters its current
        stage.

        Raises:
            LifecycleError: the model has no such stage.
            StageConflict: the object is in another stage than the given one.
        """
        present = getattr(obj, self.stage, None)
        if stage and present and present != stage:
            raise StageConflict(
                f"{type(obj).__name__} {getattr(obj, self.id, '')!r} has {self.stage} = "
                f"{present!r}: it cannot be adopted into {stage!r}"
            )
        name = stage or present or self.machine.model.initial.name
        self.machine.model.stage(name)
        person = self.machine.person(str(getattr(obj, self.id)))
        row = self.machine.enter(person, at)
        setattr(obj, self.stage, name)
        return [attrs.evolve(row, to_stage=name, rule="adopted")]

    def _back(
        self,
        obj: Any,
        person: Person,
        history: list[HistoryRow] | None,
        at: datetime | str,
        ask: Callable[[], Decision],
    ) -> Decision:
        """Call ``ask`` for the person standing for the object; write back all changes or none."""
        assert history is not None, "_known has looked at it"
        known = len(history)
        before = {name: getattr(person, name) for name in self.machine.model.field_types}
        self.machine.pass_turns(person, instant(at))
        decision = ask()
        changes = {
            name: value for name, old in before.items() if (value := getattr(person, name)) != old
        }
        for name in changes:
            if not hasattr(obj, self._attribute(name)):
                raise RecordError(
                    f"{person.history[-1].rule} sets {name!r}, and {type(obj).__name__} has no "
                    f"attribute {self._attribute(name)!r} to keep it"
                )
        writes = {self._attribute(name): value for name, value in changes.items()}
        if person.stage != getattr(obj, self.stage):
            writes[self.stage] = person.stage
        history.extend(person.history[known:])
        try:
            write_attributes((obj, writes))
        except BaseException:
            del history[known:]
            raise
        # Include the hops that time made before the trigger: nothing else reports them.
        hops = person._history[known * ROW :]
        result = "moved" if hops else decision.result
        return attrs.evolve(decision, result=result, hops=hops, first=known + 1)

    def _attribute(self, field: str) -> str:
        return self.fields.get(field, field)

    def _known(self, obj: Any, history: list[HistoryRow] | None) -> list[HistoryRow]:
        """The rows of the object with all times in UTC, after a check that its stage matches."""
        if not isinstance(history, MutableSequence) or not history:
            raise RecordError(
                f"{type(obj).__name__} {getattr(obj, self.id, '')!r} has no history: give its rows "
                "as history=[…], beginning with the one that adopt() makes"
            )
        # Many databases return times without a zone; they were stored as UTC [S4].
        rows = [
            attrs.evolve(
                row,
                at=instant(row.at),
                now=instant(row.now),
                entered_at=instant(row.entered_at),
            )
            for row in history
        ]
        last = rows[-1]
        stage = getattr(obj, self.stage)
        if stage != last.to_stage:
            raise StageConflict(
                f"{type(obj).__name__} {getattr(obj, self.id, '')!r} has {self.stage} = {stage!r}, "
                f"its history says {last.to_stage!r} since {last.now:%Y-%m-%d %H:%M}: something "
                "else wrote the stage; put it back, or append a row that says why"
            )
        return rows

    def _person(self, obj: Any, rows: list[HistoryRow]) -> Person:
        """A person that stands for the object, at the instant of its last row."""
        last = rows[-1]
        values = {
            name: value
            for name in self.machine.model.field_types
            if (value := getattr(obj, self._attribute(name), _MISSING)) is not _MISSING
            and value is not None
        }
        person = self.machine.person(str(getattr(obj, self.id)), **values)
        person._stage = last.to_stage
        person._stage_entered_at = last.entered_at
        person._journey = last.journey
        person._journey_started_at = next(row.now for row in rows if row.journey == last.journey)
        person._clock = last.now
        person._history = tuple(place for row in rows for place in pack(row))
        return person


def write_attributes(*changes: tuple[Any, Mapping[str, Any]]) -> None:
    """Set all of the attributes or, if one of them raises, none [S11]."""
    undo: list[tuple[Any, str, Any]] = []
    try:
        for obj, values in changes:
            for name, value in values.items():
                undo.append((obj, name, getattr(obj, name)))
                setattr(obj, name, value)
    except BaseException:
        for obj, name, value in undo:
            with contextlib.suppress(Exception):  # the attribute that raised may raise again
                setattr(obj, name, value)
        raise
