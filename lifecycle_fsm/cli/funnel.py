"""``lifecycle-fsm funnel``: everything that a history tells of the funnel, in numbers."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Literal

import attrs
import typer

from lifecycle_fsm.cli import options
from lifecycle_fsm.cli.arguments import folder_for, keep_inputs, load_model, read_length, read_time
from lifecycle_fsm.cli.console import print_json
from lifecycle_fsm.cli.earlier_run import (
    MEASURE,
    beside,
    check_fits,
    read_with_model,
    watched_until,
)
from lifecycle_fsm.cli.options import COMPARED, NUMBERS, flag, option
from lifecycle_fsm.cli.stores import open_snapshot, store_or_file, watched_in
from lifecycle_fsm.errors import LifecycleError, suggest
from lifecycle_fsm.funnel import COMPARED as KNOWN_MEASURES
from lifecycle_fsm.funnel import (
    COMPARING,
    CONTACT_FIELDS,
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
from lifecycle_fsm.history import DeadlineFact, HistoryInMemory, StoredHistory
from lifecycle_fsm.model import Model
from lifecycle_fsm.tables import (
    OpportunityRow,
    open_deadlines,
    opportunity_rows,
    read_opportunities,
)
from lifecycle_fsm.tables.spooled_rows import is_large
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
#: Lists of people, who are more than their ids.
_LISTS = frozenset({"ready", "overdue", "stuck"})
#: Measures that take much room, and that a screen shows if asked for.
_ON_REQUEST = frozenset({"cohorts", "touch", "reasons", "mix"})


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
    out: Annotated[
        str | None, option("FILE", "Also draw it: .svg, .png, .pdf, .drawio, .pptx, .mmd or .dot.")
    ] = None,
    json: options.Json = False,
) -> None:
    r"""Measure the funnel: people, flows, conversion, times, salespeople, shares, SLA, money.

    ```sh
    lifecycle-fsm funnel out/history.parquet
    lifecycle-fsm funnel out/history.csv --from 2024-01-01 --to 2024-04-01 \
        --every month --zone Europe/Berlin
    lifecycle-fsm funnel out/history.csv --show conversion --by sourced_by
    lifecycle-fsm funnel out/history.csv --compare 2024-07-01 --horizon 60d
    lifecycle-fsm funnel out/history.csv --show money --by owner --deal-age 90d
    lifecycle-fsm funnel out/history.csv --where "country == 'DE'" --json
    lifecycle-fsm funnel --store lifecycle.db --until now
    ```

    `docs/understand/formulas.md` computes each number from the table of history.
    """
    keep_inputs(out, history, model)
    local = find_zone(zone)
    window = (read_time("--from", start, local), read_time("--to", end, local))
    known = read_time("--until", until, local)
    split = read_time("--compare", compare, local)
    if split is not None and compare_versions:
        raise LifecycleError("--compare and --compare-versions are two questions: ask one")
    address = store_or_file(store, history, "the HISTORY that `run` wrote")
    measures = _measures(show, json=json, compare="versions" if compare_versions else split)
    past = _past(address, str(history), model, people, deadlines, opportunities, measures)
    rows, lifecycle, known = past.history, past.model, known or past.until
    how: dict[str, Any] = {
        "window": window, "zone": zone, "journeys": journeys, "by": by, "where": where,
        "every": every, "reading": reading, "from_stage": from_stage,
        "pairs": [_pair(text) for text in pair] if pair else None,
        "horizon": read_length("--horizon", horizon),
    }  # fmt: skip
    if compare_known is not None:
        day = read_time("--compare-known", compare_known, local)
        assert day is not None
        _print_known(rows, lifecycle, day, measures if show else None, how, json=json)
        return
    report = measure(
        rows, lifecycle, until=known, measures=measures, **how,
        target=_targets(target, lifecycle) if target else None,
        stuck_after=read_length("--stuck-after", stuck_after),
        compare="versions" if compare_versions else split, needed=bool(show),
        deadlines=past.deadlines, people=past.people, opportunities=past.opportunities,
        deal_age=read_length("--deal-age", deal_age),
    )  # fmt: skip
    if out is not None:
        _draw(rows, lifecycle, report, out)
    if json:
        print_json(report.as_dict())
    else:
        from lifecycle_fsm.cli.funnel_tables import as_text

        others = () if show else [name for name in MEASURES if name in _ON_REQUEST]
        print(as_text(report, lifecycle, others))


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


def _draw(rows: StoredHistory, model: Model, report: FunnelReport, out: str) -> None:
    """Draw the funnel of a report."""
    from lifecycle_fsm import diagram

    journeys = report.journeys
    scope = observe(
        rows, model, window=report.window, until=report.until, zone=report.zone,
        journeys=journeys, where=report.where,
    )  # fmt: skip
    counts = on_picture(scope, reading=report.reading)
    title = f"{model.title or model.name.replace('_', ' ').capitalize()}: the funnel"
    title += "" if journeys == "all" else f", {journeys} journeys"
    with folder_for(out):
        diagram.draw_funnel(model, counts, title=title).save(out)


@attrs.frozen
class _Past:
    """What there is to measure; ``until`` is up to when people were watched, if that is known."""

    model: Model
    history: StoredHistory
    deadlines: Iterable[DeadlineFact] | None
    people: Iterable[object]
    opportunities: Iterable[OpportunityRow] | None = None
    until: datetime | None = None


def _past(
    address: str | None,
    history: str,
    model: str | None,
    people: str | None,
    deadlines: str | None,
    opportunities: str | None,
    measures: list[Measure] | None,
) -> _Past:
    """What there is in a store, or else in files."""
    if address is None:
        return _of_files(history, model, people, deadlines, opportunities, measures)
    if people is None and deadlines is None and opportunities is None:
        return _of_store(address, model)
    raise LifecycleError(
        "--people, --deadlines and --opportunities belong to a history of files, not to --store"
    )


def _of_files(
    history: str,
    model: str | None,
    people: str | None,
    deadlines: str | None,
    opportunities: str | None,
    measures: list[Measure] | None,
) -> _Past:
    rows, lifecycle = read_with_model(history, model)
    deadlines = deadlines or beside(history, "deadlines")
    opportunities = opportunities or beside(history, "opportunities")
    return _Past(
        lifecycle,
        rows,
        None if deadlines is None else open_deadlines(deadlines),
        _people(people or beside(history, "people"), lifecycle, measures),
        None if opportunities is None else read_opportunities(opportunities, lifecycle),
        watched_until(history),
    )


def _of_store(address: str, name: str | None) -> _Past:
    from lifecycle_fsm.sheet import people_of

    with open_snapshot(address) as moment:
        model = load_model(name) if name is not None else moment.model()
        if model is None:
            raise LifecycleError(f"{moment.place} has no text of its model: say --model")
        rows = moment.history(model.field_types)
        history = HistoryInMemory(rows)
        check_fits(history, model, moment.place, MEASURE)
        people = [*people_of(moment.states(), model)]
        return _Past(
            model, history, moment.deadlines(), people, [*opportunity_rows(people, model)],
            watched_in(moment, rows),
        )  # fmt: skip


def _people(path: str | None, model: Model, measures: list[Measure] | None) -> Iterable[object]:
    """The people of the table, if any of the measures lists people."""
    if path is None or not (measures is None or _LISTS.intersection(measures)):
        return ()
    from lifecycle_fsm.sheet import PeopleTable, read_people

    if path.lower().endswith(".parquet") or is_large(path):
        return PeopleTable(path, model, CONTACT_FIELDS)
    return read_people(path, model, only=CONTACT_FIELDS)


def _measures(
    show: list[str] | None, *, json: bool, compare: datetime | Literal["versions"] | None
) -> list[Measure] | None:
    """The measures of ``--show``; without it, those that a screen has room for; ``None`` for all.

    Raises:
        LifecycleError: there is no such one, or there is nothing to compare with.
    """
    if not show:
        return None if json else [name for name in MEASURES if name not in _ON_REQUEST]
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
