"""A complete lifecycle for your own rows: one JSON column beside your existing columns."""

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

#: The key for the survivor's id in the state of a merged object.
_SURVIVOR = "survivor"


@attrs.frozen
class OwnRows:
    """Keeps a lifecycle in your own objects, such as ORM rows.

    Such an object gets everything that a ``Lifecycle`` does: original processing, data, scoring,
    moves, deadlines, assignment, alerts and the check for duplicate activities. Fields that the
    object has an attribute for are kept there; the rest is kept in one attribute, as a dictionary
    that JSON can write.

    Args:
        engine: the compiled model.
        state: name of the attribute for the rest; it is ``None`` for a new object.
        id: name of the attribute that identifies the object.
        stage: name of the attribute to which the stage is copied for queries, if the object has
            it. Nothing else may write it.
        due: name of the attribute to which :meth:`next_due` is copied in the same way, to find
            the objects to :meth:`tick`.
        fields: for fields whose attribute has another name: field -> attribute.

    The program loads the row, with a lock if other processes may use it, and saves it afterwards.

    Raises:
        RecordError: one attribute would have to keep two things.
    """

    engine: Engine
    state: str = "lifecycle_state"
    id: str = "id"
    stage: str = "stage"
    due: str = "due_at"
    fields: Mapping[str, str] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        fields = self.engine.model.field_types
        kept = {"the state": self.state, "the stage": self.stage, "the due time": self.due}
        kept |= {f"the field {name!r}": self.fields.get(name, name) for name in fields}
        by_attribute: dict[str, str] = {}
        for what, attribute in kept.items():
            if by_attribute.setdefault(attribute, what) != what:
                raise RecordError(
                    f"the attribute {attribute!r} is to keep both {by_attribute[attribute]} and "
                    f"{what}: give one of them another"
                )

    def create(
        self, obj: Any, *, at: datetime | str, record: Callable[[Decision], None] | None = None
    ) -> Decision:
        """Begin the lifecycle of an object with the fields that it has [S13].

        Args:
            obj: the object, without a state.
            at: when the person was created.
            record: called with every decision, in order.

        Raises:
            RecordError: the object already has a state, or a value does not fit its field.
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
        other: Any = None,
        record: Callable[[Decision], None] | None = None,
        **payload: Any,
    ) -> Decision:
        """Apply one activity to the object, as :meth:`.Lifecycle.apply` does.

        Args:
            obj: the object; on an exception it is unchanged.
            kind: an activity of this object, of an object merged into it or of its contact [S23];
                or the kind of a new activity.
            at: when it happened, with a kind.
            id: the activity's id, with a kind; by default one is made from the content.
            other: the object that a merge, or a conversion into a contact that has a lifecycle,
                merges into this one. Its fields stay unchanged, its stage becomes empty, and its
                :meth:`survivor` is this object. On an exception both are unchanged.
            payload: the activity's payload, with a kind.
            record: called with every decision, in order, including those of time that passed:
                their rows are the history, and their requests must be delivered.

        Returns:
            the decision on the activity itself.

        Raises:
            RecordError: an object has no lifecycle yet, was merged into another, or is not the one
                that the activity names; the message says which one to load.
            StageConflict: the stage was written by something else.
        """
        name = self._id(obj)
        happened = kind.kind if isinstance(kind, Activity) else kind
        if happened == "merged" and other is not None and not isinstance(kind, Activity):
            payload.setdefault("loser", self._id(other))
        lifecycle = self._restored(obj, record, new=happened == "created")
        if isinstance(kind, Activity):
            payload = dict(kind.payload)
            if kind.person != name and kind.person not in lifecycle:
                raise RecordError(
                    f"{kind.id!r} happened to {kind.person!r}, not to {self._name(obj)}"
                )
        self._add_other(lifecycle, obj, other, happened, payload)
        if isinstance(kind, Activity):
            decision = lifecycle.apply(kind)
        else:
            decision = lifecycle.apply(name, kind, at=at, id=id, **payload)
        self._save(lifecycle, obj, other)
        return decision

    def process(
        self, obj: Any, *, at: datetime | str, record: Callable[[Decision], None] | None = None
    ) -> Decision:
        """End original processing for the object now, as :meth:`.Lifecycle.process` does [S13]."""
        lifecycle = self._restored(obj, record)
        decision = lifecycle.process(self._id(obj), at=at)
        self._save(lifecycle, obj)
        return decision

    def tick(self, obj: Any, until: datetime | str) -> list[Decision]:
        """Let time pass for the object: everything due by ``until`` happens [S20]. Nothing is due
        for a merged object."""
        if self.survivor(obj) is not None:
            return []
        lifecycle = self._restored(obj)
        decisions = lifecycle.tick(until)
        self._save(lifecycle, obj)
        return decisions

    def next_due(self, obj: Any) -> datetime | None:
        """When time alone may change the object next: call :meth:`tick` then."""
        return None if self.survivor(obj) else self._restored(obj).next_due(self._id(obj))

    def survivor(self, obj: Any) -> str | None:
        """The id of the object that this one was merged into, or ``None``. Activities of this one
        have to be applied to the survivor [S23]."""
        saved = getattr(obj, self.state)
        return None if saved is None else saved.get(_SURVIVOR)

    def may(self, obj: Any, trigger: str, *, at: datetime | str) -> bool:
        """Whether the trigger would move the object at that time; changes nothing."""
        lifecycle = self._restored(obj)
        return lifecycle.machine.may(lifecycle.person(self._id(obj)), trigger, at)

    def explain(
        self, obj: Any, trigger: str | None = None, *, at: datetime | str
    ) -> tuple[Refusal, ...]:
        """Every move that is closed to the object, with every unmet condition [S10]."""
        return self._restored(obj).explain(self._id(obj), trigger, at=at)

    # ------------------------------------------------------------------ the object

    def _id(self, obj: Any) -> str:
        return str(getattr(obj, self.id))

    def _name(self, obj: Any) -> str:
        return f"{type(obj).__name__} {self._id(obj)!r}"

    def _attributes(self, obj: Any) -> Iterable[tuple[str, str]]:
        """The fields for which the object has an attribute, each with the attribute's name."""
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
        if not new or getattr(obj, self.state) is not None:
            self._restore(lifecycle, obj)
        return lifecycle

    def _restore(self, lifecycle: Lifecycle, obj: Any) -> None:
        """Restore the person of an object."""
        saved = getattr(obj, self.state)
        if saved is None:
            raise RecordError(f"{self._name(obj)} has no lifecycle yet: create() begins it")
        if survivor := self.survivor(obj):
            raise RecordError(
                f"{self._name(obj)} was merged into {survivor!r}: load that row, and apply to it "
                f"what comes for {self._id(obj)!r}"
            )
        state = dict(saved)
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
        records = (state, *state.get("folded", ()))
        seen = {record["id"]: b64decode(record.get("seen", "")) for record in records}
        lifecycle.restore(state, seen=seen)

    def _add_other(
        self, lifecycle: Lifecycle, obj: Any, other: Any, kind: str, payload: Mapping[str, Any]
    ) -> None:
        """Restore the other person of a merge as well, unless it is already one of the object's
        records, as when the merge comes twice."""
        named = payload.get({"merged": "loser", "converted": "contact"}.get(kind, ""))
        named = named if isinstance(named, str) else ""
        if other is not None and (self.survivor(other) or self._id(other)) not in lifecycle:
            self._restore(lifecycle, other)
            person = lifecycle.person(named) if named in lifecycle else None
            if person is None or person.id != self._id(other):
                raise RecordError(
                    f"{self._name(obj)}: other= is {self._name(other)}, and this {kind} "
                    + (f"is about {named!r}: load that row" if named else "is about nobody else")
                )
        elif kind == "merged" and named and named not in lifecycle:
            raise RecordError(
                f"{self._name(obj)}: load the row of {named!r} too, which is merged into it, and "
                "give it as other="
            )

    def _save(self, lifecycle: Lifecycle, *objects: Any) -> None:
        """Write the people back into their objects: all or, on an exception, none."""
        write_attributes(
            *(
                (obj, self._writes(obj, lifecycle))
                for obj in objects
                if obj is not None and self._id(obj) in lifecycle
            )
        )

    def _writes(self, obj: Any, lifecycle: Lifecycle) -> dict[str, Any]:
        """The values to write into the object, by attribute."""
        name = self._id(obj)
        person = lifecycle.person(name)
        writes: dict[str, Any] = {}
        if person.id != name:
            stage, due = "", None
            # A new dictionary each time, so that an ORM sees the change.
            writes[self.state] = {"id": name, _SURVIVOR: lifecycle.merged[name]}
        else:
            stage, due = person.stage, person.next_due
            state = writes[self.state] = lifecycle.dump(name)
            seen = lifecycle.seen(name)
            for record in (state, *state.get("folded", ())):
                record["seen"] = b64encode(seen[record["id"]]).decode()
            for field, attribute in self._attributes(obj):
                state["fields"].pop(field, None)
                value = getattr(person, field)
                if value != getattr(obj, attribute):
                    writes[attribute] = value
        if hasattr(obj, self.stage):
            writes[self.stage] = stage
        if hasattr(obj, self.due):
            writes[self.due] = due
        return writes
