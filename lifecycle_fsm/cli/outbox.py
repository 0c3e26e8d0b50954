"""``lifecycle-fsm outbox``: show the requests of a store, retry dead ones, release held ones."""

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
    limit: Annotated[int, typer.Option(min=0, help="Show at most this many dead requests.")] = 10,
    retry: Annotated[
        list[str] | None,
        option("ID", "Retry this dead request; can be repeated."),
    ] = None,
    retry_all: Annotated[bool, flag("Retry all dead requests.", "--retry-all")] = False,
    release: Annotated[bool, flag("Release requests held by a migration.", "--release")] = False,
    json: options.Json = False,
) -> None:
    r"""Show the outbox of a store, retry dead requests, release held ones.

    ```sh
    lifecycle-fsm outbox --store lifecycle.db
    lifecycle-fsm outbox --store lifecycle.db --retry-all
    lifecycle-fsm outbox --store lifecycle.db --release
    ```

    A request is dead if it was refused or has failed too often. Fix the cause, then retry it here:
    it waits again, and the next `deliver` sends it. This command sends nothing.
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
        print(f"{counted(retried, 'dead request')} will be tried again")
    if released is not None:
        print(f"{counted(released, 'held request was', 'held requests were')} released")
    print("\n".join(_as_text(place, counts, held, dead)))


def _require_dead(delivery: Delivery, ids: Sequence[str]) -> None:
    """Refuse ids that no dead request has, before anything is changed.

    Raises:
        LifecycleError: no dead request has one of the ids.
    """
    dead = {letter.request.id for letter in delivery.dead(sys.maxsize, ids)}
    if others := [name for name in ids if name not in dead]:
        raise LifecycleError(
            f"--retry: no dead request has the id {', '.join(map(repr, others))}, and nothing was "
            "changed: `outbox` without --retry lists the dead requests"
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
        yield f"\ndead, oldest first{f', and {left:,} more (--limit)' if left else ''}:"
    for letter in dead:
        request = letter.request
        to = f" to {request.to}" if request.to else ""
        yield (
            f"  {request.person}: {request.channel}{to}, requested {minute(request.at)}, "
            f"{counted(letter.attempts, 'attempt')}"
        )
        yield f"    id     {request.id}"
        yield f"    error  {letter.error or 'unknown'}"


def _held(crm: int, migration: int) -> Iterator[tuple[str, str, str]]:
    """The held requests, by what they wait for."""
    if crm > 0:
        yield "held", f"{crm:,}", "until the CRM acknowledges the person"
    if migration:
        yield "held", f"{migration:,}", "by a migration, until --release"
