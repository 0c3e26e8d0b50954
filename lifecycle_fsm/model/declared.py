"""The fields that a model declares beside those of every person: in a table or as a class [S1]."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

import attrs

from lifecycle_fsm.errors import RecordError
from lifecycle_fsm.fields import FieldDef, FieldType
from lifecycle_fsm.person import BASE_FIELDS, Person, field_def, type_hints

#: ``FieldDef``s; names with types, ``{"tier": "str | None"}``; or a subclass of ``Person``.
Fields: TypeAlias = Iterable[FieldDef] | Mapping[str, Any] | type[Person]


@attrs.frozen
class Unreadable(FieldDef):
    """A field that was declared in a way that has no meaning: the model tells why [S5]."""

    fault: str = ""


class OfClass(tuple[FieldDef, ...]):
    """The fields of a person class, which comes along."""

    person: type[Person] = Person


def read_fields(value: Fields) -> tuple[FieldDef, ...]:
    """The declared fields, however they were written; nothing is raised for a fault."""
    if isinstance(value, type):
        found = OfClass(class_fields(value))
        if issubclass(value, Person):
            found.person = value
        return found
    if isinstance(value, Mapping):
        return tuple(_of_type(name, one) for name, one in value.items())
    return tuple(one.tidied() for one in value)


def class_fields(person: type) -> Iterator[FieldDef]:
    """What a subclass of ``Person`` declares: its own fields, and others of the person's that it
    changes."""
    fault = _class_fault(person)
    if fault:
        yield _unreadable("", f"{person.__name__}: {fault}")
        return
    try:
        hints = type_hints(person)
    except RecordError as error:
        yield _unreadable("", str(error))
        return
    for attribute in attrs.fields(person):
        name = attribute.name
        if not attribute.init or name == "id":
            continue
        try:
            found = field_def(attribute, hints[name])
        except RecordError as error:
            yield _unreadable(name, str(error))
            continue
        known = BASE_FIELDS.get(name)
        if known is None or (known.type, known.default) != (found.type, found.default):
            yield found


def _class_fault(person: type) -> str:
    if not issubclass(person, Person):
        return "this is no subclass of Person"
    if person is not Person and "__attrs_attrs__" not in vars(person):
        return "a person class is decorated with @attrs.define(eq=False)"
    if person.__eq__ is not object.__eq__:
        return "each person is itself only: write @attrs.define(eq=False)"
    if getattr(person, "__dictoffset__", 0):
        return "a person class has slots: write @attrs.define(eq=False), and all its bases likewise"
    return ""


def _of_type(name: str, kind: Any) -> FieldDef:
    try:
        if isinstance(kind, str):
            kind = FieldType.from_text(kind)
        elif not isinstance(kind, FieldType):
            kind = FieldType.from_annotation(kind)
    except RecordError as error:
        return _unreadable(name, str(error))
    return FieldDef(name, kind)


def _unreadable(name: str, fault: str) -> Unreadable:
    return Unreadable(name, FieldType("str"), fault=fault)
