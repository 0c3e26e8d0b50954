"""``lifecycle-fsm sheet``: a model as the page that marketing and sales sign."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from lifecycle_fsm.cli import options
from lifecycle_fsm.cli.arguments import folder_for, keep_inputs, load_model, read_time
from lifecycle_fsm.cli.console import complain
from lifecycle_fsm.cli.earlier_run import beside, check_fits, read_fitting, watched_until
from lifecycle_fsm.cli.options import flag, option
from lifecycle_fsm.cli.stores import address_shown, open_snapshot, store_or_file
from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.history import DeadlineFact, HistoryRow
from lifecycle_fsm.tables import read_deadlines
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
    zone: Annotated[str, flag("Read and show times in this zone.")] = "UTC",
    ready: Annotated[str | None, option("STAGE", _READY)] = None,
) -> None:
    r"""Write the page that marketing and sales sign: the picture, every rule in words, the numbers.

    ```sh
    lifecycle-fsm sheet waterfall --out sheet.html
    lifecycle-fsm sheet waterfall --history out/history.parquet \
        --out sheet.html
    lifecycle-fsm sheet waterfall --store lifecycle.db --out sheet.html
    lifecycle-fsm sheet my-lifecycle.toml --out docs/lifecycle.md
    ```

    The HTML is one file that needs nothing else, and prints on two pages of A4, landscape. Markdown
    has its picture beside it, as an SVG. People on the sheet stand there by name: mind who gets it.
    """
    from lifecycle_fsm.sheet import make_sheet, people_of, read_people

    keep_inputs(out, model, history, people)
    now = read_time("--until", until, find_zone(zone))
    lifecycle = load_model(model)
    address = store_or_file(store, history or people or deadlines)
    rows: list[HistoryRow] | None = None
    persons: Iterable[object] | None = None
    facts: Iterable[DeadlineFact] | None = None
    if address is not None:
        with open_snapshot(address) as moment:
            rows, facts = moment.history(lifecycle.field_types), moment.deadlines()
            persons = [*people_of(moment.states(), lifecycle)]
        check_fits(rows, lifecycle, address_shown(address), _SHOW)
    elif history is not None:
        rows = read_fitting(history, lifecycle, _SHOW)
        now = now or watched_until(history)
        deadlines = deadlines or beside(history, "deadlines")
        people = people or beside(history, "people")
        if people is None:
            complain(f"note: no people beside {history}: nobody is listed; say --people FILE")
    elif now is not None and people is None:
        raise LifecycleError("--until needs a --history or --people, which `run` writes")
    if people is not None:
        persons = read_people(people, lifecycle)
    if deadlines is not None:
        facts = read_deadlines(deadlines)
    if ready is not None and persons is None:
        raise LifecycleError("--ready needs --people, which `run` writes")
    page = make_sheet(
        lifecycle,
        history=rows,
        people=persons,
        deadlines=facts,
        now=now,
        zone=zone,
        ready=ready,
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
