"""Work on a person that happens whole or not at all [S11]."""

from __future__ import annotations

from collections.abc import Callable, Collection
from operator import attrgetter
from typing import Any, TypeVar

import attrs

from lifecycle_fsm.person import Person

T = TypeVar("T")


class Transaction:
    """Does work on persons of a class, and puts a person back as it was if the work raises.

    Args:
        person_class: whose persons it is for.
        fields: all fields that the work may write, where they are known; the fewer there are, the
            less has to be kept. What the machine writes is always kept.
    """

    def __init__(self, person_class: type[Person], fields: Collection[str] | None = None) -> None:
        # All slots hold immutable values, so that keeping them is keeping the whole person.
        self.slots = tuple(
            attribute.name
            for attribute in attrs.fields(person_class)
            if attribute.name != "id"
            and (fields is None or attribute.name in fields or attribute.name.startswith("_"))
        )
        self._values: Callable[[Any], tuple[Any, ...]] = attrgetter(*self.slots)

    def copy(self, person: Person) -> Person:
        """A copy of the person that goes its own way: all that a person keeps is immutable."""
        copied = type(person).__new__(type(person))
        copied.id = person.id
        for name, value in zip(self.slots, self._values(person), strict=True):
            setattr(copied, name, value)
        return copied

    def __call__(self, person: Person, work: Callable[..., T], *arguments: Any) -> T:
        """Do all of the work, or, on an exception, leave the person as before."""
        before = self._values(person)
        try:
            return work(*arguments)
        except BaseException:
            self._put_back(person, before)
            raise

    def both(self, one: Person, other: Person, work: Callable[..., T], *arguments: Any) -> T:
        """The same for work on two persons: both are changed, or neither."""
        before, others = self._values(one), self._values(other)
        try:
            return work(*arguments)
        except BaseException:
            self._put_back(one, before)
            self._put_back(other, others)
            raise

    def _put_back(self, person: Person, values: tuple[Any, ...]) -> None:
        for name, value in zip(self.slots, values, strict=True):
            setattr(person, name, value)
