"""A forecast of the funnel from what it did: :func:`forecast` reads a :class:`.Scope` (R32)."""

from lifecycle_fsm.forecast.forecast_records import (
    BacktestResult,
    Expectation,
    Forecast,
    PastWeek,
    PeriodForecast,
    RevenueForecast,
    TotalForecast,
)
from lifecycle_fsm.forecast.forecasting import forecast

__all__ = [
    "BacktestResult",
    "Expectation",
    "Forecast",
    "PastWeek",
    "PeriodForecast",
    "RevenueForecast",
    "TotalForecast",
    "forecast",
]
