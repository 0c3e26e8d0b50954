"""Delivery of the outbox: at least once, and in order for each person.

A deliverer claims requests in a short transaction, sends them outside of any transaction, and
records each result in another. A claim postpones the time of the next try by the lease: if the
process dies, the request is due again after the lease and goes out again with the same id. Only
the given clock tells the time, and a hash, not a random number, spreads the waits.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import sqlalchemy as sa
from sqlalchemy import Engine

from lifecycle_fsm.errors import DeliveryFailed
from lifecycle_fsm.requests import Request
from lifecycle_fsm.stable_hash import stable_number
from lifecycle_fsm.store.channels import Adapter
from lifecycle_fsm.store.database import Database
from lifecycle_fsm.store.tables import REQUEST, UtcTime

_log = logging.getLogger(__name__)
#: How many requests are claimed at a time.
_PORTION = 20
# A literal, not a parameter: otherwise the partial index is not used.
_WAITING: sa.ColumnElement[str] = sa.literal_column("'waiting'")
_DEAD: sa.ColumnElement[str] = sa.literal_column("'dead'")
#: How many people, whose first request is postponed, are skipped at once; further ones are skipped
#: one by one. With more, a server would no longer use a hash table.
_PUT_OFF: sa.ColumnElement[int] = sa.literal_column("10000")
_ERROR_LENGTH = 500
_COLUMNS = {"to": "receiver"}


@attrs.frozen
class DeliveryReport:
    """How many requests were ``delivered``, ``failed`` (to be retried) or are now ``dead``."""

    delivered: int = 0
    failed: int = 0
    dead: int = 0


@attrs.frozen
class DeadLetter:
    """A request that is no longer tried, with its ``attempts`` and its last ``error``."""

    request: Request
    attempts: int
    error: str


class Delivery:
    """Sends the requests that wait in the outbox. Any number of threads and processes may do so.

    A person's request waits until the earlier ones are delivered, superseded or dead. Only the
    channels given here count: requests on other channels stay in the outbox for another deliverer
    and block nothing; :meth:`unrouted` counts them.

    Args:
        database: the store's ``database``, SQLAlchemy URL or engine.
        channels: the adapter of each channel; ``*`` for all others.
        clock: returns the current time, with a time zone.
        attempts: how often a request is tried before it is dead.
        first_wait: the longest wait after the first failure; the limit grows fivefold with each
            further failure. The actual wait is between zero and the limit ("full jitter").
        longest_wait: no wait is longer, whatever a server asks for.
        lease: how long a claim holds. Sending one request must take at most half of it.
    """

    def __init__(
        self,
        database: str | Engine | Database,
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
        """Deliver until ``stop`` is set; when nothing is due, check again after ``pause`` seconds.

        Raises:
            StoreError: the database fails. Claims expire by themselves; start again.
        """
        for channel, count in self.unrouted().items():
            _log.warning("nothing delivers %r, on which %d requests wait", channel, count)
        while not stop.is_set():
            if self.deliver(stop=stop) == DeliveryReport():
                stop.wait(pause)

    def deliver(self, limit: int = 100, *, stop: threading.Event | None = None) -> DeliveryReport:
        """Send due requests, earliest first, until ``limit`` of them were tried, none is left or
        ``stop`` is set."""
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
        """How many requests wait on each channel that has no adapter here."""
        if "*" in self._channels:
            return {}
        query = (
            sa.select(REQUEST.c.channel, sa.func.count().label("requests"))
            .where(REQUEST.c.status == _WAITING, REQUEST.c.channel.not_in(self._channels))
            .group_by(REQUEST.c.channel)
            .order_by(REQUEST.c.channel)
        )
        with self._database.reading() as connection:
            return {row.channel: row.requests for row in connection.execute(query)}

    def counts(self) -> dict[str, int]:
        """How many requests in the outbox have each status."""
        query = sa.select(REQUEST.c.status, sa.func.count().label("requests"))
        with self._database.reading() as connection:
            rows = connection.execute(query.group_by(REQUEST.c.status).order_by(REQUEST.c.status))
            return {row.status: row.requests for row in rows}

    def dead(self, limit: int = 100, ids: Iterable[str] | None = None) -> list[DeadLetter]:
        """Requests that are no longer tried, earliest first: those with these ids, or all."""
        query = sa.select(REQUEST).where(REQUEST.c.status == _DEAD)
        if ids is not None:
            query = query.where(REQUEST.c.id.in_([*ids]))
        with self._database.reading() as connection:
            return [
                DeadLetter(_request(row), row.attempts, row.error or "")
                for row in connection.execute(query.order_by(REQUEST.c.place).limit(limit))
            ]

    def retry_dead(self, ids: Iterable[str] | None = None) -> int:
        """Let dead requests wait again as if never tried: those with these ids, or all.

        Each goes out before its person's later requests that still wait.

        Returns:
            the number of requests.
        """
        retried = sa.update(REQUEST).where(REQUEST.c.status == _DEAD)
        retried = retried.values(status="waiting", attempts=0, next_try_at=None)
        with self._database.writing() as connection:
            if ids is None:
                return connection.execute(retried).rowcount
            return sum(
                connection.execute(retried.where(REQUEST.c.id.in_(some))).rowcount
                for some in _portions(list(ids))
            )

    # ------------------------------------------------------------------ claims

    def _claim(self, count: int, until: datetime) -> list[sa.Row[Any]]:
        """Claim requests whose turn it is, by postponing them so that no other deliverer does."""
        now = until - self._lease
        # More than needed: other deliverers may select the same ones.
        size, start = 2 * count, -1
        claimed: list[sa.Row[Any]] = []
        while True:
            seen = {"now": now, "start": start, "size": size}
            with self._database.reading() as connection:
                if self._database.postgresql:
                    # Without statistics, PostgreSQL would sort all waiting requests.
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

    def _statements(self) -> tuple[sa.Select[Any], sa.Executable]:
        """The query for the first ``size`` requests after the place ``start`` whose turn it is, and
        the statement that claims up to ``left`` requests of the given ``places``."""
        row, put_off = REQUEST.alias("r"), REQUEST.alias("p")
        now = sa.bindparam("now", type_=UtcTime)
        due = [
            row.c.status == _WAITING,
            sa.or_(row.c.next_try_at.is_(None), row.c.next_try_at <= now),
            *self._served(row),
            ~self._before(row),
        ]
        held_up = (
            sa.select(put_off.c.person)
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
            sa.select(row.c.place)
            .where(*due, row.c.place > sa.bindparam("start"), row.c.person.not_in(held_up))
            .order_by(row.c.place)
            .limit(sa.bindparam("size"))
        )
        next_ones = (
            sa.select(row.c.id)
            .where(row.c.place.in_(sa.bindparam("places", expanding=True)), *due)
            .order_by(row.c.place)
            .limit(sa.bindparam("left"))
            .with_for_update(skip_locked=True)
            .cte("next_ones")
        )
        take = (
            sa.update(REQUEST)
            .where(REQUEST.c.id.in_(sa.select(next_ones.c.id)))
            .values(next_try_at=sa.bindparam("until", type_=UtcTime))
            .returning(REQUEST)
        )
        return front, take

    def _before(self, table: sa.FromClause) -> sa.ColumnElement[bool]:
        """Whether an earlier request of the same person waits."""
        other = REQUEST.alias("e")
        before = sa.select(other.c.id).where(
            other.c.person == table.c.person,
            other.c.status == _WAITING,
            other.c.place < table.c.place,
            *self._served(other),
        )
        return before.exists()

    def _served(self, table: sa.FromClause) -> list[sa.ColumnElement[bool]]:
        return [] if "*" in self._channels else [table.c.channel.in_(list(self._channels))]

    def _give_back(self, claimed: Iterable[sa.Row[Any]]) -> None:
        for row in claimed:
            self._write(row, next_try_at=None)

    # ------------------------------------------------------------------ sending

    def _send(self, row: sa.Row[Any]) -> str:
        """Send one request outside of any transaction, and record the result.

        Returns:
            ``delivered``, ``failed`` or ``dead``; or ``overtaken`` if the store has rewritten the
            request in the meantime, so that the new request counts.
        """
        adapter = self._channels.get(row.channel) or self._channels["*"]
        attempts = row.attempts + 1
        values: dict[str, Any]
        try:
            adapter.send(_request(row))
        except Exception as error:  # from any adapter: it must not stop the others
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
        """How long until the next try: at least as long as the server asks for."""
        try:
            longest = min(self._first_wait * 5 ** (attempts - 1), self._longest_wait)
        except OverflowError:
            longest = self._longest_wait
        # The hash spreads requests as a random number would.
        wait: timedelta = longest * (stable_number(attempts, id) / 2**60)
        return max(wait, min(failure.retry_after or timedelta(), self._longest_wait))

    def _write(self, row: sa.Row[Any], **values: Any) -> bool:
        """Update a request if this claim still holds; return whether it does."""
        claimed = sa.update(REQUEST).where(
            REQUEST.c.id == row.id,
            REQUEST.c.status == "waiting",
            REQUEST.c.place == row.place,
            REQUEST.c.next_try_at == row.next_try_at,
        )
        with self._database.writing() as connection:
            return connection.execute(claimed.values(**values)).rowcount == 1


def _request(row: sa.Row[Any]) -> Request:
    names = [attribute.name for attribute in attrs.fields(Request)]
    return Request(**{name: getattr(row, _COLUMNS.get(name, name)) for name in names})


def _portions(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """The ids in chunks small enough to be parameters in every database."""
    return (ids[start : start + 1000] for start in range(0, len(ids), 1000))


def _line(text: str) -> str:
    """A text as one short line that every database accepts: PostgreSQL refuses NUL."""
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(printable.split())[:_ERROR_LENGTH]


def _failure(error: Exception) -> DeliveryFailed:
    return DeliveryFailed(f"{type(error).__name__}: {error}")
