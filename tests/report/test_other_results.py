"""Results of other rooms in a report: cohorts as a map, and a forecast as fans."""

from __future__ import annotations

from lifecycle_fsm.forecast import forecast
from lifecycle_fsm.funnel import observe
from lifecycle_fsm.report.content import HeatMap, LineChart
from lifecycle_fsm.report.forecast_tables import forecast_part
from tests.report.made import MODEL, ROWS, measured, whole


def test_cohorts_are_a_map_of_each_pair() -> None:
    (part,) = (part for part in whole().parts if part.name == "cohorts")
    maps = [chart for chart in part.charts if isinstance(chart, HeatMap)]
    rows = [row for row in measured().cohorts if row.journeys]
    assert len(maps) == len({(row.source, row.target) for row in rows})
    assert sum(len(chart.rows) for chart in maps) == len(rows)
    cells = [cell for row in rows for cell in row.cells]
    shown = [cell for chart in maps for _, line in chart.rows for cell in line if cell]
    assert [cell.complete for cell in shown] == [cell.complete for cell in cells]
    assert [cell.ratio.part for cell in shown] == [cell.reached for cell in cells]


def test_a_forecast_goes_on_where_the_past_ends() -> None:
    ahead = forecast(observe(ROWS, MODEL))
    (chart,) = forecast_part(ahead, MODEL).charts
    assert isinstance(chart, LineChart)
    for panel in chart.panels:
        assert len(panel.past) == len(panel.expected) == len(chart.periods)
        for before, after in zip(panel.past, panel.expected, strict=True):
            assert (before is None) != (after is None)
        for band in panel.bands:
            for low, mean, high in zip(band.low, panel.expected, band.high, strict=True):
                assert (low is None) == (mean is None) == (high is None)
                assert low is None or high is None or low <= high
