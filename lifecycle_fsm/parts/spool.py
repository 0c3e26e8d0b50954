"""Activities on disk, cut by people, each with the place that it comes from.

Activities are written as they are read. Which records belong together is known only at the end, so
they are written by the hash of their own record; the few whose person has another root are moved
when the log is cut.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import attrs

from lifecycle_fsm.activities import Activity, other_record
from lifecycle_fsm.fields import iso_text
from lifecycle_fsm.parts.components import Components, part_of
from lifecycle_fsm.rows.parquet_rows import polars
from lifecycle_fsm.tables import watched_file

_START, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
#: Activities in memory before they are written; at about a kilobyte each.
_BLOCK = 50_000
#: Times become texts, which every payload may contain.
_as_json = json.JSONEncoder(default=iso_text, separators=(",", ":")).encode
#: The low bits of a place are the line, those above are the number of the file's report.
_LINE_BITS = 40


class Place(NamedTuple):
    """Where an activity comes from: the number of its file among the reports, and the line."""

    file: int
    line: int


class Spool:
    """Takes the activities of a log in the order in which they come, and cuts them by people.

    Args:
        folder: an existing empty folder, on a disk with room for the log.
        buckets: how finely the log can be cut.
    """

    def __init__(self, folder: Path, buckets: int) -> None:
        self._pl = polars("reading a log")
        self._folder = folder
        self._buckets = buckets
        self._rows: list[tuple[Any, ...]] = []
        self._blocks: list[_SpoolFile] = []
        self._components = Components()
        self.count = 0
        #: The time of the last activity.
        self.end: datetime | None = None

    def add(self, activity: Activity, place: Place) -> None:
        """Add the next activity of the log."""
        if self.end is None or activity.at > self.end:
            self.end = activity.at
        other = other_record(activity)
        if other is not None:
            self._components.join(activity.person, other)
        self._rows.append((
            part_of(activity.person, self._buckets),
            self.count,
            place.file << _LINE_BITS | place.line,
            activity.id,
            activity.person,
            activity.kind,
            (activity.at - _START) // _MICROSECOND,
            activity.sequence,
            _as_json(dict(activity.payload)),
        ))  # fmt: skip
        self.count += 1
        if len(self._rows) == _BLOCK:
            self._write()

    def cut(self, parts: int) -> list[LogPart]:
        """The parts of the log; their number divides that of the buckets."""
        self._write()
        pl, moved = self._pl, self._components.moved()
        parcels: dict[int, Path] = {}
        if moved:
            scans = [pl.scan_ipc(block.path) for block in self._blocks]
            rows_of_moved = pl.concat(scans).filter(pl.col("person").is_in(list(moved))).collect()
            roots = [
                part_of(moved[person], self._buckets) % parts for person in rows_of_moved["person"]
            ]
            for (part,), rows in rows_of_moved.with_columns(bucket=pl.Series(roots)).group_by(
                "bucket"
            ):
                parcels[part] = self._folder / f"moved-{part}.arrow"
                with watched_file(parcels[part]) as file:
                    rows.write_ipc(file)
        names = frozenset(moved)
        return [
            LogPart(
                tuple(self._blocks),
                tuple(range(part, self._buckets, parts)),
                names,
                parcels.get(part),
            )
            for part in range(parts)
        ]

    def created(self) -> Any:
        """The ids of all records that the log creates, in the order in which they come."""
        pl = self._pl
        scans = [pl.scan_ipc(block.path) for block in self._blocks]
        return (
            pl.concat(scans)
            .filter(pl.col("kind") == "created")
            .sort("number")
            .select("person")
            .collect()["person"]
        )

    def _write(self) -> None:
        if not self._rows and self._blocks:
            return
        pl, rows = self._pl, self._rows
        columns = list(zip(*rows, strict=True)) if rows else [()] * len(_schema(pl))
        frame = pl.DataFrame(
            {name: list(values) for name, values in zip(_schema(pl), columns, strict=True)},
            schema=_schema(pl),
        ).sort("bucket", maintain_order=True)
        rows.clear()
        path = self._folder / f"log-{len(self._blocks)}.arrow"
        with watched_file(path) as file:
            frame.write_ipc(file)
        starts = frame["bucket"].search_sorted(pl.Series(range(self._buckets + 1)))
        self._blocks.append(_SpoolFile(path, tuple(starts.to_list())))


def _schema(pl: Any) -> dict[str, Any]:
    return {
        "bucket": pl.Int64,
        "number": pl.Int64,
        "place": pl.Int64,
        "id": pl.String,
        "person": pl.String,
        "kind": pl.String,
        "at": pl.Int64,
        "sequence": pl.Int64,
        "payload": pl.String,
    }


@attrs.frozen
class _SpoolFile:
    """A file of activities, sorted by bucket, and where each bucket starts."""

    path: Path
    starts: tuple[int, ...]


@attrs.frozen
class LogPart:
    """One part of a log on disk: everything about some people."""

    _blocks: tuple[_SpoolFile, ...]
    _buckets: tuple[int, ...]
    _moved: frozenset[str]
    _parcel: Path | None

    def read(self) -> Iterator[tuple[Activity, Place]]:
        """The activities of the part, in the order in which they came, each with its place."""
        pl = polars("reading a log")
        slices = []
        for block in self._blocks:
            frame = pl.read_ipc(block.path)
            for bucket in self._buckets:
                start, stop = block.starts[bucket : bucket + 2]
                if start < stop:
                    slices.append(frame.slice(start, stop - start))
        if not slices:
            slices = [pl.DataFrame(schema=_schema(pl))]
        rows = pl.concat(slices)
        if self._moved:
            rows = rows.filter(~pl.col("person").is_in(list(self._moved)))
        if self._parcel is not None:
            rows = pl.concat([rows, pl.read_ipc(self._parcel)])
        rows = rows.sort("number")
        payloads: dict[str, Any] = {}
        columns: Sequence[Any] = [
            rows[column].to_list()
            for column in ("place", "id", "person", "kind", "at", "sequence", "payload")
        ]
        for place, name, person, kind, at, sequence, text in zip(*columns, strict=True):
            payload = payloads.get(text)
            if payload is None:
                payload = payloads[text] = json.loads(text)
            instant = _START + timedelta(microseconds=at)
            yield (
                Activity.checked_before(name, person, kind, instant, payload, sequence),
                Place(place >> _LINE_BITS, place & (1 << _LINE_BITS) - 1),
            )
