"""``lifecycle-fsm draw``: a model, with or without counts, as a picture."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from lifecycle_fsm.cli import options
from lifecycle_fsm.cli.arguments import folder_for, keep_inputs, load_model, read_time
from lifecycle_fsm.cli.earlier_run import check_fits, read_fitting, watched_until
from lifecycle_fsm.cli.options import flag, option
from lifecycle_fsm.cli.stores import open_snapshot, store_or_file, watched_in
from lifecycle_fsm.errors import LifecycleError, UnknownPerson, suggest
from lifecycle_fsm.funnel import Reading, count
from lifecycle_fsm.history import HistoryRow
from lifecycle_fsm.model import Model
from lifecycle_fsm.zones import find_zone

_DRAW = "draw", "draws"


def draw(
    model: options.Model,
    out: Annotated[
        str, option("FILE", "The picture: .svg, .png, .pdf, .drawio, .pptx, .mmd or .dot.")
    ],
    history: Annotated[
        str | None, option("FILE", "A history that `run` wrote: draws the counts too.")
    ] = None,
    store: options.StoreInstead = None,
    person: Annotated[
        str | None, option("ID", "Draw the path of this person of the history.")
    ] = None,
    processing: Annotated[
        bool, flag("Draw original processing and the sort.", "--processing")
    ] = False,
    reading: Annotated[
        Reading, flag("Count a stage as reached when entered, or also when passed over.")
    ] = "through",
    start: Annotated[str | None, option("TIME", "Count from then on.", "--from")] = None,
    end: Annotated[str | None, option("TIME", "Count up to then.", "--to")] = None,
    until: options.Watched = None,
    hide_zero: Annotated[
        bool | None,
        flag(
            "Leave out lines that nobody took. [default: if there are more than ten lines]",
            "--hide-zero/--show-zero",
        ),
    ] = None,
    portrait: Annotated[
        bool, flag("Draw it for a phone: narrow, from top to bottom.", "--portrait")
    ] = False,
    where: options.Where = None,
    zone: Annotated[str, flag("Read and name the window in this zone.")] = "UTC",
    theme: options.ThemeFile = None,
) -> None:
    r"""Draw a model, its funnel, original processing, or one person's path.

    ```sh
    lifecycle-fsm draw waterfall --out lifecycle.svg
    lifecycle-fsm draw waterfall --history out/history.parquet --out funnel.pdf
    lifecycle-fsm draw waterfall --history out/history.csv --person p1 \
        --out p1.svg
    lifecycle-fsm draw waterfall --store lifecycle.db --out funnel.svg
    lifecycle-fsm draw my-lifecycle.toml --processing --out processing.png
    ```
    """
    from lifecycle_fsm import diagram

    keep_inputs(out, model, history, theme)
    local = find_zone(zone)
    window = (read_time("--from", start, local), read_time("--to", end, local))
    lifecycle = load_model(model, theme=theme)
    address = store_or_file(store, history)
    source = address or history
    if processing and (source is not None or person is not None):
        raise LifecycleError(
            "--processing draws the model alone: leave --history, --store and --person out"
        )
    known = read_time("--until", until, local)
    if source is None and (person is not None or where is not None or known or any(window)):
        raise LifecycleError(
            "--person, --where, --from, --to and --until need a --history, which `run` writes, "
            "or a --store"
        )
    if person is not None and where is not None:
        raise LifecycleError("--person draws one path, and --where counts journeys: use one")
    if processing:
        drawing = diagram.draw_processing(lifecycle)
    elif source is None:
        drawing = diagram.draw_model(lifecycle, portrait=portrait)
    else:
        rows, source, watched = _history(lifecycle, address, source)
        if person is None:
            known = known or watched
            counts = count(
                rows, lifecycle, reading=reading, window=window, until=known, zone=zone, where=where
            )
            drawing = diagram.draw_funnel(lifecycle, counts, hide_zero=hide_zero, portrait=portrait)
        else:
            drawing = diagram.draw_person(lifecycle, _of(person, rows, source))
    with folder_for(out):
        drawing.save(out)


def _history(
    model: Model, address: str | None, source: str
) -> tuple[list[HistoryRow], str, datetime | None]:
    """The rows of a store or a file, its name, and the end of the observation."""
    if address is None:
        return read_fitting(source, model, _DRAW), source, watched_until(source)
    with open_snapshot(address) as moment:
        rows, place = moment.history(model.field_types), moment.place
        watched = watched_in(moment, rows)
    check_fits(rows, model, place, _DRAW)
    return rows, place, watched


def _of(person: str, rows: list[HistoryRow], source: str) -> list[HistoryRow]:
    own = [row for row in rows if row.person == person]
    if not own:
        hint = suggest(person, {row.person for row in rows[:10_000]})
        raise UnknownPerson(f"{source} has nobody with the id {person!r}{hint}")
    return own
