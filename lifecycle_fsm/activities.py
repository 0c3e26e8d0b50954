"""Activities: what happened to a person, as it comes in [S7][S19]."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from hashlib import blake2b
from struct import Struct
from types import MappingProxyType
from typing import Any

import attrs

from lifecycle_fsm.errors import RecordError
from lifecycle_fsm.fields import instant

#: Other systems write 9999-12-31 for "never"; no length of time can be added to it.
_NEVER = 9000
_NOTHING: Mapping[str, Any] = MappingProxyType({})


def _happened(value: datetime | str) -> datetime:
    at = instant(value)
    if at.year >= _NEVER:
        raise RecordError(
            f"{at:%Y-%m-%d} is a date that stands for 'never', and an activity has happened: leave "
            "it out"
        )
    return at


def _text(_: object, attribute: attrs.Attribute[str], value: object) -> None:
    if not isinstance(value, str) or not value:
        raise RecordError(f"an activity needs a text as its {attribute.name}, not {value!r}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise RecordError(
            f"the {attribute.name} {value!r} is no valid Unicode text: it has a lone surrogate"
        ) from None


def _mapping(_: object, attribute: attrs.Attribute[Mapping[str, Any]], value: object) -> None:
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise RecordError(f"the payload of an activity is a mapping of names, not {value!r}")


@attrs.frozen
class Activity:
    """Something that happened to one person.

    Args:
        id: unique for the person; the same id twice changes nothing [S19].
        person: the id of the person.
        kind: ``created``, ``form_filled``, ``owner_changed`` … or a kind that the model adds.
        at: when it happened; a naive time counts as UTC, a text is read as ISO 8601.
        payload: what it brings, by name; the kind says which names and types.

    Raises:
        RecordError: an id, the kind or the time is not what it has to be.
    """

    id: str = attrs.field(validator=_text)
    person: str = attrs.field(validator=_text)
    kind: str = attrs.field(validator=_text)
    at: datetime = attrs.field(converter=_happened)
    payload: Mapping[str, Any] = attrs.field(default=_NOTHING, validator=_mapping)

    @property
    def order(self) -> tuple[bool, datetime, str]:
        """The key that sorts the activities of one person by event: ``created`` first whatever
        its time, then by instant and id [S19]."""
        return self.kind != "created", self.at, self.id


def made_id(kind: str, at: datetime, payload: Mapping[str, Any]) -> str:
    """An id for an activity that has none: from its content, so that the same one sent twice is a
    duplicate [S19]."""
    content = f"{kind}\x1f{at.isoformat()}\x1f{sorted(payload.items())}"
    return f"{kind}:{blake2b(content.encode(), digest_size=8).hexdigest()}"


def fingerprint(activity: Activity, payload: Mapping[str, Any]) -> bytes:
    """Eight bytes for the id, then four for the content, to know an activity again [S19].

    They are for the memory of one process: another one has other bytes for the same activity. The
    content is the payload as it was accepted, so that the same value in another spelling, such as
    a time in another zone, is the same content.
    """
    brought: object = payload if len(payload) < 2 else dict(sorted(payload.items()))
    # Of the written form, because values have the same hash that differ: -1 and -2, 1 and 1.0.
    content = hash((activity.kind, activity.at.timestamp(), repr(brought)))
    return _TWELVE(hash(activity.id), content & 0xFFFFFFFF)


_TWELVE = Struct("<qI").pack
