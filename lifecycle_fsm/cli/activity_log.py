"""The log of a run: the activities of files, in order, with the rows that they come from."""

from __future__ import annotations

import gc
import heapq
import json
import re
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import attrs

from lifecycle_fsm.activities import Activity, other_record
from lifecycle_fsm.cli.console import Bar, lined_up
from lifecycle_fsm.cli.options import Order, flag
from lifecycle_fsm.errors import FileProblem, UnknownPerson
from lifecycle_fsm.lifecycle import Lifecycle
from lifecycle_fsm.lookup import full_name, look_up, nearest
from lifecycle_fsm.model import Model
from lifecycle_fsm.tables import (
    FileReport,
    Format,
    InputMapping,
    Intake,
    Reject,
    Targets,
    by_event,
    load_mapping,
    open_inputs,
)
from lifecycle_fsm.tables.row_filter import word_pattern
from lifecycle_fsm.wording import counted

FormatOption = Annotated[
    Format | None,
    flag(
        "The format of what comes from stdin, and of files whose name does not tell it. "
        "Where all names do, it is believed all the same."
    ),
]
_STEP = 2_000
_SHOWN = 20
_FAR = timedelta(days=365)
_FEW = 20  # rows that may have a date by mistake; more of them are no slip
_LINE_BITS = 40


@attrs.define
class Log:
    """Activities in order, what became of their files, and when the last row of these happened.

    ``read`` has them as the files have them, and ``places`` for each the file and the line;
    ``person`` is the id of the one whom they are about, where that was asked for.
    """

    activities: list[Activity]
    end: datetime | None
    reports: Sequence[FileReport] = ()
    notes: Sequence[str] = ()
    read: Sequence[Activity] = ()
    places: Sequence[int] = ()
    left_out: int = 0
    person: str = ""
    refused: list[tuple[Activity, str]] = attrs.field(factory=list)
    processed: set[str] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.processed = {row.person for row in self.activities if row.kind == "processed"}

    @property
    def rejected(self) -> int:
        """How many rows could not be used."""
        return sum(report.rejected for report in self.reports)

    def last(self, model: Model) -> datetime | None:
        """The instant at which everybody of these files has been sorted."""
        if self.end is None:
            return None
        try:
            return self.end + model.settle
        except OverflowError:
            return self.end

    def leave_out(self, after: datetime) -> None:
        """Take out what happened later than that."""
        kept = [activity for activity in self.activities if activity.at <= after]
        self.left_out += len(self.activities) - len(kept)
        self.activities = kept

    def by_role(self) -> Iterator[tuple[str, Activity]]:
        """What was read, in its order, with the roles of the files."""
        roles = [report.role for report in self.reports]
        for activity, place in zip(self.read, self.places, strict=True):
            yield roles[place >> _LINE_BITS], activity

    def far_ahead(self) -> str | None:
        """A note on the few activities to which time has to run on, far beyond all others."""
        latest = heapq.nlargest(_FEW + 1, self.activities, key=lambda activity: activity.at)
        gaps = [before.at - after.at for before, after in pairwise(latest)]
        gaps = gaps[: (len(self.activities) - 1) // 2]  # a few, and not what the others are
        if not gaps:
            return None
        widest = max(gaps)
        alone = gaps.index(widest) + 1
        rest = latest[alone].at
        span = rest - min(activity.at for activity in self.activities)
        if widest < max(_FAR, span):
            return None
        first = latest[0]
        places = zip(self.read, self.places, strict=False)
        place = next((place for activity, place in places if activity is first), None)
        where = "" if place is None else " ({}, line {:,})".format(*self._place(place))
        return (
            f"time runs on to {first.at:%Y-%m-%d} for everybody because of "
            f"{counted(alone, 'row')}{where}; all others end with {rest:%Y-%m-%d}: is the date "
            f"right? --until {rest + timedelta(days=1):%Y-%m-%d} leaves what is later out"
        )

    def contradictions(self) -> list[Reject]:
        """The activities that the run refused, with the rows that they come from."""
        if not self.refused or not self.places:
            return []
        refused = {id(activity) for activity, _ in self.refused}
        keys = {(activity.person, activity.id) for activity, _ in self.refused}
        first: dict[tuple[str, str], Activity] = {}
        for activity in self.activities:
            key = (activity.person, activity.id)
            if key in keys and id(activity) not in refused:
                first.setdefault(key, activity)
        asked = refused | {id(activity) for activity in first.values()}
        where = {
            id(activity): self._place(place)
            for activity, place in zip(self.read, self.places, strict=True)
            if id(activity) in asked
        }
        rejects = []
        for activity, why in self.refused:
            file, line = where[id(activity)]
            other = first.get((activity.person, activity.id))
            reason = why
            if other is not None and other != activity:
                reason = _contradiction(activity, why, file, other, *where[id(other)])
            rejects.append(Reject(file, line, None, reason, _as_row(activity)))
        return sorted(rejects, key=lambda reject: (reject.file, reject.line))

    def _place(self, packed: int) -> tuple[str, int]:
        return self.reports[packed >> _LINE_BITS].file, packed & (1 << _LINE_BITS) - 1


def _contradiction(
    activity: Activity, reason: str, file: str, other: Activity, there: str, line: int
) -> str:
    """Why an activity of ``file`` is refused, with the place of the other one that counts."""
    place = f"line {line:,}" if there == file else f"{there}, line {line:,}"
    if activity.kind == other.kind == "created":
        files = "file" if there == file else "files"
        return f"the person {activity.person!r} is in the {files} twice: {place} counts"
    return f"{reason} ({place})"


def _as_row(activity: Activity) -> str:
    head = {name: getattr(activity, name) for name in ("id", "person", "kind", "at")}
    return json.dumps({**head, **activity.payload}, ensure_ascii=False, default=str)


@contextmanager
def without_cycles() -> Iterator[None]:
    """Work without looking for cycles, of which reading, applying and writing leave none: over the
    whole log and all people, the looking would be a third of the time."""
    looks = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if looks:
            gc.enable()


@without_cycles()
def read_log(
    lifecycle: Lifecycle,
    inputs: Sequence[tuple[str, str]],
    *,
    mapping: str | None,
    format: Format | None,
    order: Order,
    reject: Callable[[Reject], None],
    bar: Bar,
    only: str | None = None,
) -> Log:
    """Read all files into one log; ``only``, an id, an e-mail address or a name, keeps what
    concerns one person, with everybody whose record is ever folded together with that one [S23];
    of the rejects too.

    Raises:
        UnknownPerson: ``only`` means nobody, or several.
    """
    files = _Files(
        lifecycle.model, inputs, None if mapping is None else load_mapping(mapping), format, bar
    )
    if only is None:
        rows = files.read(reject)
    else:
        only, rows = _about(only, files)
        for rejected in rows.rejects:
            reject(rejected)
    ordered = by_event(rows.activities) if order == "event" else rows.activities
    return Log(
        ordered,
        rows.end,
        rows.reports,
        rows.notes,
        rows.activities,
        rows.places,
        person=only or "",
    )


def _about(text: str, files: _Files) -> tuple[str, _Rows]:
    """The id of the person who is meant, and what the files have about all who are that person."""
    from lifecycle_fsm.story import connected

    # A stream cannot be read once more, so all of it is kept.
    if not all(Path(path).is_file() for _, path in files.inputs):
        rows = files.read()
        person = _meant(text, rows)
        rows.keep(connected(rows.merges, person))
        return person, rows
    rows = _of_group(text, files)
    if rows.activities:
        return text, rows
    person = _meant(text, files.read())
    return person, _of_group(person, files)


def _of_group(person: str, files: _Files) -> _Rows:
    """What is about a record, and about all that it is ever folded together with: these are known
    at the end only, and then the files are read once more."""
    from lifecycle_fsm.story import connected

    group, sifted = frozenset({person}), True
    before: _Rows | None = None
    while True:
        try:
            rows = files.read(only=group, sifted=sifted, before=before)
        except FileProblem:
            if not sifted:
                raise
            sifted, before = False, None  # somebody would miss what was left out
            continue
        wider = connected(rows.merges, person)
        if wider <= group:
            rows.keep(group)
            return rows
        group, before = wider, rows


@attrs.define
class _KnownPerson:
    """What the files say of a person, by which one may be found."""

    id: str
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    company: str | None = None


def _meant(text: str, rows: _Rows) -> str:
    """The id of the one person who is meant.

    Raises:
        UnknownPerson: it is nobody, or there are several.
    """
    from lifecycle_fsm.story import connected

    people: dict[str, _KnownPerson] = {}
    for activity in rows.activities:
        person = people.setdefault(activity.person, _KnownPerson(activity.person))
        if activity.kind in ("created", "changed"):
            for name in ("email", "first_name", "last_name", "company"):
                if name in activity.payload:
                    setattr(person, name, activity.payload[name])
    meant = look_up(text, people.values())
    if meant and {person.id for person in meant} <= connected(rows.merges, meant[0].id):
        return meant[0].id  # records of one person, who has one story
    if meant:
        shown = [(person.id, full_name(person), person.company or "") for person in meant[:_SHOWN]]
        more = f"\n  … and {len(meant) - _SHOWN:,} more" if len(meant) > _SHOWN else ""
        raise UnknownPerson(
            f"{text!r} may be any of {len(meant):,} people; give the id of one:\n"
            f"{lined_up(shown)}{more}"
        )
    rows.keep(frozenset({text}))
    unused = counted(len(rows.rejects), "row")
    rejected = f"; {unused} about it could not be used: see `run`" if rows.rejects else ""
    raise UnknownPerson(
        f"nothing in these files is about {text!r}{nearest(text, people.values())}{rejected}"
    )


@attrs.define
class _Rows:
    """What was read: the activities, with the file and the line of each, and whose records are
    folded together; ``end`` is when the last activity of all happens."""

    activities: list[Activity] = attrs.field(factory=list)
    places: array[int] = attrs.field(factory=lambda: array("Q"))
    merges: list[tuple[str, str]] = attrs.field(factory=list)
    end: datetime | None = None
    reports: Sequence[FileReport] = ()
    notes: Sequence[str] = ()
    rejects: list[Reject] = attrs.field(factory=list)

    def keep(self, group: frozenset[str]) -> None:
        """Leave out everybody else."""
        both = zip(self.activities, self.places, strict=True)
        kept = [(activity, place) for activity, place in both if activity.person in group]
        self.activities = [activity for activity, _ in kept]
        self.places = array("Q", (place for _, place in kept))
        named = re.compile(word_pattern(group)).search
        self.rejects = [reject for reject in self.rejects if named(reject.raw)]


@attrs.frozen
class _Files:
    """The files of a log, which can be read more than once unless one of them is a stream."""

    model: Model
    inputs: Sequence[tuple[str, str]]
    mapping: InputMapping | None
    format: Format | None
    bar: Bar

    def read(
        self,
        reject: Callable[[Reject], None] | None = None,
        *,
        only: frozenset[str] | None = None,
        sifted: bool = False,
        before: _Rows | None = None,
    ) -> _Rows:
        """Read the files from their beginning.

        Args:
            reject: what is done with a row that cannot be used; without it they are kept.
            only: the persons whose activities are kept; without it all are.
            sifted: do not even look at rows about others, but for those that tell when the files
                end, unless that is known.
            before: an earlier reading, which knows when the files end.
        """
        rows = _Rows(end=None if before is None else before.end)
        tables = open_inputs(self.inputs, self.mapping, self.format)
        try:
            intake = Intake(
                tables, Targets.of(self.model), self.mapping, reject or rows.rejects.append
            )
            if only is not None and sifted:
                intake.filter(only, ends=before is None)
            for number, activity in enumerate(intake):
                if rows.end is None or activity.at > rows.end:
                    rows.end = activity.at
                other = other_record(activity)
                if other is not None:
                    rows.merges.append((activity.person, other))
                if only is None or activity.person in only:
                    rows.activities.append(activity)
                    file, line = intake.place
                    rows.places.append(file << _LINE_BITS | line)
                if number % _STEP == 0:
                    self.bar("reading", intake.done)
            if before is None:
                rows.end = intake.end(rows.end)
            rows.reports, rows.notes = intake.reports, intake.notes
            return rows
        finally:
            for _, table in tables:
                table.close()
