"""The log of a run: the activities of files, in order, with the rows that they come from."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

import attrs

from lifecycle_fsm.activities import Activity, other_record
from lifecycle_fsm.cli.console import Bar
from lifecycle_fsm.cli.options import Order, flag
from lifecycle_fsm.components import Components
from lifecycle_fsm.document.plain_text import lined_up
from lifecycle_fsm.errors import FileProblem, UnknownPerson
from lifecycle_fsm.garbage import without_cycles
from lifecycle_fsm.model import Model
from lifecycle_fsm.parts.file_run import settled
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


@attrs.define
class Log:
    """Activities in order, reports on their files, and the time of the last row.

    ``read`` has them as the files have them; ``merges`` says whose records are folded together, and
    ``person`` is the id of the one whom they are about.
    """

    activities: list[Activity] = attrs.field(factory=list)
    end: datetime | None = None
    reports: Sequence[FileReport] = ()
    notes: Sequence[str] = ()
    read: list[Activity] = attrs.field(factory=list)
    merges: list[tuple[str, str]] = attrs.field(factory=list)
    rejects: list[Reject] = attrs.field(factory=list)
    person: str = ""

    def last(self, model: Model) -> datetime | None:
        """The time at which everybody in these files has been sorted."""
        return None if self.end is None else settled(self.end, model)

    def keep(self, group: frozenset[str]) -> None:
        """Keep only what is about these persons."""
        self.read = [activity for activity in self.read if activity.person in group]
        named = re.compile(word_pattern(group)).search
        self.rejects = [reject for reject in self.rejects if named(reject.raw)]


def as_row(activity: Activity) -> str:
    """An activity as a reject shows it."""
    head = {name: getattr(activity, name) for name in ("id", "person", "kind", "at")}
    return json.dumps({**head, **activity.payload}, ensure_ascii=False, default=str)


@without_cycles()
def read_log(
    model: Model,
    inputs: Sequence[tuple[str, str]],
    person: str,
    *,
    mapping: str | None,
    format: Format | None,
    order: Order,
    bar: Bar,
) -> Log:
    """Read what concerns one person, with everybody whose record is ever folded together with that
    one [S23]; of the rejected rows too.

    Args:
        model: the lifecycle.
        inputs: role and path of each file.
        person: an id, an e-mail address or a name.
        mapping: the file that says how columns are read.
        format: the format of files whose names do not show it.
        order: the order of the activities.
        bar: shows how much has been read.

    Raises:
        UnknownPerson: the text means nobody, or several.
    """
    files = _Files(model, inputs, None if mapping is None else load_mapping(mapping), format, bar)
    log = _about(person, files)
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
        wider = Components(log.merges).group(person)
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
    people: dict[str, KnownRecord] = {}
    for activity in log.read:
        person = people.setdefault(activity.person, KnownRecord(activity.person))
        if activity.kind in ("created", "changed"):
            for name in NAMES:
                if name in activity.payload:
                    setattr(person, name, activity.payload[name])
    meant = record_meant(text, people.values(), Components(log.merges).group)
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
        *,
        only: frozenset[str] | None = None,
        filtered: bool = False,
        before: Log | None = None,
    ) -> Log:
        """Read the files from their beginning.

        Args:
            only: the persons whose activities are kept; without it all are.
            filtered: do not even look at rows about others, but for those that tell when the files
                end, unless that is known.
            before: an earlier reading, which knows when the files end.
        """
        log = Log(end=None if before is None else before.end)
        tables = open_inputs(self.inputs, self.mapping, self.format)
        try:
            intake = Intake(tables, Targets.of(self.model), self.mapping, log.rejects.append)
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
                if number % _STEP == 0:
                    self.bar("reading", intake.done)
            if before is None:
                log.end = intake.end(log.end)
            log.reports, log.notes = intake.reports, intake.notes
            return log
        finally:
            for _, table in tables:
                table.close()
