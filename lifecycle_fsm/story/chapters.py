"""Entries in chapters: one for each stage in which a record was, in the order in which it was."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

import attrs

from lifecycle_fsm.history import VisitKey
from lifecycle_fsm.model import Model
from lifecycle_fsm.story.entries import Entry


@attrs.frozen(kw_only=True)
class Chapter:
    """The time of one record in one stage, from what led there to the end, or until now.

    Original processing, which seldom takes long, is told with the stage that it led to. Where
    another record was folded in and its stay goes on, the chapter starts with that [S23]. ``end``
    is missing where the person is there still.
    """

    record: str
    journey: int
    stage: str
    start: datetime
    end: datetime | None
    entries: tuple[Entry, ...]


def chapters(model: Model, record: str, entries: Iterable[Entry]) -> Iterator[Chapter]:
    """The chapters of one record."""
    initial = model.initial.name
    stage, journey, told = initial, 1, list[Entry]()
    start: datetime | None = None
    visit: VisitKey | None = None
    for entry in entries:
        row = entry.row
        if row is not None and row.visit != visit:
            if stage != initial and told and start is not None:
                yield Chapter(
                    record=record, journey=journey, stage=stage, start=start, end=entry.at,
                    entries=tuple(told),
                )  # fmt: skip
                told = []
            if stage != initial or row.to_stage != initial:
                start = row.entered_at
            stage, journey, visit = row.to_stage, row.journey, row.visit
        start = start or entry.at
        told.append(entry)
    if told and start is not None:
        closed = any(not row.to_stage for one in told[-1].moments for row in one.rows)
        yield Chapter(
            record=record, journey=journey, stage=stage, start=start,
            end=told[-1].at if closed else None, entries=tuple(told),
        )  # fmt: skip
