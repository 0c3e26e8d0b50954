"""The outcome of a run: counted decisions, the summary, and the folder with its tables."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, get_args

import attrs

from lifecycle_fsm.activities import Activity
from lifecycle_fsm.cli.activity_log import Log, without_cycles
from lifecycle_fsm.cli.console import Bar, as_json
from lifecycle_fsm.document.plain_text import lined_up
from lifecycle_fsm.files import write_file
from lifecycle_fsm.history import DeadlineOutcome
from lifecycle_fsm.lifecycle import Lifecycle
from lifecycle_fsm.machine import Decision
from lifecycle_fsm.orchestrator import Parked
from lifecycle_fsm.tables import (
    DEADLINES,
    DECISIONS,
    DUPLICATES,
    REJECTS,
    REQUESTS,
    Duplicate,
    FileReport,
    OutputFolder,
    Reject,
    TableWriter,
    duplicates,
    history_columns,
    people_columns,
)
from lifecycle_fsm.wording import counted

if TYPE_CHECKING:
    from lifecycle_fsm.funnel import Counts

_STEP = 2_000
_REPORTED = ("role", "file", "rows", "activities", "rejected")
_PEOPLE, _ACTIVITIES = ("person", "people"), ("activity", "activities")


@attrs.define
class RunTally:
    """What came of a run, counted decision by decision; ``late`` has the activities that were, by
    person and id, with their kinds."""

    results: Counter[str] = attrs.field(factory=Counter)
    late: dict[tuple[str, str | None], str] = attrs.field(factory=dict)
    requests: Counter[str] = attrs.field(factory=Counter)
    keep: Callable[[Decision], None] | None = None
    refused: list[Decision] = attrs.field(factory=list)

    def __call__(self, decision: Decision) -> None:
        """Count a decision, and pass it on to ``keep``."""
        self.results[decision.result] += 1
        for request in decision.requests:
            self.requests[request.state] += 1
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
    tally: RunTally | None = None,
) -> datetime | None:
    """Apply a log, then let time pass: up to ``until``, or until the last new person is sorted.

    What happened after ``until`` is left out. Where the lifecycle records into ``tally``, the log
    keeps which of its activities were refused.
    """
    lifecycle.expect_processed(
        activity.person for activity in log.activities if activity.kind == "processed"
    )
    if until is not None:
        log.leave_out(until)
    total = len(log.activities)
    for place, activity in enumerate(log.activities):
        waited = lifecycle.held.get(activity.person, ()) if activity.kind == "created" else ()
        lifecycle.apply(activity)
        if tally is not None and tally.refused:
            by_id = {row.id: row for row in (*waited, activity)}
            log.refused += [(by_id[row.activity or ""], row.reason) for row in tally.refused]
            tally.refused.clear()
        if place % _STEP == 0:
            bar("applying", place / total)
    end = until if until is not None else log.last(lifecycle.model)
    if end is not None:
        lifecycle.tick(end)
    return end


@attrs.define(kw_only=True)
class RunOutcome:
    """A finished run: its people, and all that a summary tells."""

    lifecycle: Lifecycle
    log: Log
    tally: RunTally
    until: datetime | None
    counts: Counts = attrs.field(init=False)
    over: Counts = attrs.field(init=False)

    requested_until: datetime | None = None
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
        if self.requested_until is not None:
            with suppress(OverflowError):  # a window ends before its end, and this one after it
                end = self.requested_until + timedelta(microseconds=1)
        window = (None, end)
        scope = observe(history, model, window=window, until=self.until)
        self.counts = on_picture(scope)
        self.over = on_picture(scope, reading="over")
        self.contradictions = self.log.contradictions()
        self.duplicates = duplicates(self.lifecycle)
        self.unmatched = unmatched(self.log.by_role(), self.lifecycle.held, self.requested_until)
        self.notes = list(self.log.notes)
        if self.requested_until is None and (far := self.log.far_ahead()) is not None:
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
        return ", ".join(f"{count:,} {name}" for name, count in self._missed.items())

    @property
    def _missed(self) -> dict[str, int]:
        rules = self.deadlines.items()
        return {name: outcomes["missed"] for name, outcomes in rules if outcomes["missed"]}

    @property
    def rejected(self) -> int:
        """Rows that could not be used, and activities that contradict what is known."""
        return self.log.rejected + self.tally.results["rejected"]

    @property
    def _late(self) -> Counter[str]:
        return Counter(self.tally.late.values())

    def _counts_of(self, stage: str) -> dict[str, int]:
        names = ("people", "entered", "passed_over")
        return {name: getattr(self.counts, name).get(stage, 0) for name in names}

    def as_dict(self) -> dict[str, Any]:
        """The summary for a program."""
        lifecycle = self.lifecycle
        return {
            "model": {"name": lifecycle.model.name, "version": lifecycle.model.version},
            "files": files_as_dicts(self.log.reports),
            "people": len(lifecycle),
            "until": self.until,
            "stages": [
                {
                    "stage": stage.name,
                    "label": stage.label,
                    **self._counts_of(stage.name),
                }
                for stage in lifecycle.model.stages
            ],
            "conversion": [
                {"from": start, "to": end, "reading": reading.reading, **attrs.asdict(share)}
                for reading in (self.counts, self.over)
                for (start, end), share in reading.conversion.items()
            ],
            "activities": len(self.log.activities),
            "left_out": self.log.left_out,
            "notes": self.notes,
            "decisions": dict(self.tally.results.most_common()),
            "late": dict(self._late.most_common()),
            "merged": len(lifecycle.merged),
            "deadlines": self.deadlines,
            "missed_deadlines": self._missed,
            "requests": dict(self.tally.requests.most_common()),
            "held": {person: len(held) for person, held in lifecycle.held.items()},
            "mostly_held": [attrs.asdict(role) for role in self.unmatched],
            "duplicates": len(self.duplicates),
            "parked": {
                person: [activity.error for activity in waiting]
                for person, waiting in lifecycle.parked.items()
            },
            "rejected": self.rejected,
        }

    def as_text(self) -> str:
        """The summary for people."""
        model = self.lifecycle.model
        parts = [f"{role}\n" for role in self.unmatched]
        parts.append(f"{model.title or model.name} (model {model.name}, version {model.version})")
        parts += files_as_text(self.log.reports)
        if self.notes:
            parts += ["", *(f"note: {note}" for note in self.notes)]
        head = ("", "stage", "", "people", "entered", "passed over")
        rows = [
            (
                stage.code,
                stage.display,
                stage.label,
                *(f"{count:,}" for count in self._counts_of(stage.name).values()),
            )
            for stage in model.stages
        ]
        until = "" if self.until is None else f", at {self.until:%Y-%m-%d %H:%M} UTC"
        parts.append(f"\n{counted(len(self.lifecycle), *_PEOPLE)}{until}")
        parts.append(lined_up([head, *rows], right=(0, 3, 4, 5)))
        results = most_common(self.tally.results).replace("_", " ")
        parts.append(f"\ndecisions: {results or 'none'}")
        parts += self._remarks()
        return "\n".join(parts)

    def _remarks(self) -> Iterable[str]:
        merged, requests = len(self.lifecycle.merged), self.tally.requests
        if merged:
            yield f"merged into others: {counted(merged, 'record')}"
        if self.duplicates:
            pairs, first = counted(len(self.duplicates), "pair"), self.duplicates[0]
            yield (
                f"duplicates: {pairs} of people with one e-mail address, such as {first.person!r} "
                f"and {first.duplicate!r}"
            )
        if requests:
            yield f"requests: {most_common(requests)}"
        total = Counter[str]()
        for outcomes in self.deadlines.values():
            total.update(outcomes)
        if total.total():
            names = f" ({self.missed})" if self.missed else ""
            yield (
                f"deadlines: {total['kept']:,} kept, {total['missed']:,} missed{names}, "
                f"{total['void']:,} void"
            )
        late, held = self._late, self.lifecycle.held
        if self.log.left_out:
            yield (
                f"left out: {counted(self.log.left_out, *_ACTIVITIES)} that happened after "
                f"{self.requested_until:%Y-%m-%d %H:%M} UTC"
            )
        if late:
            yield f"late: {most_common(late)}; applied at the person's clock, and flagged"
        if held:
            number = sum(map(len, held.values()))
            by_then = " by then" if self.log.left_out else ""
            yield (
                f"held: {counted(number, *_ACTIVITIES)} {'waits' if number == 1 else 'wait'} for "
                f"{counted(len(held), *_PEOPLE)} whom no file creates{by_then}, "
                f"such as {next(iter(held))!r}"
            )
        yield from parked_as_text(self.lifecycle.parked)
        if self.rejected:
            rows, others = self.log.rejected, self.tally.results["rejected"]
            parts = [counted(rows, "row")] if rows else []
            if others:
                does = "contradicts" if others == 1 else "contradict"
                parts.append(f"{counted(others, *_ACTIVITIES)} that {does} others")
            yield f"rejected: {', and '.join(parts)}"


def files_as_dicts(reports: Iterable[FileReport]) -> list[dict[str, Any]]:
    """What became of each file, for a program."""
    return [
        {**{name: getattr(report, name) for name in _REPORTED}, "notes": list(report.notes)}
        for report in reports
    ]


def files_as_text(reports: Iterable[FileReport]) -> Iterator[str]:
    """What became of each file, in lines for people."""
    for report in reports:
        yield (
            f"\n{report.role}: {report.file}\n"
            f"  {counted(report.rows, 'row')}, {counted(report.activities, *_ACTIVITIES)}, "
            f"{report.rejected:,} rejected"
        )
        yield from (f"  {note}" for note in report.notes)


def parked_as_text(parked: Mapping[str, Sequence[Parked]]) -> Iterator[str]:
    """Whom an error stops, in a line for people, or none."""
    if parked:
        person, waiting = next(iter(parked.items()))
        many = counted(len(parked), *_PEOPLE)
        yield f"parked: {many}, such as {person!r}: {waiting[0].error}"


def most_common(counts: Counter[str]) -> str:
    """``12 moved, 3 refused``, the most first."""
    return ", ".join(f"{count:,} {name}" for name, count in counts.most_common())


class RunOutput:
    """The folder of a run, and the tables that fill while it goes on."""

    def __init__(self, folder: OutputFolder, *, pictures: bool) -> None:
        self.folder = folder
        self.pictures = pictures
        self.rejects = TableWriter(REJECTS)
        self.decisions = TableWriter(DECISIONS)
        self.requests = TableWriter(REQUESTS)

    def keep(self, decision: Decision) -> None:
        """Add a decision and its requests to the tables."""
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
    def write(self, outcome: RunOutcome, bar: Bar) -> None:
        """Write all tables, the summary and the pictures."""
        bar("writing", None)
        lifecycle, model = outcome.lifecycle, outcome.lifecycle.model
        mail = {stage.name: stage.mail for stage in model.stages if stage.mail}
        kept = {name: model.field_types[name] for name in model.dimensions}
        self._save_both("people", TableWriter(people_columns(model.field_types, mail), lifecycle))
        self._save_both("history", TableWriter(history_columns(kept), lifecycle.history))
        self._save_both("deadlines", TableWriter(DEADLINES, lifecycle.deadlines))
        self._save_both("decisions", self.decisions)
        self._save_both("requests", self.requests)
        self.rejects.extend(outcome.contradictions)
        self.rejects.save(self.folder.file("rejected.csv"))
        TableWriter(DUPLICATES, outcome.duplicates).save(self.folder.file("duplicates.csv"))
        write_file(self.folder.file("summary.txt"), outcome.as_text() + "\n")
        write_file(self.folder.file("summary.json"), as_json(outcome.as_dict()) + "\n")
        if self.pictures:
            from lifecycle_fsm import diagram

            drawing = diagram.draw_funnel(model, outcome.counts)
            for suffix in (".svg", ".png"):
                drawing.save(self.folder.file("funnel" + suffix))

    def _save_both(self, name: str, table: TableWriter[Any]) -> None:
        for suffix in (".csv", ".parquet"):
            table.save(self.folder.file(name + suffix))


# -- files of activities of which most are about nobody ----------------------------------------


@attrs.frozen
class Unmatched:
    """A role most of whose activities are held, with an example and the likely cause."""

    role: str
    held: int
    activities: int
    example: str
    cause: str

    def __str__(self) -> str:
        return (
            f"most of {self.role} is held: {self.held:,} of {self.activities:,} activities wait "
            f"for people whom no file creates, such as {self.example!r}; {self.cause}"
        )


def unmatched(
    activities: Iterable[tuple[str, Activity]],
    held: Mapping[str, Sequence[Activity]],
    until: datetime | None = None,
) -> list[Unmatched]:
    """The roles most of whose activities are held.

    Args:
        activities: every one that was read, with the role of its file.
        held: what waits at the end, by the id that nobody has.
        until: what happened later was left out; but who is created later is somebody.
    """
    roles: list[Unmatched] = []
    if not held:
        return roles
    waits = {
        (activity.person, activity.id): person
        for person, waiting in held.items()
        for activity in waiting
    }
    total: Counter[str] = Counter()
    names: dict[str, list[str]] = {}
    known: dict[str, None] = {}
    for role, activity in activities:
        if activity.kind == "created":
            known[activity.person] = None
        if until is not None and activity.at > until:
            continue
        total[role] += 1
        person = waits.get((activity.person, activity.id))
        if person is not None:
            names.setdefault(role, []).append(person)
    for role, missing in names.items():
        lacking = [name for name in missing if name not in known]
        if 2 * len(lacking) > total[role]:
            example, cause = _likely(dict.fromkeys(lacking), known)
            roles.append(Unmatched(role, len(lacking), total[role], example, cause))
    return roles


#: What two ways of writing one id may differ in, and what is the same in both.
_SPELLINGS: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("in the case of letters", str.casefold),
    ("by zeros at the front", lambda text: text.lstrip("0")),
    ("in signs and spaces", lambda text: re.sub(r"[\W_]+", "", text).casefold()),
    # Salesforce writes one id with 15 characters, or with three more that keep it apart from
    # those that differ in the case of letters.
    ("by three characters at the end", lambda text: text[:15] if len(text) in (15, 18) else text),
)


def _likely(lacking: Mapping[str, None], known: Mapping[str, None]) -> tuple[str, str]:
    """An id that nobody has, and the likely reason."""
    first = next(iter(lacking))
    if not known:
        return first, "no file creates anybody: give the people too, with --people FILE"
    for difference, plain in _SPELLINGS:
        alike = {plain(name): name for name in known}
        similar = [name for name in lacking if plain(name) in alike]
        if 2 * len(similar) > len(lacking):
            other = alike[plain(similar[0])]
            return similar[0], (
                f"their ids differ {difference} from those of people, as {other!r}: "
                "write them in one way"
            )
    return first, (
        f"ids of people look like {next(iter(known))!r}: is it another column that names the "
        "person, or does a file of people lack?"
    )
