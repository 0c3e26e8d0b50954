"""The person: a lead or contact, a slotted record that only the machine moves [S1].

Every model starts from ``Person`` and adds fields, in TOML or as an attrs subclass. Each model has
its own class, so two models can live in one process.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain
from operator import attrgetter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, NoReturn, cast, get_type_hints

import attrs

from lifecycle_fsm.activities import FINGERPRINT
from lifecycle_fsm.attributes import writer
from lifecycle_fsm.errors import LifecycleError, RecordError, suggest
from lifecycle_fsm.fields import FieldDef, FieldType, Value, is_missing
from lifecycle_fsm.history import (
    ROW,
    DeadlineFact,
    HistoryRow,
    Hop,
    Packed,
    Stamp,
    VisitKey,
    shared_hop,
    stamps,
    unpack,
)

if TYPE_CHECKING:
    from lifecycle_fsm.machine import Decision, Refusal

#: Values that guards may read and only the machine writes [S1].
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


class Opportunity(NamedTuple):
    """A deal that the person is a contact of, with its value.

    Args:
        status: ``open``, ``won`` or ``lost``.
        amount: its value, in its currency.
        closes_at: when it is expected to close.
        currency: an ISO 4217 code; ``None`` stands for the reporting currency of the model.
        opened_at: when it was first opened; ``None`` if no activity opened it.
        closed_at: when it was won or lost; ``None`` while it is open.
    """

    status: str
    amount: float | None = None
    closes_at: datetime | None = None
    currency: str | None = None
    opened_at: datetime | None = None
    closed_at: datetime | None = None

    @property
    def counts_as_open(self) -> bool:
        """Whether it is open and has an amount and a close date; an empty deal does not (R3)."""
        return self.status == "open" and self.amount is not None and self.closes_at is not None


class OpenDeadline(NamedTuple):
    """A deadline of the current visit that is not decided yet.

    Args:
        due: the latest time at which it can be kept, fixed when the visit began.
        place: its place among the deadlines of the model.
        held: whether its condition has held at any time during the visit.
    """

    due: datetime
    place: int
    held: bool


_NO_OPPORTUNITIES: Mapping[str, Opportunity] = MappingProxyType({})
#: How many bytes of fingerprints a person keeps. That is enough for most people; a dictionary keeps
#: the earlier ones of a person with many activities, so that lookups stay fast.
_MOST_SEEN = 64 * FINGERPRINT


_ASSIGNED_TO = Hop._fields.index("assigned_to")


class _Kept:
    """An object with a keeper, such as a ``Lifecycle``. The keeper is not part of the person: a
    copy has none."""

    __slots__ = ("_keeper",)
    _keeper: Any
    id: str

    @property
    def keeper(self) -> Any:
        """The object that applies the person's triggers as activities, or ``None``."""
        return getattr(self, "_keeper", None)

    def entrust_to(self, keeper: Any) -> None:
        """Set the keeper of the person: its ``ask`` receives the person's triggers.

        Raises:
            LifecycleError: the person has another keeper.
        """
        if self.keeper is not None:
            raise LifecycleError(f"{self.id!r} is kept by another Lifecycle: each keeps its own")
        self._keeper = keeper


@attrs.define(eq=False, slots=True, repr=False)
class Person(_Kept):
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
    # The record in which the journey began, if a merge brought it from another record [S23].
    _journey_record: str | None = _machine(None)
    _journey_started_at: datetime | None = _machine(None)
    _clock: datetime | None = _machine(None)
    _phase: int = _machine(0)
    _due: datetime | None = _machine(None)
    # How many earlier history rows are kept elsewhere.
    _rows_before: int = _machine(0)
    _history: Packed = _machine(())
    _seen: bytes = _machine(b"")
    _deferred: tuple[Any, ...] = _machine(())
    _opportunities: Mapping[str, Opportunity] | None = _machine(None)
    # The points given by capped score rules: the place of each rule, its period, and its points.
    _points: tuple[int, ...] = _machine(())
    # The open deadlines of the current visit, in the order of due times, and all decided ones.
    _deadlines: tuple[OpenDeadline, ...] = _machine(())
    _decided: tuple[DeadlineFact, ...] = _machine(())
    # System returns that have held ever since the current detour was entered [S9].
    _shut_returns: tuple[str, ...] = _machine(())
    # When settle ends original processing; None if the log says when, or it has ended.
    _settles_at: datetime | None = _machine(None)
    # The record whose end of original processing sorted the person, unless settle did [S14].
    _sorted_by: str | None = _machine(None)
    # The highest journey number of any record that was merged into this one [S23].
    _last_journey: int = _machine(0)
    _waiting: tuple[Any, ...] = _machine(())

    if TYPE_CHECKING:  # each model's class has these, and one method per trigger

        def fire(
            self, trigger: str, *, at: datetime | str, activity: str | None = None, **payload: Any
        ) -> Decision:
            """Fire a trigger; if the person has a keeper (a ``Lifecycle``), as an activity."""

        def may(self, trigger: str, *, at: datetime | str) -> bool:
            """Whether the trigger would move the person at that time."""

        def explain(self, trigger: str | None = None, *, at: datetime | str) -> tuple[Refusal, ...]:
            """Every closed move, with every unmet condition and the values seen."""

    #: Set by the model on its own class.
    __field_types__: ClassVar[Mapping[str, FieldType]] = {}

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        # attrs gives a subclass a repr with every field; all classes should have the short one.
        own = vars(cls).get("__repr__")
        if own is not None and own.__code__.co_filename.startswith("<attrs generated"):
            cls.__repr__ = Person.__repr__  # type: ignore[method-assign]

    def value_opportunities(self) -> None:
        """Work out the amounts that follow from the opportunities; the class of a model with
        ``money`` overrides this."""

    def _kept(self) -> tuple[tuple[str, Value], ...]:
        """The current values of the model's dimensions, for a history row; each model's class
        overrides this."""
        return ()

    # ------------------------------------------------------------------ what the machine keeps

    @property
    def stage(self) -> str:
        """Name of the person's stage; empty before creation."""
        return self._stage

    @property
    def stage_entered_at(self) -> datetime | None:
        """When the person entered the current stage."""
        return self._stage_entered_at

    @property
    def journey(self) -> int:
        """Number of the journey along the path, from 1; a return starts the next one [S6]."""
        return self._journey

    @property
    def journey_started_at(self) -> datetime | None:
        """When the current journey began."""
        return self._journey_started_at

    @property
    def clock(self) -> datetime | None:
        """The latest instant that has been applied to this person [S20]."""
        return self._clock

    @property
    def history(self) -> tuple[HistoryRow, ...]:
        """Every change of stage so far, first to last [S25]; for a person restored without history,
        only the changes since."""
        return tuple(unpack(self.id, self._history, self._rows_before + 1))

    @property
    def packed_history(self) -> Packed:
        """The packed history, of which :func:`~lifecycle_fsm.history.unpack` makes rows."""
        return self._history

    @property
    def rows_before(self) -> int:
        """How many rows before those of :attr:`history` are kept elsewhere."""
        return self._rows_before

    @property
    def sorted_by(self) -> str | None:
        """The record whose end of original processing sorted the person; ``None`` if the person is
        not sorted, or was sorted by the model's ``settle`` [S14]."""
        return self._sorted_by

    @property
    def fingerprints(self) -> bytes:
        """Fingerprints of the activities that the person remembers, concatenated [S19]."""
        return self._seen

    @property
    def journey_record(self) -> str:
        """The id of the record in which the current journey began; it is not the person's own id if
        a merge brought the journey [S23]."""
        return self._journey_record or self.id

    @property
    def present_visit(self) -> VisitKey:
        """The key of the current visit. Stage and time of entry are not enough: two merged records
        may have entered the same stage at the same instant [S23]."""
        entered = self._stage_entered_at
        assert entered is not None, "who was created is in a stage"
        return self.journey_record, self._journey, self._stage, entered

    @property
    def clock_phase(self) -> int:
        """0 if only activities were applied at the instant of the clock, 1 if everything due was
        applied as well [S20]."""
        return self._phase

    @property
    def next_due(self) -> datetime | None:
        """When time alone may change the person next, or ``None`` if it never will [S20]."""
        return self._due

    @property
    def settles_at(self) -> datetime | None:
        """When the model's ``settle`` ends original processing; ``None`` if the log says when, or
        processing has ended [S14]."""
        return self._settles_at

    @property
    def deadlines(self) -> tuple[DeadlineFact, ...]:
        """The decided deadlines of each visit, in the order of decision [S21]."""
        return self._decided

    @property
    def open_deadlines(self) -> tuple[OpenDeadline, ...]:
        """The undecided deadlines of the current visit, in the order of due times [S21]."""
        return self._deadlines

    @property
    def opportunities(self) -> Mapping[str, Opportunity]:
        """The deals that the person is a contact of, by id [S22]."""
        return self._opportunities or _NO_OPPORTUNITIES

    @property
    def deferred_activities(self) -> tuple[Any, ...]:
        """The activities that wait for the sort, as passed to :meth:`defer_activities` [S14]."""
        return self._deferred

    @property
    def held_requests(self) -> tuple[Any, ...]:
        """The requests that wait for the CRM's record, as passed to :meth:`hold_request` [S24]."""
        return self._waiting

    @property
    def capped_points(self) -> Mapping[int, tuple[int, int]]:
        """The number of the latest period and the points given in it, for each capped score rule,
        by the place of the rule in the model [S18]."""
        kept = self._points
        return {kept[at]: (kept[at + 1], kept[at + 2]) for at in range(0, len(kept), 3)}

    @property
    def stamps(self) -> Mapping[str, Stamp]:
        """The first and last entry, the number of entries and the time in each stage [S25]."""
        return stamps(self.history, self._clock)

    # ------------------------------------------------------------------ what silos keep here
    #
    # Every value is immutable, so a person can be rolled back to the old values.

    def remember_activity(self, fingerprint: bytes) -> bytes | None:
        """Remember that an activity was applied [S19].

        Args:
            fingerprint: made by :func:`~lifecycle_fsm.activities.fingerprint`.

        Returns:
            the fingerprint before this one, if the person is full: the caller has to keep it
            elsewhere. Only the last activity of a person may be rolled back, so that one stays.
        """
        seen = self._seen
        if len(seen) < _MOST_SEEN:
            self._seen = seen + fingerprint
            return None
        self._seen = seen[:-FINGERPRINT] + fingerprint
        return seen[-FINGERPRINT:]

    def defer_activities(self, *activities: Any) -> None:
        """Let activities wait for the sort [S14]."""
        self._deferred += activities

    def take_deferred(self) -> tuple[Any, ...]:
        """Remove and return the activities that waited for the sort [S14]."""
        deferred, self._deferred = self._deferred, ()
        return deferred

    def hold_request(self, *requests: Any) -> None:
        """Let requests wait for the CRM's record of the person [S24]."""
        self._waiting += requests

    def take_held_requests(self) -> tuple[Any, ...]:
        """Remove and return the requests that waited for the CRM [S24]."""
        waiting, self._waiting = self._waiting, ()
        return waiting

    def give_capped_points(self, rule: int, period: int, worth: int, cap: int) -> int:
        """Record points that a capped score rule gives or takes.

        Args:
            rule: the place of the rule in the model.
            period: the number of the period.
            worth: the points to give; negative to take points.
            cap: how many points the rule may give or take in one period.

        Returns:
            the points that the cap allows [S18].
        """
        kept = self._points
        at, end, given = 0, len(kept), 0
        while at < end:
            if kept[at] == rule:
                if kept[at + 1] == period:
                    given = kept[at + 2]
                break
            at += 3
        # After a merge the sum may exceed the cap: then no more is given [S23].
        if worth > 0:
            points = worth if given + worth <= cap else cap - given
            if points <= 0:
                return 0
        else:
            points = worth if given + worth >= -cap else -cap - given
            if points >= 0:
                return 0
        self._points = (*kept[:at], rule, period, given + points, *kept[at + 3 :])
        return points

    def add_capped_points(self, other: Person) -> None:
        """Take over the capped points of a person who is merged into this one: for each rule the
        later period counts, and in the same period the points of both are added [S23]."""
        used = dict(other.capped_points)
        for rule, (period, points) in self.capped_points.items():
            theirs = used.get(rule, (period, 0))
            if period == theirs[0]:
                used[rule] = (period, points + theirs[1])
            elif period > theirs[0]:
                used[rule] = (period, points)
        self._points = tuple(chain.from_iterable((rule, *used[rule]) for rule in sorted(used)))

    def keep_opportunities(self, opportunities: Mapping[str, Opportunity]) -> None:
        """Keep these deals, by id, and the fields that follow from them [S22]."""
        self._opportunities = opportunities
        deals = opportunities.values()
        self.open_opportunities = sum(deal.counts_as_open for deal in deals)
        self.won_opportunities = sum(deal.status == "won" for deal in deals)
        self.value_opportunities()

    def begin_deadlines(self, deadlines: Iterable[OpenDeadline]) -> None:
        """Begin the deadlines of the visit that has just begun [S21]."""
        self._deadlines = tuple(sorted(deadlines))

    def observe_deadlines(self, holds: Callable[[OpenDeadline], bool]) -> None:
        """Record which conditions of open deadlines hold now; they then count as held [S21]."""
        self._deadlines = tuple(
            deadline if deadline.held else deadline._replace(held=holds(deadline))
            for deadline in self._deadlines
        )

    def decide_deadlines(self, facts: Sequence[DeadlineFact]) -> None:
        """Decide the first open deadlines: one fact for each, in the order of due times [S21]."""
        self._deadlines = self._deadlines[len(facts) :]
        self._decided += tuple(facts)

    def correct_deadline(self, corrected: DeadlineFact) -> None:
        """Replace the fact of the same rule and visit, because a late activity kept the deadline
        [S21]."""
        key = corrected.rule, corrected.visit
        self._decided = tuple(
            corrected if (fact.rule, fact.visit) == key else fact for fact in self._decided
        )

    def name_assignee(self) -> None:
        """Write the current assignee into the latest row, that of an entry: the row is written
        before its entry assigns anyone, but reports need the assignee by the stage entered [S25].
        The row has not been published yet."""
        history = self._history
        hop = history[-ROW]
        hop = shared_hop(*hop[:_ASSIGNED_TO], self.assigned_to, *hop[_ASSIGNED_TO + 1 :])
        self._history = (*history[:-ROW], hop, *history[1 - ROW :])

    def machine_state(self) -> tuple[Any, ...]:
        """Everything that the machine and the silos keep of the person besides the fields, in the
        order of :data:`MACHINE_SLOTS`. All of it is immutable, so this is a snapshot."""
        # Written out, because reading slots by name is three times as slow.
        return (
            self._stage, self._stage_entered_at, self._journey, self._journey_record,
            self._journey_started_at, self._clock, self._phase, self._due, self._rows_before,
            self._history, self._seen, self._deferred, self._opportunities, self._points,
            self._deadlines, self._decided, self._shut_returns, self._settles_at, self._sorted_by,
            self._last_journey, self._waiting,
        )  # fmt: skip

    def drop_past(self) -> None:
        """Drop what decides nothing any more and is kept elsewhere: history rows, fingerprints of
        activities, deadlines of earlier visits. The person is then as if restored without them."""
        if self._history:
            self._rows_before += len(self._history) // ROW
            self._history = ()
        self._seen = b""
        if self._decided:
            visit = self.present_visit
            self._decided = tuple(
                fact for fact in self._decided if self._stage and fact.visit == visit
            )

    def restore_machine_state(self, state: tuple[Any, ...]) -> None:
        """Restore the snapshot that :meth:`machine_state` returned."""
        _put_machine_state(self, state)

    def time_in_stage(self, now: datetime) -> timedelta:
        """How long the person has been in the current stage at ``now``."""
        return now - self._stage_entered_at if self._stage_entered_at else timedelta(0)

    def __repr__(self) -> str:
        parts = [repr(self.id), f"stage={self._stage!r}"]
        for attribute in attrs.fields(type(self)):
            value = getattr(self, attribute.name)
            if attribute.init and attribute.name != "id" and value != attribute.default:
                parts.append(f"{attribute.name}={value!r}")
        return f"{type(self).__name__}({', '.join(parts)})"


#: The slots that only the machine and the silos write, in the order of the class.
MACHINE_SLOTS = tuple(
    attribute.name for attribute in attrs.fields(Person) if attribute.name.startswith("_")
)
_put_machine_state = writer(MACHINE_SLOTS)


class _ReadOnly(property):
    """A property that raises an error saying who writes it if a program tries to set it."""

    def __init__(self, name: str, read: Callable[[Any], Any], doc: str | None) -> None:
        super().__init__(read, doc=doc)
        self._name = name

    def __set__(self, person: object, value: object) -> NoReturn:
        name = self._name
        raise AttributeError(
            f"{name!r} is written by the machine only: fire a trigger or apply an activity, and "
            "let the move that they open change it"
        )


#: Properties that return a slot; read without a Python call, because the inner loop uses them.
_SLOTS = {
    "stage": "_stage",
    "stage_entered_at": "_stage_entered_at",
    "journey": "_journey",
    "journey_started_at": "_journey_started_at",
    "clock": "_clock",
    "clock_phase": "_phase",
    "next_due": "_due",
    "settles_at": "_settles_at",
    "packed_history": "_history",
    "fingerprints": "_seen",
    "rows_before": "_rows_before",
    "sorted_by": "_sorted_by",
    "deadlines": "_decided",
    "open_deadlines": "_deadlines",
    "deferred_activities": "_deferred",
    "held_requests": "_waiting",
}
# Not a decorator: type checkers recognise read-only properties only by the built-in name.
for _name, _property in list(vars(Person).items()):
    if isinstance(_property, property) and _property.fget is not None:
        _read = attrgetter(_SLOTS[_name]) if _name in _SLOTS else _property.fget
        setattr(Person, _name, _ReadOnly(_name, _read, _property.__doc__))


def field_defs(person_class: type[Person]) -> Mapping[str, FieldDef]:
    """The fields of a person class that activities and effects may write, by name.

    Raises:
        RecordError: an annotation is not a type that a field may have [S1].
    """
    hints = type_hints(person_class)
    return {
        attribute.name: field_def(attribute, hints[attribute.name])
        for attribute in attrs.fields(person_class)
        if attribute.init and attribute.name != "id"
    }


def type_hints(person_class: type[Person]) -> Mapping[str, Any]:
    """The annotations of a person class and its bases, as types.

    Raises:
        RecordError: an annotation names something that cannot be found.
    """
    try:
        return get_type_hints(person_class, include_extras=True)
    except Exception as error:  # annotations are code and may raise anything
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


def stage_tests(stages: Iterable[str], fields: Container[str]) -> Mapping[str, str]:
    """The methods ``is_<stage>`` of a model's person class, with the stage of each, as in
    ``transitions``. If the model has a field with that name, there is no method."""
    methods = {f"is_{stage}": stage for stage in stages}
    return {name: stage for name, stage in methods.items() if name not in fields}


def class_name(model: str) -> str:
    """The name of a model's person class: ``TwoStepPerson`` for ``two_step``."""
    name = "".join(part.capitalize() for part in model.replace("-", "_").split("_")) + "Person"
    return name if name.isidentifier() else "ModelPerson"


def person_class(
    name: str, extra: Mapping[str, FieldDef], base: type[Person] = Person
) -> type[Person]:
    """Make the person class of a model: ``base`` with the extra fields, slotted and typed.

    An extra field that the base already has changes its default, if it gives one.
    """
    known = attrs.fields_dict(base)
    body = {
        field.name: attrs.field(
            default=field.start(), kw_only=True, type=field.type.annotation, metadata=_words(field)
        )
        for field in extra.values()
        if field.name not in known or known[field.name].default != field.start()
    }
    made = cast(
        "type[Person]",
        attrs.make_class(name, body, bases=(base,), slots=True, eq=False, repr=False),
    )
    types = {field.name: field.type for field in field_defs(base).values()}
    made.__field_types__ = types | {field.name: field.type for field in extra.values()}
    return made


def _words(field: FieldDef) -> dict[str, Any]:
    metadata = {
        "label": field.label,
        "description": field.description,
        "minimum": field.type.minimum,
        "maximum": field.type.maximum,
    }
    return {name: value for name, value in metadata.items() if value not in ("", None)}


def accept_fields(
    types: Mapping[str, FieldType],
    values: Mapping[str, Any],
    starts: Mapping[str, Value] | None = None,
) -> dict[str, Value]:
    """The stored form of values from outside, by field name.

    A missing value resets the field as if it had never been set: to missing or, if the field always
    has a value, to its value in ``starts`` [S4].

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
