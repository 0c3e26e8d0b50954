"""An outbox for tests of delivery, a clock that is set by hand, and adapters that keep notes."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
from sqlalchemy import Engine as SqlEngine
from sqlalchemy import insert, select

from lifecycle_fsm.errors import DeliveryFailed
from lifecycle_fsm.files import append_line
from lifecycle_fsm.requests import Request
from lifecycle_fsm.store.delivery import Delivery
from lifecycle_fsm.store.schema import upgrade
from lifecycle_fsm.store.tables import REQUEST

START = datetime.fromisoformat("2024-05-01T09:00:00Z")
MINUTE = timedelta(minutes=1)


class Clock:
    """The time that a test sets."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


def asked(id: str, **values: Any) -> Request:
    person, rule, *_ = [*id.split("/"), "call", ""]
    request = Request(id, person, rule, "task", "sdr.north", "Call them", START)
    return attrs.evolve(request, **values)


def ask(database: SqlEngine, *ids: str, **values: Any) -> None:
    """Put requests into the outbox, behind those that are there; a person is what stands before
    the first stroke of an id."""
    upgrade(database)
    row: dict[str, Any] = {"channel": "task", "status": "waiting", "state": "sent", "attempts": 0}
    row |= {"rule": "call", "receiver": "sdr.north", "text": "Call them", "at": START, "data": {}}
    with database.begin() as connection:
        last = len(connection.execute(select(REQUEST.c.id)).all())
        rows = [
            row | values | {"id": key, "person": key.split("/")[0], "place": place}
            for place, key in enumerate(ids, last + 1)
        ]
        connection.execute(insert(REQUEST), rows)


def kept(database: SqlEngine, *columns: str) -> dict[str, Any]:
    """What the outbox has in these columns, by id."""
    query = select(REQUEST.c.id, *(REQUEST.c[name] for name in columns)).order_by(REQUEST.c.place)
    with database.connect() as connection:
        return {
            row[0]: row[1] if len(columns) == 1 else tuple(row[1:])
            for row in connection.execute(query)
        }


class Notes:
    """An adapter that notes what it gets, and fails as it is told to: for each id, the errors of
    its first tries."""

    def __init__(self, failures: Mapping[str, list[Exception]] | None = None) -> None:
        self.sent: list[str] = []
        self.tried: list[str] = []
        self._failures = {key: list(errors) for key, errors in (failures or {}).items()}

    def send(self, request: Request) -> None:
        self.tried.append(request.id)
        if self._failures.get(request.id):
            raise self._failures[request.id].pop(0)
        self.sent.append(request.id)


class Line:
    """An adapter that writes the id into a file as soon as it comes, and now and then fails."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._tries = 0

    def send(self, request: Request) -> None:
        self._tries += 1
        if self._tries % 7 == 0:
            raise DeliveryFailed("now and then")
        append_line(self._path, request.id)


#: Long enough for a busy machine: what takes longer than a lease goes out again.
LEASE = timedelta(minutes=10)


def main(address: str, path: str, leases: str) -> None:
    """Deliver until nothing is left, as a process of its own whose clock is ahead by so many
    leases: those of workers who were killed are over."""
    ahead = 2 * LEASE * int(leases)
    delivery = Delivery(
        address,
        {"*": Line(Path(path))},
        attempts=1000,
        first_wait=timedelta(milliseconds=5),
        longest_wait=timedelta(milliseconds=20),
        lease=LEASE,
        clock=lambda: datetime.now(UTC) + ahead,
    )
    while True:
        delivery.deliver(1000)
        if set(kept(delivery._database.engine, "status").values()) == {"delivered"}:
            return


if __name__ == "__main__":
    main(*sys.argv[1:])
    os._exit(0)
