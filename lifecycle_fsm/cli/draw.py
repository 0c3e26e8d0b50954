"""``lifecycle-fsm draw``: a model, with or without counts, as a picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import attrs

from lifecycle_fsm.cli import options
from lifecycle_fsm.cli.arguments import folder_for, keep_inputs, load_model, read_time
from lifecycle_fsm.cli.earlier_run import check_fits, read_fitting, watched_until
from lifecycle_fsm.cli.options import COMPARED, flag, option
from lifecycle_fsm.cli.stores import open_snapshot, store_or_file, watched_in
from lifecycle_fsm.errors import LifecycleError, UnknownPerson, suggest
from lifecycle_fsm.funnel import Counts, Reading, count
from lifecycle_fsm.funnel.scope import Window
from lifecycle_fsm.history import HistoryInMemory, StoredHistory
from lifecycle_fsm.model import Model
from lifecycle_fsm.zones import find_zone

if TYPE_CHECKING:  # drawing takes longer to load than the help to print
    from lifecycle_fsm.diagram import Drawing

_DRAW = "draw", "draws"
_FOCUS = (
    "Draw only this stage or detour with what leads to it and out of it, or what this system owns."
)
_COMPARE = (
    "Without a history: draw what is different from this older MODEL. With one: the numbers before "
    "this TIME and from then on."
)
_HISTORY = "A history that `run` wrote: draws the counts too."
_PERSON = "Draw the path of this person of the history."
_PROCESSING = "Draw original processing and the sort."
_READING = "Count a stage as reached when entered, or also when passed over."
_PORTRAIT = "Draw it for a phone: narrow, from top to bottom."
_HIDE_ZERO = "Leave out lines that nobody took. [default: if there are more than ten lines]"
_NO_HISTORY = "to use {}, give a --history, which `run` writes, or a --store"
_EARLIER = "With a history: draw the numbers of an earlier period too, from then on …"


def draw(
    model: options.Model,
    out: Annotated[
        str, option("FILE", "The picture: .svg, .png, .pdf, .drawio, .pptx, .mmd or .dot.")
    ],
    history: Annotated[str | None, option("FILE", _HISTORY)] = None,
    store: options.StoreInstead = None,
    person: Annotated[str | None, option("ID", _PERSON)] = None,
    processing: Annotated[bool, flag(_PROCESSING, "--processing")] = False,
    reading: Annotated[Reading, flag(_READING)] = "through",
    start: Annotated[str | None, option("TIME", "Count from then on.", "--from")] = None,
    end: Annotated[str | None, option("TIME", "Count up to then.", "--to")] = None,
    until: options.Watched = None,
    zone: Annotated[str, flag("Read and name the window in this zone.")] = "UTC",
    where: options.Where = None,
    hide_zero: Annotated[bool | None, flag(_HIDE_ZERO, "--hide-zero/--show-zero")] = None,
    portrait: Annotated[bool, flag(_PORTRAIT, "--portrait")] = False,
    theme: options.ThemeFile = None,
    focus: Annotated[str | None, option("STAGE|SYSTEM", _FOCUS)] = None,
    compare: Annotated[str | None, option("MODEL|TIME", _COMPARE, panel=COMPARED)] = None,
    compare_from: Annotated[str | None, option("TIME", _EARLIER, panel=COMPARED)] = None,
    compare_to: Annotated[str | None, option("TIME", "… up to then.", panel=COMPARED)] = None,
) -> None:
    r"""Draw a model, its funnel, original processing, one person's path, or what changes.

    ```sh
    lifecycle-fsm draw waterfall --out lifecycle.svg
    lifecycle-fsm draw waterfall --history out/history.parquet --out funnel.pdf
    lifecycle-fsm draw waterfall --history out/history.csv --person p1 \
        --out p1.svg
    lifecycle-fsm draw waterfall --history out/history.csv --out funnel.pptx
    lifecycle-fsm draw waterfall --store lifecycle.db --out funnel.svg
    lifecycle-fsm draw my-lifecycle.toml --focus mql --out mql.svg
    lifecycle-fsm draw new.toml --compare old.toml --out changes.svg
    ```

    What tests cover is drawn by `pytest --lifecycle-cov-report=svg:FOLDER`.
    """
    keep_inputs(out, model, history, compare, theme)
    local, lifecycle = find_zone(zone), load_model(model, theme=theme)
    address = store_or_file(store, history)
    counted: Mapping[str, object] = {
        "--where": where, "--from": start, "--to": end, "--until": until,
        "--compare-from": compare_from, "--compare-to": compare_to,
    }  # fmt: skip
    shown: Mapping[str, object] = {"--focus": focus, "--compare": compare}
    if processing:
        others = {"--history": history, "--store": address, "--person": person, **counted, **shown}
        _refuse(others, "--processing draws the model alone: leave {} out")
        drawing = _draw_model(lifecycle, processing=True)
    elif address is None and history is None:
        _refuse({"--person": person, **counted}, _NO_HISTORY)
        drawing = _draw_model(lifecycle, old=compare, focus=focus, portrait=portrait)
    else:
        past = _read(lifecycle, address, str(history))
        known = read_time("--until", until, local) or past.until
        if person is not None:
            _refuse(
                {**counted, **shown} | {"--until": None}, "--person draws one path: leave {} out"
            )
            drawing = past.path(person)
        else:
            window = read_time("--from", start, local), read_time("--to", end, local)
            earlier = (
                read_time("--compare-from", compare_from, local),
                read_time("--compare-to", compare_to, local),
            )
            split = read_time("--compare", compare, local)
            drawing = past.funnel(
                *_windows(window, earlier, split),
                partial(count, reading=reading, until=known, zone=zone, where=where),
                hide_zero=hide_zero, portrait=portrait, focus=focus,
            )  # fmt: skip
    with folder_for(out):
        drawing.save(out)


def _refuse(given: Mapping[str, object], reason: str) -> None:
    """Refuse options that mean nothing in the picture that is asked for; the reason names them.

    Raises:
        LifecycleError: one of them was given.
    """
    names = [name for name, value in given.items() if value is not None]
    if names:
        raise LifecycleError(reason.format(" and ".join(names)))


def _windows(
    window: Window, earlier: Window, split: datetime | None
) -> tuple[Window, Window | None]:
    """The window of the counts, and the one to compare it with.

    Raises:
        LifecycleError: the earlier one is named twice.
    """
    if split is None:
        return window, earlier if any(earlier) else None
    if any(earlier):
        raise LifecycleError(
            "--compare TIME and --compare-from, --compare-to are two ways to say it: use one"
        )
    return (split, window[1]), (window[0], split)


def _draw_model(
    model: Model, *, processing: bool = False, old: str | None = None, **how: Any
) -> Drawing:
    from lifecycle_fsm import diagram

    if processing:
        return diagram.draw_processing(model)
    if old is not None:
        return diagram.draw_difference(load_model(old), model, **how)
    return diagram.draw_model(model, **how)


@attrs.frozen
class _Recorded:
    """A history with its model; ``until`` is up to when people were watched, if that is known."""

    model: Model
    rows: StoredHistory
    source: str
    until: datetime | None

    def funnel(
        self, window: Window, earlier: Window | None, counting: Callable[..., Counts], **how: Any
    ) -> Drawing:
        from lifecycle_fsm import diagram

        counts = counting(self.rows, self.model, window=window)
        before = None
        if earlier is not None:
            before = counting(self.rows, self.model, window=earlier)
        return diagram.draw_funnel(self.model, counts, before=before, **how)

    def path(self, person: str) -> Drawing:
        """The path of one person.

        Raises:
            UnknownPerson: nobody in the history has that id.
        """
        from lifecycle_fsm import diagram

        own = [*self.rows.about({person})]
        if not own:
            hint = suggest(person, {row.person for row in islice(self.rows, 10_000)})
            raise UnknownPerson(f"{self.source} has nobody with the id {person!r}{hint}")
        return diagram.draw_person(self.model, own)


def _read(model: Model, address: str | None, history: str) -> _Recorded:
    """The history of a store or of a file."""
    if address is None:
        return _Recorded(
            model, read_fitting(history, model, _DRAW), history, watched_until(history)
        )
    with open_snapshot(address) as moment:
        rows, source = moment.history(model.field_types), moment.place
        until = watched_in(moment, rows)
    past = HistoryInMemory(rows)
    check_fits(past, model, source, _DRAW)
    return _Recorded(model, past, source, until)
