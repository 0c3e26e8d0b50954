"""The work of ``run``, ``explain`` and ``demo``: read, order, apply, sum up, write."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import attrs
import typer

from lifecycle_fsm.activity import Activity
from lifecycle_fsm.cli.common import Bar, as_json, lined_up
from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.funnel import Counts, count
from lifecycle_fsm.lifecycle import Lifecycle
from lifecycle_fsm.machine import Decision
from lifecycle_fsm.tables import (
    DECISIONS,
    HISTORY,
    REJECTS,
    FileReport,
    Format,
    InputMapping,
    Intake,
    OutputFolder,
    Reject,
    TableWriter,
    Targets,
    by_event,
    load_mapping,
    open_inputs,
    people_columns,
)

Order: TypeAlias = Literal["event", "arrival"]

PeopleOption = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="People: one row each. CSV, JSON, Parquet; `-` is stdin."),
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
FormatOption = Annotated[Format | None, typer.Option(help="The format of what comes from stdin.")]
OrderOption = Annotated[
    Order, typer.Option(help="Apply activities by when they happened, or as the files have them.")
]
_STEP = 2_000


@attrs.define
class Log:
    """Activities in order, what became of their files, and when the last row of these happened."""

    activities: list[Activity]
    end: datetime | None
    reports: Sequence[FileReport] = ()

    @property
    def rejected(self) -> int:
        """How many rows could not be used."""
        return sum(one.rejected for one in self.reports)


def inputs_of(people: str | None, activities: list[str] | None) -> list[tuple[str, str]]:
    """The files of a command line, with their roles.

    Raises:
        LifecycleError: there is none.
    """
    found = [("people", people)] if people is not None else []
    for text in activities or ():
        role, equals, path = text.partition("=")
        if equals and role.isidentifier() and not Path(text).exists():
            found.append((role, path))
        else:
            found.append(("activities", text))
    if not found:
        raise LifecycleError("nothing to read: say --people FILE, --activities FILE, or both")
    return found


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
    """Read all files into one log; ``only`` keeps what concerns one person."""
    read: InputMapping | None = load_mapping(mapping) if mapping is not None else None
    tables = open_inputs(inputs, read, format)
    try:
        intake = Intake(tables, Targets.of(lifecycle.model), read, reject)
        found: list[Activity] = []
        end: datetime | None = None
        for place, activity in enumerate(intake):
            if end is None or activity.at > end:
                end = activity.at
            if only is None or activity.person == only:
                found.append(activity)
            if place % _STEP == 0:
                bar("reading", intake.done)
        return Log(by_event(found) if order == "event" else found, end, intake.reports)
    finally:
        for _, table in tables:
            table.close()


@attrs.define
class Tally:
    """What came of a run, counted decision by decision."""

    results: Counter[str] = attrs.field(factory=Counter)
    late: Counter[str] = attrs.field(factory=Counter)
    keep: Callable[[Decision], None] | None = None

    def __call__(self, decision: Decision) -> None:
        """Count one decision, and hand it on to who keeps them."""
        self.results[decision.result] += 1
        if decision.late:
            self.late[decision.kind or "time"] += 1
        if self.keep is not None:
            self.keep(decision)


def apply_log(lifecycle: Lifecycle, log: Log, until: datetime | None, bar: Bar) -> datetime | None:
    """Apply a log, then let time pass: up to ``until``, or until the last new person is sorted."""
    lifecycle.expect_processed({one.person for one in log.activities if one.kind == "processed"})
    total = len(log.activities)
    for place, activity in enumerate(log.activities):
        lifecycle.apply(activity)
        if place % _STEP == 0:
            bar("applying", place / total)
    end = until
    if end is None and log.end is not None:
        end = log.end + lifecycle.model.settle
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

    def __attrs_post_init__(self) -> None:
        self.counts = count(self.lifecycle.history, self.lifecycle.model)
        self.over = count(self.lifecycle.history, self.lifecycle.model, reading="over")

    @property
    def rejected(self) -> int:
        """Rows that could not be used, and activities that contradict what is known."""
        return self.log.rejected + self.tally.results["rejected"]

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
            "decisions": dict(self.tally.results.most_common()),
            "late": dict(self.tally.late.most_common()),
            "held": {person: len(held) for person, held in lifecycle.held.items()},
            "parked": {
                person: [one.error for one in parked] for person, parked in lifecycle.parked.items()
            },
            "rejected": self.rejected,
        }

    def as_text(self) -> str:
        """The summary for people."""
        model, counts = self.lifecycle.model, self.counts
        parts = [f"{model.title or model.name} (model {model.name}, version {model.version})"]
        for one in self.log.reports:
            parts.append(
                f"\n{one.role}: {one.file}\n"
                f"  {one.rows:,} rows, {one.activities:,} activities, {one.rejected:,} rejected"
            )
            parts += [f"  {note}" for note in one.notes]
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
        parts.append(f"\n{len(self.lifecycle):,} people{until}")
        parts.append(lined_up([head, *rows], right=(0, 3, 4, 5)))
        said = ", ".join(
            f"{number:,} {result.replace('_', ' ')}"
            for result, number in self.tally.results.most_common()
        )
        parts.append(f"\ndecisions: {said or 'none'}")
        parts += self._remarks()
        return "\n".join(parts)

    def _remarks(self) -> Iterable[str]:
        late, held, parked = self.tally.late, self.lifecycle.held, self.lifecycle.parked
        if late:
            kinds = ", ".join(f"{number:,} {kind}" for kind, number in late.most_common())
            yield f"late: {kinds}; applied at the person's clock, and flagged"
        if held:
            number = sum(map(len, held.values()))
            yield (
                f"held: {number:,} of {len(held):,} people whom nobody has created, "
                f"such as {next(iter(held))!r}"
            )
        if parked:
            person, waiting = next(iter(parked.items()))
            yield f"parked: {len(parked):,} people, such as {person!r}: {waiting[0].error}"
        if self.rejected:
            rows, activities = self.log.rejected, self.tally.results["rejected"]
            yield f"rejected: {rows:,} rows, and {activities:,} activities that contradict others"


class Output:
    """The folder of a run, and the tables that fill while it goes on."""

    def __init__(self, folder: OutputFolder, *, pictures: bool) -> None:
        self.folder = folder
        self.pictures = pictures
        self.rejects = TableWriter(REJECTS)
        self.decisions = TableWriter(DECISIONS)

    def check(self, lifecycle: Lifecycle) -> None:
        """Find out before the work whether the pictures can be drawn at its end.

        Raises:
            MissingExtra: they cannot.
        """
        if self.pictures:
            from lifecycle_fsm import diagram

            diagram.draw_model(lifecycle.model).png()

    def write(self, outcome: Outcome, bar: Bar) -> None:
        """Write everything."""
        bar("writing", None)
        lifecycle = outcome.lifecycle
        people = TableWriter(people_columns(lifecycle.model.field_types))
        people.extend(lifecycle)
        history = TableWriter(HISTORY)
        history.extend(lifecycle.history)
        tables: dict[str, TableWriter[Any]] = {
            "people": people,
            "history": history,
            "decisions": self.decisions,
        }
        for name, table in tables.items():
            for suffix in (".csv", ".parquet"):
                table.save(self.folder.file(name + suffix))
        self.rejects.save(self.folder.file("rejected.csv"))
        self.folder.file("summary.txt").write_text(outcome.as_text() + "\n", "utf-8")
        self.folder.file("summary.json").write_text(as_json(outcome.as_dict()) + "\n", "utf-8")
        if self.pictures:
            from lifecycle_fsm import diagram

            drawing = diagram.draw_funnel(lifecycle.model, outcome.counts)
            for suffix in (".svg", ".png"):
                drawing.save(self.folder.file("funnel" + suffix))
