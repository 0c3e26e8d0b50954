"""Activities: what happened to a person, as received [S7][S19]."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from datetime import datetime
from hashlib import blake2b
from itertools import compress, count, islice
from operator import attrgetter, eq
from struct import Struct
from types import MappingProxyType
from typing import Any, TypeAlias
from zlib import crc32

import attrs

from lifecycle_fsm.errors import LifecycleError, RecordError
from lifecycle_fsm.fields import instant, iso_text

#: Other systems write 9999-12-31 for "never"; no length of time can be added to it.
_NEVER = 9000
_NOTHING: Mapping[str, Any] = MappingProxyType({})
#: The kind of the log entry for time that passed; its id begins with it as well [S19].
TIME_PASSED = "time_passed"
#: The kind of the log entry for a person who moved to another version of the model [S28].
MODEL_CHANGED = "model_changed"
#: The payload name of the other record, for kinds of activity that merge two records.
_OTHER_RECORD = {"merged": "loser", "converted": "contact"}
#: The id of the ``processed`` that a model's ``settle`` causes [S14]; others have their own ids.
SETTLED = "processed:settled"
_DIGITS = re.compile("([0-9]+)")
Natural: TypeAlias = tuple[tuple[Any, ...], str]
Order: TypeAlias = tuple[bool, datetime, bool, bool, int, Natural]


def happened(value: datetime | str) -> datetime:
    """The instant in UTC at which an activity happened.

    Raises:
        RecordError: the value is no time, or stands for "never".
    """
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
    if value.isascii():
        return
    try:
        value.encode()
    except UnicodeEncodeError:
        raise RecordError(
            f"the {attribute.name} {value!r} is no valid Unicode text: it has a lone surrogate"
        ) from None


def _whole(_: object, attribute: attrs.Attribute[int | None], value: object) -> None:
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        raise RecordError(f"the {attribute.name} of an activity is a whole number, not {value!r}")


def _mapping(_: object, attribute: attrs.Attribute[Mapping[str, Any]], value: object) -> None:
    # The usual type first: checking the abstract class takes longer than all the rest.
    if type(value) is dict or isinstance(value, Mapping):
        for name in value:
            if not isinstance(name, str):
                break
        else:
            return
    raise RecordError(f"the payload of an activity is a mapping of names, not {value!r}")


@attrs.frozen
class Activity:
    """Something that happened to one person.

    Args:
        id: unique for the person; the same id twice changes nothing [S19].
        person: the id of the person.
        kind: ``created``, ``form_filled``, ``owner_changed`` … or a kind that the model adds.
        at: when it happened; a naive time counts as UTC, a text is read as ISO 8601.
        payload: the values that it brings, by name; the kind defines the names and types.
        sequence: the place among the activities of one instant, if the source has one. It is not
            part of the content: the same activity with another sequence is a duplicate.
        version: the version of the model that applied it, if a log has recorded it [S28]; not part
            of the content either.

    Raises:
        RecordError: an id, the kind, the time or the sequence is invalid.
    """

    id: str = attrs.field(validator=_text)
    person: str = attrs.field(validator=_text)
    kind: str = attrs.field(validator=_text)
    at: datetime = attrs.field(converter=happened)
    payload: Mapping[str, Any] = attrs.field(default=_NOTHING, validator=_mapping)
    sequence: int | None = attrs.field(default=None, kw_only=True, eq=False, validator=_whole)
    version: str | None = attrs.field(default=None, kw_only=True, eq=False)

    @property
    def order(self) -> Order:
        """The key that sorts the activities of one person by event [S19]: ``created`` first,
        whatever its time; then by instant; at one instant, changes by time last; then by
        ``sequence``, those without one last; then by id in natural order."""
        return event_order(self.id, self.kind, self.at, self.sequence)

    def applied_by(self, version: str) -> Activity:
        """A copy with the version of the model that applied it [S28]."""
        copied = Activity.checked_before(
            self.id, self.person, self.kind, self.at, self.payload, self.sequence
        )
        _set_version(copied, version)
        return copied

    @classmethod
    def checked_before(
        cls,
        id: str,
        person: str,
        kind: str,
        at: datetime,
        payload: Mapping[str, Any],
        sequence: int | None,
    ) -> Activity:
        """An activity from parts that were checked before: those of another activity, or values
        that a file was read as."""
        # The slots' own setters are the fastest way past the refusal of a frozen object.
        made: Activity = _new(cls)
        _set_id(made, id)
        _set_person(made, person)
        _set_kind(made, kind)
        _set_at(made, at)
        _set_payload(made, payload)
        _set_sequence(made, sequence)
        _set_version(made, None)
        return made

    def dump(self) -> dict[str, Any]:
        """The activity as plain data that JSON can write; times as text in ISO 8601."""
        state: dict[str, Any] = {
            "id": self.id,
            "person": self.person,
            "kind": self.kind,
            "at": iso_text(self.at),
            "payload": {
                name: iso_text(value) if isinstance(value, datetime) else value
                for name, value in self.payload.items()
            },
        }
        if self.sequence is not None:
            state["sequence"] = self.sequence
        if self.version is not None:
            state["version"] = self.version
        return state

    @classmethod
    def load(cls, state: Mapping[str, Any]) -> Activity:
        """Load an activity from the data of :meth:`dump`. Times in the payload stay texts, which
        every payload may contain.

        Raises:
            RecordError: a part is missing or invalid.
        """
        try:
            return cls(**state)
        except TypeError as error:
            raise RecordError(f"this is no saved activity: {error}") from None


_AT, _IDS = attrgetter("at"), attrgetter("id", "person")
#: Replaces each digit.
_ZEROS = str.maketrans("123456789", "000000000")
_new = object.__new__
(
    _set_id, _set_person, _set_kind, _set_at, _set_payload, _set_sequence, _set_version,
) = (getattr(Activity, attribute.name).__set__ for attribute in attrs.fields(Activity))  # fmt: skip


def event_order(id: str, kind: str, at: datetime, sequence: int | None) -> Order:
    """:attr:`Activity.order`, from the parts of an activity that determine it."""
    return (
        kind != "created",
        at,
        kind in (TIME_PASSED, MODEL_CHANGED) or id == SETTLED,
        sequence is None,
        sequence or 0,
        natural(id),
    )


def natural(text: str) -> Natural:
    """The key that sorts ids in natural order: evt-9 before evt-10 [S19].

    An id is split into runs of ASCII digits, compared by value, and the text between, compared by
    code points. If all of these are equal, as in ``e1`` and ``e01``, the entire text decides.
    """
    parts: list[Any] = _DIGITS.split(text)
    # A run is compared by its length without leading zeros, then its digits: int() has a limit.
    parts[1::2] = [(len(run := digits.lstrip("0")), run) for digits in parts[1::2]]
    return tuple(parts), text


def other_record(activity: Activity) -> str | None:
    """The id of the other record that the activity merges: the loser of a merge, or the contact
    that a lead became [S23]."""
    return merged_record(activity.kind, activity.payload)


def merged_record(kind: str, payload: Mapping[str, Any]) -> str | None:
    """:func:`other_record`, from the parts of an activity that determine it."""
    name = _OTHER_RECORD.get(kind)
    other = payload.get(name) if name is not None else None
    return None if other is None else str(other)


def by_event(activities: Iterable[Activity]) -> list[Activity]:
    """Sort activities by event, according to :attr:`.Activity.order`: first every ``created``, then
    by instant, ``sequence`` and id [S19]. Changes by time are left out: a rebuild finds them anew.

    This is the order of each person's own activities and also one order over all people, so that an
    activity of two people (a merge) comes when it happened. Activities that are equal in all of
    this, such as one that came twice, keep the order in which they came.
    """
    first: list[Activity] = []
    then: list[Activity] = []
    for activity in activities:
        if activity.kind != TIME_PASSED:
            (first if activity.kind == "created" else then).append(activity)
    return [*_by_instant(first), *_by_instant(then)]


def _by_instant(activities: list[Activity]) -> list[Activity]:
    activities.sort(key=_AT)
    # The entire key is slow to build and rarely needed, because most instants differ.
    times = list(map(_AT, activities))
    end = 0
    for place in compress(count(), map(eq, times, islice(times, 1, None))):
        if place >= end:
            end = bisect_right(times, times[place], place)
            tied = activities[place:end]
            tied.sort(key=_IDS if _ids_decide(tied) else _entirely)
            activities[place:end] = tied
    return activities


def _ids_decide(tied: Iterable[Activity]) -> bool:
    """Whether the texts of the ids alone sort activities of one instant as the entire key does:
    they have nothing else to sort by, and texts whose digits are in the same places are in natural
    order."""
    shapes = set()
    for activity in tied:
        if activity.sequence is not None or activity.kind == MODEL_CHANGED:
            return False
        shapes.add((activity.id.translate(_ZEROS), activity.person.translate(_ZEROS)))
    return len(shapes) == 1


def _entirely(activity: Activity) -> tuple[Any, ...]:
    return *activity.order, natural(activity.person)


def of_version(log: Iterable[Activity], version: str) -> list[Activity]:
    """The activities of a log, provided that no other version of the model applied any [S28].

    Raises:
        LifecycleError: another version applied one of them.
    """
    activities = list(log)
    for activity in activities:
        if activity.version not in (None, version):
            raise LifecycleError(
                f"the log has {activity.id!r} of {activity.person!r} as version "
                f"{activity.version!r} of the model applied it, and this is {version!r}: replay it "
                "through the model that it was applied by; with earlier=[…], where people were "
                "migrated; or with what_if=True, to see what would have come of it"
            )
    return activities


def time_passed(person: str, at: datetime) -> Activity:
    """The log entry for a due instant that changed a person [S19]."""
    return Activity(f"{TIME_PASSED}:{at:%Y-%m-%dT%H:%M:%S.%fZ}", person, TIME_PASSED, at)


def model_changed(
    person: str, at: datetime, before: str, after: str, stages: Mapping[str, str]
) -> Activity:
    """The log entry for a person who moved from one version of the model to another [S28].

    Args:
        person: the person's id.
        at: when; it comes after everything else at that instant.
        before: the old version.
        after: the new version.
        stages: the removed stages, each with its replacement.
    """
    payload = {"from_version": before, "to_version": after}
    if stages:
        payload["stages"] = ", ".join(f"{old}={new}" for old, new in stages.items())
    name = f"{MODEL_CHANGED}:{before}:{after}:{at:%Y-%m-%dT%H:%M:%S.%fZ}"
    return Activity(name, person, MODEL_CHANGED, at, payload)


def mapped_stages(changed: Activity) -> dict[str, str]:
    """The map of stages from a :func:`model_changed`."""
    written = str(changed.payload.get("stages") or "")
    pairs = (pair.partition("=") for pair in written.split(", ") if pair)
    return {old: new for old, _, new in pairs}


def made_id(kind: str, at: datetime, payload: Mapping[str, Any]) -> str:
    """An id for an activity without one, made from its content, so that the same activity sent
    twice is a duplicate [S19]."""
    content = f"{kind}\x1f{at.isoformat()}\x1f{sorted(payload.items())}"
    return f"{kind}:{blake2b(content.encode(), digest_size=8).hexdigest()}"


def identity(activity: str, record: str | None = None) -> bytes:
    """Eight bytes that identify an activity's id, the same in every process [S19]. Give ``record``
    if the activity came to another record than the one that keeps it."""
    key = _key(activity, record)
    # The checksums of the bytes and of the reversed bytes together are one of 64 bits, because
    # their polynomials have no common factor.
    return _IDENTITY(crc32(key), crc32(key[::-1]))


def fingerprint(activity: Activity, payload: Mapping[str, Any], record: str | None = None) -> bytes:
    """Twelve bytes to recognise an activity: its :func:`identity`, then four for its content [S19].

    The content is the accepted payload, so the same value in another form, such as a time in
    another zone, is the same content.
    """
    key = activity.id.encode() if record is None else _key(activity.id, record)
    content = activity.kind
    for name in payload if len(payload) < 2 else sorted(payload):
        content += f"\x1f{name}={payload[name]!r}"
    start = crc32(_INSTANT(activity.at.timestamp()))
    return _FINGERPRINT(crc32(key), crc32(key[::-1]), crc32(content.encode(), start))


def _key(activity: str, record: str | None) -> bytes:
    if record is None:
        return activity.encode()
    return f"\0{len(record)}:{record}:{activity}".encode()


#: The number of bytes of the id in a fingerprint, and of the entire fingerprint.
IDENTITY, FINGERPRINT = 8, 12
_IDENTITY, _FINGERPRINT, _INSTANT = Struct("<II").pack, Struct("<III").pack, Struct("<d").pack
