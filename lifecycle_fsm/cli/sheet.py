"""``lifecycle-fsm sheet``: a model as the page that marketing and sales sign."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated

import attrs

from lifecycle_fsm.cli import options
from lifecycle_fsm.cli.arguments import folder_for, keep_inputs, load_model, read_time
from lifecycle_fsm.cli.console import complain
from lifecycle_fsm.cli.earlier_run import beside, check_fits, read_fitting, watched_until
from lifecycle_fsm.cli.options import flag, option
from lifecycle_fsm.cli.stores import open_snapshot, store_or_file, watched_in
from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.history import DeadlineFact, HistoryInMemory, StoredHistory
from lifecycle_fsm.model import Model
from lifecycle_fsm.tables import open_deadlines
from lifecycle_fsm.zones import find_zone

_SHOW = "show", "shows"
_READY = "The stage that people qualify for. [default: the one that is ready for sales]"


def sheet(
    model: options.Model,
    out: Annotated[str, option("FILE", "The sheet: .html or .md.")],
    history: Annotated[
        str | None, option("FILE", "A history that `run` wrote: adds what happened.")
    ] = None,
    store: options.StoreInstead = None,
    people: Annotated[
        str | None,
        option(
            "FILE",
            "People that `run` wrote: adds who would qualify, who nearly does, and why. "
            "[default: people beside the history]",
        ),
    ] = None,
    deadlines: options.Deadlines = None,
    list_: Annotated[
        str | None,
        option(
            "FILE",
            "Also save everybody who would qualify or nearly does, as .csv or .parquet: the "
            "sheet shows the first of them.",
            "--list",
        ),
    ] = None,
    until: options.Watched = None,
    where: options.Where = None,
    zone: Annotated[str, flag("Read and show times in this zone.")] = "UTC",
    ready: Annotated[str | None, option("STAGE", _READY)] = None,
    theme: options.ThemeFile = None,
) -> None:
    r"""Write the page that marketing and sales sign: the picture, every rule in words, the numbers.

    ```sh
    lifecycle-fsm sheet waterfall --out sheet.html
    lifecycle-fsm sheet waterfall --history out/history.parquet \
        --out sheet.html
    lifecycle-fsm sheet waterfall --store lifecycle.db --out sheet.html
    lifecycle-fsm sheet my-lifecycle.toml --out docs/lifecycle.md
    ```

    The HTML is one file that needs nothing else, and prints on landscape A4 or Letter. Markdown
    has its picture beside it, as an SVG. People on the sheet stand there by name: mind who gets it.
    """
    from lifecycle_fsm.sheet import make_sheet

    keep_inputs(out, model, history, people, theme)
    now = read_time("--until", until, find_zone(zone))
    lifecycle = load_model(model, theme=theme)
    address = store_or_file(store, history or people or deadlines)
    if address is not None:
        past = _of_store(address, lifecycle)
        now = now or past.until
    else:
        past = _of_files(lifecycle, history, people, deadlines)
        if now is not None and past.history is None and past.people is None:
            raise LifecycleError("--until needs a --history or --people, which `run` writes")
        now = now or (watched_until(history) if history is not None else None)
    if ready is not None and past.people is None:
        raise LifecycleError("--ready needs --people, which `run` writes")
    page = make_sheet(
        lifecycle,
        history=past.history,
        people=past.people,
        deadlines=past.deadlines,
        now=now,
        zone=zone,
        ready=ready,
        where=where,
    )
    if list_ is not None and page.readiness is None:
        raise LifecycleError(
            "--list needs --people, which `run` writes, and a stage that people qualify for"
        )
    with folder_for(out):
        files = page.save(out)
    if list_ is not None:
        with folder_for(list_):
            files = (*files, page.save_people(list_))
    print(f"written: {', '.join(map(str, files))}")


@attrs.frozen
class _Known:
    """What happened, as far as it was given, and who there is."""

    history: StoredHistory | None
    people: Iterable[object] | None
    deadlines: Iterable[DeadlineFact] | None
    until: datetime | None = None


def _of_store(address: str, model: Model) -> _Known:
    from lifecycle_fsm.sheet import people_of

    with open_snapshot(address) as moment:
        rows = moment.history(model.field_types)
        history = HistoryInMemory(rows)
        check_fits(history, model, moment.place, _SHOW)
        people = [*people_of(moment.states(), model)]
        return _Known(history, people, moment.deadlines(), watched_in(moment, rows))


def _of_files(
    model: Model, history: str | None, people: str | None, deadlines: str | None
) -> _Known:
    from lifecycle_fsm.sheet import PeopleTable

    rows = None
    if history is not None:
        rows = read_fitting(history, model, _SHOW)
        deadlines = deadlines or beside(history, "deadlines")
        people = people or beside(history, "people")
        if people is None:
            complain(f"note: no people beside {history}: nobody is listed; say --people FILE")
    return _Known(
        rows,
        None if people is None else PeopleTable(people, model),
        None if deadlines is None else open_deadlines(deadlines),
    )
