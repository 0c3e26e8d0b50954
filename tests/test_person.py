"""The person: slotted, a class for each model, a stage that only the machine writes [S1]."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest

from lifecycle_fsm.errors import RecordError
from lifecycle_fsm.fields import FieldDef, FieldType
from lifecycle_fsm.person import (
    BASE_FIELDS,
    READ_ONLY,
    Person,
    accept_fields,
    field_defs,
    person_class,
)

TIME = datetime(2024, 5, 1, tzinfo=UTC)
TIER = FieldDef("tier", FieldType("str", True))
SEATS = FieldDef("seats", FieldType("int", minimum=1), 5)


def made(*extra: FieldDef, base: type[Person] = Person) -> type[Any]:
    return person_class("AcmePerson", {one.name: one for one in extra}, base)


@pytest.mark.parametrize(
    "name",
    ["stage", "stage_entered_at", "journey", "journey_started_at", "clock", "history", "stamps"],
)
@pytest.mark.parametrize("kind", [Person, made(TIER)])
def test_s6_nobody_writes_the_stage_and_the_message_says_who_does(
    kind: type[Any], name: str
) -> None:
    person = kind("ann")
    with pytest.raises(AttributeError) as caught:
        setattr(person, name, "mql")
    assert str(caught.value) == (
        f"{name!r} is written by the machine only: fire a trigger or apply an activity, and let "
        "the move that they open change it"
    )
    with pytest.raises(TypeError):
        kind("ann", **{name: "mql"})
    assert getattr(Person, name).__doc__


def test_s1_a_person_is_slotted_and_itself_only() -> None:
    kinds: list[type[Any]] = [Person, made(TIER), made(TIER, base=made(SEATS))]
    for kind in kinds:
        one, other = kind("ann"), kind("ann")
        assert one != other
        assert len({one, other}) == 2
        assert not hasattr(one, "__dict__")
        with pytest.raises(AttributeError):
            one.emial = "x"


def test_s1_two_models_have_two_classes_and_the_base_stays_as_it_is() -> None:
    acme, other = made(TIER, SEATS), made(TIER)
    assert acme("ann").seats == 5
    assert not hasattr(other("ann"), "seats")
    assert not hasattr(Person("ann"), "tier")
    assert acme.__name__ == "AcmePerson"
    assert set(acme.__field_types__) == {*BASE_FIELDS, "tier", "seats"}
    assert Person.__field_types__ == {}


def test_the_class_of_a_model_says_its_fields_itself() -> None:
    fields = [
        FieldDef("tier", FieldType("str", True, ("a", "b")), "a", "Tier", "which plan"),
        FieldDef("seats", FieldType("int", minimum=1, maximum=9), 5),
        FieldDef("rate", FieldType("float", True)),
        FieldDef("until", FieldType("datetime", True)),
        FieldDef("warm", FieldType("bool")),
    ]
    assert field_defs(made(*fields)) == {**BASE_FIELDS, **{one.name: one for one in fields}}


def test_fields_are_given_by_name_only() -> None:
    acme = made(TIER)
    assert acme("ann", tier="gold", email="a@b.example").tier == "gold"
    with pytest.raises(TypeError):
        acme("ann", "gold")


def test_a_declared_field_costs_one_slot_and_no_more() -> None:
    plain, more = sys.getsizeof(made()("ann")), sys.getsizeof(made(TIER, SEATS)("ann"))
    assert more - plain == 16


@attrs.define(eq=False)
class Account(Person):
    tier: str = attrs.field(kw_only=True)
    seats: int = 7
    tags: str = attrs.Factory(lambda: "none")


def test_a_class_of_ones_own_keeps_its_fields_and_gets_the_defaults_that_it_lacks() -> None:
    defs = field_defs(Account)
    assert (defs["tier"], defs["seats"]) == (
        FieldDef("tier", FieldType("str")),
        FieldDef("seats", FieldType("int"), 7),
    )
    assert defs["tags"].default == "none"
    kind = person_class("X", {name: defs[name] for name in ("tier", "seats", "tags")}, Account)
    person: Any = kind("ann")
    assert isinstance(person, Account)
    assert (person.tier, person.seats, person.tags) == ("", 7, "none")
    assert not hasattr(person, "__dict__")


def test_a_field_of_every_person_may_start_otherwise() -> None:
    kind = made(FieldDef("created_by", BASE_FIELDS["created_by"].type, "sales"))
    assert kind("ann").created_by == "sales"
    assert Person("ann").created_by == "marketing"


def test_every_field_says_what_it_is() -> None:
    assert all(one.description for one in BASE_FIELDS.values())
    assert set(BASE_FIELDS).isdisjoint(READ_ONLY)
    assert "id" not in BASE_FIELDS
    for one in BASE_FIELDS.values():
        assert getattr(Person("ann"), one.name) == one.start()


def test_an_annotation_that_is_no_type_is_named() -> None:
    @attrs.define(eq=False)
    class Wrong(Person):
        tier: list[str] | None = None

    with pytest.raises(RecordError, match=r"list\[str\] is not a type for a field"):
        field_defs(Wrong)


ACCEPTED: dict[str, Any] = {"employees": "12", "created_at": "2024-05-01", "email": "a@b.example"}
REFUSED = {
    "a field that is not there": ({"emial": "x"}, "no field named 'emial'; did you mean 'email'?"),
    "the stage": (
        {"stage": "mql"},
        "'stage' is written by the machine only: fire a trigger instead",
    ),
    "another type": ({"employees": "many"}, "employees: 'many' is not a whole number"),
    "nothing for a field that has something": (
        {"hand_raised": None},
        "hand_raised: a value is missing: bool is required",
    ),
}


def test_values_from_outside_are_stored_in_their_form() -> None:
    types = {name: one.type for name, one in BASE_FIELDS.items()}
    assert accept_fields(types, ACCEPTED) == {
        "employees": 12, "created_at": TIME, "email": "a@b.example"
    }  # fmt: skip


@pytest.mark.parametrize(("values", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_values_that_do_not_fit_are_refused(values: dict[str, Any], message: str) -> None:
    types = {name: one.type for name, one in BASE_FIELDS.items()}
    with pytest.raises(RecordError) as caught:
        accept_fields(types, values)
    assert str(caught.value) == message


def test_a_person_shows_what_is_known() -> None:
    assert repr(Person("ann")) == "Person('ann', stage='')"
    person = made(TIER)("ann", tier="gold", employees=3, created_by="sales")
    person._stage = "mql"
    assert repr(person) == (
        "AcmePerson('ann', stage='mql', created_by='sales', employees=3, tier='gold')"
    )


def test_r26_time_in_the_present_stage() -> None:
    person = Person("ann")
    assert person.time_in_stage(TIME) == timedelta(0)
    person._stage_entered_at = TIME
    assert person.time_in_stage(TIME + timedelta(hours=3)) == timedelta(hours=3)
