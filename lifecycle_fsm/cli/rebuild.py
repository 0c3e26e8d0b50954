"""``lifecycle-fsm rebuild``: compare the people of a store with its log, and repair them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import attrs

from lifecycle_fsm.cli import options
from lifecycle_fsm.cli.arguments import load_model, read_time
from lifecycle_fsm.cli.console import by_reason, first_of, print_json
from lifecycle_fsm.cli.exit_status import REJECTED
from lifecycle_fsm.cli.options import flag, option
from lifecycle_fsm.cli.stores import open_store, require_people
from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.history import HistoryRow
from lifecycle_fsm.model import Model
from lifecycle_fsm.wording import counted

if TYPE_CHECKING:
    from lifecycle_fsm.store.rebuild import ChangedPerson, RebuildReport

_SHOWN = 20


def rebuild(
    model: options.Model,
    store: options.Store,
    persons: options.Persons = None,
    order: Annotated[
        options.Order,
        flag("Replay the log as it arrived, or by event time, which only compares."),
    ] = "arrival",
    until: Annotated[
        str | None,
        option(
            "TIME",
            "With --order event, let time pass up to then. [default: each person's last activity]",
        ),
    ] = None,
    yes: options.Yes = False,
    allow_tables: options.Tables = None,
    json: options.Json = False,
) -> int:
    r"""Compare the people of a store with its log, and repair differences.

    ```sh
    lifecycle-fsm rebuild waterfall --store lifecycle.db
    lifecycle-fsm rebuild waterfall p1 p2 --store lifecycle.db --yes
    lifecycle-fsm rebuild waterfall --order event --store lifecycle.db
    ```

    Replays the log of everybody, or of each PERSON. A person who differs was damaged, or written by
    another release. `--yes` rewrites their state, history and deadlines from the log; nothing is
    sent. `--order event` shows who would be elsewhere if nothing had arrived late.

    If it is stopped, run it again. The exit status is 1 if somebody differs and is not repaired, or
    if nobody could be compared.
    """
    if until is not None and order != "event":
        raise LifecycleError("--until belongs to --order event: leave it out, or say both")
    end = read_time("--until", until)
    lifecycle = load_model(model, allow_tables)
    require_people(store, persons or ())
    with open_store(store, lifecycle) as opened:
        from lifecycle_fsm.store import rebuild

        report = rebuild.rebuild(opened, order, persons=persons, until=end, apply=yes)
    if json:
        print_json(attrs.asdict(report) | {"backwards": report.backwards})
    else:
        print("\n".join(_as_text(report, lifecycle)))
    unknown = report.not_compared and not report.people
    return REJECTED if unknown or (report.changed and not yes) else 0


def _as_text(report: RebuildReport, model: Model) -> Iterator[str]:
    by = "in order of arrival" if report.order == "arrival" else "in order of event time"
    compared = counted(report.people, "person", "people")
    differ = counted(len(report.changed), "differs", "differ") if report.changed else "all agree"
    backwards = f", {len(report.backwards):,} backwards" if report.backwards else ""
    if report.people or not report.not_compared:
        yield f"{compared} compared with a replay of the log {by}: {differ}{backwards}"
    else:
        yield "nobody could be compared with the log, so nothing is known about these people"
    yield from first_of([_change(person, model) for person in report.changed], _SHOWN)
    if report.not_compared:
        yield f"not compared: {counted(len(report.not_compared), 'person', 'people')}"
        yield from by_reason({left.person: left.reason for left in report.not_compared}, _SHOWN)
    if report.changed and report.applied:
        yield "they were rewritten from the log"
    elif report.changed and report.order == "arrival":
        yield "nothing was changed: --yes rewrites them from the log"


def _change(change: ChangedPerson, model: Model) -> str:
    before, after = (model.stage(name).display for name in (change.before, change.after))
    stages = before if before == after else f"{before} -> {after}"
    backwards = ", backwards" if change.backwards else ""
    return f"  {change.person}: {stages}{backwards}; {_rows(change.stored, change.replayed)}"


def _rows(stored: HistoryRow | None, replayed: HistoryRow | None) -> str:
    row = stored or replayed
    if row is None:
        return "the same history, but another state or other deadlines"
    place = f"row {row.sequence} of {row.person}"
    if stored is None or replayed is None:
        return f"{place} is {'missing' if stored is None else 'not in the log'}: {_entry(row)}"
    if _entry(stored) != _entry(replayed):
        return f"{place} is {_entry(stored)}; the log says {_entry(replayed)}"
    names = (column.name for column in attrs.fields(HistoryRow))
    others = (name for name in names if getattr(stored, name) != getattr(replayed, name))
    return f"{place} differs in {', '.join(others)}"


def _entry(row: HistoryRow) -> str:
    return f"to {row.to_stage or 'nowhere'} at {row.now:%Y-%m-%d %H:%M:%S} UTC"
