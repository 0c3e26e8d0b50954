"""The work of ``run``, ``explain`` and ``demo``: read, order, apply, sum up, write."""

from __future__ import annotations

import gc
import heapq
import json
import re
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, get_args

import attrs
import typer

from lifecycle_fsm.activities import Activity, other_record
from lifecycle_fsm.cli.common import Bar, as_json, lined_up, load_model
from lifecycle_fsm.cli.unmatched import Unmatched, unmatched
from lifecycle_fsm.errors import FileProblem, LifecycleError, UnknownPerson
from lifecycle_fsm.files import write_file
from lifecycle_fsm.history import DeadlineOutcome
from lifecycle_fsm.lifecycle import Lifecycle
from lifecycle_fsm.lookup import full_name, look_up, nearest
from lifecycle_fsm.machine import Decision
from lifecycle_fsm.model import Model
from lifecycle_fsm.tables import (
    DEADLINES,
    DECISIONS,
    DUPLICATES,
    REJECTS,
    REQUESTS,
    Duplicate,
    FileReport,
    Format,
    InputMapping,
    Intake,
    OutputFolder,
    Reject,
    TableWriter,
    Targets,
    by_event,
    duplicates,
    history_columns,
    load_mapping,
    open_inputs,
    people_columns,
)
from lifecycle_fsm.tables.sifting_text import as_words
from lifecycle_fsm.wording import counted

if TYPE_CHECKING:
    from lifecycle_fsm.funnel import Counts

Order: TypeAlias = Literal["event", "arrival"]

PeopleOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FILE",
        help="People: one row each; can be repeated. CSV, JSON, Parquet; `-` is stdin.",
    ),
]
ActivitiesOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="[ROLE=]FILE",
        help="What happened to them; can be repeated. ROLE is the name of a table of the mapping, "
        "`activities` if nothing is said.",
    ),
]
MappingOption = Annotated[
    str | None,
    typer.Option(metavar="FILE.toml", help="How the columns of these files are to be read."),
]
FormatOption = Annotated[
    Format | None,
    typer.Option(
        help="The format of what comes from stdin, and of files whose name does not tell it. "
        "Where all names do, it is believed all the same."
    ),
]
TablesOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="PATH",
        help="Let steps of the model read tables from here too, and not only from its own folder; "
        "can be repeated.",
    ),
]
OrderOption = Annotated[
    Order, typer.Option(help="Apply activities by when they happened, or as the files have them.")
]
_STEP = 2_000
_SHOWN = 20
_FAR = timedelta(days=365)
_FEW = 20  # rows that may have a date by mistake; more of them are no slip
_LINE_BITS = 40
_PEOPLE, _ACTIVITIES = ("person", "people"), ("activity", "activities")


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
        self.processed = {one.person for one in self.activities if one.kind == "processed"}

    @property
    def rejected(self) -> int:
        """How many rows could not be used."""
        return sum(one.rejected for one in self.reports)

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
        kept = [one for one in self.activities if one.at <= after]
        self.left_out += len(self.activities) - len(kept)
        self.activities = kept

    def by_role(self) -> Iterator[tuple[str, Activity]]:
        """What was read, in its order, with the roles of the files."""
        roles = [report.role for report in self.reports]
        for one, place in zip(self.read, self.places, strict=True):
            yield roles[place >> _LINE_BITS], one

    def far_ahead(self) -> str | None:
        """A note on the few activities to which time has to run on, far beyond all others."""
        latest = heapq.nlargest(_FEW + 1, self.activities, key=lambda one: one.at)
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
        place = next(
            (p for one, p in zip(self.read, self.places, strict=False) if one is first), None
        )
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
        refused = {id(one) for one, _ in self.refused}
        same = {(one.person, one.id) for one, _ in self.refused}
        first: dict[tuple[str, str], Activity] = {}
        for one in self.activities:
            key = (one.person, one.id)
            if key in same and id(one) not in refused:
                first.setdefault(key, one)
        asked = refused | {id(one) for one in first.values()}
        where = {
            id(one): place
            for one, place in zip(self.read, self.places, strict=True)
            if id(one) in asked
        }
        found = []
        for one, why in self.refused:
            reason = why
            file, line = self._place(where[id(one)])
            other = first.get((one.person, one.id))
            if other is not None and other != one:
                there, at = self._place(where[id(other)])
                in_it = f"line {at:,}" if there == file else f"{there}, line {at:,}"
                if one.kind == other.kind == "created":
                    file_s = "file" if there == file else "files"
                    reason = f"the person {one.person!r} is in the {file_s} twice: {in_it} counts"
                else:
                    reason = f"{reason} ({in_it})"
            found.append(Reject(file, line, None, reason, _as_row(one)))
        return sorted(found, key=lambda one: (one.file, one.line))

    def _place(self, packed: int) -> tuple[str, int]:
        return self.reports[packed >> _LINE_BITS].file, packed & (1 << _LINE_BITS) - 1


def _as_row(one: Activity) -> str:
    plain = {"id": one.id, "person": one.person, "kind": one.kind, "at": one.at, **one.payload}
    return json.dumps(plain, ensure_ascii=False, default=str)


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


def running_model(name: str, tables_from: list[str] | None) -> Model:
    """The model that a command line names, with the places that its steps may read tables from.

    Raises:
        LifecycleError: there is none, or it does not build.
    """
    model = load_model(name)
    return attrs.evolve(model, tables_from=tables_from) if tables_from else model


def inputs_of(people: list[str] | None, activities: list[str] | None) -> list[tuple[str, str]]:
    """The files of a command line, with their roles.

    Raises:
        LifecycleError: there is none.
    """
    found = [("people", path) for path in people or ()]
    for text in activities or ():
        role, equals, path = text.partition("=")
        if equals and role.isidentifier() and not Path(text).exists():
            found.append((role, path))
        else:
            found.append(("activities", text))
    if not found:
        raise LifecycleError("nothing to read: say --people FILE, --activities FILE, or both")
    return found


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
    read: InputMapping | None = load_mapping(mapping) if mapping is not None else None
    arguments = (lifecycle, inputs, read, format)
    if only is None:
        found = _Found(None)
        found.read(*arguments, reject, bar)
    else:
        only, found = _about(only, arguments, bar)
        for one in found.rejects:
            reject(one)
    ordered = by_event(found.activities) if order == "event" else found.activities
    return Log(
        ordered,
        found.end,
        found.reports,
        found.notes,
        found.activities,
        found.places,
        person=only or "",
    )


_Arguments: TypeAlias = tuple[
    Lifecycle, Sequence[tuple[str, str]], InputMapping | None, Format | None
]


def _about(text: str, arguments: _Arguments, bar: Bar) -> tuple[str, _Found]:
    """The id of the person who is meant, and what the files have about all who are that person."""
    from lifecycle_fsm.story import joined

    # A stream cannot be read once more, so all of it is kept.
    if not all(Path(path).is_file() for _, path in arguments[1]):
        found = _everything(arguments, bar)
        person = _meant(text, found)
        found.keep(joined(found.merges, person))
        return person, found
    found = _of_group(text, arguments, bar)
    if found.activities:
        return text, found
    person = _meant(text, _everything(arguments, bar))
    return person, _of_group(person, arguments, bar)


def _everything(arguments: _Arguments, bar: Bar) -> _Found:
    found = _Found(None)
    found.read(*arguments, found.rejects.append, bar)
    return found


def _of_group(person: str, arguments: _Arguments, bar: Bar) -> _Found:
    """What is about a record, and about all that it is ever folded together with: these are known
    at the end only, and then the files are read once more."""
    from lifecycle_fsm.story import joined

    group = frozenset({person})
    found = _Found(group, sifted=True)
    while True:
        try:
            found.read(*arguments, found.rejects.append, bar)
        except FileProblem:
            if not found.sifted:
                raise
            found = _Found(group)  # somebody would miss what was left out
            continue
        wider = joined(found.merges, person)
        if wider <= group:
            found.keep(group)
            return found
        group = wider
        found = _Found(group, found.sifted, found.end, end_known=True)


@attrs.define
class _Known:
    """What the files say of a person, by which one may be found."""

    id: str
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    company: str | None = None


def _meant(text: str, found: _Found) -> str:
    """The id of the one person who is meant.

    Raises:
        UnknownPerson: it is nobody, or there are several.
    """
    from lifecycle_fsm.story import joined

    people: dict[str, _Known] = {}
    for activity in found.activities:
        one = people.setdefault(activity.person, _Known(activity.person))
        if activity.kind in ("created", "changed"):
            for name in ("email", "first_name", "last_name", "company"):
                if name in activity.payload:
                    setattr(one, name, activity.payload[name])
    meant = look_up(text, people.values())
    if meant and {one.id for one in meant} <= joined(found.merges, meant[0].id):
        return meant[0].id  # records of one person, who has one story
    if meant:
        shown = [(one.id, full_name(one), one.company or "") for one in meant[:_SHOWN]]
        more = f"\n  … and {len(meant) - _SHOWN:,} more" if len(meant) > _SHOWN else ""
        raise UnknownPerson(
            f"{text!r} may be any of {len(meant):,} people; give the id of one:\n"
            f"{lined_up(shown)}{more}"
        )
    found.keep(frozenset({text}))
    unused = counted(len(found.rejects), "row")
    rejected = f"; {unused} about it could not be used: see `run`" if found.rejects else ""
    raise UnknownPerson(
        f"nothing in these files is about {text!r}{nearest(text, people.values())}{rejected}"
    )


@attrs.define
class _Found:
    """What was read: the activities of some persons, or of all; ``sifted`` where the rows about
    others are not even looked at, but for those that tell when the files end, unless that is known.
    """

    only: frozenset[str] | None
    sifted: bool = False
    end: datetime | None = None
    end_known: bool = attrs.field(default=False, kw_only=True)
    activities: list[Activity] = attrs.field(factory=list)
    places: array[int] = attrs.field(factory=lambda: array("Q"))
    merges: list[tuple[str, str]] = attrs.field(factory=list)
    reports: Sequence[FileReport] = ()
    notes: Sequence[str] = ()
    rejects: list[Reject] = attrs.field(factory=list)

    def read(
        self,
        lifecycle: Lifecycle,
        inputs: Sequence[tuple[str, str]],
        mapping: InputMapping | None,
        format: Format | None,
        reject: Callable[[Reject], None],
        bar: Bar,
    ) -> None:
        """Read the files from their beginning."""
        tables = open_inputs(inputs, mapping, format)
        try:
            intake = Intake(tables, Targets.of(lifecycle.model), mapping, reject)
            if self.only is not None and self.sifted:
                intake.sift(self.only, ends=not self.end_known)
            for place, activity in enumerate(intake):
                if self.end is None or activity.at > self.end:
                    self.end = activity.at
                other = other_record(activity)
                if other is not None:
                    self.merges.append((activity.person, other))
                if self.only is None or activity.person in self.only:
                    self.activities.append(activity)
                    file, line = intake.place
                    self.places.append(file << _LINE_BITS | line)
                if place % _STEP == 0:
                    bar("reading", intake.done)
            if not self.end_known:
                self.end = intake.end(self.end)
            self.reports, self.notes = intake.reports, intake.notes
        finally:
            for _, table in tables:
                table.close()

    def keep(self, group: frozenset[str]) -> None:
        """Leave out everybody else."""
        both = zip(self.activities, self.places, strict=True)
        kept = [(one, place) for one, place in both if one.person in group]
        self.activities = [one for one, _ in kept]
        self.places = array("Q", (place for _, place in kept))
        named = re.compile(as_words(group)).search
        self.rejects = [reject for reject in self.rejects if named(reject.raw)]


@attrs.define
class Tally:
    """What came of a run, counted decision by decision; ``late`` has the activities that were, by
    person and id, with their kinds."""

    results: Counter[str] = attrs.field(factory=Counter)
    late: dict[tuple[str, str | None], str] = attrs.field(factory=dict)
    asked: Counter[str] = attrs.field(factory=Counter)
    keep: Callable[[Decision], None] | None = None
    refused: list[Decision] = attrs.field(factory=list)

    def __call__(self, decision: Decision) -> None:
        """Count one decision, and hand it on to who keeps them."""
        self.results[decision.result] += 1
        for one in decision.requests:
            self.asked[one.state] += 1
        if decision.late:  # of an activity that is asked for later there are several
            self.late[decision.person, decision.activity] = decision.kind or "time"
        if decision.result == "rejected":
            self.refused.append(decision)
        if self.keep is not None:
            self.keep(decision)


@without_cycles()
def apply_log(
    lifecycle: Lifecycle,
    log: Log,
    until: datetime | None,
    bar: Bar,
    tally: Tally | None = None,
) -> datetime | None:
    """Apply a log, then let time pass: up to ``until``, or until the last new person is sorted.

    What happened after ``until`` is left out. Where the lifecycle records into ``tally``, the log
    keeps which of its activities were refused.
    """
    if until is not None:
        log.leave_out(until)
    lifecycle.expect_processed(log.processed)
    total = len(log.activities)
    for place, activity in enumerate(log.activities):
        waited = lifecycle.held.get(activity.person, ()) if activity.kind == "created" else ()
        lifecycle.apply(activity)
        if tally is not None and tally.refused:
            by_id = {one.id: one for one in (*waited, activity)}
            log.refused += [(by_id[one.activity or ""], one.reason) for one in tally.refused]
            tally.refused.clear()
        if place % _STEP == 0:
            bar("applying", place / total)
    end = until if until is not None else log.last(lifecycle.model)
    if end is not None:
        lifecycle.tick(end)
    return end


@attrs.define(kw_only=True)
class Outcome:
    """A finished run: its people, and all that a summary tells."""

    lifecycle: Lifecycle
    log: Log
    tally: Tally
    until: datetime | None
    counts: Counts = attrs.field(init=False)
    over: Counts = attrs.field(init=False)

    asked: datetime | None = None
    contradictions: list[Reject] = attrs.field(init=False)
    duplicates: list[Duplicate] = attrs.field(init=False)
    #: The roles of which most is about nobody.
    unmatched: list[Unmatched] = attrs.field(init=False)
    #: What is to be said of the inputs as a whole, a sentence each.
    notes: list[str] = attrs.field(init=False)
    #: How often each deadline was kept, missed and void, those first that were missed most.
    deadlines: Mapping[str, Mapping[str, int]] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        from lifecycle_fsm.funnel import observe, on_picture

        history, model, end = self.lifecycle.history, self.lifecycle.model, None
        if self.asked is not None:
            with suppress(OverflowError):  # a window ends before its end, and this one after it
                end = self.asked + timedelta(microseconds=1)
        window = (None, end)
        scope = observe(history, model, window=window, until=self.until)
        self.counts = on_picture(scope)
        self.over = on_picture(scope, reading="over")
        self.contradictions = self.log.contradictions()
        self.duplicates = duplicates(self.lifecycle)
        self.unmatched = unmatched(self.log.by_role(), self.lifecycle.held, self.asked)
        self.notes = list(self.log.notes)
        if self.asked is None and (far := self.log.far_ahead()) is not None:
            self.notes.append(far)
        rules = {deadline.name: Counter[str]() for deadline in model.deadlines}
        for fact in self.lifecycle.deadlines:
            rules[fact.rule][fact.outcome] += 1
        self.deadlines = {
            name: {outcome: rules[name][outcome] for outcome in get_args(DeadlineOutcome)}
            for name in sorted(rules, key=lambda name: -rules[name]["missed"])
        }

    @property
    def missed(self) -> str:
        """How often each deadline was missed, in words: ``2 called, 1 answered``."""
        return ", ".join(
            f"{one['missed']:,} {name}" for name, one in self.deadlines.items() if one["missed"]
        )

    @property
    def rejected(self) -> int:
        """Rows that could not be used, and activities that contradict what is known."""
        return self.log.rejected + self.tally.results["rejected"]

    @property
    def _late(self) -> Counter[str]:
        return Counter(self.tally.late.values())

    def as_dict(self) -> dict[str, Any]:
        """The summary for a program."""
        lifecycle, counts = self.lifecycle, self.counts
        return {
            "model": {"name": lifecycle.model.name, "version": lifecycle.model.version},
            "files": [
                {
                    "role": one.role,
                    "file": one.file,
                    "rows": one.rows,
                    "activities": one.activities,
                    "rejected": one.rejected,
                    "notes": list(one.notes),
                }
                for one in self.log.reports
            ],
            "people": len(lifecycle),
            "until": self.until,
            "stages": [
                {
                    "stage": stage.name,
                    "label": stage.label,
                    "people": counts.people.get(stage.name, 0),
                    "entered": counts.entered.get(stage.name, 0),
                    "passed_over": counts.passed_over.get(stage.name, 0),
                }
                for stage in lifecycle.model.stages
            ],
            "conversion": [
                {"from": start, "to": end, "reading": one.reading, **attrs.asdict(share)}
                for one in (counts, self.over)
                for (start, end), share in one.conversion.items()
            ],
            "activities": len(self.log.activities),
            "left_out": self.log.left_out,
            "notes": self.notes,
            "decisions": dict(self.tally.results.most_common()),
            "late": dict(self._late.most_common()),
            "merged": len(lifecycle.merged),
            "deadlines": self.deadlines,
            "missed_deadlines": {
                name: outcomes["missed"]
                for name, outcomes in self.deadlines.items()
                if outcomes["missed"]
            },
            "requests": dict(self.tally.asked.most_common()),
            "held": {person: len(held) for person, held in lifecycle.held.items()},
            "mostly_held": [attrs.asdict(one) for one in self.unmatched],
            "duplicates": len(self.duplicates),
            "parked": {
                person: [one.error for one in parked] for person, parked in lifecycle.parked.items()
            },
            "rejected": self.rejected,
        }

    def as_text(self) -> str:
        """The summary for people."""
        model, counts = self.lifecycle.model, self.counts
        parts = [f"{one}\n" for one in self.unmatched]
        parts.append(f"{model.title or model.name} (model {model.name}, version {model.version})")
        for one in self.log.reports:
            parts.append(
                f"\n{one.role}: {one.file}\n"
                f"  {counted(one.rows, 'row')}, {counted(one.activities, *_ACTIVITIES)}, "
                f"{one.rejected:,} rejected"
            )
            parts += [f"  {note}" for note in one.notes]
        if self.notes:
            parts += ["", *(f"note: {note}" for note in self.notes)]
        head = ("", "stage", "", "people", "entered", "passed over")
        rows = [
            (
                stage.code,
                stage.display,
                stage.label,
                *(
                    f"{of.get(stage.name, 0):,}"
                    for of in (counts.people, counts.entered, counts.passed_over)
                ),
            )
            for stage in model.stages
        ]
        until = "" if self.until is None else f", at {self.until:%Y-%m-%d %H:%M} UTC"
        parts.append(f"\n{counted(len(self.lifecycle), *_PEOPLE)}{until}")
        parts.append(lined_up([head, *rows], right=(0, 3, 4, 5)))
        said = ", ".join(
            f"{number:,} {result.replace('_', ' ')}"
            for result, number in self.tally.results.most_common()
        )
        parts.append(f"\ndecisions: {said or 'none'}")
        parts += self._remarks()
        return "\n".join(parts)

    def _remarks(self) -> Iterable[str]:
        merged, asked = len(self.lifecycle.merged), self.tally.asked
        if merged:
            yield f"merged: {counted(merged, 'record')} folded into others"
        if self.duplicates:
            pairs, one = counted(len(self.duplicates), "pair"), self.duplicates[0]
            yield (
                f"duplicates: {pairs} of people with one e-mail address, such as {one.person!r} "
                f"and {one.duplicate!r}"
            )
        if asked:
            states = ", ".join(f"{number:,} {state}" for state, number in asked.most_common())
            yield f"requests: {states}"
        total = Counter[str]()
        for outcomes in self.deadlines.values():
            total.update(outcomes)
        if total.total():
            names = f" ({self.missed})" if self.missed else ""
            yield (
                f"deadlines: {total['kept']:,} kept, {total['missed']:,} missed{names}, "
                f"{total['void']:,} void"
            )
        late, held, parked = self._late, self.lifecycle.held, self.lifecycle.parked
        if self.log.left_out:
            yield (
                f"left out: {counted(self.log.left_out, *_ACTIVITIES)} that happened after "
                f"{self.asked:%Y-%m-%d %H:%M} UTC"
            )
        if late:
            kinds = ", ".join(f"{number:,} {kind}" for kind, number in late.most_common())
            yield f"late: {kinds}; applied at the person's clock, and flagged"
        if held:
            number = sum(map(len, held.values()))
            by_then = " by then" if self.log.left_out else ""
            yield (
                f"held: {counted(number, *_ACTIVITIES)} {'waits' if number == 1 else 'wait'} for "
                f"{counted(len(held), *_PEOPLE)} whom no file creates{by_then}, "
                f"such as {next(iter(held))!r}"
            )
        if parked:
            person, waiting = next(iter(parked.items()))
            many = counted(len(parked), *_PEOPLE)
            yield f"parked: {many}, such as {person!r}: {waiting[0].error}"
        if self.rejected:
            rows, others = self.log.rejected, self.tally.results["rejected"]
            said = [counted(rows, "row")] if rows else []
            if others:
                does = "contradicts" if others == 1 else "contradict"
                said.append(f"{counted(others, *_ACTIVITIES)} that {does} others")
            yield f"rejected: {', and '.join(said)}"


class Output:
    """The folder of a run, and the tables that fill while it goes on."""

    def __init__(self, folder: OutputFolder, *, pictures: bool) -> None:
        self.folder = folder
        self.pictures = pictures
        self.rejects = TableWriter(REJECTS)
        self.decisions = TableWriter(DECISIONS)
        self.requests = TableWriter(REQUESTS)

    def keep(self, decision: Decision) -> None:
        """Take one decision, and what it asks for."""
        self.decisions.add(decision)
        if decision.requests:
            self.requests.extend(decision.requests)

    def check(self, lifecycle: Lifecycle) -> None:
        """Find out before the work whether the pictures can be drawn at its end.

        Raises:
            MissingExtra: they cannot.
        """
        if self.pictures:
            from lifecycle_fsm import diagram

            diagram.draw_model(lifecycle.model).png()

    @without_cycles()
    def write(self, outcome: Outcome, bar: Bar) -> None:
        """Write everything."""
        bar("writing", None)
        lifecycle, model = outcome.lifecycle, outcome.lifecycle.model
        mail = {stage.name: stage.mail for stage in model.stages}
        people = TableWriter(
            people_columns(model.field_types, mail if any(mail.values()) else None)
        )
        people.extend(lifecycle)
        kept = {name: model.field_types[name] for name in model.dimensions}
        history = TableWriter(history_columns(kept))
        history.extend(lifecycle.history)
        deadlines = TableWriter(DEADLINES)
        deadlines.extend(lifecycle.deadlines)
        tables: dict[str, TableWriter[Any]] = {
            "people": people,
            "history": history,
            "deadlines": deadlines,
            "decisions": self.decisions,
            "requests": self.requests,
        }
        for name, table in tables.items():
            for suffix in (".csv", ".parquet"):
                table.save(self.folder.file(name + suffix))
        self.rejects.extend(outcome.contradictions)
        self.rejects.save(self.folder.file("rejected.csv"))
        pairs = TableWriter(DUPLICATES)
        pairs.extend(outcome.duplicates)
        pairs.save(self.folder.file("duplicates.csv"))
        write_file(self.folder.file("summary.txt"), outcome.as_text() + "\n")
        write_file(self.folder.file("summary.json"), as_json(outcome.as_dict()) + "\n")
        if self.pictures:
            from lifecycle_fsm import diagram

            drawing = diagram.draw_funnel(lifecycle.model, outcome.counts)
            for suffix in (".svg", ".png"):
                drawing.save(self.folder.file("funnel" + suffix))
