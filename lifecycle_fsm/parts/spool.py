"""Activities on disk, cut by people, each with the place that it comes from.

Activities are written as they are read. Which records belong together is known only at the end, so
they are written by the hash of their own record; the few whose person is in another part are moved
when the log is cut.
"""

from __future__ import annotations

import marshal
import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import attrs

from lifecycle_fsm.activities import Activity, merged_record, other_record
from lifecycle_fsm.components import Components, part_of
from lifecycle_fsm.errors import FileProblem
from lifecycle_fsm.fields import iso_text
from lifecycle_fsm.files import why
from lifecycle_fsm.tables import ActivityColumns

_START, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
#: How many activities wait in memory before they are written, at less than a kilobyte each.
_BLOCK = 50_000
_SIZE = 8  # bytes before each block, with its length


class Place(NamedTuple):
    """Where an activity comes from: the number of its file among the reports, and the line."""

    file: int
    line: int


class _Row(NamedTuple):
    """An activity as it is written: plain values, which ``marshal`` writes and reads fastest. The
    first two give the order in which activities came; the rows of one line, which are about one
    person, stay in their order. Times of a payload are texts, which every payload may contain."""

    file: int
    line: int
    id: str
    person: str
    kind: str
    at: int  # microseconds since 1970
    sequence: int | None
    payload: dict[str, Any]


@attrs.define
class Spooled:
    """What was written: how many activities, the time of the last one, and the pairs of records
    that are, or will be, one person."""

    count: int = 0
    end: datetime | None = None
    pairs: list[tuple[str, str]] = attrs.field(factory=list)


class Spool:
    """Takes the activities of a log in any order, and cuts them by people.

    Args:
        folder: an existing folder, empty but for what other processes spool there for the same log,
            on a disk with room for the log.
        buckets: how finely the log can be cut.

    Raises:
        FileProblem: the folder cannot be written.
    """

    def __init__(self, folder: Path, buckets: int) -> None:
        self._folder = folder
        self._buckets = buckets
        self._waiting: dict[int, list[tuple[Any, ...]]] = {}
        self.spooled = Spooled()

    def add(self, activity: Activity, place: tuple[int, int]) -> None:
        """Add an activity of the log, which nobody changes any more, and where it comes from, as in
        a :class:`Place`; those of one line in their order."""
        spooled, at, payload = self.spooled, activity.at, activity.payload
        if spooled.end is None or at > spooled.end:
            spooled.end = at
        other = other_record(activity)
        if other is not None:
            spooled.pairs.append((activity.person, other))
        if type(payload) is not dict or datetime in map(type, payload.values()):
            payload = {
                name: iso_text(value) if isinstance(value, datetime) else value
                for name, value in payload.items()
            }
        self._waiting.setdefault(part_of(activity.person, self._buckets), []).append((
            *place,
            activity.id,
            activity.person,
            activity.kind,
            (at - _START) // _MICROSECOND,
            activity.sequence,
            payload,
        ))  # fmt: skip
        spooled.count += 1
        if spooled.count % _BLOCK == 0:
            self.write()

    def add_columns(self, file: int, columns: ActivityColumns) -> None:
        """Add activities of one kind, from the file of that number."""
        spooled, waiting, buckets, kind = self.spooled, self._waiting, self._buckets, columns.kind
        if not columns.times:
            return
        end = _START + max(columns.times) * _MICROSECOND
        if spooled.end is None or end > spooled.end:
            spooled.end = end
        spooled.pairs += [
            (person, other)
            for person, payload in zip(columns.persons, columns.payloads, strict=True)
            if (other := merged_record(kind, payload)) is not None
        ]
        number = spooled.count
        for line, name, person, at, sequence, payload in zip(
            columns.lines, columns.ids, columns.persons, columns.times, columns.sequences,
            columns.payloads, strict=True,
        ):  # fmt: skip
            row = (file, line, name, person, kind, at, sequence, payload)
            waiting.setdefault(part_of(person, buckets), []).append(row)
        spooled.count += len(columns.times)
        if number // _BLOCK < spooled.count // _BLOCK:
            self.write()

    def include(self, other: Spooled) -> None:
        """Include what another process has spooled into the same folder."""
        spooled = self.spooled
        spooled.count += other.count
        spooled.pairs += other.pairs
        if other.end is not None and (spooled.end is None or other.end > spooled.end):
            spooled.end = other.end

    def cut(self, parts: int) -> list[LogPart]:
        """The parts of the log; their number divides that of the buckets."""
        self.write()
        moved: dict[str, int] = {}
        left: dict[int, set[str]] = {}  # by the bucket that they are in
        for record, part in self._homes(parts):
            bucket = part_of(record, self._buckets)
            if part != bucket % parts:
                moved[record] = part
                left.setdefault(bucket, set()).add(record)
        parcels: dict[int, list[tuple[Any, ...]]] = {}
        count = 0
        paths = self._paths()
        for bucket, records in sorted(left.items()):
            for row in _read_all(paths.get(bucket, ())):
                if row[_PERSON] in records:
                    parcels.setdefault(moved[row[_PERSON]], []).append(row)
                    count += 1
                    if count % _BLOCK == 0:
                        self._write_parcels(parcels)
        self._write_parcels(parcels)
        return [
            LogPart(
                tuple(
                    path
                    for bucket in range(part, self._buckets, parts)
                    for path in paths.get(bucket, ())
                ),
                self._parcel(part),
                frozenset[str]().union(
                    *(left.get(bucket, ()) for bucket in range(part, self._buckets, parts))
                ),
            )
            for part in range(parts)
        ]

    def _homes(self, parts: int) -> Iterator[tuple[str, int]]:
        """The records that belong together with others, each with their part: that of the record
        with the smallest id among those that merged or converted, as most contacts have no
        activities of their own."""
        components = Components(self.spooled.pairs)
        homes: dict[str, str] = {}
        for record, _ in self.spooled.pairs:
            root = components.root(record)
            homes[root] = min(homes.get(root, record), record)
        for record in dict.fromkeys(record for pair in self.spooled.pairs for record in pair):
            yield record, part_of(homes[components.root(record)], self._buckets) % parts

    def _write_parcels(self, parcels: dict[int, list[tuple[Any, ...]]]) -> None:
        for part, rows in parcels.items():
            _append(self._parcel(part), rows)
        parcels.clear()

    def created(self) -> list[str]:
        """The ids of all records that the log creates, in the order in which they come."""
        created = [
            (row[:_ORDER], row[_PERSON])
            for paths in self._paths().values()
            for row in _read_all(paths)
            if row[_KIND] == "created"
        ]
        return [person for _, person in sorted(created, key=itemgetter(0))]

    def write(self) -> None:
        """Write what is still in memory."""
        for bucket, rows in self._waiting.items():
            _append(self._folder / f"log-{bucket}-{os.getpid()}", rows)
        self._waiting.clear()

    def _paths(self) -> dict[int, list[Path]]:
        """The files of each bucket, one for each process that has written."""
        paths: dict[int, list[Path]] = {}
        for path in sorted(self._folder.glob("log-*")):
            paths.setdefault(int(path.name.split("-")[1]), []).append(path)
        return paths

    def _parcel(self, part: int) -> Path:
        return self._folder / f"moved-{part}"


_PERSON, _KIND = _Row._fields.index("person"), _Row._fields.index("kind")
_ORDER = 2  # how many values give the order


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


def _read_all(paths: Iterable[Path]) -> Iterator[tuple[Any, ...]]:
    return (row for path in paths for row in _read(path))


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
        # Sorts by one small number each take half the time of one by both.
        for place in reversed(range(_ORDER)):
            rows.sort(key=itemgetter(place))
        for file, line, name, person, kind, at, sequence, payload in rows:
            instant = _START + timedelta(0, 0, at)  # microseconds
            yield (
                Activity.checked_before(name, person, kind, instant, payload, sequence),
                Place(file, line),
            )
