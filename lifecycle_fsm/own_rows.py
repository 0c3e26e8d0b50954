"""A whole lifecycle for rows of your own: one JSON column beside the columns that you have."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

import attrs

from lifecycle_fsm.activities import Activity
from lifecycle_fsm.errors import RecordError, StageConflict
from lifecycle_fsm.fields import Value
from lifecycle_fsm.lifecycle import Lifecycle
from lifecycle_fsm.machine import Decision, Refusal
from lifecycle_fsm.machine.foreign_objects import write_attributes
from lifecycle_fsm.orchestrator import Engine


@attrs.frozen
class OwnRows:
    """How a lifecycle is kept in objects of your own, such as ORM rows.

    Everything that a ``Lifecycle`` does happens to such an object: original processing, data,
    scoring, moves, deadlines, assignment and alerts, and an id that comes twice is a duplicate. The
    object keeps what it has an attribute for, and the rest in one attribute, as a dictionary that
    JSON can write.

    Args:
        engine: the model, made ready once.
        state: name of the attribute for the rest; ``None`` in it is somebody new.
        id: name of the attribute that identifies the object.
        stage: name of the attribute to which the stage is copied, for queries, if the object has
            it. Nobody else may write it.
        fields: for fields whose attribute has another name: field -> attribute.

    The program loads the row, with a lock where others may have it too, and saves it afterwards.
    Merges need a ``Lifecycle`` that keeps both persons, and are refused.
    """

    engine: Engine
    state: str = "lifecycle_state"
    id: str = "id"
    stage: str = "stage"
    fields: Mapping[str, str] = attrs.field(factory=dict)

    def create(
        self, obj: Any, *, at: datetime | str, record: Callable[[Decision], None] | None = None
    ) -> Decision:
        """Begin the lifecycle of an object with the fields that it has [S13].

        Args:
            obj: the object; it has no state yet.
            at: when the person was created.
            record: called with every decision, in order.

        Raises:
            RecordError: it has a state, or a value does not fit its field.
        """
        if getattr(obj, self.state) is not None:
            raise RecordError(f"{self._name(obj)} has a lifecycle already")
        payload = {name: value for name, value in self._kept(obj).items() if value is not None}
        person = self._id(obj)
        activity = Activity(f"created:{person}", person, "created", at, payload)
        return self.apply(obj, activity, record=record)

    def apply(
        self,
        obj: Any,
        kind: Activity | str,
        *,
        at: datetime | str | None = None,
        id: str | None = None,
        record: Callable[[Decision], None] | None = None,
        **payload: Any,
    ) -> Decision:
        """Apply what happened to the object, as :meth:`.Lifecycle.apply` does.

        Args:
            obj: the object; it changes whole, or on an exception not at all.
            kind: an activity of this object, or its kind.
            at: when it happened, with a kind.
            id: of the activity, with a kind; one is made from the content without it.
            payload: what it brings, with a kind.
            record: called with every decision, in order, also with those of time that passed: their
                rows are the history, and their requests have to be delivered.

        Returns:
            the decision of the activity itself.

        Raises:
            RecordError: the object has no lifecycle yet, or the activity is a merge.
            StageConflict: something else has written the stage.
        """
        name = self._id(obj)
        happened = kind.kind if isinstance(kind, Activity) else kind
        if happened == "merged":
            raise RecordError(f"{self._name(obj)}: a merge needs a Lifecycle that keeps both")
        if isinstance(kind, Activity) and kind.person != name:
            raise RecordError(f"{kind.id!r} happened to {kind.person!r}, not to {self._name(obj)}")
        lifecycle = self._restored(obj, record, new=happened == "created")
        if isinstance(kind, Activity):
            decision = lifecycle.apply(kind)
        else:
            decision = lifecycle.apply(name, kind, at=at, id=id, **payload)
        self._save(obj, lifecycle)
        return decision

    def process(
        self, obj: Any, *, at: datetime | str, record: Callable[[Decision], None] | None = None
    ) -> Decision:
        """End original processing for the object now, as :meth:`.Lifecycle.process` does [S13]."""
        lifecycle = self._restored(obj, record)
        decision = lifecycle.process(self._id(obj), at=at)
        self._save(obj, lifecycle)
        return decision

    def tick(self, obj: Any, until: datetime | str) -> list[Decision]:
        """Let time pass for the object: everything due up to then happens [S20]."""
        lifecycle = self._restored(obj)
        decisions = lifecycle.tick(until)
        self._save(obj, lifecycle)
        return decisions

    def next_due(self, obj: Any) -> datetime | None:
        """When time alone may change the object next; keep it in an indexed column, and call
        :meth:`tick` then."""
        return self._restored(obj).next_due(self._id(obj))

    def may(self, obj: Any, trigger: str, *, at: datetime | str) -> bool:
        """Whether the trigger would move the object at that time; nothing changes."""
        lifecycle = self._restored(obj)
        return lifecycle.machine.may(lifecycle.person(self._id(obj)), trigger, at)

    def explain(
        self, obj: Any, trigger: str | None = None, *, at: datetime | str
    ) -> tuple[Refusal, ...]:
        """Every move that is not open to the object, with all that is unmet [S10]."""
        return self._restored(obj).explain(self._id(obj), trigger, at=at)

    # ------------------------------------------------------------------ the object

    def _id(self, obj: Any) -> str:
        return str(getattr(obj, self.id))

    def _name(self, obj: Any) -> str:
        return f"{type(obj).__name__} {self._id(obj)!r}"

    def _attributes(self, obj: Any) -> Iterable[tuple[str, str]]:
        """The fields for which the object has an attribute, with its name."""
        for field in self.engine.model.field_types:
            attribute = self.fields.get(field, field)
            if field in self.fields or hasattr(obj, attribute):
                yield field, attribute

    def _kept(self, obj: Any) -> dict[str, Value]:
        """The fields that the object itself keeps, in their stored form."""
        types = self.engine.model.field_types
        kept: dict[str, Value] = {}
        for field, attribute in self._attributes(obj):
            value = getattr(obj, attribute)
            try:
                kept[field] = types[field].empty if value is None else types[field].accept(value)
            except RecordError as error:
                raise RecordError(f"{self._name(obj)}, {attribute}: {error}") from None
        return kept

    def _restored(
        self,
        obj: Any,
        record: Callable[[Decision], None] | None = None,
        *,
        new: bool = False,
    ) -> Lifecycle:
        lifecycle = Lifecycle(self.engine, record=record)
        saved = getattr(obj, self.state)
        if saved is None:
            if new:
                return lifecycle
            raise RecordError(f"{self._name(obj)} has no lifecycle yet: create() begins it")
        state = dict(saved)
        seen = b64decode(state.pop("seen", ""))
        state["fields"] = {
            **state["fields"],
            **{
                name: value.isoformat() if isinstance(value, datetime) else value
                for name, value in self._kept(obj).items()
            },
        }
        stage = getattr(obj, self.stage, state["stage"])
        if stage != state["stage"]:
            raise StageConflict(
                f"{self._name(obj)} has {self.stage} = {stage!r}, and its lifecycle says "
                f"{state['stage']!r}: something else wrote the stage; put it back"
            )
        lifecycle.restore(state, seen={state["id"]: seen})
        return lifecycle

    def _save(self, obj: Any, lifecycle: Lifecycle) -> None:
        name = self._id(obj)
        if name not in lifecycle:
            return
        state = lifecycle.dump(name)
        state["seen"] = b64encode(lifecycle.seen(name)[name]).decode()
        person = lifecycle.person(name)
        writes: dict[str, Any] = {}
        for field, attribute in self._attributes(obj):
            state["fields"].pop(field, None)
            value = getattr(person, field)
            if value != getattr(obj, attribute):
                writes[attribute] = value
        if hasattr(obj, self.stage):
            writes[self.stage] = person.stage
        # A new dictionary each time: who keeps the object sees that it has changed.
        write_attributes(obj, {**writes, self.state: state})
