"""The TOML file of a report: what to measure, where to write it, and which limits hold.

::

    title = "The week in the funnel"
    history = "company/history.parquet"     # or: store = "lifecycle.db"
    model = "lifecycle.toml"
    zone = "Europe/Berlin"
    outputs = ["report.xlsx", "report.html", "tables/"]
    windows = ["last month", "this quarter"]
    every = "week"

    [[segments]]
    name = "Germany"
    where = "country == 'DE'"

    [[limits]]
    conversion = "mql:sal"
    below = 0.5

Paths are relative to the file. All mistakes are reported at once, each with its place.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias, get_args

import attrs

from lifecycle_fsm.cli.arguments import read_length
from lifecycle_fsm.cli.past import Past
from lifecycle_fsm.errors import FileProblem, LifecycleError, Problem, suggest
from lifecycle_fsm.files import near_files, why
from lifecycle_fsm.funnel import (
    COMPARING,
    MEASURES,
    READINGS,
    Every,
    Journeys,
    Measure,
    Reading,
    observe,
    sales_stage,
)
from lifecycle_fsm.funnel.journey_filter import read_filter
from lifecycle_fsm.history import StoredHistory
from lifecycle_fsm.model import Model
from lifecycle_fsm.model.toml_files import find, lines_of
from lifecycle_fsm.report import ENDINGS, is_report
from lifecycle_fsm.report.relative_windows import read_window
from lifecycle_fsm.report.report_limits import LIMITED, SHARES, ReportLimit
from lifecycle_fsm.tables.mapping_toml import raise_problems
from lifecycle_fsm.zones import find_zone

#: Turns a value of the file into that of a setting, or raises a LifecycleError.
_Reader: TypeAlias = Callable[[Any], Any]


@attrs.frozen(kw_only=True)
class ReportConfig:
    """The settings of a report; those that it shares with ``funnel`` mean the same there."""

    outputs: tuple[str, ...] = ()
    title: str = ""
    history: str | None = None
    store: str | None = None
    model: str | None = None
    people: str | None = None
    deadlines: str | None = None
    zone: str = "UTC"
    measures: tuple[Measure, ...] | None = None
    windows: tuple[str, ...] = ("all",)
    segments: Mapping[str, str] = attrs.field(factory=dict)
    limits: tuple[ReportLimit, ...] = ()
    journeys: Journeys = "all"
    by: str | None = None
    where: str | None = None
    every: Every | None = None
    reading: Reading = "through"
    pairs: tuple[tuple[str, str], ...] | None = None
    horizon: timedelta | None = None
    from_stage: str | None = None
    target: float | None = None
    stuck_after: timedelta | None = None
    forecast: timedelta | None = None

    def filter(self, segment: str) -> str | None:
        """The filter of a segment, or of everybody, as a guard."""
        parts = [part for part in (self.where, self.segments.get(segment)) if part]
        return (
            " and ".join(f"({part})" for part in parts)
            if len(parts) > 1
            else "".join(parts) or None
        )


def read_config(path: str, open_past: Callable[[ReportConfig], Past]) -> tuple[ReportConfig, Past]:
    """The settings of a file, checked against the model and the history, which ``open_past`` opens.

    Raises:
        FileProblem: the file cannot be read or has mistakes; it lists all of them.
    """
    try:
        text = Path(path).read_text("utf-8-sig")
        content = tomllib.loads(text)
    except FileNotFoundError:
        raise FileProblem(f"the report {path} does not exist{near_files(path, '.toml')}") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise FileProblem(f"the report {path} is no TOML: {error}") from error
    except (OSError, ValueError) as error:
        raise FileProblem(f"the report {path} cannot be read: {why(error)}") from error
    reader = _ConfigReader(Path(path).parent)
    config = reader.whole(content)
    past = None
    if reader.opens:
        try:
            past = open_past(config)
        except LifecycleError as error:
            reader.wrong("store" if config.store else "history", str(error))
        else:
            reader.fits(config, past.model, past.history)
    lines = lines_of(text)
    placed = [(find(lines, problem.where) or 0, problem) for problem in reader.problems]
    problems = [
        attrs.evolve(problem, where=f"line {line}: {problem.where}") if line else problem
        for line, problem in sorted(placed, key=lambda pair: pair[0])
    ]
    raise_problems(f"the report {path}", problems)
    assert past is not None
    return config, past


class _ConfigReader:
    """Reads the tables of the file and collects the mistakes; ``opens`` is whether it says what to
    read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.problems: list[Problem] = []
        self.opens = True

    def wrong(self, where: str, message: str) -> None:
        self.problems.append(Problem(where, message.removeprefix(": ")))

    def table(self, where: str, content: object, readers: Mapping[str, _Reader]) -> dict[str, Any]:
        """The settings of one table; those with mistakes are left out."""
        if not isinstance(content, dict):
            self.wrong(where, f"it should be a table, not {content!r}")
            return {}
        place = f"{where}, " if where else ""
        values = {}
        for name, value in content.items():
            if name not in readers:
                self.wrong(
                    f"{place}{name}",
                    f"there is no such setting; known: {', '.join(readers)}"
                    f"{suggest(name, readers)}",
                )
                continue
            try:
                values[name] = readers[name](value)
            except LifecycleError as error:
                self.wrong(f"{place}{name}", str(error))
        return values

    def whole(self, content: Mapping[str, Any]) -> ReportConfig:
        values = self.table("", content, self.readers())
        named = [name for name in ("history", "store") if name in content]
        if len(named) != 1:
            self.wrong(
                "", "it needs one of history, the file that `run` wrote, or store, and one only"
            )
        self.opens = len(named) == 1 and named[0] in values
        if "outputs" not in content:
            self.wrong(
                "", f"it writes nothing: name outputs, such as report{ENDINGS[0]} or tables/"
            )
        config = ReportConfig(**values)
        for place, limit in enumerate(config.limits):
            if limit.segment and limit.segment not in config.segments:
                self.wrong(
                    f"limits[{place}], segment",
                    f"there is no segment {limit.segment!r}"
                    f"{suggest(limit.segment, config.segments)}",
                )
        return config

    def readers(self) -> dict[str, _Reader]:
        return {
            "outputs": _several(self.output),
            "title": _text,
            "history": self.path,
            "store": self.store,
            "model": self.model,
            "people": self.path,
            "deadlines": self.path,
            "zone": _zone,
            "measures": _several(_one_of([name for name in MEASURES if name not in COMPARING])),
            "windows": _several(_window),
            "segments": self.segments,
            "limits": self.limits,
            "journeys": _one_of(get_args(Journeys)),
            "by": _text,
            "where": _text,
            "every": _one_of(get_args(Every)),
            "reading": _one_of(READINGS),
            "pairs": _several(_pair),
            "horizon": _length,
            "from_stage": _text,
            "target": _share,
            "stuck_after": _length,
            "forecast": _length,
        }

    # -- readers that know the folder, or collect several mistakes

    def path(self, value: object) -> str:
        return str(self.folder / _text(value))

    def store(self, value: object) -> str:
        address = _text(value)
        return address if "://" in address else str(self.folder / address)

    def model(self, value: object) -> str:
        name = _text(value)
        return str(self.folder / name) if name.endswith(".toml") else name

    def output(self, value: object) -> str:
        name = _text(value)
        if not (is_report(name) or is_report(self.folder / name)):
            raise LifecycleError(
                f"{name!r} names no form of a report: use {', '.join(ENDINGS)}, or a folder, as in "
                "tables/"
            )
        # A path would lose the sign of a folder.
        return str(self.folder / name) + ("/" if name.endswith("/") else "")

    def segments(self, value: object) -> dict[str, str]:
        segments: dict[str, str] = {}
        for place, content in enumerate(_tables("segments", value)):
            where = f"segments[{place}]"
            table = self.table(where, content, {"name": _text, "where": _text})
            for name in {"name", "where"} - set(content):
                self.wrong(f"{where}, {name}", "it is missing")
            if table.get("name") in segments:
                self.wrong(f"{where}, name", "there is another segment of this name")
            segments.setdefault(table.get("name", ""), table.get("where", "always"))
        return segments

    def limits(self, value: object) -> tuple[ReportLimit, ...]:
        limits = []
        for place, content in enumerate(_tables("limits", value)):
            where = f"limits[{place}]"
            measures = [name for name in LIMITED if name in content]
            bound = _share if {*measures} & SHARES else _number
            readers: dict[str, _Reader] = {
                "name": _text, "below": bound, "above": bound, "segment": _text,
                **{name: _pair if name == "conversion" else _name for name in LIMITED},
            }  # fmt: skip
            table = self.table(where, content, readers)
            if len(measures) != 1:
                self.wrong(where, f"it needs one of {', '.join(LIMITED)}, and one only")
            elif not {"below", "above"} & set(content):
                self.wrong(where, "it needs below or above")
            elif measures[0] in table:
                limits.append(ReportLimit(measure=measures[0], of=table.pop(measures[0]), **table))
        return tuple(limits)

    # -- what only a model and a history can tell

    def fits(self, config: ReportConfig, model: Model, history: StoredHistory) -> None:
        """Check the names of stages, deadlines and fields."""
        checks: list[tuple[str, Callable[[], object]]] = []
        if config.by is not None:
            checks.append(("by", partial(observe, history, model, by=config.by)))
        for pair in config.pairs or ():
            checks += (("pairs", partial(model.stage, name)) for name in pair)
        for place, limit in enumerate(config.limits):
            checks.append((f"limits[{place}], {limit.measure}", partial(limit.check, model)))
        for where, text in self._filters(config):
            checks.append((where, partial(read_filter, text, history, model)))
        if config.from_stage is not None:
            checks.append(("from_stage", partial(sales_stage, model, config.from_stage)))
        for where, check in checks:
            try:
                check()
            except LifecycleError as error:
                self.wrong(where, str(error))

    def _filters(self, config: ReportConfig) -> Iterable[tuple[str, str]]:
        if config.where is not None:
            yield "where", config.where
        for place, text in enumerate(config.segments.values()):
            yield f"segments[{place}], where", text


def _text(value: object) -> str:
    if isinstance(value, str) and value.strip():
        return value
    raise LifecycleError(f"it should be a text, not {value!r}")


def _name(value: object) -> tuple[str, ...]:
    return (_text(value),)


def _number(value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
        return value
    raise LifecycleError(f"it should be a number, not {value!r}")


def _share(value: object) -> float:
    """A share from 0 to 1, or as in ``"50 %"``."""
    text = value.strip().removesuffix("%") if isinstance(value, str) else ""
    try:
        share = float(text) / 100 if text != str(value).strip() and text else _number(value)
    except ValueError:
        share = -1.0
    if 0 <= share <= 1:
        return share
    raise LifecycleError(f"it should be a share such as 0.5 or '50 %', not {value!r}")


def _length(value: object) -> timedelta:
    length = read_length("", _text(value))
    assert length is not None
    return length


def _zone(value: object) -> str:
    find_zone(_text(value))
    return _text(value)


def _window(value: object) -> str:
    text = _text(value)
    read_window(text, datetime(2000, 1, 1, tzinfo=UTC))
    return text


def _pair(value: object) -> tuple[str, str]:
    source, _, target = (part.strip() for part in _text(value).partition(":"))
    if source and target:
        return source, target
    raise LifecycleError(f"{value!r} names no two stages: write it as mql:customer")


def _one_of(names: Iterable[str]) -> _Reader:
    known = tuple(names)

    def read(value: object) -> str:
        if value in known:
            return str(value)
        raise LifecycleError(f"{value!r} is none of {', '.join(known)}{suggest(str(value), known)}")

    return read


def _several(reader: _Reader) -> _Reader:
    def read(value: object) -> tuple[Any, ...]:
        if isinstance(value, list) and value:
            return tuple(map(reader, value))
        raise LifecycleError(f"it should be a list in brackets, not {value!r}")

    return read


def _tables(name: str, value: object) -> list[dict[str, Any]]:
    if isinstance(value, list) and all(isinstance(table, dict) for table in value):
        return value
    raise LifecycleError(f"write it as [[{name}]], once for each")
