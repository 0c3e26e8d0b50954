"""``lifecycle-fsm undo-merge``: make two merged records two people again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import attrs
import typer

from lifecycle_fsm.cli import options
from lifecycle_fsm.cli.arguments import load_model, read_time
from lifecycle_fsm.cli.console import first_of, print_json
from lifecycle_fsm.cli.exit_status import REJECTED
from lifecycle_fsm.cli.stores import open_store, require_people
from lifecycle_fsm.model import Model
from lifecycle_fsm.wording import counted

if TYPE_CHECKING:
    from lifecycle_fsm.store.undo_merge import UndoReport

#: What is printed about requests, by their name in the report.
_REQUESTS = {
    "taken_back": "withdrawn, because without the merge there would be none",
    "held": "held until the CRM has the record",
    "not_asked": "not sent, although they would have been without the merge",
}


def undo_merge(
    model: options.Model,
    survivor: Annotated[
        str, typer.Argument(metavar="SURVIVOR", help="The id that the other one was merged into.")
    ],
    loser: Annotated[
        str,
        typer.Argument(metavar="LOSER", help="The merged id, or the contact of a conversion."),
    ],
    store: options.Store,
    at: options.At = "now",
    allow_tables: options.Tables = None,
    json: options.Json = False,
) -> int:
    r"""Undo the merge of two records of a store.

    ```sh
    lifecycle-fsm undo-merge waterfall p1 p2 --store lifecycle.db
    ```

    Both become what they would be without it: fields, stages, journeys and history. Activities
    since then belong to the record whose id they carry. Nothing is sent. You can merge the two
    again later. The exit status is 1 if another activity still merges them.
    """
    now = read_time("--at", at)
    assert now is not None, "a text is a time"
    lifecycle = load_model(model, allow_tables)
    require_people(store, [survivor, loser])
    with open_store(store, lifecycle) as opened:
        from lifecycle_fsm.store import undo_merge

        report = undo_merge.undo_merge(opened, survivor, loser, now)
    if json:
        print_json(attrs.asdict(report))
    else:
        merges = ", ".join(report.activities)
        print(f"the merge of {loser!r} into {survivor!r} was undone ({merges})")
        print("\n".join(_as_text(report, lifecycle)))
    return REJECTED if report.still_merged_by else 0


def _as_text(report: UndoReport, model: Model) -> Iterator[str]:
    for person, stage in report.people.items():
        yield f"  {person}: {model.stage(stage).display}"
    if report.still_merged_by:
        others = ", ".join(report.still_merged_by)
        yield f"they are still one person because of {others}: undo one of these as well"
    for name, what in _REQUESTS.items():
        requests = getattr(report, name)
        if requests:
            yield f"{counted(len(requests), 'request')} {what}:"
            yield from (f"  {line}" for line in first_of(requests))
