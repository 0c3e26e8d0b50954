"""A report as it was known on an earlier day, beside the same report as it is known now.

A row that came late counts from the person's clock [S19]: a report of March that was made in March
cannot have it. Measured now, with late rows at the time of their activity, the same March may have
other numbers. This names each of them, and the activities that changed them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import attrs

from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.fields import to_utc
from lifecycle_fsm.funnel.report import FunnelReport, Measure, as_plain, measure
from lifecycle_fsm.history import HistoryInMemory, HistoryRow, StoredHistory
from lifecycle_fsm.model import Model

#: The measures that are compared if nobody chooses others.
COMPARED: tuple[Measure, ...] = ("people", "flows", "conversion", "leaks")


@attrs.frozen
class ChangedNumber:
    """A number that is another one now.

    Args:
        measure: the measure that has it.
        row: what its row is about, by name: group, stage, period …
        name: the name of the number.
        then, now: the number as it was known on the day, and as it is known now; ``None`` if there
            was no such row.
    """

    measure: Measure
    row: Mapping[str, str]
    name: str
    then: float | None
    now: float | None


@attrs.frozen(kw_only=True)
class KnownChanges:
    """Two reports up to one day, and how they differ.

    Args:
        day: the day.
        then: the report from what was known on that day.
        now: the report from what is known now: late rows count at the time of their activity.
        numbers: the numbers that differ.
        rows: the rows that were not known on that day, and happened by then: the cause.
    """

    day: datetime
    then: FunnelReport
    now: FunnelReport
    numbers: tuple[ChangedNumber, ...]
    rows: tuple[HistoryRow, ...]

    def as_dict(self) -> dict[str, Any]:
        """The differences for programs."""
        return {
            "day": as_plain(self.day),
            "numbers": as_plain(self.numbers),
            "activities": as_plain(self.rows),
            "then": self.then.as_dict(),
            "now": self.now.as_dict(),
        }


def compare_known(
    rows: Iterable[HistoryRow],
    model: Model,
    day: datetime,
    *,
    measures: Iterable[Measure] = COMPARED,
    **options: Any,
) -> KnownChanges:
    """Measure a history up to a day, as it was known then and as it is known now.

    Args:
        rows: the history of all persons.
        model: the model that wrote it.
        day: the end of both reports.
        measures: what is measured.
        options: as for :func:`.measure`, but for ``until``.

    Raises:
        LifecycleError: a measure is not possible, or the history ends before the day.
    """
    day = to_utc(day)
    history = rows if isinstance(rows, StoredHistory) else HistoryInMemory(rows)
    if history.last is not None and day > history.last:
        raise LifecycleError(
            f"nothing is known after {history.last:%Y-%m-%d %H:%M} UTC: ask for an earlier day"
        )
    measures = tuple(measures)
    ours = _AsKnownNow(history, day)
    then = measure(history, model, until=day, measures=measures, **options)
    now = measure(ours, model, until=day, measures=measures, **options)
    return KnownChanges(
        day=day,
        then=then,
        now=now,
        numbers=tuple(_differences(then, now)),
        rows=tuple(ours.unknown()),
    )


class _AsKnownNow(StoredHistory):
    """A history in which the late rows that came after a day count when they happened.

    Merges stay where they are: they fold two records at their clocks [S23].
    """

    def __init__(self, history: StoredHistory, day: datetime) -> None:
        self._history, self._day = history, day
        self.moves, self.dimensions, self.last = history.moves, history.dimensions, history.last

    def parts(self) -> Iterator[list[HistoryRow]]:
        """The rows in parts, each with all rows of some people."""
        for part in self._history.parts():
            yield [moved for _, moved in self._moved(part)]

    def __iter__(self) -> Iterator[HistoryRow]:
        for part in self.parts():
            yield from part

    def about(self, records: Collection[str]) -> Iterable[HistoryRow]:
        """The rows of these records."""
        return [moved for _, moved in self._moved(self._history.about(records))]

    def unknown(self) -> list[HistoryRow]:
        """The rows that were not known on the day and happened by then, in order."""
        rows = [
            row
            for part in self._history.parts()
            for row, moved in self._moved(part)
            if moved.now <= self._day < row.now
        ]
        return sorted(rows, key=lambda row: (row.now, row.person, row.sequence))

    def _moved(self, rows: Iterable[HistoryRow]) -> Iterator[tuple[HistoryRow, HistoryRow]]:
        """Each row with the row that counts: not before the row that precedes it."""
        by_person: defaultdict[str, list[HistoryRow]] = defaultdict(list)
        for row in rows:
            by_person[row.person].append(row)
        for theirs in by_person.values():
            before: datetime | None = None
            for row in sorted(theirs, key=lambda row: row.sequence):
                moved = row
                if row.late and row.kind != "merge" and row.now > self._day:
                    at = row.at if before is None else max(row.at, before)
                    entered = at if row.entered_at == row.now else row.entered_at
                    moved = attrs.evolve(row, now=at, entered_at=entered)
                before = moved.now
                yield row, moved


def _differences(then: FunnelReport, now: FunnelReport) -> Iterator[ChangedNumber]:
    first, second = _numbers(then), _numbers(now)
    for key in dict.fromkeys((*first, *second)):
        before, after = first.get(key), second.get(key)
        if before != after:
            name, row, number = key
            yield ChangedNumber(name, dict(row), number, before, after)


_Number = tuple[Measure, tuple[tuple[str, str], ...], str]


def _numbers(report: FunnelReport) -> dict[_Number, float]:
    """All numbers of a report, each by its measure, its row and its name."""
    numbers: dict[_Number, float] = {}
    measures = report.as_dict()["measures"]
    for name in report.measures:
        for row in measures[name]["rows"]:
            texts = tuple((key, value) for key, value in _flat(row) if isinstance(value, str))
            for key, value in _flat(row):
                if isinstance(value, int | float) and not isinstance(value, bool):
                    numbers[name, texts, key] = value
    return numbers


def _flat(row: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The values of a row. Of a period, only its name tells rows apart."""
    for key, value in row.items():
        if key == "period":
            yield key, value["name"]
        elif isinstance(value, Mapping):
            yield from ((f"{key}.{inner}", part) for inner, part in value.items())
        elif not isinstance(value, list):
            yield key, value
