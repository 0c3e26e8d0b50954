"""The person: a lead or contact, a slotted record that only the machine moves [S1].

``Person`` is what every model starts from. A model adds fields, in TOML or as an attrs subclass,
and has a class of its own, so that two models can live in one process.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NoReturn, cast, get_type_hints

import attrs

from lifecycle_fsm.errors import RecordError, suggest
from lifecycle_fsm.fields import FieldDef, FieldType, Value, is_missing
from lifecycle_fsm.history import DeadlineFact, HistoryRow, Packed, Stamp, stamps, unpack

if TYPE_CHECKING:
    from lifecycle_fsm.machine import Decision, Refusal

#: What guards may read and nobody but the machine writes [S1].
READ_ONLY: Mapping[str, FieldType] = {
    "stage": FieldType("str"),
    "stage_entered_at": FieldType("datetime", nullable=True),
    "journey": FieldType("int"),
    "journey_started_at": FieldType("datetime", nullable=True),
}


def _says(description: str, default: Any = None, **clamps: float) -> Any:
    return attrs.field(
        default=default, kw_only=True, metadata={"description": description, **clamps}
    )


def _machine(default: Any) -> Any:
    return attrs.field(default=default, init=False, repr=False)


@attrs.define(eq=False, slots=True, repr=False)
class Person:
    """A lead or contact, one identity from the first touch to the customer.

    Read ``stage``, ``stage_entered_at``, ``journey`` and ``history``; only the machine writes
    them. Times are UTC. Scores are points.

    A model adds fields by a subclass, ``@attrs.define(eq=False)``, each with a type and a default:
    ``tier: Literal["a", "b"] | None = None``.
    """

    id: str

    created_at: datetime | None = _says("when the person was created")
    created_by: Literal["marketing", "sales"] = _says("who made the record", "marketing")
    created_through: str | None = _says("how: form, import, list, api, crm …")

    email: str | None = _says("e-mail address")
    first_name: str | None = _says("first name")
    last_name: str | None = _says("last name")
    phone: str | None = _says("telephone number, in E.164 once normalised")
    company: str | None = _says("name of the company")
    domain: str | None = _says("registered domain of the company")
    country: str | None = _says("ISO 3166 code of the country, once normalised")
    job_title: str | None = _says("title as written")
    seniority: str | None = _says("level of the job: c_level, vp, director, manager …")
    industry: str | None = _says("industry of the company")
    employees: int | None = _says("employees of the company", minimum=0)
    role: str | None = _says("part in a deal: buyer, accounts_payable, legal …")

    source: str | None = _says("lead source of the first touch")
    source_latest: str | None = _says("lead source of the last touch")
    sourced_by: Literal["marketing", "sales"] | None = _says("who gets credit for the person")

    demographic_score: int = _says("how well the person fits: points", 0)
    behavior_score: int = _says("how much interest the person has shown: points", 0)
    scored_at: datetime | None = _says("when points of interest were last given")
    hand_raised: bool = _says("asked to be contacted, and not yet recycled since", False)
    hand_raised_at: datetime | None = _says("when a hand was last raised")
    last_form: str | None = _says("name of the form filled last")
    unsubscribed: bool = _says("wants no marketing mail", False)

    owner: str | None = _says("the salesperson who owns the record in the CRM")
    owner_changed_at: datetime | None = _says("when the CRM last changed the owner")
    sales_touched_at: datetime | None = _says("when a salesperson last logged an activity")
    assigned_to: str | None = _says("whom the assignment rules named; not yet an acceptance")
    lead_status: str | None = _says("status that sales keeps in the CRM")
    rejection_reason: str | None = _says("why sales gave the person back, from a fixed list")

    open_opportunities: int = _says("open opportunities with an amount and a close date", 0)
    won_opportunities: int = _says("opportunities won", 0)
    last_lost_at: datetime | None = _says("when an opportunity was last lost")

    cohort: str | None = _says("group of a test, drawn once by a hash of the id")
    crm_synced_at: datetime | None = _says("when the CRM last acknowledged the record")
    converted_at: datetime | None = _says("when the lead became a contact")

    _stage: str = _machine("")
    _stage_entered_at: datetime | None = _machine(None)
    _journey: int = _machine(0)
    # The record in which the journey began, where a merge brought it from another [S23].
    _journey_record: str | None = _machine(None)
    _journey_started_at: datetime | None = _machine(None)
    _clock: datetime | None = _machine(None)
    _phase: int = _machine(0)
    _due: datetime | None = _machine(None)
    _history: Packed = _machine(())
    _seen: bytes = _machine(b"")
    _deferred: tuple[Any, ...] = _machine(())
    _opportunities: Mapping[str, Any] | None = _machine(None)
    # What capped score rules have given: the place of each rule, its period, and its points.
    _points: tuple[int, ...] = _machine(())
    # The deadlines of the present visit that are open, as they fall due, and all that were decided.
    _deadlines: tuple[Any, ...] = _machine(())
    _decided: tuple[DeadlineFact, ...] = _machine(())
    # System returns that held as the present detour was entered, and have ever since [S9].
    _shut_returns: tuple[str, ...] = _machine(())
    # When settle ends original processing; nothing where the log says when, or it has ended.
    _settles_at: datetime | None = _machine(None)
    # The greatest number of a journey of any record that was folded into this one [S23].
    _last_journey: int = _machine(0)
    _waiting: tuple[Any, ...] = _machine(())

    if TYPE_CHECKING:  # each model's own class has them, and one method for each trigger

        def fire(
            self, trigger: str, *, at: datetime | str, activity: str | None = None, **payload: Any
        ) -> Decision:
            """Ask for a move, by an activity where somebody keeps them: as in a ``Lifecycle``."""

        def may(self, trigger: str, *, at: datetime | str) -> bool:
            """Whether the trigger would move the person at that time."""

        def explain(self, trigger: str | None = None, *, at: datetime | str) -> tuple[Refusal, ...]:
            """Every move that is not open, with all that is unmet and the values seen."""

    #: Set by the model on its own class.
    __field_types__: ClassVar[Mapping[str, FieldType]] = {}

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        # attrs writes a repr with every field into a subclass; the short one is meant for all.
        own = vars(cls).get("__repr__")
        if own is not None and own.__code__.co_filename.startswith("<attrs generated"):
            cls.__repr__ = Person.__repr__  # type: ignore[method-assign]

    def _kept(self) -> tuple[tuple[str, Value], ...]:
        """The model's dimensions as they are, for a history row; its own class tells them."""
        return ()

    @property
    def stage(self) -> str:
        """Name of the stage that the person is in; empty before creation."""
        return self._stage

    @property
    def stage_entered_at(self) -> datetime | None:
        """When the person entered the present stage."""
        return self._stage_entered_at

    @property
    def journey(self) -> int:
        """Number of the walk along the path, from 1; a return starts the next [S6]."""
        return self._journey

    @property
    def journey_started_at(self) -> datetime | None:
        """When the present journey began."""
        return self._journey_started_at

    @property
    def clock(self) -> datetime | None:
        """The latest instant that has been applied to this person [S20]."""
        return self._clock

    @property
    def history(self) -> tuple[HistoryRow, ...]:
        """Every change of stage so far, first to last [S25]."""
        return tuple(unpack(self.id, self._history))

    @property
    def deadlines(self) -> tuple[DeadlineFact, ...]:
        """What became of the deadlines of each visit, as they were decided [S21]."""
        return self._decided

    @property
    def stamps(self) -> Mapping[str, Stamp]:
        """When each stage was entered, first and last, how often, and for how long [S25]."""
        return stamps(self.history, self._clock)

    def time_in_stage(self, now: datetime) -> timedelta:
        """How long the person has been in the present stage at ``now``."""
        return now - self._stage_entered_at if self._stage_entered_at else timedelta(0)

    def __repr__(self) -> str:
        said = [repr(self.id), f"stage={self._stage!r}"]
        for one in attrs.fields(type(self)):
            value = getattr(self, one.name)
            if one.init and one.name != "id" and value != one.default:
                said.append(f"{one.name}={value!r}")
        return f"{type(self).__name__}({', '.join(said)})"


class _Kept(property):
    """A property that says who writes it, where a program tries to."""

    def __set__(self, person: object, value: object) -> NoReturn:
        name = self.fget.__name__ if self.fget else "it"
        raise AttributeError(
            f"{name!r} is written by the machine only: fire a trigger or apply an activity, and "
            "let the move that they open change it"
        )


# Not as a decorator: type checkers know properties without a setter by the built-in name only.
for _name in ("stage", "stage_entered_at", "journey", "journey_started_at", "clock", "history",
              "deadlines", "stamps"):  # fmt: skip
    _property = vars(Person)[_name]
    setattr(Person, _name, _Kept(_property.fget, doc=_property.__doc__))


def field_defs(person_class: type[Person]) -> Mapping[str, FieldDef]:
    """The fields of a person class that activities and effects may write, by name.

    Raises:
        RecordError: an annotation is not a type that a field may have [S1].
    """
    hints = type_hints(person_class)
    return {
        one.name: field_def(one, hints[one.name])
        for one in attrs.fields(person_class)
        if one.init and one.name != "id"
    }


def type_hints(person_class: type[Person]) -> Mapping[str, Any]:
    """The annotations of a person class and its bases, as types.

    Raises:
        RecordError: an annotation names something that cannot be found.
    """
    try:
        return get_type_hints(person_class, include_extras=True)
    except Exception as error:  # annotations are code, and may raise anything
        raise RecordError(
            f"the annotations of {person_class.__name__} cannot be read: {error}; a type has to "
            "be imported, or defined outside of any function"
        ) from None


def field_def(attribute: attrs.Attribute[Any], annotation: Any) -> FieldDef:
    """The declaration of one field of a person class.

    Raises:
        RecordError: the annotation is not a type that a field may have [S1].
    """
    metadata = attribute.metadata
    default: Any = attribute.default
    kind = attrs.evolve(
        FieldType.from_annotation(annotation),
        minimum=metadata.get("minimum"),
        maximum=metadata.get("maximum"),
    )
    factory = getattr(default, "factory", None)
    if factory is not None:
        if default.takes_self:
            raise RecordError("its default is made from the person: give it a value")
        default = factory()
    return FieldDef(
        attribute.name,
        kind,
        None if default is attrs.NOTHING else default,
        metadata.get("label", ""),
        metadata.get("description", ""),
    ).tidied()


#: The fields that every person has.
BASE_FIELDS: Mapping[str, FieldDef] = field_defs(Person)


def class_name(model: str) -> str:
    """The name of the person class of a model: ``two_step`` has ``TwoStepPerson``."""
    name = "".join(part.capitalize() for part in model.replace("-", "_").split("_")) + "Person"
    return name if name.isidentifier() else "ModelPerson"


def person_class(
    name: str, extra: Mapping[str, FieldDef], base: type[Person] = Person
) -> type[Person]:
    """A person class of a model's own: ``base`` with the extra fields, slotted, with its types.

    An extra field that the base has already gives it another default, where it says one.
    """
    known = attrs.fields_dict(base)
    body = {
        one.name: attrs.field(
            default=one.start(), kw_only=True, type=one.type.annotation, metadata=_words(one)
        )
        for one in extra.values()
        if one.name not in known or known[one.name].default != one.start()
    }
    made = cast(
        "type[Person]",
        attrs.make_class(name, body, bases=(base,), slots=True, eq=False, repr=False),
    )
    types = {one.name: one.type for one in field_defs(base).values()}
    made.__field_types__ = types | {one.name: one.type for one in extra.values()}
    return made


def _words(one: FieldDef) -> dict[str, Any]:
    said = {
        "label": one.label,
        "description": one.description,
        "minimum": one.type.minimum,
        "maximum": one.type.maximum,
    }
    return {name: value for name, value in said.items() if value not in ("", None)}


def accept_fields(
    types: Mapping[str, FieldType],
    values: Mapping[str, Any],
    starts: Mapping[str, Value] | None = None,
) -> dict[str, Value]:
    """The stored form of values from outside, by field name.

    A missing value erases the field, which then is as nobody has ever set it: missing too, or, if
    the field always has a value, what ``starts`` names for it [S4].

    Raises:
        RecordError: a field does not exist, is read-only, or does not take the value.
    """
    accepted: dict[str, Value] = {}
    for name, value in values.items():
        kind = types.get(name)
        if kind is None:
            if name in READ_ONLY:
                raise RecordError(
                    f"{name!r} is written by the machine only: fire a trigger instead"
                )
            raise RecordError(f"no field named {name!r}{suggest(name, types)}")
        if starts is not None and not kind.nullable and is_missing(value):
            accepted[name] = starts[name]
            continue
        try:
            accepted[name] = kind.accept(value)
        except RecordError as error:
            raise RecordError(f"{name}: {error}") from None
    return accepted
