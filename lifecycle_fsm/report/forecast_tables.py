"""A forecast as a part of a report: a fan for each stage, the totals, the weeks, the backtest."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

from lifecycle_fsm.forecast import Forecast, PastWeek, PeriodForecast
from lifecycle_fsm.model import Model
from lifecycle_fsm.report.content import LineBand, LineChart, LinePanel, ReportPart
from lifecycle_fsm.report.measure_tables import _columns, _made, _Spec, _table
from lifecycle_fsm.wording import clean, plain, sentence

_BEFORE = 26  # weeks of the past on a chart
_DEFINITION = (
    "Entries to expect in {} days from {}, by people who are there now and by people who arrive "
    "later, with the bounds between which the number lies with 80 and 95 % probability"
)


def forecast_part(forecast: Forecast, model: Model) -> ReportPart:
    """The forecast of all people and, in its tables, of each group."""

    def stages(path: str = "stage") -> list[_Spec]:
        shown = _columns("text", path, lambda name: clean(model.stage(str(name)).display))
        by = forecast.by
        first = [_made(by, sentence(plain(by)), "text", attrgetter("group"))] if by else []
        return [*first, *shown]

    numbers = [
        *_columns("number", "expected known:By_people_who_are_there new:By_new_people"),
        *_columns("count", "low_80:80_%:_at_least high_80:80_%:_at_most"),
        *_columns("count", "low_95:95_%:_at_least high_95:95_%:_at_most"),
    ]
    totals = _table(
        "forecast", "In all", forecast.totals, *stages(), *_columns("text", "kind"), *numbers,
        *_columns("count", "last_period:As_many_days_before last_year:A_year_before"),
        notes=forecast.warnings,
    )  # fmt: skip
    weeks = _table(
        "forecast_weeks", "By week", forecast.weeks, *_columns("text", "period:Week"), *stages(),
        *_columns("text", "kind"), *numbers, *_columns("count", "days:Days_of_it"),
    )  # fmt: skip
    backtest = _table(
        "forecast_backtest", "How earlier forecasts did", forecast.backtest,
        *_columns("text", "stage", lambda name: clean(model.stage(str(name)).display)),
        *_columns("text", "kind"), *_columns("count", "origins:Forecasts entries"),
        *_columns("share", "error last_period_error:Error_of_as_many_days_before"),
        *_columns("share", "last_year_error:Error_of_a_year_before bias"),
        *_columns("count", "weeks held_80:Weeks_within_80_% held_95:Weeks_within_95_%"),
    )  # fmt: skip
    return ReportPart(
        name="forecast", title="Forecast",
        definition=_DEFINITION.format(forecast.days, forecast.start.isoformat()),
        tables=(totals, weeks, backtest), charts=(_fans(forecast, model),),
    )  # fmt: skip


def _fans(forecast: Forecast, model: Model) -> LineChart:
    """Each stage of the path behind original processing: whole weeks, past and to come."""
    past = [
        row for row in forecast.past if not row.group and row.kind != "contact" and row.days == 7
    ]
    ahead = [
        row for row in forecast.weeks if not row.group and row.kind != "contact" and row.days == 7
    ]
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
