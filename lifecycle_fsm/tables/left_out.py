"""What was left out of files: when the last activity in it happened."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Protocol

import attrs

from lifecycle_fsm.errors import RecordError
from lifecycle_fsm.rows.row import FileRow, Reject
from lifecycle_fsm.tables.binding import BoundFile
from lifecycle_fsm.tables.times import TimeReader

_TWO_DAYS = timedelta(days=2)
LAST = datetime.max.replace(tzinfo=UTC)


@attrs.frozen
class LateRow:
    """A row that is not bound yet, and an instant that none of its activities is later than."""

    latest: datetime
    read: Callable[[], Iterable[FileRow | Reject]]


class LatePart(Protocol):
    """Some rows of a file, and an instant that none of their activities is later than."""

    @property
    def file(self) -> BoundFile: ...  # noqa: D102 - see the class

    @property
    def latest(self) -> datetime: ...  # noqa: D102

    def late_rows(self, end: datetime | None) -> list[LateRow]:
        """Those that may be later than ``end``, the latest last."""


class Remainder(Protocol):
    """What is left out of a file, known when the rest has been read."""

    @property
    def parts(self) -> Sequence[LatePart]: ...  # noqa: D102 - see the class


def end_of(parts: Iterable[LatePart], end: datetime | None) -> datetime | None:
    """When the last activity happened, in these parts or at ``end``.

    Rows are bound, the latest first, until none that is left can be later: mostly one is, because
    the row that seems to be the last is mostly one that can be used.
    """
    turn = count()  # of what may be equally late
    waiting: list[tuple[timedelta, int, LatePart, list[LateRow] | None]]
    waiting = [(LAST - part.latest, next(turn), part, None) for part in parts]
    heapq.heapify(waiting)
    while waiting:
        before_last, _, part, rows = heapq.heappop(waiting)
        if end is not None and LAST - before_last <= end:
            break
        if rows is None:
            rows = part.late_rows(end)
        if rows:  # also of a part that was only just looked into: there is less to look at, then
            for instant in _instants(part.file, rows.pop()):
                end = instant if end is None else max(instant, end)
        if rows:
            heapq.heappush(waiting, (LAST - rows[-1].latest, next(turn), part, rows))
    return end


def _instants(file: BoundFile, late: LateRow) -> Iterable[datetime]:
    for row in late.read():
        made = row if isinstance(row, Reject) else file.converted(row)
        if not isinstance(made, Reject):
            yield from (activity.at for activity in made)


def instant_of(raw: Any, clocks: Iterable[TimeReader]) -> datetime | None:
    """The last instant that a time means by one of these clocks; None if it is no time."""
    instants = []
    for clock in clocks:
        with suppress(RecordError):
            instants.append(clock.read(raw))
    return max(instants, default=None)


def latest_on_wall(instant: datetime, clocks: Iterable[TimeReader]) -> datetime:
    """An instant that nothing is later than of what is no later on the wall than this instant.

    Where clocks are put back, and where the day is another from then on, what is earlier on the
    wall may be later.
    """
    return instant if all(clock.zone is UTC for clock in clocks) else two_days_after(instant)


def two_days_after(instant: datetime) -> datetime:
    """Two days later, or the last instant that there is."""
    return LAST if instant > LAST - _TWO_DAYS else instant + _TWO_DAYS
