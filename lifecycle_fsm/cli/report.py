"""``lifecycle-fsm report``: a workbook, a page and tables by a file of settings, for a schedule."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

import attrs
import typer

from lifecycle_fsm.cli.arguments import keep_inputs, read_time
from lifecycle_fsm.cli.exit_status import REJECTED
from lifecycle_fsm.cli.forecast import forecast_of
from lifecycle_fsm.cli.options import option
from lifecycle_fsm.cli.past import Past, past_of
from lifecycle_fsm.cli.report_config import ReportConfig, read_config
from lifecycle_fsm.funnel import FunnelReport, Measure, Scope, measure, observe, on_picture
from lifecycle_fsm.funnel.scope import Window
from lifecycle_fsm.history import StoredTable
from lifecycle_fsm.report import ReportChapter, ReportPart, make_report, save_report
from lifecycle_fsm.report.forecast_tables import forecast_part
from lifecycle_fsm.report.relative_windows import read_window
from lifecycle_fsm.report.report_limits import CURRENT
from lifecycle_fsm.wording import counted, sentence
from lifecycle_fsm.zones import find_zone

#: These measures are of the end of the known history, whatever the windows are.
_CURRENT: tuple[Measure, ...] = ("ready", "overdue", "stuck")
_EVERYBODY = "Everybody"


def report(
    config: Annotated[str, typer.Argument(metavar="CONFIG.toml", help="The settings: TOML.")],
    at: Annotated[
        str | None,
        option(
            "TIME",
            "Report as of then, or `now`: windows such as `last month` end there. "
            "[default: as in the run, up to the last tick of a store, or the last row]",
        ),
    ] = None,
) -> int | None:
    r"""Write the workbook, the page and the slides that a file of settings names, and check limits.

    ```sh
    lifecycle-fsm report weekly.toml
    lifecycle-fsm report weekly.toml --at 2025-07-01T06:00
    ```

    The settings say which history, windows, segments and outputs, and which limits hold:

    ```toml
    history = "out/history.parquet"
    zone = "Europe/Berlin"
    outputs = ["report.xlsx", "report.html", "report.pptx", "tables/"]
    windows = ["last month"]

    [[limits]]
    conversion = "mql:sal"
    below = 0.5
    ```

    Exit status 1 if a limit is broken, with a line for each. People are listed by name: mind who
    gets the files.
    """
    settings, past = read_config(config, _opened)
    for out in settings.outputs:
        keep_inputs(out, config, settings.history, settings.model, settings.people)
    until = read_time("--at", at, find_zone(settings.zone)) or past.until or past.history.last
    work = _ReportWork(settings, past, until)
    broken = [*work.broken()]
    whole = make_report(past.model, [*work.chapters()], title=settings.title)
    steps = tuple((sentence(line), "Decide what to do about it") for line in broken)
    whole = attrs.evolve(whole, findings=(*steps, *whole.findings))
    for out in settings.outputs:
        files = save_report(whole, out)
        print(f"written: {out}" + (f" ({counted(len(files), 'file')})" if len(files) > 1 else ""))
    for line in broken:
        print(f"broken: {line}")
    return REJECTED if broken else None


def _opened(settings: ReportConfig) -> Past:
    past = past_of(
        settings.store, str(settings.history), settings.model, settings.people, settings.deadlines,
        None, None,
    )  # fmt: skip
    facts = past.deadlines
    if facts is None or isinstance(facts, StoredTable):
        return past
    return attrs.evolve(past, deadlines=[*facts])  # they are read for each segment and window


class _ReportWork:
    """Measures what the settings ask for, as of an instant."""

    def __init__(self, settings: ReportConfig, past: Past, until: datetime | None) -> None:
        self.settings, self.past, self.until = settings, past, until
        self.segments = ("", *settings.segments)
        self.first = self.window(settings.windows[0])
        self.possible: tuple[Measure, ...] | None = settings.measures

    def chapters(self) -> Iterator[ReportChapter]:
        """Each segment in each window, then the lists of people, which have no window."""
        windows = self.settings.windows
        apart = windows != ("all",)
        for segment in self.segments:
            for name in windows:
                labels = {"Segment": segment or _EVERYBODY, "Window": name}
                yield self.chapter(segment, self.window(name), labels, current=not apart)
        for segment in self.segments if apart else ():
            lists = tuple(
                name for name in _CURRENT if self.possible is None or name in self.possible
            )
            if lists:
                measured = self.measured(segment, (None, None), lists)
                yield ReportChapter(measured=measured, labels={"Segment": segment or _EVERYBODY})

    def chapter(
        self, segment: str, window: Window, labels: dict[str, str], *, current: bool
    ) -> ReportChapter:
        wanted = self.possible
        if wanted is not None and not current:
            wanted = tuple(name for name in wanted if name not in _CURRENT)
        measured = self.measured(segment, window, wanted)
        if self.possible is None:  # the first shows which measures this history allows
            self.possible = measured.measures
        if not current:
            kept = tuple(name for name in measured.measures if name not in _CURRENT)
            measured = attrs.evolve(measured, measures=kept, ready=(), overdue=(), stuck=())
        counts = on_picture(self.scope(segment, window), reading=self.settings.reading)
        parts: tuple[ReportPart, ...] = ()
        if self.settings.forecast is not None and not segment and window == self.first:
            ahead = forecast_of(self.past, self.scope("", (None, None)), self.settings.forecast)
            parts = (forecast_part(ahead, self.past.model),)
        return ReportChapter(measured=measured, counts=counts, labels=labels, parts=parts)

    def window(self, text: str) -> Window:
        return (
            (None, None)
            if self.until is None
            else read_window(text, self.until, self.settings.zone)
        )

    def measured(
        self, segment: str, window: Window, measures: tuple[Measure, ...] | None
    ) -> FunnelReport:
        settings, past = self.settings, self.past
        return measure(
            past.history, past.model, window=window, until=self.until, zone=settings.zone,
            journeys=settings.journeys, by=settings.by, where=settings.filter(segment),
            every=settings.every, reading=settings.reading, pairs=settings.pairs,
            horizon=settings.horizon, from_stage=settings.from_stage, target=settings.target,
            stuck_after=settings.stuck_after, measures=measures, deadlines=past.deadlines,
            people=past.people, opportunities=past.opportunities, needed=False,
        )  # fmt: skip

    def scope(self, segment: str, window: Window) -> Scope:
        settings, past = self.settings, self.past
        return observe(
            past.history, past.model, window=window, until=self.until, zone=settings.zone,
            journeys=settings.journeys, where=settings.filter(segment), deadlines=past.deadlines,
        )  # fmt: skip

    def broken(self) -> Iterator[str]:
        """A line for each limit that is broken, in the first window."""
        settings = self.settings
        for limit in settings.limits:
            current = limit.measure in CURRENT
            window = (None, None) if current else self.window(settings.windows[0])
            line = limit.judge(
                self.scope(limit.segment, window), reading=settings.reading,
                horizon=settings.horizon, stuck_after=settings.stuck_after,
            )  # fmt: skip
            if line is not None:
                yield line
