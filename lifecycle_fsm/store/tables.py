"""The tables of a store, for SQLite and PostgreSQL alike.

Plain data is stored as text, not as native JSON: PostgreSQL's JSON would change the order of keys
and the form of numbers, and both databases must return the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
import sqlalchemy as sa

from lifecycle_fsm.fields import iso_text


class UtcTime(sa.TypeDecorator[datetime]):
    """An instant in UTC, which SQLite returns without its zone."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """The instant as the database stores it."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> datetime | None:
        """The instant as the engine needs it."""
        return None if value is None else value.replace(tzinfo=UTC)


class Json(sa.TypeDecorator[Any]):
    """Plain data as JSON text."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> str | None:
        """The text."""
        return None if value is None else encode(value)

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> Any:
        """The data."""
        return None if value is None else decode(value)


def encode(data: Any) -> str:
    """Plain data as compact JSON."""
    return orjson.dumps(data).decode()


#: Plain data from JSON text.
decode = orjson.loads


def plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Field values in a form that JSON can write."""
    return {
        name: iso_text(value) if isinstance(value, datetime) else value
        for name, value in values.items()
    }


METADATA = sa.MetaData()
#: A number that the database assigns.
_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _partial_index(name: str, condition: sa.ColumnElement[bool], *columns: sa.Column[Any]) -> None:
    sa.Index(name, *columns, sqlite_where=condition, postgresql_where=condition)


#: The models that people have followed, as TOML; the latest row is the current one [S28].
MODEL = sa.Table(
    "model",
    METADATA,
    sa.Column("number", _NUMBER, primary_key=True),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("definition", sa.Text),
)

#: Up to when a tick has let time pass for all people: a single row.
TICK = sa.Table(
    "tick",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("until", UtcTime),
)

#: One row for each record. ``state`` is what :meth:`.Lifecycle.dump` returns, for all records of
#: the person; the rows of merged records have none and name their ``survivor``. An id that is only
#: mentioned has a row as well, so that there is something to lock.
PERSON = sa.Table(
    "person",
    METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("survivor", sa.Text, index=True),
    sa.Column("stage", sa.Text, index=True),
    sa.Column("due_at", UtcTime),
    sa.Column("parked", sa.Boolean, nullable=False, default=False),
    sa.Column("revision", sa.Integer, nullable=False, default=0),
    sa.Column("state", Json),
)
_partial_index("person_due", PERSON.c.due_at.is_not(None), PERSON.c.due_at, PERSON.c.id)
# In exactly the form that SQLAlchemy queries, because SQLite matches its indexes by it.
_partial_index("person_parked", PERSON.c.parked == sa.true(), PERSON.c.id)

#: The lead that was converted into each contact [S23].
ALIAS = sa.Table(
    "alias",
    METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("person", sa.Text, nullable=False, index=True),
)

#: Every activity that came, once for each record. ``status`` is ``applied``, ``held`` (it waits for
#: the person named in ``waits_for``), ``parked`` (because of ``error``) or ``undone`` (a merge that
#: was undone); the applied ones, by ``place``, are the log.
ACTIVITY = sa.Table(
    "activity",
    METADATA,
    sa.Column("place", _NUMBER, primary_key=True),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("id", sa.Text, nullable=False),
    sa.Column("content", sa.LargeBinary),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("waits_for", sa.Text),
    sa.Column("error", sa.Text),
    sa.Column("activity", Json, nullable=False),
    sa.UniqueConstraint("person", "id"),
)
_partial_index("activity_waiting", ACTIVITY.c.waits_for.is_not(None), ACTIVITY.c.waits_for)
_partial_index(
    "activity_stopped", ACTIVITY.c.status != "applied", ACTIVITY.c.person, ACTIVITY.c.status
)

#: The history, as :class:`.HistoryRow`.
HISTORY = sa.Table(
    "history",
    METADATA,
    sa.Column("person", sa.Text, primary_key=True),
    sa.Column("sequence", sa.Integer, primary_key=True),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("now", UtcTime, nullable=False),
    sa.Column("from_stage", sa.Text),
    sa.Column("to_stage", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("trigger", sa.Text),
    sa.Column("activity", sa.Text),
    sa.Column("journey", sa.Integer, nullable=False),
    sa.Column("passed_over", Json, nullable=False),
    sa.Column("credit", sa.Boolean, nullable=False),
    sa.Column("owner", sa.Text),
    sa.Column("source", sa.Text),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("late", sa.Boolean, nullable=False),
    sa.Column("kept", Json, nullable=False),
    sa.Column("assigned_to", sa.Text),
    sa.Column("journey_record", sa.Text, nullable=False),
    sa.Column("entered_at", UtcTime, nullable=False),
)

#: The decided deadlines of each visit, as :class:`.DeadlineFact`.
DEADLINE = sa.Table(
    "deadline",
    METADATA,
    sa.Column("rule", sa.Text, primary_key=True),
    sa.Column("journey_record", sa.Text, primary_key=True),
    sa.Column("journey", sa.Integer, primary_key=True),
    sa.Column("stage", sa.Text, primary_key=True),
    sa.Column("entered_at", UtcTime, primary_key=True),
    sa.Column("person", sa.Text, nullable=False, index=True),
    sa.Column("due_at", UtcTime, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("decided_at", UtcTime, nullable=False),
    sa.Column("owner", sa.Text),
    sa.Column("assigned_to", sa.Text),
    sa.Column("late", sa.Boolean, nullable=False),
)

#: The decisions, if the store keeps them [S10].
DECISION = sa.Table(
    "decision",
    METADATA,
    sa.Column("number", _NUMBER, primary_key=True),
    sa.Column("person", sa.Text, nullable=False, index=True),
    sa.Column("activity", sa.Text),
    sa.Column("now", UtcTime, nullable=False, index=True),
    sa.Column("result", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("refusals", Json, nullable=False),
)

#: The outbox. ``state`` is the engine's state of a request, and ``status`` that of its delivery:
#: ``held`` (until the CRM has acknowledged the person [S24]), ``waiting``, ``delivered``,
#: ``superseded`` or ``dead`` (no tries left). A person's requests go out in the order of ``place``,
#: a running number. A request with the id of an earlier one replaces it and gets a new place,
#: unless the earlier one was delivered.
REQUEST = sa.Table(
    "request",
    METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("place", sa.BigInteger, nullable=False, unique=True),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("receiver", sa.Text),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("stage", sa.Text),
    sa.Column("activity", sa.Text),
    sa.Column("due_at", UtcTime),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("data", Json, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("next_try_at", UtcTime),
    sa.Column("delivered_at", UtcTime),
    sa.Column("error", sa.Text),
)
_partial_index("request_waiting", REQUEST.c.status == "waiting", REQUEST.c.place)
_partial_index("request_dead", REQUEST.c.status == "dead", REQUEST.c.place)
_partial_index(
    "request_put_off",
    sa.and_(REQUEST.c.status == "waiting", REQUEST.c.next_try_at.is_not(None)),
    REQUEST.c.place,
)
sa.Index("request_person", REQUEST.c.person, REQUEST.c.status, REQUEST.c.place)
#: Numbers the places of requests in PostgreSQL; SQLite has one writer and adds one.
REQUEST_PLACE = sa.Sequence("request_place", metadata=METADATA)

#: The progress of a person's original processing [S13]: ``given`` is the result of the steps before
#: ``step``; a worker's claim holds until ``claimed_until``.
PROCESSING = sa.Table(
    "processing",
    METADATA,
    sa.Column("person", sa.Text, primary_key=True),
    sa.Column("step", sa.Text, nullable=False),
    sa.Column("given", Json, nullable=False),
    sa.Column("skipped", Json, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("next_try_at", UtcTime),
    sa.Column("claimed_until", UtcTime),
    sa.Column("error", sa.Text),
)
