"""What the commands have in common: arguments, errors, text and JSON, the progress bar."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime, tzinfo
from pathlib import Path
from typing import Annotated, Any

import typer

from lifecycle_fsm.errors import FileProblem, LifecycleError
from lifecycle_fsm.fields import to_utc
from lifecycle_fsm.files import made_folder, why
from lifecycle_fsm.model import Model, load, shipped

ModelArgument = Annotated[
    str,
    typer.Argument(metavar="MODEL", help="A shipped model, such as `waterfall`, or a TOML file."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for a program to read.")]
ForceOption = Annotated[
    bool, typer.Option("--force", help="Write into a folder that has files of others.")
]
ProveOption = Annotated[
    bool,
    typer.Option(
        "--prove",
        help="Ask the solver z3 where trying values does not decide (extra `prove`).",
    ),
]
BudgetOption = Annotated[
    int,
    typer.Option(
        "--budget",
        min=1,
        help="How many cases all questions together may look at; the rest is not decided.",
    ),
]
SecondsOption = Annotated[
    float | None,
    typer.Option(
        "--seconds",
        min=0,
        help="Stop after so many seconds as well; what is decided then depends on the machine.",
    ),
]
PicturesOption = Annotated[
    bool, typer.Option("--pictures/--no-pictures", help="Draw the funnel as SVG and PNG.")
]


def print_json(value: object) -> None:
    """Print a value as JSON; times are ISO 8601 in UTC."""
    print(as_json(value))


def as_json(value: object) -> str:
    """A value as JSON."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=_plain)


def _plain(value: object) -> Any:
    if isinstance(value, datetime):
        return to_utc(value).isoformat().replace("+00:00", "Z")
    raise TypeError(f"{value!r} has no form in JSON")


def moment(value: datetime | None) -> str:
    """An instant as text for people."""
    return "" if value is None else f"{to_utc(value):%Y-%m-%d %H:%M}"


def load_model(name: str) -> Model:
    """The model that a command line names, shipped or a file.

    Raises:
        LifecycleError: there is none, or it does not build.
    """
    if not name.endswith(".toml") and name not in shipped() and not Path(name).exists():
        own = Path(f"{name}.toml")
        if own.is_file():
            raise FileProblem(f"there is no model {name!r}; did you mean {str(own)!r}?")
    if name.endswith(".toml") and not Path(name).exists():
        shown = name.removesuffix(".toml")
        from lifecycle_fsm.tables.mapping import near_files

        hint = f"; did you mean {shown!r}?" if shown in shipped() else near_files(name, ".toml")
        raise FileProblem(
            f"the model {name} does not exist: give a TOML file or one of "
            f"{', '.join(shipped())}{hint}"
        )
    return load(name)


@contextmanager
def folder_for(path: str) -> Iterator[None]:
    """Make the folder of an output file; it is gone again where that cannot be written.

    Raises:
        FileProblem: it cannot be made.
    """
    with ExitStack() as made:
        try:
            made.enter_context(made_folder(Path(path).parent))
        except (OSError, ValueError) as error:
            raise FileProblem(f"{path} cannot be written: {why(error)}") from error
        yield


def keep_inputs(out: str | None, *inputs: str | None) -> None:
    """See to it that a command does not write over what it reads.

    Raises:
        FileProblem: the output is one of the inputs.
    """
    if out is None or not Path(out).is_file():
        return
    for name in inputs:
        if name is not None and Path(name).is_file() and Path(name).samefile(out):
            raise FileProblem(f"{name} is read here, and would be replaced: write to another file")


def files_of(model: Model) -> list[Path]:
    """The files that the steps of a model read: an option that names one."""
    named = (
        value for use in model.chain for value in use.options.values() if isinstance(value, str)
    )
    return [path for one in named if (path := Path(model.folder, one)).is_file()]


def read_time(option: str, text: str | None, zone: tzinfo = UTC) -> datetime | None:
    """The instant that an option names; one that names no zone is a local time of ``zone``.

    Raises:
        LifecycleError: it is no time.
    """
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
        return to_utc(found.replace(tzinfo=zone) if found.tzinfo is None else found)
    except (ValueError, OverflowError):
        raise LifecycleError(
            f"{option}: {text!r} is no time: write it as {date.today():%Y-%m-%d} or "  # noqa: DTZ011
            f"{datetime.now(UTC):%Y-%m-%dT%H:%M}Z"
        ) from None


def lined_up(rows: Iterable[Sequence[str]], right: Sequence[int] = (), indent: int = 2) -> str:
    """Rows of text with their columns lined up; columns in ``right`` end together."""
    table = [list(row) for row in rows]
    if not table:
        return ""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = (
        "  ".join(
            cell.rjust(width) if place in right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in table
    )
    return "\n".join(" " * indent + line.rstrip() for line in lines)


#: Shows how far a piece of work has come, from 0 to 1.
Bar = Callable[[str, float | None], None]


def _unseen(what: str, done: float | None) -> None:
    pass


@contextmanager
def progress() -> Iterator[Bar]:
    """A progress bar, on a terminal; elsewhere nothing is shown."""
    if not sys.stderr.isatty():
        yield _unseen
        return
    try:
        from rich.console import Console
        from rich.progress import Progress
    except ImportError:  # it comes with typer, which can do without
        yield _unseen
        return
    with Progress(console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("", total=None)

        def bar(what: str, done: float | None) -> None:
            shown.update(
                task, description=what, completed=done or 0, total=None if done is None else 1
            )

        yield bar
