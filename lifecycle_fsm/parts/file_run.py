"""A run over files of any size: read them, run the parts in processes, and add up the results."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from datetime import datetime
from functools import cached_property, partial
from multiprocessing import active_children, get_context, parent_process, resource_tracker
from pathlib import Path
from typing import Any

import attrs

from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.garbage import without_cycles
from lifecycle_fsm.interrupts import to_the_end
from lifecycle_fsm.model import Model
from lifecycle_fsm.orchestrator import Engine
from lifecycle_fsm.parts.memory import free_memory
from lifecycle_fsm.parts.part_run import TABLES, Order, PartResult, PartRun, table_columns
from lifecycle_fsm.parts.part_tables import PartTable, in_order, shared_addresses, write_part_tables
from lifecycle_fsm.parts.spool import LogPart, Spool, Spooled
from lifecycle_fsm.rows.file_blocks import FileBlock
from lifecycle_fsm.tables import (
    Column,
    FilePart,
    FileReport,
    Format,
    InputMapping,
    Intake,
    Reject,
    Targets,
    open_inputs,
    save_frames,
)

#: Called with what is done now, and how much of it, from 0 to 1.
Progress = Callable[[str, float | None], None]

MB = 1_000_000
#: How finely a log is cut while its size is not known yet, and above so many bytes; powers of two.
#: More buckets take more time, as each has a file.
_BUCKETS, _MANY, _LARGE = 256, 1_024, 1_000 * MB
#: Compressed files and Parquet have about so many bytes of text in each byte.
_COMPRESSED = 8
#: The memory of a process without any activities, and of each activity of a part, in bytes.
_PROCESS, _ACTIVITY = 170 * MB, 2_000
#: Fewer activities are run at once in this process, because others take a second to start.
_FEW = 50_000
_STEP = 2_000
_STOPS = (signal.SIGINT, signal.SIGTERM)
#: Files with fewer bytes together are read in this process; larger ones in blocks of so many.
_SMALL, _BLOCK = 10 * MB, 4 * MB


@attrs.frozen(kw_only=True)
class FileRun:
    """What has come of the files.

    Args:
        reports: a report on each file; ``notes`` are about the files as a whole.
        end: up to when time passed; ``None`` if there was no activity.
        result: the results of all parts.
        tables: the tables of the parts by name; only that of addresses if they were not wanted.
        created: returns the ids of all records that the files create, in their order.
        pool: the processes that have run the parts, if there are any.
    """

    reports: Sequence[FileReport]
    notes: Sequence[str]
    end: datetime | None
    result: PartResult
    tables: Mapping[str, Sequence[PartTable]]
    created: Callable[[], Sequence[str]]
    pool: ProcessPoolExecutor | None

    def rows(self, table: str) -> int:
        """How many rows a table has."""
        return sum(part.rows for part in self.tables[table])

    def table(self, name: str) -> Iterator[Any]:
        """A table as data frames, sorted by person."""
        return in_order(self.tables[name], TABLES[name])

    def write(self, files: Mapping[str, Sequence[Path]], model: Model) -> Iterator[str]:
        """Write tables to files, and return the name of each as soon as its files are written.

        The processes begin at once; without any, a table is written when its name is asked for.

        Args:
            files: the Parquet and the CSV file of each table.
            model: the lifecycle.
        """
        columns = table_columns(model)
        work = [
            _Joining(name, self.tables[name], paths)
            for name, paths in sorted(files.items(), key=lambda file: -self.rows(file[0]))
        ]  # the largest first, because it takes longest
        if self.pool is None:
            return (_join(columns, table) for table in work)
        return self.pool.map(_join_tables, work)

    def shared_addresses(self) -> Iterator[tuple[str, str, datetime]]:
        """The e-mail addresses that several people have: address, id, and time of creation."""
        return shared_addresses(self.tables["owners"])


@contextmanager
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
) -> Iterator[FileRun]:
    """Run the activities of files through a model, part by part; the results are those of a run in
    one piece. The processes stay until the end of the block, and may write the tables.

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
    with spooled_parts(
        model, inputs, folder, mapping=mapping, format=format, reject=reject, workers=workers,
        memory=memory, parts=parts, progress=progress,
    ) as spooled:  # fmt: skip
        end = until
        if end is None and spooled.end is not None:
            end = settled(spooled.end, model)
        work = [
            _Work(number, len(spooled.parts), part, folder, order, end, until, tables)
            for number, part in enumerate(spooled.parts)
        ]
        with without_cycles():
            result, written = _run_parts(model, work, spooled.pool, progress)
        yield FileRun(
            reports=spooled.reports,
            notes=spooled.notes,
            end=end,
            result=result,
            tables=written,
            created=spooled.created,
            pool=spooled.pool,
        )


@attrs.frozen(kw_only=True)
class SpooledParts:
    """The activities of files on disk, cut by people.

    Args:
        reports: a report on each file; ``notes`` are about the files as a whole.
        end: when the last activity happened; ``None`` if there is none.
        pairs: the records that are, or will be, one person; they decide how people are cut.
        parts: the parts.
        created: returns the ids of all records that the files create, in their order.
        pool: processes, if they are worth it; they end with the block.
    """

    reports: Sequence[FileReport]
    notes: Sequence[str]
    end: datetime | None
    pairs: Sequence[tuple[str, str]]
    parts: Sequence[LogPart]
    created: Callable[[], Sequence[str]]
    pool: ProcessPoolExecutor | None

    def map(self, function: Callable[[Any], Any], arguments: Iterable[Any]) -> Iterator[Any]:
        """Apply a function of this package to each argument, in processes if there are any."""
        return (map if self.pool is None else self.pool.map)(function, arguments)


@contextmanager
def spooled_parts(
    model: Model,
    inputs: Sequence[tuple[str, str]],
    folder: Path,
    *,
    mapping: InputMapping | None = None,
    format: Format | None = None,
    reject: Callable[[Reject], None],
    workers: int | None = None,
    memory: int | None = None,
    parts: int | None = None,
    weight: int = 1,
    progress: Progress,
) -> Iterator[SpooledParts]:
    """Read the activities of files once, for other work on each part than a run.

    The parameters are those of :func:`run_files`. The folder must exist as long as the parts are
    read; the work on an activity takes ``weight`` times as much memory as a run.

    Raises:
        FileProblem: a file cannot be read, or the folder not be written.
        LifecycleError: the memory is too small, or a process has ended unexpectedly.
    """
    if memory is None:  # however little is free, one process is tried
        memory = max(free_memory() // 2, 2 * _PROCESS)
    workers = _affordable(workers or os.cpu_count() or 1, memory)
    files = _RunFiles(model, inputs, mapping, format, folder, parts)
    spool = Spool(folder, files.buckets)
    with ExitStack() as exits:
        pool = None
        if workers > 1 and files.size > _SMALL:
            pool = exits.enter_context(_pool(files, workers))
        with without_cycles():
            reports, notes = _read(spool, files, pool, reject, progress)
            count = spool.spooled.count * weight
            if parts is None:
                workers = workers if pool is not None or count >= _FEW else 1
                parts = _parts_for(count, workers, memory, files.buckets)
            cut = spool.cut(parts)
        if pool is None and min(workers, parts) > 1:
            pool = exits.enter_context(_pool(files, min(workers, parts)))
        yield SpooledParts(
            reports=reports,
            notes=notes,
            end=spool.spooled.end,
            pairs=spool.spooled.pairs,
            parts=cut,
            created=spool.created,
            pool=pool,
        )


def _run_parts(
    model: Model, work: Sequence[_Work], pool: ProcessPoolExecutor | None, progress: Progress
) -> tuple[PartResult, Mapping[str, Sequence[PartTable]]]:
    """Run all parts, in the pool if there is one, and add up what comes of them."""
    results: Iterator[_Result]
    if pool is None:
        results = map(partial(_run, Engine(model)), work)
    else:
        results = pool.map(_run_part, work)
    whole = PartResult()
    written: dict[str, list[PartTable]] = {}
    for done, (result, tables) in enumerate(results, 1):
        whole += result
        for name, table in tables.items():
            written.setdefault(name, []).append(table)
        progress("applying", done / len(work))
    return whole, written


@attrs.frozen(slots=False)
class _RunFiles:
    """The files of a run, and where their activities are spooled."""

    model: Model
    inputs: Sequence[tuple[str, str]]
    mapping: InputMapping | None
    format: Format | None
    folder: Path
    parts: int | None

    @cached_property
    def buckets(self) -> int:
        """Into how many buckets the activities are spooled."""
        plain = all(path.endswith((".csv", ".tsv", ".json", ".jsonl")) for _, path in self.inputs)
        size = self.size * (1 if plain else _COMPRESSED)
        return self.parts or (_BUCKETS if 0 < size <= _LARGE else _MANY)

    @property
    def size(self) -> int:
        """The bytes of all files, or 0 if that is unknown."""
        paths = [Path(path) for _, path in self.inputs]
        if not all(path.is_file() for path in paths):
            return 0
        return sum(path.stat().st_size for path in paths)

    @contextmanager
    def opened(self, reject: Callable[[Reject], None]) -> Iterator[Intake]:
        """Open the files."""
        tables = open_inputs(self.inputs, self.mapping, self.format)
        try:
            yield Intake(tables, Targets.of(self.model), self.mapping, reject)
        finally:
            for _, table in tables:
                table.close()


def _read(
    spool: Spool,
    files: _RunFiles,
    pool: ProcessPoolExecutor | None,
    reject: Callable[[Reject], None],
    progress: Progress,
) -> tuple[Sequence[FileReport], Sequence[str]]:
    """Read the activities of all files into the spool: what can be cut into blocks in the pool."""
    waiting: list[Reject] = []
    with files.opened(waiting.append if pool else reject) as intake:
        if pool is not None:
            for block, read in _read_blocks(intake, pool):
                intake.add(block, read.part)
                spool.include(read.spooled)
                waiting += read.rejects
                progress("reading", (block.start + block.size) / files.size)
        else:
            for block in intake.blocks(_BLOCK):
                _spool_block(spool, intake, block)
                progress("reading", (block.start + block.size) / files.size)
        for number, activity in enumerate(intake):
            spool.add(activity, intake.place)
            if number % _STEP == 0:
                progress("reading", intake.done)
        names = [report.file for report in intake.reports]
        for rejected in sorted(waiting, key=lambda rejected: names.index(rejected.file)):
            reject(rejected)
        return intake.reports, intake.notes


def _spool_block(spool: Spool, intake: Intake, block: FileBlock) -> None:
    for activity in intake.read_block(block, spool.add_columns):
        spool.add(activity, intake.place)


def _read_blocks(
    intake: Intake, pool: ProcessPoolExecutor
) -> Iterator[tuple[FileBlock, _BlockRead]]:
    """The blocks of all files, each as the pool has read it, in order."""
    blocks: list[FileBlock] = []

    def cut() -> Iterator[FileBlock]:
        for block in intake.blocks(_BLOCK):
            blocks.append(block)
            yield block

    for number, read in enumerate(pool.map(_read_block, cut())):
        yield blocks[number], read


def settled(end: datetime, model: Model) -> datetime:
    """The time at which everybody in a log has been sorted."""
    try:
        return end + model.settle
    except OverflowError:
        return end


def _affordable(workers: int, memory: int) -> int:
    """How many of these processes the memory has room for, with this one, which waits for them."""
    while workers > 1 and memory < (workers + 1) * _PROCESS + workers * _ACTIVITY * _FEW // 2:
        workers -= 1
    return workers


def _parts_for(count: int, workers: int, memory: int, buckets: int) -> int:
    """How many parts make each process fit into its share of the memory.

    Raises:
        LifecycleError: none do.
    """
    share = (memory - (workers + (workers > 1)) * _PROCESS) // workers
    if count * _ACTIVITY > share * buckets:
        least = _PROCESS + count * _ACTIVITY // buckets
        raise LifecycleError(
            f"{memory // MB:,} MB of memory are too little for {count:,} activities: allow at "
            f"least {least // MB + 1:,} MB"
        )
    parts = 1
    while parts < workers or count * _ACTIVITY > share * parts:
        parts *= 2
    return parts


@attrs.frozen
class _Work:
    """A part, and all that its run depends on."""

    number: int
    parts: int
    part: LogPart
    folder: Path
    order: Order
    end: datetime | None
    until: datetime | None
    tables: bool


_Result = tuple[PartResult, dict[str, PartTable]]


@attrs.frozen
class _BlockRead:
    """What came of a block of a file."""

    part: FilePart
    spooled: Spooled
    rejects: list[Reject]


@contextmanager
def _pool(files: _RunFiles, workers: int) -> Iterator[ProcessPoolExecutor]:
    """Processes that read blocks and run parts."""
    others = active_children()
    pool = ProcessPoolExecutor(workers, get_context("spawn"), _start, (files, workers))
    try:
        with to_the_end(), _blocked():
            for _ in range(workers):
                pool.submit(os.getpid)  # each starts one
        yield pool
    except BrokenProcessPool:
        raise LifecycleError(
            "a process that read or ran a part has ended unexpectedly, most likely because the "
            "machine has too little memory: say --workers 1, or less --memory"
        ) from None
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in active_children():
            if process not in others:  # it has nothing left to do, or its work is not wanted
                process.terminate()
        pool.shutdown()


@contextmanager
def _blocked() -> Iterator[None]:
    """Block signals in what starts meanwhile, until :func:`_start`: if Python is interrupted while
    it starts, it prints a traceback."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # its start would end what follows
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)


class _Worker:
    """What a process of the pool keeps between two pieces of work."""

    def __init__(self, files: _RunFiles) -> None:
        self.files = files
        self.rejects: list[Reject] = []
        self._open = ExitStack()

    @cached_property
    def intake(self) -> Intake:
        """The files; they stay open as long as the process runs."""
        return self._open.enter_context(self.files.opened(self.rejects.append))

    @cached_property
    def engine(self) -> Engine:
        """The compiled model."""
        return Engine(self.files.model)


_worker: _Worker | None = None


def _start(files: _RunFiles, workers: int) -> None:
    """Prepare a process of the pool."""
    # polars is not imported yet. Together its threads are as many as the cores.
    os.environ.setdefault("POLARS_MAX_THREADS", str(max((os.cpu_count() or 1) // workers, 1)))
    # Its allocator gives memory back at once, and not after ten seconds.
    os.environ.setdefault("_RJEM_MALLOC_CONF", "dirty_decay_ms:0,muzzy_decay_ms:0")
    global _worker  # noqa: PLW0603 - the only way to keep something between two pieces of work
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # who pressed Ctrl-C wants no traceback
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _worker = _Worker(files)


def _end_with_parent() -> None:
    """End this process if the one that started it is killed: nobody would ever tell it to."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@without_cycles()
def _read_block(block: FileBlock) -> _BlockRead:
    assert _worker is not None
    intake, files = _worker.intake, _worker.files
    _worker.rejects.clear()
    spool = Spool(files.folder, files.buckets)
    _spool_block(spool, intake, block)
    spool.write()
    return _BlockRead(intake.part(block), spool.spooled, _worker.rejects[:])


def _run_part(work: _Work) -> _Result:
    assert _worker is not None
    return _run(_worker.engine, work)


@attrs.frozen
class _Joining:
    """A table of all parts, and the files to write it to."""

    name: str
    tables: Sequence[PartTable]
    paths: Sequence[Path]


def _join_tables(work: _Joining) -> str:
    assert _worker is not None
    return _join(table_columns(_worker.files.model), work)


def _join(columns: Mapping[str, Sequence[Column[Any]]], work: _Joining) -> str:
    frames = in_order(work.tables, TABLES[work.name])
    save_frames(work.paths, frames, columns[work.name])
    return work.name


def _run(engine: Engine, work: _Work) -> _Result:
    run = PartRun(engine, tables=work.tables)
    result = run.run(work.part.read(), order=work.order, end=work.end, until=work.until)
    written = write_part_tables(work.folder, work.number, run.tables(), TABLES, work.parts)
    return result, written
