"""Delivery of the outbox: at least once, and in order for each person.

A deliverer claims requests in a short transaction, sends them outside of any, and records each
result in another. A claim is the time of the next try, put off by the lease: if the process dies,
the request is due again after the lease, and goes out again under the same id. Nothing but the
clock that is given tells the time, and waits are spread by a hash and not by chance.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
from sqlalchemy import (
    ColumnElement,
    Executable,
    FromClause,
    Row,
    Select,
    bindparam,
    func,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy import Engine as SqlEngine

from lifecycle_fsm.errors import DeliveryFailed
from lifecycle_fsm.requests import Request
from lifecycle_fsm.stable_hash import stable_number
from lifecycle_fsm.store.channels import Adapter
from lifecycle_fsm.store.database import Database
from lifecycle_fsm.store.tables import REQUEST, UtcTime

_log = logging.getLogger(__name__)
#: How many requests are claimed at a time.
_PORTION = 20
# As the text of the statement and not as a parameter: a partial index serves nothing else.
_WAITING: ColumnElement[str] = literal_column("'waiting'")
_DEAD: ColumnElement[str] = literal_column("'dead'")
#: How many people are passed over together, because their first request is put off; those behind
#: them one by one. A server would give up its hash table for more.
_PUT_OFF: ColumnElement[int] = literal_column("10000")
_ERROR_LENGTH = 500
_COLUMNS = {"to": "receiver"}


@attrs.frozen
class DeliveryReport:
    """How many requests were ``delivered``, ``failed`` (to be tried again) or are now ``dead``."""

    delivered: int = 0
    failed: int = 0
    dead: int = 0


@attrs.frozen
class DeadLetter:
    """A request that is tried no more: after how many ``attempts``, and the last ``error``."""

    request: Request
    attempts: int
    error: str


class Delivery:
    """Sends what waits in the outbox. Any number of them may work at once, in threads or processes.

    A person's request waits until those before it are delivered, superseded or dead. That holds
    among the channels given here: what is asked on others stays in the outbox for another
    deliverer, and nothing waits for it; :meth:`unrouted` counts it.

    Args:
        database: that of the store: its ``database``, the address or the engine of SQLAlchemy.
        channels: what sends for each channel; ``*`` for all others.
        clock: the time now, with a zone.
        attempts: how often a request is tried before it is dead.
        first_wait: the longest wait after the first failure; each further one may take five times
            as long. The wait itself lies anywhere between nothing and that ("full jitter").
        longest_wait: no wait is longer, whatever a server asks for.
        lease: how long a claim holds. One sending has to end within half of it.
    """

    def __init__(
        self,
        database: str | SqlEngine | Database,
        channels: Mapping[str, Adapter],
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        attempts: int = 8,
        first_wait: timedelta = timedelta(seconds=10),
        longest_wait: timedelta = timedelta(days=1),
        lease: timedelta = timedelta(minutes=5),
    ) -> None:
        self._database = database if isinstance(database, Database) else Database(database)
        self._channels = dict(channels)
        self._clock = clock
        self._attempts = attempts
        self._first_wait = first_wait
        self._longest_wait = longest_wait
        self._lease = lease
        self._front, self._take = self._statements()

    def run(self, stop: threading.Event, pause: float = 5.0) -> None:
        """Deliver until ``stop`` is set; when nothing is due, look again after ``pause`` seconds.

        Raises:
            StoreError: the database fails. Claims lapse; start again.
        """
        for channel, count in self.unrouted().items():
            _log.warning("nothing delivers %r, on which %d requests wait", channel, count)
        while not stop.is_set():
            if self.deliver(stop=stop) == DeliveryReport():
                stop.wait(pause)

    def deliver(self, limit: int = 100, *, stop: threading.Event | None = None) -> DeliveryReport:
        """Send what is due, the earliest first, until ``limit`` sendings were tried, nothing is
        left or ``stop`` is set."""
        outcomes: Counter[str] = Counter()
        while (left := limit - outcomes.total()) > 0 and not (stop and stop.is_set()):
            until = self._clock() + self._lease
            claimed = deque(self._claim(min(left, _PORTION), until))
            if not claimed:
                break
            try:
                while claimed and not (stop and stop.is_set()):
                    if self._clock() > until - self._lease / 2:
                        break
                    outcomes[self._send(claimed[0])] += 1
                    claimed.popleft()
            finally:
                self._give_back(claimed)
        return DeliveryReport(outcomes["delivered"], outcomes["failed"], outcomes["dead"])

    def unrouted(self) -> dict[str, int]:
        """How many requests wait on each channel for which nothing is given here."""
        if "*" in self._channels:
            return {}
        query = (
            select(REQUEST.c.channel, func.count().label("requests"))
            .where(REQUEST.c.status == _WAITING, REQUEST.c.channel.not_in(self._channels))
            .group_by(REQUEST.c.channel)
            .order_by(REQUEST.c.channel)
        )
        with self._database.reading() as connection:
            return {row.channel: row.requests for row in connection.execute(query)}

    def counts(self) -> dict[str, int]:
        """How many requests there are of each status of the outbox."""
        query = select(REQUEST.c.status, func.count().label("requests"))
        with self._database.reading() as connection:
            rows = connection.execute(query.group_by(REQUEST.c.status).order_by(REQUEST.c.status))
            return {row.status: row.requests for row in rows}

    def dead(self, limit: int = 100, ids: Iterable[str] | None = None) -> list[DeadLetter]:
        """Requests that are tried no more, the earliest first: those with these ids, or all."""
        query = select(REQUEST).where(REQUEST.c.status == _DEAD)
        if ids is not None:
            query = query.where(REQUEST.c.id.in_([*ids]))
        with self._database.reading() as connection:
            return [
                DeadLetter(_request(row), row.attempts, row.error or "")
                for row in connection.execute(query.order_by(REQUEST.c.place).limit(limit))
            ]

    def retry_dead(self, ids: Iterable[str] | None = None) -> int:
        """Let dead requests wait again as if never tried: those with these ids, or all.

        Each goes out before those of its person that wait and were asked for later.

        Returns:
            how many there were.
        """
        retried = update(REQUEST).where(REQUEST.c.status == _DEAD)
        retried = retried.values(status="waiting", attempts=0, next_try_at=None)
        with self._database.writing() as connection:
            if ids is None:
                return connection.execute(retried).rowcount
            return sum(
                connection.execute(retried.where(REQUEST.c.id.in_(some))).rowcount
                for some in _portions(list(ids))
            )

    # ------------------------------------------------------------------ claims

    def _claim(self, count: int, until: datetime) -> list[Row[Any]]:
        """Requests whose turn it is, put off until then so that nobody else takes them."""
        now = until - self._lease
        # More than asked for: others may have an eye on the same.
        size, start = 2 * count, -1
        claimed: list[Row[Any]] = []
        while True:
            seen = {"now": now, "start": start, "size": size}
            with self._database.reading() as connection:
                if self._database.postgresql:
                    # Or it sorts all that waits where it does not know yet how much that is.
                    connection.exec_driver_sql("SET LOCAL enable_sort = off")
                page = connection.scalars(self._front, seen).all()
            if page:
                start = page[-1]
                left = {"now": now, "until": until, "left": count - len(claimed)}
                left["places"] = page
                with self._database.writing() as connection:
                    claimed += connection.execute(self._take, left)
            if len(claimed) == count or len(page) < size:
                return sorted(claimed, key=lambda row: row.place)

    def _statements(self) -> tuple[Select[Any], Executable]:
        """What finds the ``size`` first requests behind the place ``start`` whose turn it is, and
        what claims of some ``places`` so many as are ``left`` to be claimed."""
        row, put_off = REQUEST.alias("r"), REQUEST.alias("p")
        now = bindparam("now", type_=UtcTime)
        due = [
            row.c.status == _WAITING,
            or_(row.c.next_try_at.is_(None), row.c.next_try_at <= now),
            *self._served(row),
            ~self._before(row),
        ]
        held_up = (
            select(put_off.c.person)
            .where(
                put_off.c.status == _WAITING,
                put_off.c.next_try_at.is_not(None),
                put_off.c.next_try_at > now,
                *self._served(put_off),
                ~self._before(put_off),
            )
            .order_by(put_off.c.place)
            .limit(_PUT_OFF)
        )
        front = (
            select(row.c.place)
            .where(*due, row.c.place > bindparam("start"), row.c.person.not_in(held_up))
            .order_by(row.c.place)
            .limit(bindparam("size"))
        )
        next_ones = (
            select(row.c.id)
            .where(row.c.place.in_(bindparam("places", expanding=True)), *due)
            .order_by(row.c.place)
            .limit(bindparam("left"))
            .with_for_update(skip_locked=True)
            .cte("next_ones")
        )
        take = (
            update(REQUEST)
            .where(REQUEST.c.id.in_(select(next_ones.c.id)))
            .values(next_try_at=bindparam("until", type_=UtcTime))
            .returning(REQUEST)
        )
        return front, take

    def _before(self, table: FromClause) -> ColumnElement[bool]:
        """Whether a request of the same person waits before one."""
        other = REQUEST.alias("e")
        before = select(other.c.id).where(
            other.c.person == table.c.person,
            other.c.status == _WAITING,
            other.c.place < table.c.place,
            *self._served(other),
        )
        return before.exists()

    def _served(self, table: FromClause) -> list[ColumnElement[bool]]:
        return [] if "*" in self._channels else [table.c.channel.in_(list(self._channels))]

    def _give_back(self, claimed: Iterable[Row[Any]]) -> None:
        for row in claimed:
            self._write(row, next_try_at=None)

    # ------------------------------------------------------------------ sending

    def _send(self, row: Row[Any]) -> str:
        """Send one request outside of any transaction, and record what came of it.

        Returns:
            ``delivered``, ``failed`` or ``dead``; ``overtaken`` where the store has written the
            request anew meanwhile, which then counts.
        """
        adapter = self._channels.get(row.channel) or self._channels["*"]
        attempts = row.attempts + 1
        values: dict[str, Any]
        try:
            adapter.send(_request(row))
        except Exception as error:  # of somebody else's adapter: it must not stop all others
            failure = error if isinstance(error, DeliveryFailed) else _failure(error)
            outcome = "dead" if failure.permanent or attempts >= self._attempts else "failed"
            values = {"error": _line(str(failure)), "next_try_at": None}
            if outcome == "dead":
                values["status"] = "dead"
                _log.warning("dead: the request %s: %s", row.id, values["error"])
            else:
                values["next_try_at"] = self._clock() + self._wait(row.id, attempts, failure)
        else:
            outcome = "delivered"
            values = {"status": "delivered", "delivered_at": self._clock()}
            values |= {"next_try_at": None, "error": None}
        return outcome if self._write(row, attempts=attempts, **values) else "overtaken"

    def _wait(self, id: str, attempts: int, failure: DeliveryFailed) -> timedelta:
        """How long until the next try: what the server asks for, or longer."""
        try:
            longest = min(self._first_wait * 5 ** (attempts - 1), self._longest_wait)
        except OverflowError:
            longest = self._longest_wait
        # Spread by a hash, which differs from request to request as chance would.
        wait: timedelta = longest * (stable_number(attempts, id) / 2**60)
        return max(wait, min(failure.retry_after or timedelta(), self._longest_wait))

    def _write(self, row: Row[Any], **values: Any) -> bool:
        """Write values into a request that is still claimed as it was; say whether it is."""
        claimed = update(REQUEST).where(
            REQUEST.c.id == row.id,
            REQUEST.c.status == "waiting",
            REQUEST.c.place == row.place,
            REQUEST.c.next_try_at == row.next_try_at,
        )
        with self._database.writing() as connection:
            return connection.execute(claimed.values(**values)).rowcount == 1


def _request(row: Row[Any]) -> Request:
    names = [attribute.name for attribute in attrs.fields(Request)]
    return Request(**{name: getattr(row, _COLUMNS.get(name, name)) for name in names})


def _portions(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """The ids in portions that every database takes as parameters."""
    return (ids[start : start + 1000] for start in range(0, len(ids), 1000))


def _line(text: str) -> str:
    """A text as one short line that every database takes: PostgreSQL refuses a NUL."""
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(printable.split())[:_ERROR_LENGTH]


def _failure(error: Exception) -> DeliveryFailed:
    return DeliveryFailed(f"{type(error).__name__}: {error}")
