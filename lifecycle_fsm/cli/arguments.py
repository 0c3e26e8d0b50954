"""What the arguments of a command line name: models, files, instants."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path

import attrs

from lifecycle_fsm.errors import FileProblem, LifecycleError
from lifecycle_fsm.fields import to_utc
from lifecycle_fsm.files import made_folder, near_files, why
from lifecycle_fsm.model import Model, load, load_theme, shipped

_LENGTH = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]*)")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt])i?b?", re.IGNORECASE)
_UNITS = ("seconds", "minutes", "hours", "days", "weeks")


def load_model(name: str, tables_from: list[str] | None = None, theme: str | None = None) -> Model:
    """The model that a command line names, shipped or a file; its steps may read tables from the
    places ``tables_from`` too. The file ``theme`` replaces its theme.

    Raises:
        LifecycleError: there is none, or it does not build.
    """
    if not Path(name).exists():
        own, shown = Path(f"{name}.toml"), name.removesuffix(".toml")
        if shown == name and name not in shipped() and own.is_file():
            raise FileProblem(f"there is no model {name!r}; did you mean {str(own)!r}?")
        if shown != name:
            hint = f"; did you mean {shown!r}?" if shown in shipped() else near_files(name, ".toml")
            raise FileProblem(
                f"the model {name} does not exist: give a TOML file or one of "
                f"{', '.join(shipped())}{hint}"
            )
    model = load(name)
    if theme is not None:
        model = attrs.evolve(model, theme=load_theme(theme))
    return attrs.evolve(model, tables_from=tables_from) if tables_from else model


def inputs_of(people: list[str] | None, activities: list[str] | None) -> list[tuple[str, str]]:
    """The roles and files that the options --people and --activities name.

    Raises:
        LifecycleError: there is none.
    """
    inputs = [("people", path) for path in people or ()]
    for text in activities or ():
        role, equals, path = text.partition("=")
        named = equals and role.isidentifier() and not Path(text).exists()
        inputs.append((role, path) if named else ("activities", text))
    if not inputs:
        raise LifecycleError("nothing to read: say --people FILE, --activities FILE, or both")
    return inputs


@contextmanager
def folder_for(path: str) -> Iterator[None]:
    """Make the folder of an output file, and remove it again if the file cannot be written.

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
    """Refuse an output file that is one of the inputs.

    Raises:
        FileProblem: the output is one of the inputs.
    """
    if out is None or not Path(out).is_file():
        return
    for name in inputs:
        if name is not None and Path(name).is_file() and Path(name).samefile(out):
            raise FileProblem(f"{name} is read here, and would be replaced: write to another file")


def now() -> datetime:
    """When this is asked: nowhere else does a command look at the clock."""
    return datetime.now(UTC)


def read_time(option: str, text: str | None, zone: tzinfo = UTC) -> datetime | None:
    """The instant that an option names; one that names no zone is a local time of ``zone``, and
    ``now`` is :func:`now`.

    Raises:
        LifecycleError: it is no time.
    """
    if text is None:
        return None
    if text == "now":
        return now()
    try:
        time = datetime.fromisoformat(text)
        return to_utc(time.replace(tzinfo=zone) if time.tzinfo is None else time)
    except (ValueError, OverflowError):
        raise LifecycleError(
            f"{option}: {text!r} is no time: write it as {date.today():%Y-%m-%d} or "  # noqa: DTZ011
            f"{now():%Y-%m-%dT%H:%M}Z"
        ) from None


def read_length(option: str, text: str | None, *, such: str = "30d, 12h or 2w") -> timedelta | None:
    """The length of time that an option names: ``30d``, ``30 days``, ``12h``.

    A number alone is of the unit in the first of the examples ``such``.

    Raises:
        LifecycleError: it is none; ``m`` alone may be minutes or months.
    """
    if text is None:
        return None
    match = _LENGTH.fullmatch(text.strip().lower())
    if match is not None and match[2] != "m":
        for unit in _UNITS:
            if unit.startswith(match[2] or such.lstrip("0123456789")[0]):
                try:
                    return timedelta(**{unit: float(match[1])})
                except OverflowError:
                    break
    raise LifecycleError(f"{option}: {text!r} is no length of time: write it as {such}")


def read_size(option: str, text: str | None) -> int | None:
    """The bytes that an option names: ``700MB`` or ``2GB``; the ``B`` may be left out.

    Raises:
        LifecycleError: it is no size.
    """
    if text is None:
        return None
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise LifecycleError(f"{option}: {text!r} is no size: write it as 700MB or 2GB")
    return int(float(match[1]) * 1000 ** ("kmgt".index(match[2].lower()) + 1))
