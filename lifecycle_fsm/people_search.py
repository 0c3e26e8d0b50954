"""Find people by id, e-mail address or name."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

_WORD = re.compile(r"[^\s,;]+")
_NEAR = 3


class Findable(Protocol):
    """A person, or what is known of one, that can be searched for."""

    id: str
    email: str | None
    first_name: str | None
    last_name: str | None
    company: str | None


Someone = TypeVar("Someone", bound=Findable)


def look_up(text: str, people: Iterable[Someone]) -> tuple[Someone, ...]:
    """The people whom a text denotes, in their order: by exact id; else by id or e-mail address in
    any case; else by a name, with or without the company, that contains all its words."""
    folded, words = _folded(text), set(_words(text))
    same: list[Someone] = []
    named: list[Someone] = []
    for person in people:
        if person.id == text:
            return (person,)
        if folded and folded in (_folded(person.id), _folded(person.email)):
            same.append(person)
        elif words:
            names = {*_words(person.first_name), *_words(person.last_name)}
            if words & names and words <= {*names, *_words(person.company)}:
                named.append(person)
    return tuple(same or named)


def nearest(text: str, people: Iterable[Findable]) -> str:
    """``"; did you mean …?"`` for people with a similar id, address or name, or an empty text."""
    known: dict[str, Findable] = {}
    for person in people:
        for name in (person.id, person.email, full_name(person)):
            if name:
                known.setdefault(_folded(name), person)
    near = difflib.get_close_matches(_folded(text), sorted(known), n=_NEAR, cutoff=0.7)
    names = dict.fromkeys(described(known[name]) for name in near)
    return f"; did you mean {' or '.join(names)}?" if names else ""


def described(person: Findable) -> str:
    """The id, followed by the name and the company."""
    more = ", ".join(filter(None, (full_name(person) or person.email, person.company)))
    return f"{person.id!r} ({more})" if more else repr(person.id)


def full_name(person: Findable) -> str:
    """First and last name, as far as known."""
    return " ".join(filter(None, (person.first_name, person.last_name)))


def _folded(text: str | None) -> str:
    return "" if text is None else text.strip().casefold()


def _words(text: str | None) -> Iterator[str]:
    return (word.casefold() for word in _WORD.findall(text or ""))
