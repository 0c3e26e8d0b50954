"""Activities on disk, cut by people, each with the place that it comes from.

Activities are written as they are read. Which records belong together is known only at the end, so
they are written by the hash of their own record; the few whose person has another root are moved
when the log is cut.
"""

from __future__ import annotations

import marshal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import attrs

from lifecycle_fsm.activities import Activity, other_record
from lifecycle_fsm.errors import FileProblem
from lifecycle_fsm.fields import iso_text
from lifecycle_fsm.files import why
from lifecycle_fsm.parts.components import Components, part_of

_START, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
#: How many activities wait in memory before they are written, at less than a kilobyte each.
_BLOCK = 50_000
_SIZE = 8  # bytes before each block, with its length


class Place(NamedTuple):
    """Where an activity comes from: the number of its file among the reports, and the line."""

    file: int
    line: int


class _Row(NamedTuple):
    """An activity as it is written: plain values, which ``marshal`` writes and reads fastest. Times
    of a payload are texts, which every payload may contain."""

    number: int
    file: int
    line: int
    id: str
    person: str
    kind: str
    at: int  # microseconds since 1970
    sequence: int | None
    payload: dict[str, Any]


class Spool:
    """Takes the activities of a log in the order in which they come, and cuts them by people.

    Args:
        folder: an existing empty folder, on a disk with room for the log.
        buckets: how finely the log can be cut.

    Raises:
        FileProblem: the folder cannot be written.
    """

    def __init__(self, folder: Path, buckets: int) -> None:
        self._folder = folder
        self._buckets = buckets
        self._waiting: dict[int, list[tuple[Any, ...]]] = {}
        self._components = Components()
        self.count = 0
        #: The time of the last activity.
        self.end: datetime | None = None

    def add(self, activity: Activity, place: Place) -> None:
        """Add the next activity of the log."""
        at, payload = activity.at, dict(activity.payload)
        if self.end is None or at > self.end:
            self.end = at
        other = other_record(activity)
        if other is not None:
            self._components.join(activity.person, other)
        for name, value in payload.items():
            if isinstance(value, datetime):
                payload[name] = iso_text(value)
        self._waiting.setdefault(part_of(activity.person, self._buckets), []).append((
            self.count,
            *place,
            activity.id,
            activity.person,
            activity.kind,
            (at - _START) // _MICROSECOND,
            activity.sequence,
            payload,
        ))  # fmt: skip
        self.count += 1
        if self.count % _BLOCK == 0:
            self._write()

    def cut(self, parts: int) -> list[LogPart]:
        """The parts of the log; their number divides that of the buckets."""
        self._write()
        moved = self._components.moved()
        parcels: dict[int, list[tuple[Any, ...]]] = {}
        for bucket in sorted({part_of(person, self._buckets) for person in moved}):
            for row in _read(self._path(bucket)):
                if row[_PERSON] in moved:
                    part = part_of(moved[row[_PERSON]], self._buckets) % parts
                    parcels.setdefault(part, []).append(row)
        for part, rows in parcels.items():
            _append(self._parcel(part), rows)
        names = frozenset(moved)
        return [
            LogPart(
                tuple(self._path(bucket) for bucket in range(part, self._buckets, parts)),
                self._parcel(part),
                names,
            )
            for part in range(parts)
        ]

    def created(self) -> list[str]:
        """The ids of all records that the log creates, in the order in which they come."""
        created = [
            (row[0], row[_PERSON])
            for bucket in range(self._buckets)
            for row in _read(self._path(bucket))
            if row[_KIND] == "created"
        ]
        return [person for _, person in sorted(created)]

    def _path(self, bucket: int) -> Path:
        return self._folder / f"log-{bucket}"

    def _parcel(self, part: int) -> Path:
        return self._folder / f"moved-{part}"

    def _write(self) -> None:
        for bucket, rows in self._waiting.items():
            _append(self._path(bucket), rows)
        self._waiting.clear()


_PERSON, _KIND = _Row._fields.index("person"), _Row._fields.index("kind")


def _append(path: Path, rows: list[tuple[Any, ...]]) -> None:
    try:
        with path.open("ab") as file:
            block = marshal.dumps(rows)
            file.write(len(block).to_bytes(_SIZE))
            file.write(block)
    except OSError as error:
        raise FileProblem(f"{path} cannot be written: {why(error)}") from error


def _read(path: Path) -> Iterator[tuple[Any, ...]]:
    if not path.exists():
        return
    with path.open("rb") as file:
        while size := file.read(_SIZE):
            # Not marshal.load, which reads every value from the file on its own.
            yield from marshal.loads(file.read(int.from_bytes(size)))  # noqa: S302 - our own file


@attrs.frozen
class LogPart:
    """One part of a log on disk: everything about some people."""

    _paths: tuple[Path, ...]
    _parcel: Path
    _moved: frozenset[str]

    def read(self) -> Iterator[tuple[Activity, Place]]:
        """The activities of the part, in the order in which they came, each with its place."""
        moved = self._moved
        rows = [row for path in self._paths for row in _read(path) if row[_PERSON] not in moved]
        rows += _read(self._parcel)
        rows.sort()  # each has its own number, which comes first
        for _, file, line, name, person, kind, at, sequence, payload in rows:
            instant = _START + timedelta(microseconds=at)
            yield (
                Activity.checked_before(name, person, kind, instant, payload, sequence),
                Place(file, line),
            )
