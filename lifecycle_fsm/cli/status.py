"""``lifecycle-fsm status``: the state of a store, in numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

from lifecycle_fsm.cli import options
from lifecycle_fsm.cli.arguments import read_time
from lifecycle_fsm.cli.console import print_json
from lifecycle_fsm.cli.exit_status import REJECTED
from lifecycle_fsm.cli.options import option
from lifecycle_fsm.cli.stores import open_snapshot
from lifecycle_fsm.document.plain_text import lined_up
from lifecycle_fsm.model import Model
from lifecycle_fsm.wording import counted, lasting

if TYPE_CHECKING:
    from lifecycle_fsm.store.status import StoreStatus

_PEOPLE = ("person", "people")
#: The statuses of requests in the outbox, in the order in which they are printed.
STATUSES = ("waiting", "held", "dead", "delivered", "superseded")


def status(
    store: options.Store,
    at: Annotated[str, option("TIME", "Count what is due by then.")] = "now",
    json: options.Json = False,
) -> int:
    r"""Show the state of a store: people, what is due, what has stopped.

    ```sh
    lifecycle-fsm status --store lifecycle.db
    lifecycle-fsm status --store lifecycle.db --json
    ```

    Only reads the store. The exit status is 1 if somebody has to act: a person is parked, a
    request is dead, or a failed step of original processing has stopped a person for good.
    """
    now = read_time("--at", at)
    assert now is not None, "a text is a time"
    with open_snapshot(store) as moment:
        from lifecycle_fsm.store.status import status as status_of

        result, model, place = status_of(moment, now), moment.model(), moment.place
    if json:
        print_json(result.to_dict())
    else:
        print(_as_text(result, model, place))
    return REJECTED if result.needs_somebody else 0


def minute(at: datetime | None) -> str:
    """A time to the minute, for an operator; empty for ``None``."""
    return "" if at is None else f"{at:%Y-%m-%d %H:%M} UTC"


def _as_text(result: StoreStatus, model: Model | None, place: str) -> str:
    title = (model and model.title) or result.model
    people = counted(sum(result.people.values()), *_PEOPLE)
    activities = counted(result.activities, "activity", "activities")
    return "\n".join(
        [
            f"{title} (model {result.model}, version {result.version})",
            f"{place} at {minute(result.at)}: {people}, {activities}",
            "",
            lined_up(_stages(result.people, model), right=(0, 2)),
            "",
            lined_up(_facts(result)),
            *([""] if result.needs_somebody else []),
            *_needs(result),
        ]
    )


def _stages(people: Mapping[str, int], model: Model | None) -> Iterator[tuple[str, ...]]:
    for name, count in people.items():
        stage = model.by_name[name] if model is not None else None
        code, title = (stage.code, stage.display) if stage else ("", name)
        yield code, title, f"{count:,}"


def _facts(result: StoreStatus) -> Iterator[tuple[str, str]]:
    due = "nothing"
    if result.due:
        due = f"{counted(result.due, *_PEOPLE)}, {_since(result.due, result.oldest_due)}"
        due += f" ({lasting(result.lag)})"
    yield "due", due
    held = counted(result.held, "activity", "activities")
    yield "held", f"{held} for people not created yet" if result.held else "nothing"
    yield "parked", counted(result.parked, *_PEOPLE) if result.parked else "nobody"
    begun = [counted(result.processing, *_PEOPLE)] if result.processing else []
    begun += [f"{counted(result.stopped, *_PEOPLE)} stopped for good"] if result.stopped else []
    yield "in processing", ", ".join(begun) or "nobody"
    outbox = [
        f"{count:,} {name}"
        + (f", {_since(count, result.oldest_waiting)}" if name == "waiting" else "")
        for name in STATUSES
        if (count := result.requests.get(name))
    ]
    yield "outbox", outbox[0] if outbox else "empty"
    yield from (("", line) for line in outbox[1:])


def _since(count: int, first: datetime | None) -> str:
    return f"{'the oldest ' if count > 1 else ''}since {minute(first)}"


def _needs(result: StoreStatus) -> Iterator[str]:
    """What an operator has to do."""
    if result.parked:
        yield (
            f"action needed: {counted(result.parked, *_PEOPLE)} parked by an error; fix the cause, "
            "then run `retry`"
        )
    if result.stopped:
        yield (
            f"action needed: {counted(result.stopped, *_PEOPLE)} stopped by a failed step of "
            "original processing; fix the cause, then run `process --again`"
        )
    if dead := result.requests.get("dead"):
        yield (
            f"action needed: {counted(dead, 'dead request')}; `outbox` shows why, and "
            "`outbox --retry-all` tries again"
        )
