"""The log of a run: the activities of files, in order, with the rows that they come from."""

from __future__ import annotations

import gc
import heapq
import json
import re
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import attrs

from lifecycle_fsm.activities import Activity, other_record
from lifecycle_fsm.cli.console import Bar
from lifecycle_fsm.cli.options import Order, flag
from lifecycle_fsm.document.plain_text import lined_up
from lifecycle_fsm.errors import FileProblem, UnknownPerson
from lifecycle_fsm.lifecycle import Lifecycle
from lifecycle_fsm.model import Model
from lifecycle_fsm.people_search import full_name, look_up, nearest
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
        "The format of stdin, and of files whose extension does not show it. If all extensions "
        "do, this overrides them."
    ),
]
#: The fields that a person is looked up by.
NAMES = ("email", "first_name", "last_name", "company")
_STEP = 2_000
_SHOWN = 20
_FAR = timedelta(days=365)
_FEW = 20  # rows that may have a date by mistake; more of them are no slip
_LINE_BITS = 40


@attrs.define
class Log:
    """Activities in order, reports on their files, and the time of the last row.

    ``read`` has them as the files have them, and ``places`` for each the file and the line;
    ``merges`` says whose records are folded together. ``person`` is the id of the one whom they are
    about, where that was asked for.
    """

    activities: list[Activity] = attrs.field(factory=list)
    end: datetime | None = None
    reports: Sequence[FileReport] = ()
    notes: Sequence[str] = ()
    read: list[Activity] = attrs.field(factory=list)
    places: array[int] = attrs.field(factory=lambda: array("Q"))
    merges: list[tuple[str, str]] = attrs.field(factory=list)
    rejects: list[Reject] = attrs.field(factory=list)
    left_out: int = 0
    person: str = ""
    refused: list[tuple[Activity, str]] = attrs.field(factory=list)

    @property
    def rejected(self) -> int:
        """How many rows could not be used."""
        return sum(report.rejected for report in self.reports)

    def last(self, model: Model) -> datetime | None:
        """The time at which everybody in these files has been sorted."""
        if self.end is None:
            return None
        try:
            return self.end + model.settle
        except OverflowError:
            return self.end

    def leave_out(self, after: datetime) -> None:
        """Remove the activities after this time."""
        kept = [activity for activity in self.activities if activity.at <= after]
        self.left_out += len(self.activities) - len(kept)
        self.activities = kept

    def keep(self, group: frozenset[str]) -> None:
        """Keep only what is about these persons."""
        both = zip(self.read, self.places, strict=True)
        kept = [(activity, place) for activity, place in both if activity.person in group]
        self.read = [activity for activity, _ in kept]
        self.places = array("Q", (place for _, place in kept))
        named = re.compile(word_pattern(group)).search
        self.rejects = [reject for reject in self.rejects if named(reject.raw)]

    def by_role(self) -> Iterator[tuple[str, Activity]]:
        """The activities as read, each with the role of its file."""
        roles = [report.role for report in self.reports]
        for activity, place in zip(self.read, self.places, strict=True):
            yield roles[place >> _LINE_BITS], activity

    def far_ahead(self) -> str | None:
        """A note on a few activities that lie far behind all others in time, if there are such."""
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
        """Rejects for the activities that the run refused, with their files and lines."""
        if not self.refused or not self.places:
            return []
        refused = {id(activity) for activity, _ in self.refused}
        keys = {(activity.person, activity.id) for activity, _ in self.refused}
        first: dict[tuple[str, str], Activity] = {}
        for activity in self.activities:
            key = (activity.person, activity.id)
            if key in keys and id(activity) not in refused:
                first.setdefault(key, activity)
        wanted = refused | {id(activity) for activity in first.values()}
        where = {
            id(activity): self._place(place)
            for activity, place in zip(self.read, self.places, strict=True)
            if id(activity) in wanted
        }
        rejects = []
        for activity, why in self.refused:
            file, line = where[id(activity)]
            other = first.get((activity.person, activity.id))
            reason = why
            if other is not None and other != activity:
                reason = _contradiction(activity, why, file, other, *where[id(other)])
            rejects.append(Reject(file, line, None, reason, as_row(activity)))
        return sorted(rejects, key=lambda reject: (reject.file, reject.line))

    def _place(self, packed: int) -> tuple[str, int]:
        return self.reports[packed >> _LINE_BITS].file, packed & (1 << _LINE_BITS) - 1


def _contradiction(
    activity: Activity, reason: str, file: str, other: Activity, there: str, line: int
) -> str:
    """The reason for a refusal, with the place of the activity that counts instead."""
    place = f"line {line:,}" if there == file else f"{there}, line {line:,}"
    if activity.kind == other.kind == "created":
        files = "file" if there == file else "files"
        return f"the person {activity.person!r} is in the {files} twice: {place} counts"
    return f"{reason} ({place})"


def as_row(activity: Activity) -> str:
    """An activity as a reject shows it."""
    head = {name: getattr(activity, name) for name in ("id", "person", "kind", "at")}
    return json.dumps({**head, **activity.payload}, ensure_ascii=False, default=str)


@contextmanager
def without_cycles() -> Iterator[None]:
    """Turn the cyclic garbage collector off: reading, applying and writing leave no cycles, and the
    search for them would take a third of the time."""
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
        log = files.read(reject)
    else:
        log = _about(only, files)
        for rejected in log.rejects:
            reject(rejected)
    log.activities = by_event(log.read) if order == "event" else log.read
    return log


def _about(text: str, files: _Files) -> Log:
    """The log of the person whom the text names, with all records of that person."""
    # A stream cannot be read once more, so all of it is kept.
    if not all(Path(path).is_file() for _, path in files.inputs):
        log = files.read()
        log.person, group = _meant(text, log)
        log.keep(group)
        return log
    log = _of_group(text, files)
    if log.read:
        return log
    person, _ = _meant(text, files.read())
    return _of_group(person, files)


def _of_group(person: str, files: _Files) -> Log:
    """The log of a record and of all records that it is ever merged with. These are known only at
    the end of the files, which are then read again."""
    from lifecycle_fsm.story import connected

    group, filtered = frozenset({person}), True
    before: Log | None = None
    while True:
        try:
            log = files.read(only=group, filtered=filtered, before=before)
        except FileProblem:
            if not filtered:
                raise
            filtered, before = False, None  # somebody would miss what was left out
            continue
        wider = connected(log.merges, person)
        if wider <= group:
            log.keep(group)
            log.person = person
            return log
        group, before = wider, log


@attrs.define
class KnownRecord:
    """The names of a person in a record, to look them up by."""

    id: str
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    company: str | None = None


def _meant(text: str, log: Log) -> tuple[str, frozenset[str]]:
    """The id of the one person who is meant, and those of all records of that person.

    Raises:
        UnknownPerson: it is nobody, or there are several.
    """
    from lifecycle_fsm.story import connected

    people: dict[str, KnownRecord] = {}
    for activity in log.read:
        person = people.setdefault(activity.person, KnownRecord(activity.person))
        if activity.kind in ("created", "changed"):
            for name in NAMES:
                if name in activity.payload:
                    setattr(person, name, activity.payload[name])
    meant = record_meant(text, people.values(), partial(connected, log.merges))
    if meant is not None:
        return meant
    log.keep(frozenset({text}))
    unused = counted(len(log.rejects), "row")
    rejected = f"; {unused} about it could not be used: see `run`" if log.rejects else ""
    raise UnknownPerson(
        f"nothing in these files is about {text!r}{nearest(text, people.values())}{rejected}"
    )


def record_meant(
    text: str, records: Iterable[KnownRecord], group_of: Callable[[str], frozenset[str]]
) -> tuple[str, frozenset[str]] | None:
    """The id of the record that a text names, and those of all records of that person; ``None`` if
    it names nobody.

    Raises:
        UnknownPerson: it may be any of several people.
    """
    meant = look_up(text, records)
    if not meant:
        return None
    group = group_of(meant[0].id)
    if {record.id for record in meant} <= group:
        return meant[0].id, group  # records of one person, who has one story
    shown = [(record.id, full_name(record), record.company or "") for record in meant[:_SHOWN]]
    more = f"\n  … and {len(meant) - _SHOWN:,} more" if len(meant) > _SHOWN else ""
    raise UnknownPerson(
        f"{text!r} may be any of {len(meant):,} people; give the id of one:\n"
        f"{lined_up(shown)}{more}"
    )


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
        filtered: bool = False,
        before: Log | None = None,
    ) -> Log:
        """Read the files from their beginning.

        Args:
            reject: what is done with a row that cannot be used; without it they are kept.
            only: the persons whose activities are kept; without it all are.
            filtered: do not even look at rows about others, but for those that tell when the files
                end, unless that is known.
            before: an earlier reading, which knows when the files end.
        """
        log = Log(end=None if before is None else before.end)
        tables = open_inputs(self.inputs, self.mapping, self.format)
        try:
            intake = Intake(
                tables, Targets.of(self.model), self.mapping, reject or log.rejects.append
            )
            if only is not None and filtered:
                intake.filter(only, ends=before is None)
            for number, activity in enumerate(intake):
                if log.end is None or activity.at > log.end:
                    log.end = activity.at
                other = other_record(activity)
                if other is not None:
                    log.merges.append((activity.person, other))
                if only is None or activity.person in only:
                    log.read.append(activity)
                    file, line = intake.place
                    log.places.append(file << _LINE_BITS | line)
                if number % _STEP == 0:
                    self.bar("reading", intake.done)
            if before is None:
                log.end = intake.end(log.end)
            log.reports, log.notes = intake.reports, intake.notes
            return log
        finally:
            for _, table in tables:
                table.close()
