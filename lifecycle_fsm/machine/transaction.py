"""Work on a person that happens whole or not at all [S11]."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, TypeVar, cast

import attrs

from lifecycle_fsm.attributes import reader, writer
from lifecycle_fsm.person import MACHINE_SLOTS, Person

T = TypeVar("T")


class Transaction:
    """Does work on persons of a class, and puts a person back as it was if the work raises.

    Args:
        person_class: whose persons it is for.
        fields: all fields that the work may write, where they are known; the fewer there are, the
            less has to be kept. What the machine writes is always kept.
    """

    def __init__(self, person_class: type[Person], fields: Collection[str] | None = None) -> None:
        self.fields = tuple(
            attribute.name
            for attribute in attrs.fields(person_class)
            if attribute.name not in (*MACHINE_SLOTS, "id")
            and (fields is None or attribute.name in fields or attribute.name.startswith("_"))
        )
        kept = (*self.fields, *MACHINE_SLOTS)
        self._read, self._put_back = reader(kept), writer(kept)

    def copy(self, person: Person) -> Person:
        """A copy of the person that goes its own way: all that a person keeps is immutable."""
        copied = type(person).__new__(type(person))
        copied.id = person.id
        self._put_back(copied, self._read(person))
        return copied

    def __call__(self, person: Person, work: Callable[..., T], *arguments: Any) -> T:
        """Do all of the work, or, on an exception, leave the person as before."""
        before = self._read(person)
        try:
            return work(*arguments)
        except BaseException:
            self._put_back(person, before)
            raise

    def both(self, person: Person, other: Person, work: Callable[..., T], *arguments: Any) -> T:
        """The same for work on two persons: both are changed, or neither."""
        # On one line: an interrupt behind the work would come when nothing can be put back.
        return cast(T, self(person, self, other, work, *arguments))
