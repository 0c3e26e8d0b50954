"""``lifecycle-fsm ingest``: load people and activities from files into a store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from itertools import islice
from typing import TYPE_CHECKING, Any

import attrs

from lifecycle_fsm.activities import Activity
from lifecycle_fsm.cli import options
from lifecycle_fsm.cli.activity_log import FormatOption, as_row
from lifecycle_fsm.cli.arguments import inputs_of, load_model
from lifecycle_fsm.cli.console import Bar, complain, print_json, progress
from lifecycle_fsm.cli.exit_status import REJECTED
from lifecycle_fsm.cli.left_over import FirstRejects, tell_held, tell_rejected
from lifecycle_fsm.cli.run_outcome import (
    Unmatched,
    by_count,
    errors_of,
    files_as_dicts,
    files_as_text,
    most_common,
    parked_as_text,
    unmatched,
)
from lifecycle_fsm.cli.sorted_activities import SortedActivities
from lifecycle_fsm.cli.stores import open_store, place_of
from lifecycle_fsm.interrupts import to_the_end
from lifecycle_fsm.machine import Decision
from lifecycle_fsm.model import Model
from lifecycle_fsm.orchestrator import Parked
from lifecycle_fsm.parts.spool import Place
from lifecycle_fsm.tables import FileReport, Intake, Reject, Targets, load_mapping, open_inputs
from lifecycle_fsm.wording import counted

if TYPE_CHECKING:
    from lifecycle_fsm.store import Store

_STEP = 2_000
#: How many activities are applied in one transaction.
_BATCH = 1_000


def ingest(
    model: options.Model,
    store: options.Store,
    people: options.People = None,
    activities: options.Activities = None,
    mapping: options.Mapping = None,
    format: FormatOption = None,
    order: options.InOrder = "event",
    allow_rejected: options.AllowRejected = False,
    allow_held: options.AllowHeld = False,
    keep_decisions: options.KeepDecisions = None,
    allow_tables: options.Tables = None,
    json: options.Json = False,
) -> int:
    r"""Load people and their activities from files into a store.

    ```sh
    lifecycle-fsm ingest waterfall --people people.csv \
        --activities activities.csv --store lifecycle.db
    zcat log.gz | lifecycle-fsm ingest two_step --activities - \
        --format jsonl --store lifecycle.db
    lifecycle-fsm tick waterfall --store lifecycle.db
    lifecycle-fsm funnel --store lifecycle.db
    ```

    Accepts the same files and mapping as `run`. A SQLite file is created if it does not exist.
    Files may be repeated, or overlap with earlier ones: what is already in the store changes
    nothing. If this command is stopped, run it again and it continues.

    Activities are applied now. What time alone brings is left to `tick`.
    """
    inputs = inputs_of(people, activities)
    bound = None if mapping is None else load_mapping(mapping)
    lifecycle = load_model(model, allow_tables)
    rejects = FirstRejects()
    with ExitStack() as exits:
        tables = open_inputs(inputs, bound, format)
        for _, table in tables:
            exits.callback(table.close)
        intake = Intake(tables, Targets.of(lifecycle), bound, rejects)
        # After the files are first read, so that a faulty file leaves no store behind.
        opened = exits.enter_context(open_store(store, lifecycle, keep_decisions, make=True))
        log = exits.enter_context(closing(SortedActivities(order)))
        bar = exits.enter_context(progress())
        for number, activity in enumerate(intake):
            log.add(activity, Place(*intake.place))
            if number % _STEP == 0:
                bar("reading", intake.done)
        applied = _Applied(opened, intake.reports)
        applied.apply(log, bar)
        held = opened.held
        outcome = IngestOutcome(
            model=lifecycle,
            store=place_of(opened.database),
            reports=intake.reports,
            notes=intake.notes,
            activities=log.count,
            results=applied.results,
            held=held,
            parked=opened.parked,
            unmatched=_unmatched(log, held, intake.reports),
        )
    if json:
        print_json(outcome.as_dict())
    else:
        print(outcome.as_text())
    fails = tell_held(outcome.unmatched, outcome.notes, allowed=allow_held)
    first = [*rejects.first, *applied.rejects]
    rejected = tell_rejected(outcome.rejected, first, allowed=allow_rejected)
    return REJECTED if rejected or fails else 0


def _unmatched(
    log: SortedActivities, held: Mapping[str, Sequence[Activity]], reports: Sequence[FileReport]
) -> list[Unmatched]:
    """The roles most of whose activities are held in the store."""
    if not held:
        return []
    waits = {(row.person, row.id): name for name, rows in held.items() for row in rows}
    total: Counter[str] = Counter()
    lacking: dict[str, list[str]] = {}
    known: dict[str, None] = {}
    for activity, place in log:
        role = reports[place.file].role
        total[role] += 1
        if activity.kind == "created":
            known[activity.person] = None
        person = waits.get((activity.person, activity.id))
        if person is not None:
            lacking.setdefault(role, []).append(person)
    return unmatched(total, lacking, lambda: known)


class _Applied:
    """What was applied to a store: how many activities per result, and what was rejected."""

    def __init__(self, store: Store, reports: Sequence[FileReport]) -> None:
        self.results: Counter[str] = Counter()
        self._store = store
        self._reports = reports
        self._first = FirstRejects()

    @property
    def rejects(self) -> list[Reject]:
        """The first activities that the store rejected."""
        return self._first.first

    def apply(self, log: SortedActivities, bar: Bar) -> None:
        """Apply the entire log, one batch per transaction."""
        self._store.expect_processed(log.processed)
        done, activities = 0, iter(log)
        try:
            for batch in _batches(activities):
                decisions: list[Decision] = []
                with to_the_end():
                    some = (activity for activity, _ in batch)
                    self.results.update(self._store.ingest(some, record=decisions.append))
                    self._tell_rejected(batch, decisions)
                    done += len(batch)
                bar("applying", done / log.count)
        except BaseException:
            complain(
                f"{done:,} of {log.count:,} activities are in the store: "
                "run the same command again to continue"
            )
            raise

    def _tell_rejected(
        self, batch: Sequence[tuple[Activity, Place]], decisions: Sequence[Decision]
    ) -> None:
        for (activity, place), decision in zip(batch, decisions, strict=True):
            if decision.result != "rejected":
                continue
            reason = decision.reason
            if activity.kind == "created" and decision.stage:
                reason = f"the person {activity.person!r} came before, with other content"
            file = self._reports[place.file].file
            self._first(Reject(file, place.line, None, reason, as_row(activity)))


def _batches(
    log: Iterator[tuple[Activity, Place]],
) -> Iterator[list[tuple[Activity, Place]]]:
    while batch := [*islice(log, _BATCH)]:
        yield batch


@attrs.frozen(kw_only=True)
class IngestOutcome:
    """What became of the files, and what is held or parked in the store."""

    model: Model
    store: str
    reports: Sequence[FileReport]
    notes: Sequence[str]
    activities: int
    results: Counter[str]
    held: Mapping[str, Sequence[Activity]]
    parked: Mapping[str, Sequence[Parked]]
    unmatched: Sequence[Unmatched]

    @property
    def rejected(self) -> int:
        """How many rows could not be used, plus activities that the store rejected."""
        return sum(report.rejected for report in self.reports) + self.results["rejected"]

    def as_dict(self) -> dict[str, Any]:
        """The summary for a program."""
        return {
            "model": {"name": self.model.name, "version": self.model.version},
            "store": self.store,
            "files": files_as_dicts(self.reports),
            "notes": list(self.notes),
            "activities": self.activities,
            "decisions": dict(by_count(self.results)),
            "held": {person: len(held) for person, held in self.held.items()},
            "mostly_held": [attrs.asdict(role) for role in self.unmatched],
            "parked": errors_of(self.parked),
            "rejected": self.rejected,
        }

    def as_text(self) -> str:
        """The summary for people."""
        model = self.model
        lines = [f"{model.title or model.name} (model {model.name}, version {model.version})"]
        lines += files_as_text(self.reports)
        results = most_common(self.results).replace("_", " ")
        number = counted(self.activities, "activity", "activities")
        lines.append(f"\n{number} into {self.store}: {results or 'none'}")
        if self.held:
            waiting = counted(sum(map(len, self.held.values())), "activity", "activities")
            persons = counted(len(self.held), "person", "people")
            lines.append(
                f"held: {waiting} for {persons} whom nobody has created yet, such as "
                f"{next(iter(self.held))!r}"
            )
        lines += parked_as_text(errors_of(self.parked))
        return "\n".join(lines)
