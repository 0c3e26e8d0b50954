"""Work on a person that is done completely or not at all [S11]."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, TypeVar, cast

import attrs

from lifecycle_fsm.attributes import reader, writer
from lifecycle_fsm.person import MACHINE_SLOTS, Person

T = TypeVar("T")


class Transaction:
    """Does work on people of one class, and restores a person if the work raises.

    Args:
        person_class: the class of the people.
        fields: all fields that the work may write, if known: fewer fields make it faster. What the
            machine writes is always saved.
    """

    def __init__(self, person_class: type[Person], fields: Collection[str] | None = None) -> None:
        self.fields = tuple(
            attribute.name
            for attribute in attrs.fields(person_class)
            if attribute.name not in (*MACHINE_SLOTS, "id")
            and (fields is None or attribute.name in fields or attribute.name.startswith("_"))
        )
        kept = (*self.fields, *MACHINE_SLOTS)
        #: The two halves, for the inner loop: what to restore, and how.
        self.read, self.put_back = reader(kept), writer(kept)

    def copy(self, person: Person) -> Person:
        """An independent copy of the person; every value of a person is immutable."""
        copied = type(person).__new__(type(person))
        copied.id = person.id
        self.put_back(copied, self.read(person))
        return copied

    def __call__(self, person: Person, work: Callable[..., T], *arguments: Any) -> T:
        """Do all of the work or, on an exception, restore the person."""
        before = self.read(person)
        try:
            return work(*arguments)
        except BaseException:
            self.put_back(person, before)
            raise

    def both(self, person: Person, other: Person, work: Callable[..., T], *arguments: Any) -> T:
        """Do work on two people: both change, or neither."""
        # Keep this on one line: after an interrupt between the two calls nothing could be restored.
        return cast(T, self(person, self, other, work, *arguments))
