"""``lifecycle-fsm funnel``: everything that a history tells of the funnel, in numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated

import typer

from lifecycle_fsm.cli.common import JsonOption, folder_for, keep_inputs, print_json, read_time
from lifecycle_fsm.cli.fitting import DeadlinesOption, beside, read_with_model, watched_until
from lifecycle_fsm.errors import LifecycleError, suggest
from lifecycle_fsm.funnel import (
    CONTACT_FIELDS,
    MEASURES,
    Every,
    Journeys,
    Measure,
    Reading,
    measure,
    observe,
    on_picture,
)
from lifecycle_fsm.model import Model
from lifecycle_fsm.tables import read_deadlines
from lifecycle_fsm.zones import find_zone

_LENGTH = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]*)")
_UNITS = {
    "minutes": timedelta(minutes=1),
    "hours": timedelta(hours=1),
    "days": timedelta(days=1),
    "weeks": timedelta(weeks=1),
}
_NUMBERS, _SALES, _TIME = "The numbers", "Sales", "Before and after"


def funnel(
    history: Annotated[str, typer.Argument(metavar="HISTORY", help="A history that `run` wrote.")],
    model: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help="The model that wrote it: a shipped one or a TOML file. "
            "[default: the shipped one that it is of]",
        ),
    ] = None,
    people: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="People that `run` wrote: who they are, and who has to do with them. "
            "[default: people beside the history]",
        ),
    ] = None,
    deadlines: DeadlinesOption = None,
    show: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MEASURE",
            help=f"Only this one; can be repeated: {', '.join(MEASURES)}.",
            rich_help_panel=_NUMBERS,
        ),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(
            metavar="FIELD",
            help="Split by owner, assigned_to, source, journey, rule, version, or a dimension of "
            "the model, as it was when the stage was entered.",
            rich_help_panel=_NUMBERS,
        ),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME", help="From then on.", rich_help_panel=_NUMBERS),
    ] = None,
    end: Annotated[
        str | None,
        typer.Option("--to", metavar="TIME", help="Before then.", rich_help_panel=_NUMBERS),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Up to when people were watched. [default: as in the run, or the last row]",
            rich_help_panel=_NUMBERS,
        ),
    ] = None,
    every: Annotated[
        Every | None,
        typer.Option(help="Flows for each of these.", rich_help_panel=_NUMBERS),
    ] = None,
    zone: Annotated[
        str,
        typer.Option(
            help="Days and months begin in this zone, and times are of it.",
            rich_help_panel=_NUMBERS,
        ),
    ] = "UTC",
    reading: Annotated[
        Reading,
        typer.Option(
            help="Of the close rate and the picture: count a stage as reached when entered, or "
            "also when passed over.",
            rich_help_panel=_NUMBERS,
        ),
    ] = "through",
    journeys: Annotated[
        Journeys,
        typer.Option(
            help="Count all journeys, each person's first, or the others.",
            rich_help_panel=_NUMBERS,
        ),
    ] = "all",
    pair: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FROM:TO",
            help="Conversion between these stages, such as `mql:customer`; can be repeated.",
            rich_help_panel=_NUMBERS,
        ),
    ] = None,
    from_stage: Annotated[
        str | None,
        typer.Option(
            metavar="STAGE",
            help="Where the work of sales begins. [default: behind `mql`]",
            rich_help_panel=_SALES,
        ),
    ] = None,
    target: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[STAGE=]SHARE",
            help="Marketing's share that was agreed, such as 0.6 or `sql=40%`; can be repeated.",
            rich_help_panel=_SALES,
        ),
    ] = None,
    stuck_after: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Who is longer in a stage is stuck, such as `30d`. "
            "[default: longer than nine in ten]",
            rich_help_panel=_SALES,
        ),
    ] = None,
    compare: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Compare before and from then on.",
            rich_help_panel=_TIME,
        ),
    ] = None,
    compare_versions: Annotated[
        bool,
        typer.Option(
            "--compare-versions",
            help="Compare the last two versions of the model.",
            rich_help_panel=_TIME,
        ),
    ] = False,
    horizon: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Give each journey as long to convert, such as `60d`, and leave out those that "
            "were not watched for so long.",
            rich_help_panel=_TIME,
        ),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Also draw it: .svg, .png, .pdf, .dot or .mmd."),
    ] = None,
    json: JsonOption = False,
) -> None:
    r"""Measure the funnel: people, flows, conversion, times, salespeople, shares, SLA.

    ```sh
    lifecycle-fsm funnel out/history.parquet
    lifecycle-fsm funnel out/history.csv --from 2024-01-01 --to 2024-04-01 \
        --every month --zone Europe/Berlin
    lifecycle-fsm funnel out/history.csv --show conversion --by sourced_by
    lifecycle-fsm funnel out/history.csv --compare 2024-07-01 --horizon 60d
    lifecycle-fsm funnel out/history.csv --target 60% --json
    ```

    `docs/understand/formulas.md` computes each number from the table of history.
    """
    keep_inputs(out, history, model)
    local = find_zone(zone)
    window = (read_time("--from", start, local), read_time("--to", end, local))
    known = read_time("--until", until, local) or watched_until(history)
    split = read_time("--compare", compare, local)
    if split is not None and compare_versions:
        raise LifecycleError("--compare and --compare-versions are two questions: ask one")
    rows, lifecycle = read_with_model(history, model)
    measures = _measures(show, compared=compare_versions or split is not None)
    people = people or beside(history, "people")
    deadlines = deadlines or beside(history, "deadlines")
    report = measure(
        rows,
        lifecycle,
        window=window,
        until=known,
        zone=zone,
        journeys=journeys,
        by=by,
        every=every,
        reading=reading,
        pairs=[_pair(one) for one in pair] if pair else None,
        horizon=_length("--horizon", horizon),
        from_stage=from_stage,
        target=_targets(target or (), lifecycle),
        stuck_after=_length("--stuck-after", stuck_after),
        compare="versions" if compare_versions else split,
        measures=measures,
        deadlines=None if deadlines is None else read_deadlines(deadlines),
        people=_people(people, lifecycle, measures),
    )
    if out is not None:
        from lifecycle_fsm import diagram

        scope = observe(rows, lifecycle, window=window, until=known, zone=zone, journeys=journeys)
        title = f"{lifecycle.title or lifecycle.name.replace('_', ' ').capitalize()}: the funnel"
        if journeys != "all":
            title += f", {journeys} journeys"
        drawing = diagram.draw_funnel(lifecycle, on_picture(scope, reading=reading), title=title)
        with folder_for(out):
            drawing.save(out)
    if json:
        print_json(report.as_dict())
        return
    from lifecycle_fsm.cli.funnel_tables import as_text

    print(as_text(report, lifecycle))


#: Lists of people, who are more than their ids.
_LISTS = frozenset({"ready", "overdue", "stuck"})


def _people(path: str | None, model: Model, measures: list[Measure] | None) -> Iterable[object]:
    """Those whom lists of people may name; nobody where there is no such list."""
    if path is None or not (measures is None or _LISTS.intersection(measures)):
        return ()
    from lifecycle_fsm.sheet import read_people

    return read_people(path, model, only=CONTACT_FIELDS)


def _measures(show: list[str] | None, *, compared: bool) -> list[Measure] | None:
    """The measures that are asked for.

    Raises:
        LifecycleError: there is no such one, or there is nothing to compare with.
    """
    if not show:
        return None
    found: list[Measure] = [one for one in MEASURES if one in show]
    for name in show:
        if name not in MEASURES:
            raise LifecycleError(
                f"--show: no measure named {name!r}: there are {', '.join(MEASURES)}"
                f"{suggest(name, MEASURES)}"
            )
    if "compare" in show and not compared:
        raise LifecycleError("--show compare needs --compare TIME or --compare-versions")
    if compared and "compare" not in show:
        found.append("compare")
    return found


def _pair(text: str) -> tuple[str, str]:
    source, colon, target = text.partition(":")
    if not (source and colon and target):
        raise LifecycleError(f"--pair: {text!r} names no two stages: write it as mql:customer")
    return source.strip(), target.strip()


def _length(option: str, text: str | None) -> timedelta | None:
    """A length of time: ``30d``, ``30 days``, ``12h``; a number alone is days."""
    if text is None:
        return None
    match = _LENGTH.fullmatch(text.strip().lower())
    if match is not None:
        unit = match[2] or "d"
        for name, length in _UNITS.items():
            if name.startswith(unit) and (unit != "m"):
                try:
                    return float(match[1]) * length
                except OverflowError:
                    break
    raise LifecycleError(f"{option}: {text!r} is no length of time: write it as 30d, 12h or 2w")


def _targets(texts: list[str] | tuple[()], model: Model) -> dict[str, float] | None:
    """Marketing's share that was agreed, by stage.

    Raises:
        LifecycleError: it is no share, or there is no such stage.
    """
    if not texts:
        return None
    found: dict[str, float] = {}
    for text in sorted(texts, key=lambda one: "=" in one):
        name, _, value = text.rpartition("=")
        try:
            share = float(value.removesuffix("%")) / (100 if value.endswith("%") else 1)
        except ValueError:
            share = -1.0
        if not 0 <= share <= 1:
            raise LifecycleError(f"--target: {text!r} is no share: write it as 0.6, 60% or sql=40%")
        names = [model.stage(name).name] if name else [one.name for one in model.path[1:]]
        found |= dict.fromkeys(names, share)
    return found
