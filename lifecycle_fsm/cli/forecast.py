"""``lifecycle-fsm forecast``: what a history lets one expect, and how far it can be trusted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from textwrap import fill
from typing import Annotated, Literal

import attrs
import typer

from lifecycle_fsm.cli import options
from lifecycle_fsm.cli.arguments import folder_for, keep_inputs, read_length, read_time
from lifecycle_fsm.cli.console import as_json, print_json
from lifecycle_fsm.cli.options import flag, option
from lifecycle_fsm.cli.past import Past, past_of
from lifecycle_fsm.cli.stores import store_or_file
from lifecycle_fsm.document.plain_text import lined_up
from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.files import write_file
from lifecycle_fsm.forecast import BacktestResult, Expectation, Forecast, PeriodForecast
from lifecycle_fsm.forecast import forecast as made_forecast
from lifecycle_fsm.funnel import Scope, observe, won_amounts
from lifecycle_fsm.model import Model
from lifecycle_fsm.report import ENDINGS, is_report, save_report
from lifecycle_fsm.tables import Column, TableWriter
from lifecycle_fsm.tables.output_tables import ColumnType
from lifecycle_fsm.wording import clean, counted, percent
from lifecycle_fsm.zones import find_zone

_WIDTH = 100
#: Fewer entries are not shown in the table of totals.
_SHOWN = 0.5
_FORMATS = (".csv", ".parquet", ".json")


def forecast(
    history: Annotated[
        str | None, typer.Argument(metavar="[HISTORY]", help="A history that `run` wrote.")
    ] = None,
    store: options.StoreInstead = None,
    model: options.Writer = None,
    horizon: Annotated[str, option("TIME", "How far to look ahead, in days.")] = "90d",
    growth: Annotated[
        str | None,
        option(
            "SHARE",
            "A scenario: by how much more people arrive than last year, such as 10%. "
            "[default: as observed]",
        ),
    ] = None,
    opportunities: options.Opportunities = None,
    by: options.By = None,
    where: options.WhereNumbers = None,
    until: options.Until = None,
    zone: options.Zone = "UTC",
    every: Annotated[Literal["week", "month"], flag("Show the entries of each.")] = "month",
    out: Annotated[
        str | None,
        option(
            "FILE",
            "Write the table of weeks as .csv, .parquet or .json, or all as .xlsx, .html or .pptx.",
        ),
    ] = None,
    json: options.Json = False,
) -> None:
    r"""Forecast the entries of each stage, with intervals, and test that on the past.

    ```sh
    lifecycle-fsm forecast out/history.parquet
    lifecycle-fsm forecast out/history.csv --horizon 60d --every week --zone Europe/Berlin
    lifecycle-fsm forecast out/history.csv --by source --out forecast.csv
    lifecycle-fsm forecast out/history.csv --horizon 365d --growth 10%
    lifecycle-fsm forecast --store lifecycle.db
    ```

    `docs/agree/forecast.md` says what each number means, and what it cannot know.
    """
    keep_inputs(out, history, model)
    if out is not None and Path(out).suffix not in _FORMATS and not is_report(out):
        raise LifecycleError(f"--out: {out}: name it {', '.join((*_FORMATS, *ENDINGS))}")
    address = store_or_file(store, history, "the HISTORY that `run` wrote")
    past = past_of(address, str(history), model, None, None, opportunities, ["money"])
    known = read_time("--until", until, find_zone(zone)) or past.until
    scope = observe(past.history, past.model, until=known, zone=zone, by=by, where=where)
    length = read_length("--horizon", horizon)
    assert length is not None
    result = forecast_of(past, scope, length, _share(growth))
    if out is not None:
        _save(out, result, past.model)
    if json:
        print_json(result.as_dict())
    else:
        print("\n".join(_text(result, past.model, weekly=every == "week")))


def forecast_of(
    past: Past, scope: Scope, horizon: timedelta, growth: float | None = None
) -> Forecast:
    """The forecast of a scope; of revenue too, if amounts are known."""
    money = past.model.money
    won = None
    if money is not None and past.opportunities is not None:
        won = won_amounts(scope, past.opportunities)
    return made_forecast(
        scope, horizon=horizon, growth=growth, won=won or None,
        currency=None if money is None else money.currency,
    )  # fmt: skip


def _share(text: str | None) -> float | None:
    """The growth that an option names.

    Raises:
        LifecycleError: it is no share.
    """
    if text is None:
        return None
    try:
        return float(text.strip().removesuffix("%")) / (100 if text.strip().endswith("%") else 1)
    except ValueError:
        raise LifecycleError(f"--growth: {text!r} is no share: write it as 10% or 0.1") from None


def _save(out: str, result: Forecast, model: Model) -> None:
    """Write the table of weeks, or a report of all."""
    if not is_report(out):
        with folder_for(out):
            _write(out, result)
        return
    from lifecycle_fsm.report.forecast_tables import forecast_report

    save_report(forecast_report(result, model), out)


def _write(out: str, result: Forecast) -> None:
    if out.endswith(".json"):
        write_file(out, as_json(result.as_dict()["weeks"]) + "\n")
        return
    kinds: dict[str, ColumnType] = {"float": "float", "int": "int"}
    columns = [
        Column[PeriodForecast](field.name, kinds.get(str(field.type), "str"), field.name)
        for field in attrs.fields(PeriodForecast)
        if field.name != "start"
    ]
    columns.append(Column("start", "str", lambda week: week.start.isoformat()))
    TableWriter(columns, result.weeks).save(out)


# ------------------------------------------------------------------ as text


def _text(result: Forecast, model: Model, *, weekly: bool) -> Iterator[str]:
    """The forecast for people: periods, totals, the backtest, warnings."""
    yield f"{model.title or model.name} (model {result.model}, version {result.version})"
    where = "" if result.where is None else f", where {result.where}"
    yield (
        f"{'scenario' if result.scenario else 'forecast'} of {counted(result.days, 'day')} from "
        f"{result.start} ({result.zone}){where}"
    )
    grows = "a mean week"
    if result.growth is not None:
        grows = f"the same days last year {result.growth:+.0%}"
    yield (
        f"from {counted(result.history_days, 'day')} of history and "
        f"{counted(result.people, 'person', 'people')}; new people: as in {grows}"
    )
    if result.by is None:
        periods = result.weeks if weekly else result.months
        yield from ("", "entries to expect, and their 80 % interval")
        yield from _periods(periods, model)
    yield from ("", f"all {counted(result.days, 'day')}")
    yield from _totals(result, model)
    money = result.revenue
    if money is not None:
        yield (
            f"  revenue: {money.expected:,.0f} {money.currency or ''}, 80 %: {money.low_80:,.0f} "
            f"to {money.high_80:,.0f}; the {result.backtest_days} days before: "
            f"{money.last_period:,.0f}; backtest: off by {percent(money.error)}, last period by "
            f"{percent(money.last_period_error)}"
        )
    yield from ("", *_backtest(result, model))
    if result.warnings:
        yield ""
        for warning in result.warnings:
            yield fill(f"warning: {clean(warning)}", _WIDTH, subsequent_indent="  ")


def _name(row: Expectation | BacktestResult, model: Model) -> str:
    name = clean(model.stage(row.stage).display)
    return "… contacts" if row.kind == "contact" else name


def _range(low: int, high: int) -> str:
    return f"{low:,}–{high:,}"


def _periods(rows: Iterable[PeriodForecast], model: Model) -> Iterator[str]:
    """A line for each period, with a column for each stage of the path."""
    path = {stage.name for stage in model.path}
    shown = [row for row in rows if row.stage in path]
    lines: dict[str, list[str]] = {}
    for row in shown:
        cells = lines.setdefault(row.period, [row.period, f"{row.days}"])
        cells.append(f"{row.expected:,.0f} ({_range(row.low_80, row.high_80)})")
    heads = dict.fromkeys(_name(row, model) for row in shown)
    yield _table(["period", "days", *heads], lines.values())


def _totals(result: Forecast, model: Model) -> Iterator[str]:
    lines = [
        [
            *([clean(row.group)] if result.by else []),
            _name(row, model),
            f"{row.expected:,.0f}",
            _range(row.low_50, row.high_50),
            _range(row.low_80, row.high_80),
            _range(row.low_95, row.high_95),
            f"{row.known:,.0f}",
            f"{row.new:,.0f}",
            f"{row.last_period:,}",
            "" if row.last_year is None else f"{row.last_year:,}",
        ]
        for row in result.totals
        if row.expected >= _SHOWN or row.last_period
    ]
    groups = [clean(result.by)] if result.by else []
    heads = ["stage", "entries", "50 %", "80 %", "95 %", "known", "new", "just before", "last year"]
    yield _table([*groups, *heads], lines, words=1 + len(groups))
    yield "  known, new: by people who are here today, and by those who arrive later"


def _backtest(result: Forecast, model: Model) -> Iterator[str]:
    rows = [row for row in result.backtest if row.entries]
    count = counted(max((row.origins for row in result.backtest), default=0), "earlier forecast")
    yield f"backtest: {count} of {counted(result.backtest_days, 'day')}, made as this one"
    lines = [
        [
            _name(row, model),
            f"{row.entries:,}",
            percent(row.error),
            percent(row.last_period_error),
            percent(row.last_year_error),
            f"{row.bias or 0:+.0%}",
            *(f"{held} of {row.weeks}" for held in (row.held_50, row.held_80, row.held_95)),
        ]
        for row in rows
    ]
    heads = ["stage", "entries", "off by", "last period", "last year", "too high"]
    yield _table([*heads, "in 50 %", "80 %", "95 %"], lines)
    yield "  off by: mean error, and that of the number of the period before and of last year"
    yield "  in 50 %, 80 %, 95 %: weeks in which the entries lay in the interval"


def _table(heads: list[str], lines: Iterable[Sequence[str]], words: int = 1) -> str:
    return lined_up([heads, *lines], right=range(words, len(heads)))
