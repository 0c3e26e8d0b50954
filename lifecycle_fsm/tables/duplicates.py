"""Records that share an e-mail address: most likely one person whose records are not merged yet."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import attrs

from lifecycle_fsm.person import Person

_NEVER = datetime.max.replace(tzinfo=UTC)


@attrs.frozen
class Duplicate:
    """A record, and an earlier one with the same e-mail address."""

    email: str
    person: str
    created_at: datetime | None
    duplicate: str
    duplicate_created_at: datetime | None


@attrs.frozen
class AddressOwner:
    """A record with an e-mail address, without spaces and in small letters."""

    address: str
    id: str
    created_at: datetime | None


def address_owners(people: Iterable[Person]) -> list[AddressOwner]:
    """The people who have an e-mail address."""
    return [
        AddressOwner("".join(person.email.split()).casefold(), person.id, person.created_at)
        for person in people
        if person.email and person.email.strip()
    ]


def duplicates(people: Iterable[Person]) -> list[Duplicate]:
    """The records with the e-mail address of an earlier one, ignoring case and spaces.

    Each is paired with the first record of that address, so that a thousand records of one address
    make a thousand pairs and not half a million. ``person`` and ``duplicate`` correspond to the
    person and the ``loser`` of a ``merged`` activity.
    """
    return paired(address_owners(people))


def paired(owners: Iterable[AddressOwner]) -> list[Duplicate]:
    """The same as :func:`duplicates`, from who has which address."""
    alike: dict[str, list[AddressOwner]] = {}
    for owner in owners:
        alike.setdefault(owner.address, []).append(owner)
    pairs = []
    for address, group in alike.items():
        if len(group) > 1:
            first, *others = sorted(group, key=_age)
            pairs += [(_age(first), _age(other), address, first, other) for other in others]
    return [
        Duplicate(address, first.id, first.created_at, other.id, other.created_at)
        for *_, address, first, other in sorted(pairs, key=lambda pair: pair[:2])
    ]


def _age(owner: AddressOwner) -> tuple[datetime, str]:
    return owner.created_at or _NEVER, owner.id
