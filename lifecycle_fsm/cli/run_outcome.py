"""The outcome of a run: counted decisions, the summary, and the folder with its tables."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from itertools import pairwise, starmap
from operator import attrgetter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, get_args

import attrs

from lifecycle_fsm.cli.activity_log import as_row
from lifecycle_fsm.cli.console import Bar, as_json, complain
from lifecycle_fsm.document.plain_text import lined_up
from lifecycle_fsm.files import write_file
from lifecycle_fsm.history import DeadlineOutcome
from lifecycle_fsm.model import Model
from lifecycle_fsm.orchestrator import Parked
from lifecycle_fsm.parts.file_run import FileRun, run_files
from lifecycle_fsm.parts.part_run import Contradiction, Order
from lifecycle_fsm.parts.spool import Place
from lifecycle_fsm.tables import (
    DUPLICATES,
    REJECTS,
    AddressOwner,
    Duplicate,
    FileReport,
    Format,
    OutputFolder,
    Reject,
    TableWriter,
    load_mapping,
    paired,
)
from lifecycle_fsm.wording import counted

if TYPE_CHECKING:
    from lifecycle_fsm.funnel import Counts

#: Tables with more rows are written as CSV only if that is asked for.
MOST_CSV_ROWS = 2_000_000
#: The tables of the folder, beside those of what is wrong.
PUBLISHED = ("people", "history", "deadlines", "opportunities", "decisions", "requests")
_FAR = timedelta(days=365)
_REPORTED = ("role", "file", "rows", "activities", "rejected")
_PEOPLE, _ACTIVITIES = ("person", "people"), ("activity", "activities")


@attrs.define(kw_only=True)
class RunOutcome:
    """A finished run over files, and all that a summary tells.

    Args:
        model: the lifecycle.
        run: what has come of the files.
        requested_until: the end that was asked for; ``None`` for the end of the files.
    """

    model: Model
    run: FileRun
    requested_until: datetime | None = None
    contradictions: list[Reject] = attrs.field(init=False)
    duplicates: list[Duplicate] = attrs.field(init=False)
    #: The roles of which most is about nobody.
    unmatched: list[Unmatched] = attrs.field(init=False)
    #: What is to be said of the inputs as a whole, a sentence each.
    notes: list[str] = attrs.field(init=False)
    #: How many activities wait for each person whom nobody has created.
    held: Mapping[str, int] = attrs.field(init=False)
    #: How often each deadline was kept, missed and void, those first that were missed most.
    deadlines: Mapping[str, Mapping[str, int]] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        result = self.run.result
        self.contradictions = sorted(
            map(self._contradiction, result.refused), key=lambda reject: (reject.file, reject.line)
        )
        self.duplicates = paired(starmap(AddressOwner, self.run.shared_addresses()))
        self.unmatched = self._unmatched()
        self.held = dict(sorted(Counter(waits.person for waits in result.waits).items()))
        self.notes = list(self.run.notes)
        if self.requested_until is None and (far := self._far_ahead()) is not None:
            self.notes.append(far)
        rules = {deadline.name: Counter[str]() for deadline in self.model.deadlines}
        rules |= result.deadlines
        self.deadlines = {
            name: {outcome: rules[name][outcome] for outcome in get_args(DeadlineOutcome)}
            for name in sorted(rules, key=lambda name: -rules[name]["missed"])
        }

    @property
    def counts(self) -> Counts:
        """The funnel, for its picture."""
        return self.run.result.counts["through"]

    def _unmatched(self) -> list[Unmatched]:
        role = [report.role for report in self.run.reports]
        total, lacking = Counter[str](), dict[str, list[str]]()
        for file, count in self.run.result.files.items():
            total[role[file]] += count
        for waits in sorted(self.run.result.waits, key=attrgetter("place")):
            if not waits.created:  # else somebody who comes after the end of the run
                lacking.setdefault(role[waits.place.file], []).append(waits.person)
        return unmatched(total, lacking, self.run.created)

    def _where(self, place: Place) -> tuple[str, int]:
        return self.run.reports[place.file].file, place.line

    def _contradiction(self, refused: Contradiction) -> Reject:
        """The reject for an activity that the run refused, with the place of the one that counts
        instead."""
        activity, reason, other = refused.activity, refused.reason, refused.other
        file, line = self._where(refused.place)
        if other is not None and refused.there is not None and other != activity:
            there, number = self._where(refused.there)
            place = f"line {number:,}" if there == file else f"{there}, line {number:,}"
            if activity.kind == other.kind == "created":
                files = "file" if there == file else "files"
                reason = f"the person {activity.person!r} is in the {files} twice: {place} counts"
            else:
                reason = f"{reason} ({place})"
        return Reject(file, line, None, reason, as_row(activity))

    def _far_ahead(self) -> str | None:
        """A note on a few activities that lie far behind all others in time, if there are such."""
        result = self.run.result
        latest = result.latest
        gaps = [before - after for (before, _), (after, _) in pairwise(latest)]
        gaps = gaps[: (result.applied - 1) // 2]  # a few, and not what the others are
        if not gaps or result.first is None:
            return None
        widest = max(gaps)
        alone = gaps.index(widest) + 1
        rest = latest[alone][0]
        if widest < max(_FAR, rest - result.first):
            return None
        last, place = latest[0]
        file, line = self._where(place)
        return (
            f"time runs on to {last:%Y-%m-%d} for everybody because of "
            f"{counted(alone, 'row')} ({file}, line {line:,}); all others end with "
            f"{rest:%Y-%m-%d}: is the date right? --until {rest + timedelta(days=1):%Y-%m-%d} "
            "leaves what is later out"
        )

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
        return self._rejected_rows + self.run.result.results["rejected"]

    @property
    def _rejected_rows(self) -> int:
        return sum(report.rejected for report in self.run.reports)

    def _counts_of(self, stage: str) -> dict[str, int]:
        names = ("people", "entered", "passed_over")
        return {name: getattr(self.counts, name).get(stage, 0) for name in names}

    def as_dict(self) -> dict[str, Any]:
        """The summary for a program."""
        model, result = self.model, self.run.result
        return {
            "model": {"name": model.name, "version": model.version},
            "files": files_as_dicts(self.run.reports),
            "people": result.people,
            "until": self.run.end,
            "stages": [
                {
                    "stage": stage.name,
                    "label": stage.label,
                    **self._counts_of(stage.name),
                }
                for stage in model.stages
            ],
            "conversion": [
                {"from": start, "to": end, "reading": reading.reading, **attrs.asdict(share)}
                for reading in result.counts.values()
                for (start, end), share in reading.conversion.items()
            ],
            "activities": result.applied,
            "left_out": result.left_out,
            "notes": self.notes,
            "decisions": dict(by_count(result.results)),
            "late": dict(by_count(result.late)),
            "merged": result.merged,
            "deadlines": self.deadlines,
            "missed_deadlines": self._missed,
            "requests": dict(by_count(result.requests)),
            "held": self.held,
            "mostly_held": [attrs.asdict(role) for role in self.unmatched],
            "duplicates": len(self.duplicates),
            "parked": dict(sorted(result.parked.items())),
            "rejected": self.rejected,
        }

    def as_text(self) -> str:
        """The summary for people."""
        model, result = self.model, self.run.result
        parts = [f"{role}\n" for role in self.unmatched]
        parts.append(f"{model.title or model.name} (model {model.name}, version {model.version})")
        parts += files_as_text(self.run.reports)
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
        until = "" if self.run.end is None else f", at {self.run.end:%Y-%m-%d %H:%M} UTC"
        parts.append(f"\n{counted(result.people, *_PEOPLE)}{until}")
        parts.append(lined_up([head, *rows], right=(0, 3, 4, 5)))
        results = most_common(result.results).replace("_", " ")
        parts.append(f"\ndecisions: {results or 'none'}")
        parts += self._remarks()
        return "\n".join(parts)

    def _remarks(self) -> Iterable[str]:
        result = self.run.result
        if result.merged:
            yield f"merged into others: {counted(result.merged, 'record')}"
        if self.duplicates:
            pairs, first = counted(len(self.duplicates), "pair"), self.duplicates[0]
            yield (
                f"duplicates: {pairs} of people with one e-mail address, such as {first.person!r} "
                f"and {first.duplicate!r}"
            )
        if result.requests:
            yield f"requests: {most_common(result.requests)}"
        total = Counter[str]()
        for outcomes in self.deadlines.values():
            total.update(outcomes)
        if total.total():
            names = f" ({self.missed})" if self.missed else ""
            yield (
                f"deadlines: {total['kept']:,} kept, {total['missed']:,} missed{names}, "
                f"{total['void']:,} void"
            )
        if result.left_out:
            yield (
                f"left out: {counted(result.left_out, *_ACTIVITIES)} that happened after "
                f"{self.requested_until:%Y-%m-%d %H:%M} UTC"
            )
        if result.late:
            yield f"late: {most_common(result.late)}; applied at the person's clock, and flagged"
        if self.held:
            number = sum(self.held.values())
            by_then = " by then" if result.left_out else ""
            yield (
                f"held: {counted(number, *_ACTIVITIES)} {'waits' if number == 1 else 'wait'} for "
                f"{counted(len(self.held), *_PEOPLE)} whom no file creates{by_then}, "
                f"such as {next(iter(self.held))!r}"
            )
        yield from parked_as_text(dict(sorted(result.parked.items())))
        if self.rejected:
            rows, others = self._rejected_rows, result.results["rejected"]
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


def errors_of(parked: Mapping[str, Sequence[Parked]]) -> dict[str, list[str]]:
    """The errors that stop each person."""
    return {person: [work.error for work in waiting] for person, waiting in parked.items()}


def parked_as_text(parked: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Whom an error stops, in a line for people, or none.

    Args:
        parked: the errors by person.
    """
    if parked:
        person, errors = next(iter(parked.items()))
        many = counted(len(parked), *_PEOPLE)
        yield f"parked: {many}, such as {person!r}: {errors[0]}"


def most_common(counts: Counter[str]) -> str:
    """``12 moved, 3 refused``, the most first."""
    return ", ".join(f"{count:,} {name}" for name, count in by_count(counts))


def by_count(counts: Counter[str]) -> list[tuple[str, int]]:
    """Names and their counts, the most first, and those of one count by name."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def run_into(
    output: RunOutput | None,
    model: Model,
    inputs: Sequence[tuple[str, str]],
    *,
    mapping: str | None = None,
    format: Format | None = None,
    order: Order = "event",
    until: datetime | None = None,
    reject: Callable[[Reject], None],
    workers: int | None,
    memory: int | None,
    bar: Bar,
    shown: Callable[[str], str] = str,
) -> RunOutcome:
    """Run files through a model, and write what comes of it, if there is an output.

    ``shown`` changes the names of files for the summary; for the other parameters see
    :func:`.run_files`.
    """
    with ExitStack() as exits:
        if output is None:
            temporary = TemporaryDirectory(prefix="lifecycle-fsm-", ignore_cleanup_errors=True)
            folder = Path(exits.enter_context(temporary))
        else:
            folder = output.folder.scratch()
        run = exits.enter_context(run_files(
            model, inputs, folder, mapping=None if mapping is None else load_mapping(mapping),
            format=format, order=order, until=until, tables=output is not None, reject=reject,
            workers=workers, memory=memory, progress=bar,
        ))  # fmt: skip
        for report in run.reports:
            report.file = shown(report.file)
        tables = output.write_tables(run, model) if output is not None else iter(())
        outcome = RunOutcome(model=model, run=run, requested_until=until)
        if output is not None:
            output.write(outcome)
            for done, _ in enumerate(tables, 1):
                bar("writing", done / len(PUBLISHED))
        return outcome


class RunOutput:
    """The folder of a run: its tables, its summary, and its pictures.

    Args:
        folder: the folder.
        pictures: whether the funnel is drawn.
        csv: whether tables are written as CSV beside Parquet; ``None`` if they are small enough.
    """

    def __init__(self, folder: OutputFolder, *, pictures: bool, csv: bool | None = None) -> None:
        self.folder = folder
        self.pictures = pictures
        self.csv = csv
        self.rejects = TableWriter(REJECTS)
        #: The tables that were too large for CSV.
        self.only_parquet: list[str] = []

    def check(self, model: Model) -> None:
        """Find out before the work whether the pictures can be drawn at its end.

        Raises:
            MissingExtra: they cannot.
        """
        if self.pictures:
            from lifecycle_fsm import diagram

            diagram.draw_model(model).png()

    def tell_only_parquet(self) -> None:
        """Print which tables are not there as CSV."""
        if self.only_parquet:
            complain(
                f"note: {', '.join(self.only_parquet)} have more than {MOST_CSV_ROWS:,} rows, "
                "and are written as Parquet only; --csv writes all of them as CSV too"
            )

    def write_tables(self, run: FileRun, model: Model) -> Iterator[str]:
        """Write the tables of a run: see :meth:`.FileRun.write`."""
        files: dict[str, list[Path]] = {}
        for name in PUBLISHED:
            suffixes = [".parquet"] if self.csv is False else [".parquet", ".csv"]
            if self.csv is None and run.rows(name) > MOST_CSV_ROWS:
                suffixes.remove(".csv")
                self.only_parquet.append(name)
            files[name] = [self.folder.file(name + suffix) for suffix in suffixes]
        return run.write(files, model)

    def write(self, outcome: RunOutcome) -> None:
        """Write what is beside the tables: what is wrong, the summary and the pictures."""
        self.rejects.extend(outcome.contradictions)
        self.rejects.save(self.folder.file("rejected.csv"))
        TableWriter(DUPLICATES, outcome.duplicates).save(self.folder.file("duplicates.csv"))
        write_file(self.folder.file("summary.txt"), outcome.as_text() + "\n")
        write_file(self.folder.file("summary.json"), as_json(outcome.as_dict()) + "\n")
        if self.pictures:
            from lifecycle_fsm import diagram

            drawing = diagram.draw_funnel(outcome.model, outcome.counts)
            for suffix in (".svg", ".png"):
                drawing.save(self.folder.file("funnel" + suffix))


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
    total: Mapping[str, int],
    lacking: Mapping[str, Sequence[str]],
    known: Callable[[], Iterable[str]],
) -> list[Unmatched]:
    """The roles most of whose activities are held.

    Args:
        total: how many activities there are, by role.
        lacking: for each activity that is held, the id that nobody has, by role.
        known: returns the ids of all people.
    """
    roles: list[Unmatched] = []
    for role, names in lacking.items():
        if 2 * len(names) > total[role]:
            example, cause = _likely(dict.fromkeys(names), dict.fromkeys(known()))
            roles.append(Unmatched(role, len(names), total[role], example, cause))
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
