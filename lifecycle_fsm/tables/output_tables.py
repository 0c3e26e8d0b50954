"""Records to tables: people, history and decisions as Parquet and CSV; some can be read back.

Every column has the type of its value. Times are UTC. A CSV writes them as
``2018-02-01T03:00:00Z``, and puts an apostrophe before each text that a spreadsheet would run.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from itertools import chain
from operator import attrgetter, methodcaller
from pathlib import Path
from typing import IO, Any, BinaryIO, Generic, Literal, TypeAlias, TypeVar, cast

import attrs

from lifecycle_fsm.attributes import collector
from lifecycle_fsm.errors import FileProblem
from lifecycle_fsm.fields import FieldType, Value
from lifecycle_fsm.files import whole_file
from lifecycle_fsm.history import ROW, DeadlineFact, HistoryRow
from lifecycle_fsm.machine import Decision
from lifecycle_fsm.person import Person
from lifecycle_fsm.requests import Request
from lifecycle_fsm.rows.parquet_rows import polars
from lifecycle_fsm.rows.row import Reject
from lifecycle_fsm.spreadsheet import FORMULA, NUMBER
from lifecycle_fsm.tables.duplicates import AddressOwner, Duplicate

T = TypeVar("T")
ColumnType: TypeAlias = Literal["bool", "int", "float", "str", "datetime", "texts"]

CHUNK = 50_000  # records whose values are kept before they become a part of the table
BETWEEN = ";"  # separates several names in one value of a CSV
_START = datetime(1970, 1, 1, tzinfo=UTC)
_TIME_FORMAT = "%Y-%m-%dT%H:%M:%S%.fZ"


@attrs.frozen
class Column(Generic[T]):
    """One column of a table: its name, its type, and how a record gives its value: by the name of
    an attribute, or by a function."""

    name: str
    type: ColumnType
    get: str | Callable[[T], Any]

    def value(self, record: T) -> Any:
        """The value of a record in this column."""
        return getattr(record, self.get) if isinstance(self.get, str) else self.get(record)


#: The types of columns that do not hold text.
_TYPES: Mapping[str, ColumnType] = {
    **dict.fromkeys("sequence journey line".split(), "int"),
    **dict.fromkeys("credit late".split(), "bool"),
    **dict.fromkeys(
        "at now created_at duplicate_created_at decided_at due_at entered_at journey_started_at "
        "stage_entered_at".split(),
        "datetime",
    ),
    "passed_over": "texts",
}


def _columns(record: type[T], names: str) -> tuple[Column[T], ...]:
    """The columns for these attributes of a record, named in one text, separated by spaces."""
    return tuple(Column[T](name, _TYPES.get(name, "str"), name) for name in names.split())


#: The columns of the table of history.
HISTORY = _columns(
    HistoryRow,
    "person sequence at now from_stage to_stage kind rule trigger activity journey_record journey "
    "passed_over credit owner assigned_to source version late entered_at",
)


def history_columns(
    dimensions: Mapping[str, FieldType],
) -> tuple[Column[HistoryRow], ...]:
    """The columns of the table of history, followed by those of the model's dimensions [S25]."""
    more = (
        Column[HistoryRow](name, field.kind, methodcaller("value", name))
        for name, field in dimensions.items()
    )
    return (*HISTORY, *more)


_RULE = attrgetter("rule")
#: The columns of the table of decisions [S10].
DECISIONS: tuple[Column[Decision], ...] = (
    *_columns(Decision, "person at now result stage kind trigger activity"),
    # Most decisions have neither.
    Column("rules", "texts", lambda made: tuple(map(_RULE, made.hops[::ROW])) if made.hops else ()),
    Column("unmet", "str", lambda made: "\n".join(map(str, made.unmet)) if made.unmet else None),
    Column("reason", "str", lambda decision: decision.reason or None),
    *_columns(Decision, "late"),
)


def _as_json(values: Mapping[str, Value]) -> str:
    return json.dumps(dict(values), ensure_ascii=False, default=datetime.isoformat)


#: The columns of the table of requests [S24].
REQUESTS: tuple[Column[Request], ...] = (
    *_columns(Request, "id person at rule channel to state text stage activity due_at"),
    Column("data", "str", lambda request: _as_json(request.data) if request.data else None),
)
#: The columns of the table of decided deadlines [S21].
DEADLINES = _columns(
    DeadlineFact,
    "person rule stage journey_record journey entered_at due_at outcome decided_at owner "
    "assigned_to late",
)
#: The columns of the table of rejected rows.
REJECTS = _columns(Reject, "file line column reason raw")
#: The columns of the table of records with the e-mail address of an earlier one.
DUPLICATES = _columns(Duplicate, "email person created_at duplicate duplicate_created_at")

#: The columns of the table of e-mail addresses, from which duplicates are found.
OWNERS = _columns(AddressOwner, "address id created_at")


def people_columns(
    fields: Mapping[str, FieldType], mail: Mapping[str, str | None] | None = None
) -> tuple[Column[Person], ...]:
    """The columns of the table of people: their stage and all fields of their model.

    With ``mail``, the mail setting of each stage, there is also a column of that name: the setting
    for the person now, or ``unsubscribed`` [S12].
    """
    first = _columns(Person, "id stage stage_entered_at journey journey_started_at")
    mailing = (Column[Person]("mail", "str", _mailing(mail)),) if mail else ()
    rest = (Column[Person](name, field.kind, name) for name, field in fields.items())
    return (*first, *mailing, *rest)


def _mailing(mail: Mapping[str, str | None]) -> Callable[[Person], str | None]:
    return lambda person: "unsubscribed" if person.unsubscribed else mail.get(person.stage)


class TableWriter(Generic[T]):
    """Collects records one by one, keeps their values as columns, and writes them to a file."""

    def __init__(self, columns: Iterable[Column[T]], records: Iterable[T] = ()) -> None:
        self._pl = polars("writing tables")
        self._columns = tuple(columns)
        pl = self._pl
        kinds = {
            "bool": pl.Boolean(),
            "int": pl.Int64(),
            "float": pl.Float64(),
            "str": pl.String(),
            "datetime": pl.Datetime("us", "UTC"),
            "texts": pl.List(pl.String()),
        }
        self._schema = {column.name: kinds[column.type] for column in self._columns}
        self._waiting: list[list[Any]] = [[] for _ in self._columns]
        self._collect = collector((column.get for column in self._columns), self._waiting)
        self._frames: list[Any] = []
        self.extend(records)

    def __len__(self) -> int:
        return sum(map(len, self._frames)) + len(self._waiting[0])

    def add(self, record: T) -> None:
        """Append one record."""
        self.extend((record,))

    def extend(self, records: Iterable[T]) -> None:
        """Append many records."""
        collect, waiting = self._collect, self._waiting[0]
        for record in records:
            collect(record)
            if len(waiting) >= CHUNK:
                self._flush()

    def _flush(self) -> None:
        if self._waiting[0] or not self._frames:
            both = zip(self._columns, self._waiting, strict=True)
            values = {column.name: self._values(column, values) for column, values in both}
            self._frames.append(self._pl.DataFrame(values, schema=self._schema))
            for column in self._waiting:
                column.clear()

    def _values(self, column: Column[T], values: list[Any]) -> Any:
        """The values of a column in a form that polars converts quickly: it would check the type of
        each time and each list."""
        pl = self._pl
        if column.type == "datetime":
            spans = [None if value is None else value - _START for value in values]
            numbers = pl.Series(spans, dtype=pl.Duration("us")).to_physical()
            return numbers.cast(self._schema[column.name])
        if column.type == "texts":
            places: dict[tuple[str, ...], int] = {}
            of_each = [places.setdefault(tuple(value), len(places)) for value in values]
            different = pl.Series(
                [list(place) for place in places], dtype=self._schema[column.name]
            )
            return different.gather(of_each)
        return values

    def take(self) -> Any:
        """All records so far, as one data frame; the writer is empty then."""
        self._flush()
        frames, self._frames = self._frames, []
        return self._pl.concat(frames)

    def save(self, path: str | Path) -> None:
        """Write all records so far to a file, Parquet or CSV by its name.

        Raises:
            FileProblem: the name has neither suffix, or the file cannot be written.
        """
        self._flush()
        save_frames([path], self._frames, self._columns)


def save_frames(
    paths: Sequence[str | Path],
    frames: Iterable[Any],
    columns: Iterable[Column[Any]],
    rows: int = 50_000,
) -> None:
    """Write data frames to files, one below the other, as they come. The bytes of the files do not
    depend on where one frame ends and the next begins.

    Args:
        paths: one or two files, ``.parquet`` and ``.csv``; each has all rows.
        frames: at least one data frame.
        columns: their columns.
        rows: how many rows of a Parquet file share their statistics.

    Raises:
        FileProblem: a name has neither suffix, or a file cannot be written.
    """
    pl = polars("writing tables")
    by_suffix = {Path(path).suffix: path for path in paths}
    for suffix, path in by_suffix.items():
        if suffix not in (".parquet", ".csv"):
            raise FileProblem(f"{path}: a table is written as .csv or .parquet")
    frames = iter(frames)
    with ExitStack() as exits:
        files = {
            suffix: exits.enter_context(watched_file(path)) for suffix, path in by_suffix.items()
        }
        if ".csv" in files:
            frames = _write_csv(pl, files[".csv"], frames, columns)
        if ".parquet" in files:
            _write_parquet(pl, files[".parquet"], frames, rows)
        else:
            deque(frames, maxlen=0)


def _write_parquet(pl: Any, file: IO[bytes], frames: Iterator[Any], rows: int) -> None:
    from polars.io.plugins import register_io_source

    first = next(frames)
    schema, coming = first.schema, chain([first], frames)
    del first  # what is written does not stay in memory

    def source(*_: object) -> Iterator[Any]:
        yield from coming

    frame = register_io_source(source, schema=schema)
    frame.sink_parquet(file, row_group_size=rows)


def _guarded(pl: Any, texts: Any) -> Any:
    """A frame of texts, made safe in spreadsheets as :func:`lifecycle_fsm.spreadsheet.guarded` does
    for one text."""
    col = pl.col
    formulas = texts.select(col(name).str.contains(f"^{FORMULA}") for name in texts.columns)
    risky = [column.name for column in formulas if column.any()]  # few columns have any
    return texts.with_columns(
        pl.when(formulas[name] & ~col(name).str.contains(f"^(?:{NUMBER})$"))
        .then(pl.lit("'") + col(name))
        .otherwise(col(name))
        .alias(name)
        for name in risky
    )


def _write_csv(
    pl: Any, file: IO[bytes], frames: Iterable[Any], columns: Iterable[Column[Any]]
) -> Iterator[Any]:
    """The same frames, each as soon as it is written to a CSV."""
    texts = [
        pl.col(column.name)
        if column.type == "str"
        else pl.col(column.name).list.join(BETWEEN).replace("", None)
        for column in columns
        if column.type in ("str", "texts")
    ]
    for place, frame in enumerate(frames):
        frame.with_columns(_guarded(pl, frame.select(texts))).write_csv(
            file, include_header=place == 0, datetime_format=_TIME_FORMAT
        )
        yield frame


@contextmanager
def watched_file(path: str | Path) -> Iterator[IO[bytes]]:
    """Open a file for polars to write, as :func:`.whole_file` does.

    Raises:
        FileProblem: the file cannot be written.
    """
    pl = polars("writing tables")
    with whole_file(path) as file:
        watched = _Watched(file)
        try:
            yield cast(IO[bytes], watched)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise watched.error or error from error


class _Watched:
    """A file that keeps the error of the system: polars reports a full disk as a bad format."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.error: OSError | None = None

    def write(self, data: bytes) -> int:
        try:
            return self._file.write(data)
        except OSError as error:
            self.error = error
            raise

    def flush(self) -> None:
        self._file.flush()
