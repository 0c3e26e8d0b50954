"""A run over files of any size: read them, run the parts in processes, and add up the results."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from datetime import datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import attrs

from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.funnel.visits import without_cycles
from lifecycle_fsm.model import Model
from lifecycle_fsm.orchestrator import Engine
from lifecycle_fsm.parts.memory import free_memory
from lifecycle_fsm.parts.part_run import TABLES, Order, PartResult, PartRun
from lifecycle_fsm.parts.part_tables import PartTable, in_order, shared_addresses, write_part_tables
from lifecycle_fsm.parts.spool import LogPart, Place, Spool
from lifecycle_fsm.tables import (
    FileReport,
    Format,
    InputMapping,
    Intake,
    Reject,
    Targets,
    open_inputs,
)

#: Called with what is done now, and how much of it, from 0 to 1.
Progress = Callable[[str, float | None], None]

MB = 1_000_000
#: How finely a log is cut while its size is not known yet; a power of two.
_BUCKETS = 256
#: The memory of a process without any activities, and of each activity of a part, in bytes.
_PROCESS, _ACTIVITY = 170 * MB, 2_000
#: Fewer activities are run at once in this process, because others take a second to start.
_FEW = 50_000
_STEP = 2_000


@attrs.frozen(kw_only=True)
class FileRun:
    """What has come of the files.

    Args:
        reports: a report on each file; ``notes`` are about the files as a whole.
        count: how many activities were read.
        end: up to when time passed; ``None`` if there was no activity.
        result: the results of all parts.
        tables: the tables of the parts by name; only that of addresses if they were not wanted.
        created: returns the ids of all records that the files create, in their order.
    """

    reports: Sequence[FileReport]
    notes: Sequence[str]
    count: int
    end: datetime | None
    result: PartResult
    tables: Mapping[str, Sequence[PartTable]]
    created: Callable[[], Sequence[str]]

    def rows(self, table: str) -> int:
        """How many rows a table has."""
        return sum(part.rows for part in self.tables[table])

    def table(self, name: str) -> Iterator[Any]:
        """A table as data frames, sorted by person."""
        return in_order(self.tables[name], TABLES[name])

    def shared_addresses(self) -> Iterator[tuple[str, str, datetime]]:
        """The e-mail addresses that several people have: address, id, and time of creation."""
        return shared_addresses(self.tables["owners"])


@without_cycles()
def run_files(
    model: Model,
    inputs: Sequence[tuple[str, str]],
    folder: Path,
    *,
    mapping: InputMapping | None = None,
    format: Format | None = None,
    order: Order = "event",
    until: datetime | None = None,
    tables: bool = True,
    reject: Callable[[Reject], None],
    workers: int | None = None,
    memory: int | None = None,
    parts: int | None = None,
    progress: Progress,
) -> FileRun:
    """Run the activities of files through a model, part by part; the results are those of a run in
    one piece.

    Args:
        model: the lifecycle.
        inputs: role and path of each file.
        folder: an existing empty folder for all that does not fit into memory.
        mapping: how the columns of the files are read.
        format: the format of files whose names do not show it.
        order: whether activities are applied by event or as they come [S19].
        until: what happened later is left out, and time passes up to then; by default it passes
            until the last new person is sorted.
        tables: whether tables are written to the folder.
        reject: called with each row that cannot be used.
        workers: how many processes run parts; by default as many as there are cores.
        memory: how much memory all processes together may take, in bytes; by default half of what
            is free.
        parts: how many parts there are, instead of as many as fit into memory.
        progress: called with what is done.

    Raises:
        FileProblem: a file cannot be read, or the folder not be written.
        LifecycleError: the memory is too small, or a process has ended unexpectedly.
    """
    workers = workers or os.cpu_count() or 1
    spool = Spool(folder, parts or _BUCKETS)
    reports, notes = _read(spool, model, inputs, mapping, format, reject, progress)
    end = until
    if end is None and spool.end is not None:
        end = settled(spool.end, model)
    if parts is None:
        workers, parts = _shared(spool.count, workers, memory)
    workers = min(workers, parts)
    work = [
        _Work(number, part, folder, order, end, until, tables)
        for number, part in enumerate(spool.cut(parts))
    ]
    result = PartResult()
    written: dict[str, list[PartTable]] = {}
    for done, (part_result, part_tables) in enumerate(_results(model, work, workers), 1):
        result += part_result
        for name, table in part_tables.items():
            written.setdefault(name, []).append(table)
        progress("applying", done / len(work))
    return FileRun(
        reports=reports,
        notes=notes,
        count=spool.count,
        end=end,
        result=result,
        tables=written,
        created=spool.created,
    )


def _read(
    spool: Spool,
    model: Model,
    inputs: Sequence[tuple[str, str]],
    mapping: InputMapping | None,
    format: Format | None,
    reject: Callable[[Reject], None],
    progress: Progress,
) -> tuple[Sequence[FileReport], Sequence[str]]:
    """Read the activities of all files into the spool."""
    opened = open_inputs(inputs, mapping, format)
    try:
        intake = Intake(opened, Targets.of(model), mapping, reject)
        for number, activity in enumerate(intake):
            spool.add(activity, Place(*intake.place))
            if number % _STEP == 0:
                progress("reading", intake.done)
        return intake.reports, intake.notes
    finally:
        for _, table in opened:
            table.close()


def settled(end: datetime, model: Model) -> datetime:
    """The time at which everybody in a log has been sorted."""
    try:
        return end + model.settle
    except OverflowError:
        return end


def _shared(count: int, workers: int, memory: int | None) -> tuple[int, int]:
    """How many processes run how many parts, so that each fits into its share of the memory.

    Raises:
        LifecycleError: nothing fits into the memory that was given.
    """
    available = free_memory() // 2 if memory is None else memory
    if count < _FEW:
        workers = 1
    while True:
        processes = workers + (workers > 1)  # this one waits for the others
        share = (available - processes * _PROCESS) // workers
        if count * _ACTIVITY <= share * _BUCKETS:
            parts = 1
            while parts < workers or count * _ACTIVITY > share * parts:
                parts *= 2
            return workers, parts
        if workers > 1:
            workers -= 1
        elif memory is None:
            return 1, _BUCKETS
        else:
            least = _PROCESS + count * _ACTIVITY // _BUCKETS
            raise LifecycleError(
                f"{memory // MB:,} MB of memory are too little for {count:,} activities: allow at "
                f"least {least // MB + 1:,} MB"
            )


@attrs.frozen
class _Work:
    """A part, and all that its run depends on."""

    number: int
    part: LogPart
    folder: Path
    order: Order
    end: datetime | None
    until: datetime | None
    tables: bool


_Result = tuple[PartResult, dict[str, PartTable]]


def _results(model: Model, work: Sequence[_Work], workers: int) -> Iterator[_Result]:
    """The results of the parts, in order."""
    if workers == 1:
        engine = Engine(model)
        yield from (_run(engine, part) for part in work)
        return
    pool = ProcessPoolExecutor(workers, get_context("spawn"), _start, (model,))
    try:
        yield from pool.map(_run_in_process, work)
    except BrokenProcessPool:
        raise LifecycleError(
            "a process that ran a part has ended unexpectedly, most likely because the machine has "
            "too little memory: say --workers 1, or less --memory"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


_engine: Engine | None = None  # of a process that runs parts


def _start(model: Model) -> None:
    """Prepare a process that runs parts."""
    global _engine  # noqa: PLW0603 - the only way to keep it between two parts
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # who pressed Ctrl-C wants no traceback
    _engine = Engine(model)


def _run_in_process(work: _Work) -> _Result:
    assert _engine is not None
    return _run(_engine, work)


def _run(engine: Engine, work: _Work) -> _Result:
    run = PartRun(engine, tables=work.tables)
    result = run.run(work.part.read(), order=work.order, end=work.end, until=work.until)
    return result, write_part_tables(work.folder, work.number, run.tables(), TABLES)
