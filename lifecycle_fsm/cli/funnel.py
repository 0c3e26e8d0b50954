"""``lifecycle-fsm funnel``: everything that a history tells of the funnel, in numbers."""

from __future__ import annotations

import sys
from collections.abc import Collection
from datetime import datetime
from shutil import get_terminal_size
from typing import Annotated, Any, Literal

import typer

from lifecycle_fsm.cli import options
from lifecycle_fsm.cli.arguments import folder_for, keep_inputs, read_length, read_time
from lifecycle_fsm.cli.console import print_json
from lifecycle_fsm.cli.options import COMPARED, NUMBERS, flag, option
from lifecycle_fsm.cli.past import past_of
from lifecycle_fsm.cli.stores import store_or_file
from lifecycle_fsm.errors import FileProblem, LifecycleError, suggest
from lifecycle_fsm.funnel import COMPARED as KNOWN_MEASURES
from lifecycle_fsm.funnel import (
    COMPARING,
    MEASURES,
    Every,
    FunnelReport,
    Journeys,
    Measure,
    Reading,
    measure,
    observe,
    on_picture,
)
from lifecycle_fsm.funnel import compare_known as known_changes
from lifecycle_fsm.history import StoredHistory
from lifecycle_fsm.model import Model
from lifecycle_fsm.zones import find_zone

ShowOption = Annotated[
    list[str] | None,
    option("MEASURE", f"Only this one; can be repeated: {', '.join(MEASURES)}.", panel=NUMBERS),
]
EveryOption = Annotated[Every | None, flag("Flows for each of these.", panel=NUMBERS)]
ReadingOption = Annotated[
    Reading,
    flag(
        "Of the close rate and the picture: count a stage as reached when entered, or "
        "also when passed over.",
        panel=NUMBERS,
    ),
]
JourneysOption = Annotated[
    Journeys,
    flag("Count all journeys, each person's first, or the others.", panel=NUMBERS),
]
CompareKnownOption = Annotated[
    str | None,
    option(
        "TIME",
        "Name the numbers up to this time that late activities have changed since, and these "
        "activities.",
        panel=COMPARED,
    ),
]
OutOption = Annotated[
    str | None,
    option(
        "FILE",
        "Also save it: .xlsx, .html or .pptx with all numbers, a folder/ with each table, or a "
        "picture: .svg, .png, .pdf, .drawio, .mmd or .dot.",
    ),
]
#: Measures that take much room, and that a screen shows if asked for.
_ON_REQUEST: tuple[Measure, ...] = ("cohorts", "touch", "reasons", "duplicates", "mix")


def funnel(
    history: Annotated[
        str | None, typer.Argument(metavar="[HISTORY]", help="A history that `run` wrote.")
    ] = None,
    store: options.StoreInstead = None,
    model: options.Writer = None,
    people: options.Contacts = None,
    deadlines: options.Deadlines = None,
    opportunities: options.Opportunities = None,
    show: ShowOption = None,
    by: options.By = None,
    where: options.WhereNumbers = None,
    start: options.From = None,
    end: options.To = None,
    until: options.Until = None,
    every: EveryOption = None,
    zone: options.Zone = "UTC",
    reading: ReadingOption = "through",
    journeys: JourneysOption = "all",
    pair: options.Pair = None,
    from_stage: options.FromStage = None,
    target: options.Target = None,
    stuck_after: options.Stuck = None,
    deal_age: options.DealAge = None,
    compare: options.Compare = None,
    compare_versions: options.Versions = False,
    horizon: options.Horizon = None,
    compare_known: CompareKnownOption = None,
    out: OutOption = None,
    json: options.Json = False,
) -> None:
    r"""Measure the funnel: people, flows, conversion, times, salespeople, SLA, money.

    ```sh
    lifecycle-fsm funnel out/history.parquet
    lifecycle-fsm funnel out/history.csv --from 2024-01-01 --to 2024-04-01 \
        --every month --zone Europe/Berlin
    lifecycle-fsm funnel out/history.csv --show conversion --by sourced_by
    lifecycle-fsm funnel out/history.csv --compare 2024-07-01 --horizon 60d
    lifecycle-fsm funnel out/history.csv --show money --by owner --deal-age 90d
    lifecycle-fsm funnel out/history.csv --where "country == 'DE'" --json
    lifecycle-fsm funnel out/history.parquet --every month --out funnel.xlsx
    lifecycle-fsm funnel --store lifecycle.db --until now
    ```

    `docs/understand/formulas.md` computes each number from the table of history.
    """
    keep_inputs(out, history, model)
    local = find_zone(zone)
    window = (read_time("--from", start, local), read_time("--to", end, local))
    known = read_time("--until", until, local)
    compared = _compared(read_time("--compare", compare, local), versions=compare_versions)
    address = store_or_file(store, history, "the HISTORY that `run` wrote")
    measures = _measures(show, everything=json or _is_report(out), compare=compared)
    past = past_of(address, str(history), model, people, deadlines, opportunities, measures)
    rows, lifecycle = past.history, past.model
    how: dict[str, Any] = {
        "window": window, "zone": zone, "journeys": journeys, "by": by, "where": where,
        "every": every, "reading": reading, "from_stage": from_stage,
        "pairs": [_pair(text) for text in pair] if pair else None,
        "horizon": read_length("--horizon", horizon),
    }  # fmt: skip
    day = read_time("--compare-known", compare_known, local)
    if day is not None:
        _print_known(rows, lifecycle, day, measures if show else None, how, json=json)
        return
    report = measure(
        rows, lifecycle, until=known or past.until, measures=measures, needed=bool(show), **how,
        target=_targets(target, lifecycle) if target else None,
        stuck_after=read_length("--stuck-after", stuck_after), compare=compared,
        deadlines=past.deadlines, people=past.people, opportunities=past.opportunities,
        deal_age=read_length("--deal-age", deal_age),
    )  # fmt: skip
    if out is not None:
        _save(rows, lifecycle, report, out)
    _print(report, lifecycle, () if show else _ON_REQUEST, json=json)


def _compared(split: datetime | None, *, versions: bool) -> datetime | Literal["versions"] | None:
    if split is not None and versions:
        raise LifecycleError("--compare and --compare-versions are two questions: ask one")
    return "versions" if versions else split


def _print(
    report: FunnelReport, model: Model, left_out: Collection[Measure], *, json: bool
) -> None:
    if json:
        print_json(report.as_dict())
        return
    from lifecycle_fsm.cli.funnel_tables import as_text

    width = get_terminal_size().columns if sys.stdout.isatty() else None
    print(as_text(report, model, left_out, width))


def _print_known(
    rows: StoredHistory,
    model: Model,
    day: datetime,
    measures: list[Measure] | None,
    how: dict[str, Any],
    *,
    json: bool,
) -> None:
    """Print what became known later of the time up to a day."""
    changes = known_changes(rows, model, day, measures=measures or KNOWN_MEASURES, **how)
    if json:
        print_json(changes.as_dict())
    else:
        from lifecycle_fsm.cli.funnel_tables import known_as_text

        print(known_as_text(changes, model))


def _is_report(out: str | None) -> bool:
    from lifecycle_fsm.report import is_report

    return out is not None and is_report(out)


def _save(rows: StoredHistory, model: Model, measured: FunnelReport, out: str) -> None:
    """Save all numbers, or draw the funnel."""
    journeys = measured.journeys
    scope = observe(
        rows, model, window=measured.window, until=measured.until, zone=measured.zone,
        journeys=journeys, where=measured.where,
    )  # fmt: skip
    counts = on_picture(scope, reading=measured.reading)
    title = f"{model.title or model.name.replace('_', ' ').capitalize()}: the funnel"
    title += "" if journeys == "all" else f", {journeys} journeys"
    from lifecycle_fsm.report import ENDINGS, ReportChapter, make_report, save_report

    if _is_report(out):
        chapter = ReportChapter(measured=measured, counts=counts)
        save_report(make_report(model, [chapter], title=title), out)
        return
    from lifecycle_fsm import diagram

    try:
        with folder_for(out):
            diagram.draw_funnel(model, counts, title=title).save(out)
    except FileProblem as error:
        if "names no form" not in str(error):
            raise
        raise FileProblem(
            f"{error}; or, with all numbers, {', '.join(ENDINGS)} or folder/"
        ) from None


def _measures(
    show: list[str] | None, *, everything: bool, compare: datetime | Literal["versions"] | None
) -> list[Measure] | None:
    """The measures of ``--show``; without it, those that a screen has room for; ``None`` for all.

    Raises:
        LifecycleError: there is no such one, or there is nothing to compare with.
    """
    if not show:
        return None if everything else [name for name in MEASURES if name not in _ON_REQUEST]
    for name in show:
        if name not in MEASURES:
            raise LifecycleError(
                f"--show: no measure named {name!r}: there are {', '.join(MEASURES)}"
                f"{suggest(name, MEASURES)}"
            )
        if name in COMPARING and compare is None:
            others = " or --compare-versions" if name == "compare" else ""
            raise LifecycleError(f"--show {name} needs --compare TIME{others}")
    compared = compare is not None and not set(COMPARING).intersection(show)
    return [name for name in MEASURES if name in show or (compared and name == "compare")]


def _pair(text: str) -> tuple[str, str]:
    source, colon, target = text.partition(":")
    if not (source and colon and target):
        raise LifecycleError(f"--pair: {text!r} names no two stages: write it as mql:customer")
    return source.strip(), target.strip()


def _targets(texts: list[str], model: Model) -> dict[str, float]:
    """Marketing's share that was agreed, by stage.

    Raises:
        LifecycleError: it is no share, or there is no such stage.
    """
    targets: dict[str, float] = {}
    for text in sorted(texts, key=lambda text: "=" in text):
        name, _, value = text.rpartition("=")
        try:
            share = float(value.removesuffix("%")) / (100 if value.endswith("%") else 1)
        except ValueError:
            share = -1.0
        if not 0 <= share <= 1:
            raise LifecycleError(f"--target: {text!r} is no share: write it as 0.6, 60% or sql=40%")
        stages = [model.stage(name)] if name else model.path[1:]
        targets |= dict.fromkeys((stage.name for stage in stages), share)
    return targets
