"""``lifecycle-fsm outbox``: what became of the requests of a store, and another try."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lifecycle_fsm.cli import options
from lifecycle_fsm.cli.console import print_json
from lifecycle_fsm.cli.options import flag, option
from lifecycle_fsm.cli.status import STATUSES, minute
from lifecycle_fsm.cli.stores import existing_database, place_of
from lifecycle_fsm.document.plain_text import lined_up
from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.wording import counted

if TYPE_CHECKING:
    from lifecycle_fsm.store.delivery import DeadLetter, Delivery


def outbox(
    store: options.Store,
    limit: Annotated[int, typer.Option(min=0, help="How many dead requests to show.")] = 10,
    retry: Annotated[
        list[str] | None,
        option("ID", "Let this dead request be tried again; can be repeated."),
    ] = None,
    retry_all: Annotated[
        bool, flag("Let all dead requests be tried again.", "--retry-all")
    ] = False,
    release: Annotated[
        bool, flag("Let go out what a migration has asked for, and is held.", "--release")
    ] = False,
    json: options.Json = False,
) -> None:
    r"""Look at the outbox of a store, try dead requests again, release held ones.

    ```sh
    lifecycle-fsm outbox --store lifecycle.db
    lifecycle-fsm outbox --store lifecycle.db --retry-all
    lifecycle-fsm outbox --store lifecycle.db --release
    ```

    A request is dead when it was refused, or has failed too often. When the cause is gone, let it
    wait again, and `deliver` sends it. Nothing is sent here.
    """
    if retry and retry_all:
        raise LifecycleError("--retry and --retry-all: give one of them")
    with existing_database(store) as database:
        from lifecycle_fsm.store import model_change
        from lifecycle_fsm.store.delivery import Delivery

        delivery = Delivery(database, {})
        if retry:
            _require_dead(delivery, retry)
        retried = delivery.retry_dead(retry or None) if retry or retry_all else None
        released = model_change.release(database) if release else None
        counts, dead = delivery.counts(), delivery.dead(limit)
        held, place = model_change.held(database), place_of(database)
    if json:
        print_json(
            {
                "requests": counts,
                "held_by_migration": held,
                "dead": [_as_dict(letter) for letter in dead],
                "retried": retried,
                "released": released,
            }
        )
        return
    if retried is not None:
        print(f"{counted(retried, 'dead request waits', 'dead requests wait')} to be tried again")
    if released is not None:
        print(f"{counted(released, 'held request waits', 'held requests wait')} to go out")
    print("\n".join(_as_text(place, counts, held, dead)))


def _require_dead(delivery: Delivery, ids: Sequence[str]) -> None:
    """Refuse ids of which there is no dead request, before anything is changed.

    Raises:
        LifecycleError: there are such.
    """
    dead = {letter.request.id for letter in delivery.dead(sys.maxsize, ids)}
    if others := [name for name in ids if name not in dead]:
        raise LifecycleError(
            f"--retry: no dead request has the id {', '.join(map(repr, others))}, and nothing was "
            "changed: `outbox` without it shows those that are dead"
        )


def _as_dict(letter: DeadLetter) -> dict[str, Any]:
    request = letter.request
    names = ("id", "person", "rule", "channel", "to", "text", "at")
    told = {name: getattr(request, name) for name in names}
    return {**told, "attempts": letter.attempts, "error": letter.error}


def _as_text(
    place: str, counts: Mapping[str, int], held: int, dead: Sequence[DeadLetter]
) -> Iterator[str]:
    if not counts:
        yield f"the outbox of {place} is empty"
        return
    yield f"the outbox of {place}"
    rows: list[tuple[str, str, str]] = []
    for name in STATUSES:
        if name == "held":
            rows += _held(counts.get(name, 0) - held, held)
        elif name in counts:
            rows.append((name, f"{counts[name]:,}", ""))
    yield lined_up(rows, right=(1,))
    if dead:
        left = counts["dead"] - len(dead)
        yield f"\ndead, the earliest first{f', and {left:,} more (--limit)' if left else ''}:"
    for letter in dead:
        request = letter.request
        to = f" to {request.to}" if request.to else ""
        yield (
            f"  {request.person}: {request.channel}{to}, asked for at {minute(request.at)}, "
            f"{counted(letter.attempts, 'attempt')}"
        )
        yield f"    id     {request.id}"
        yield f"    error  {letter.error or 'unknown'}"


def _held(crm: int, migration: int) -> Iterator[tuple[str, str, str]]:
    """What is held, by what it waits for."""
    if crm > 0:
        yield "held", f"{crm:,}", "until the CRM has acknowledged the person"
    if migration:
        yield "held", f"{migration:,}", "that a migration asked for: --release lets them go out"
