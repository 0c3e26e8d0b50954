"""A forecast as a part of a report: a fan for each stage, the totals, the weeks, the backtest."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

from lifecycle_fsm.forecast import Forecast, PastWeek, PeriodForecast
from lifecycle_fsm.model import Model
from lifecycle_fsm.report.assembly import report_of
from lifecycle_fsm.report.column_makers import ColumnSpec, columns_of, made_column, table_of
from lifecycle_fsm.report.content import LineBand, LineChart, LinePanel, Report, ReportPart
from lifecycle_fsm.wording import clean, plain, sentence

_BEFORE = 26  # weeks of the past on a chart
_DEFINITION = (
    "Entries to expect in {} days from {}, by people who are there now and by people who arrive "
    "later, with the bounds between which the number lies with 80 and 95 % probability"
)


def forecast_part(forecast: Forecast, model: Model) -> ReportPart:
    """The forecast of all people and, in its tables, of each group."""

    def stages(path: str = "stage") -> list[ColumnSpec]:
        shown = columns_of("text", path, lambda name: clean(model.stage(str(name)).display))
        by = forecast.by
        first = [made_column(by, sentence(plain(by)), "text", attrgetter("group"))] if by else []
        return [*first, *shown]

    numbers = [
        *columns_of("number", "expected known:By_people_who_are_there new:By_new_people"),
        *columns_of("count", "low_80:80_%:_at_least high_80:80_%:_at_most"),
        *columns_of("count", "low_95:95_%:_at_least high_95:95_%:_at_most"),
    ]
    totals = table_of(
        "forecast", "In all", forecast.totals, *stages(), *columns_of("text", "kind"), *numbers,
        *columns_of("count", "last_period:As_many_days_before last_year:A_year_before"),
        notes=_notes(forecast),
    )  # fmt: skip
    weeks = table_of(
        "forecast_weeks", "By week", forecast.weeks, *columns_of("text", "period:Week"), *stages(),
        *columns_of("text", "kind"), *numbers, *columns_of("count", "days:Days_of_it"),
    )  # fmt: skip
    backtest = table_of(
        "forecast_backtest", "How earlier forecasts did", forecast.backtest,
        *columns_of("text", "stage", lambda name: clean(model.stage(str(name)).display)),
        *columns_of("text", "kind"), *columns_of("count", "origins:Forecasts entries"),
        *columns_of("share", "error last_period_error:Error_of_as_many_days_before"),
        *columns_of("share", "last_year_error:Error_of_a_year_before bias"),
        *columns_of("count", "weeks held_80:Weeks_within_80_% held_95:Weeks_within_95_%"),
    )  # fmt: skip
    return ReportPart(
        name="forecast", title="Forecast",
        definition=_DEFINITION.format(forecast.days, forecast.start.isoformat()),
        tables=(totals, weeks, backtest), charts=(_fans(forecast, model),),
    )  # fmt: skip


def forecast_report(forecast: Forecast, model: Model) -> Report:
    """A forecast as a report of its own."""
    part = forecast_part(forecast, model)
    return report_of(part, model, "forecast", forecast.until, forecast.zone)


def _notes(forecast: Forecast) -> tuple[str, ...]:
    return tuple(f"{sentence(warning).removesuffix('.')}." for warning in forecast.warnings)


def _fans(forecast: Forecast, model: Model) -> LineChart:
    """Each stage of the path behind original processing: whole weeks, past and to come."""
    past = list(filter(_is_shown, forecast.past))
    ahead = list(filter(_is_shown, forecast.weeks))
    before = list(dict.fromkeys(row.period for row in past))[-_BEFORE:]
    weeks = list(dict.fromkeys(row.period for row in ahead))
    entered = {(row.stage, row.period): row.entered for row in past}
    known = {(row.stage, row.period): row for row in ahead}

    def line(stage: str, number: str) -> tuple[float | None, ...]:
        rows: list[Any] = [known[stage, week] for week in weeks]
        return (*[None] * len(before), *(getattr(row, number) for row in rows))

    panels = (
        LinePanel(
            title=f"{clean(stage.display)}: entries per week",
            past=(*(entered.get((stage.name, week), 0) for week in before), *[None] * len(weeks)),
            expected=line(stage.name, "expected"),
            bands=tuple(
                LineBand(
                    share / 100, line(stage.name, f"low_{share}"), line(stage.name, f"high_{share}")
                )
                for share in (50, 80, 95)
            ),
        )
        for stage in model.path[1:]
        if weeks and (stage.name, weeks[0]) in known
    )
    return LineChart(title="Forecast", periods=(*before, *weeks), panels=tuple(panels))


def _is_shown(row: PastWeek | PeriodForecast) -> bool:
    """Whether a chart shows it: a whole week of everybody who went the path."""
    return not row.group and row.kind != "contact" and row.days == 7
