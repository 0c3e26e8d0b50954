"""A store: people, log, history, deadlines and requests in SQL.

One activity is one transaction. It locks everybody whom the activity may touch, restores them from
their rows, applies it, and saves what has changed: any process may take up where another stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, TypeVar

import attrs
from sqlalchemy import Connection, Table, create_engine, delete, event, func, or_, select, text
from sqlalchemy import Engine as Database
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from lifecycle_fsm.activities import FINGERPRINT, IDENTITY, Activity, identity, other_record
from lifecycle_fsm.errors import UnknownPerson
from lifecycle_fsm.fields import instant
from lifecycle_fsm.history import DeadlineFact, HistoryRow
from lifecycle_fsm.lifecycle import Lifecycle
from lifecycle_fsm.machine import Decision
from lifecycle_fsm.orchestrator import Engine
from lifecycle_fsm.store.tables import (
    ACTIVITY,
    ALIAS,
    DEADLINE,
    HISTORY,
    METADATA,
    PERSON,
    REQUEST,
    plain,
)

T = TypeVar("T")
_ROW = tuple(attribute.name for attribute in attrs.fields(HistoryRow))
_FACT = tuple(attribute.name for attribute in attrs.fields(DeadlineFact))


class Store:
    """The people of a model in a database.

    Args:
        engine: the model, made ready once.
        database: the address of the database, as SQLAlchemy reads it, or its engine.
    """

    def __init__(self, engine: Engine, database: str | Database) -> None:
        self.engine = engine
        self._database = create_engine(database) if isinstance(database, str) else database
        if self._database.dialect.name == "sqlite":
            _take_turns(self._database)
        METADATA.create_all(self._database)

    # ------------------------------------------------------------------ what happens

    def apply(self, activity: Activity) -> Decision:
        """Apply one activity in a transaction of its own; see :meth:`.Lifecycle.apply`."""
        with self._database.begin() as connection:
            other = other_record(activity)
            names = {activity.person} if other is None else {activity.person, other}
            return _Session(self.engine, connection, names, {activity.id}).run(
                lambda lifecycle: lifecycle.apply(activity)
            )

    def tick(self, until: datetime | str) -> int:
        """Let time pass for everybody for whom something is due by then, each in a transaction of
        their own [S20].

        Returns:
            how many people that were.
        """
        end = instant(until)
        due = select(PERSON.c.id).where(PERSON.c.due_at <= end).order_by(PERSON.c.due_at)
        with self._database.connect() as connection:
            names: list[str] = list(connection.scalars(due))
        for name in names:
            with self._database.begin() as connection:
                _Session(self.engine, connection, {name}).run(lambda lifecycle: lifecycle.tick(end))
        return len(names)

    # ------------------------------------------------------------------ knowing

    def lifecycle(self, id: str) -> Lifecycle:
        """A ``Lifecycle`` with one person of the store, with history, to look at and to ask; what
        it does is not saved.

        Raises:
            UnknownPerson: nobody with this id has been created.
        """
        with self._database.begin() as connection:
            session = _Session(self.engine, connection, {id}, reads=True)
            rows = self._history(connection, session.records)
            facts = self._deadlines(connection, session.records)
            lifecycle = session.restored(list(rows), list(facts))
        if id not in lifecycle:
            raise UnknownPerson(f"nobody with the id {id!r} has been created")
        return lifecycle

    @property
    def history(self) -> list[HistoryRow]:
        """Every row of everybody, by person and sequence [S25]."""
        with self._database.connect() as connection:
            return list(self._history(connection))

    @property
    def deadlines(self) -> list[DeadlineFact]:
        """What became of the deadlines of each visit, by person and due time [S21]."""
        with self._database.connect() as connection:
            return list(self._deadlines(connection))

    @property
    def log(self) -> list[Activity]:
        """The activities that were applied, in that order."""
        applied = select(ACTIVITY.c.activity).where(ACTIVITY.c.status == "applied")
        with self._database.connect() as connection:
            return [Activity.load(saved) for saved in connection.scalars(applied.order_by("place"))]

    def _history(
        self, connection: Connection, names: Iterable[str] | None = None
    ) -> Iterator[HistoryRow]:
        query = select(HISTORY).order_by(HISTORY.c.person, HISTORY.c.sequence)
        if names is not None:
            query = query.where(HISTORY.c.person.in_(names))
        types = self.engine.model.field_types
        for row in connection.execute(query).mappings():
            kept = tuple((name, types[name].accept(value)) for name, value in row["kept"])
            values = {**row, "passed_over": tuple(row["passed_over"]), "kept": kept}
            yield HistoryRow(**values)

    def _deadlines(
        self, connection: Connection, names: Iterable[str] | None = None
    ) -> Iterator[DeadlineFact]:
        query = select(DEADLINE).order_by(DEADLINE.c.person, DEADLINE.c.due_at, DEADLINE.c.rule)
        if names is not None:
            query = query.where(DEADLINE.c.person.in_(names))
        return (DeadlineFact(**row) for row in connection.execute(query).mappings())


class _Session:
    """One transaction: everybody whom it may touch, locked, and what it changes.

    Args:
        names: ids of records or contacts that it is about.
        ids: those of the activities that it applies, to know those that came before.
        reads: whether it only looks: then nobody who is mentioned gets a row.
    """

    def __init__(
        self,
        engine: Engine,
        connection: Connection,
        names: Iterable[str],
        ids: Iterable[str] = (),
        *,
        reads: bool = False,
    ) -> None:
        self._reads = reads
        self._engine = engine
        self._connection = connection
        self._names = set(names)
        self._ids = set(ids)
        self._held: list[Activity] = []
        self._lock()
        states = select(PERSON.c.id, PERSON.c.state).where(
            PERSON.c.id.in_(self._names), PERSON.c.state.is_not(None)
        )
        self._states: dict[str, Mapping[str, Any]] = {
            row.id: row.state for row in connection.execute(states)
        }

    def _lock(self) -> None:
        """Lock everybody whom the names lead to: by contacts, merges, and activities that wait.
        Whoever is only mentioned gets a row, so that two creations meet there."""
        waiting: dict[tuple[str, str], Activity] = {}
        while True:
            before = set(self._names)
            names = sorted(before)
            for name in () if self._reads else names:
                self._upsert(PERSON, {"id": name, "revision": 0}, update=())
            people = (
                select(PERSON.c.id, PERSON.c.survivor)
                .where(or_(PERSON.c.id.in_(names), PERSON.c.survivor.in_(names)))
                .order_by(PERSON.c.id)
                .with_for_update()
            )
            for row in self._connection.execute(people):
                self._names |= {row.id, row.survivor} - {None}
            contacts = select(ALIAS).where(or_(ALIAS.c.id.in_(names), ALIAS.c.person.in_(names)))
            for row in self._connection.execute(contacts):
                self._names |= {row.id, row.person}
            held = select(ACTIVITY.c.activity, ACTIVITY.c.waits_for, ACTIVITY.c.place).where(
                ACTIVITY.c.status == "held",
                or_(ACTIVITY.c.person.in_(names), ACTIVITY.c.waits_for.in_(names)),
            )
            for waits in self._connection.execute(held.order_by(ACTIVITY.c.place)):
                activity = Activity.load(waits.activity)
                waiting[activity.person, activity.id] = activity
                self._names |= {activity.person, waits.waits_for, other_record(activity)} - {None}
            if self._names == before:
                break
        self._held = list(waiting.values())
        self._ids |= {activity.id for activity in self._held}

    @property
    def records(self) -> set[str]:
        """The ids of all records and contacts that are locked."""
        return self._names

    def restored(
        self,
        history: list[HistoryRow] | None = None,
        deadlines: list[DeadlineFact] | None = None,
        record: Callable[[Decision], None] | None = None,
        log: Callable[[Activity], None] | None = None,
    ) -> Lifecycle:
        """A Lifecycle with everybody who is locked."""
        lifecycle = Lifecycle(self._engine, record=record, log=log)
        seen = self._seen()
        for state in self._states.values():
            lifecycle.restore(state, history=history or (), deadlines=deadlines, seen=seen)
        for activity in self._held:
            lifecycle.apply(activity)
        return lifecycle

    def _seen(self) -> dict[str, bytes]:
        """The fingerprints of what came before with the ids of this transaction."""
        owners = {
            record["id"]: name
            for name, state in self._states.items()
            for record in (state, *state.get("folded", ()))
        }
        contacts = {
            contact: name
            for name, state in self._states.items()
            for contact in state.get("aliases", {})
        }
        seen: dict[str, bytes] = {}
        came = select(ACTIVITY.c.person, ACTIVITY.c.id, ACTIVITY.c.content).where(
            ACTIVITY.c.id.in_(self._ids),
            ACTIVITY.c.person.in_(self._names),
            ACTIVITY.c.content.is_not(None),
        )
        for row in self._connection.execute(came):
            if row.person in owners:
                mark, keeper = identity(row.id) + row.content, row.person
            elif row.person in contacts:
                mark, keeper = identity(row.id, row.person) + row.content, contacts[row.person]
            else:
                continue
            seen[keeper] = seen.get(keeper, b"") + mark
        return seen

    def run(self, work: Callable[[Lifecycle], T]) -> T:
        """Do the work on everybody who is locked, and save what comes of it."""
        decisions: list[Decision] = []
        log: list[Activity] = []
        lifecycle = self.restored(record=decisions.append, log=log.append)
        decisions.clear()
        log.clear()
        result = work(lifecycle)
        place = self._next_place()
        self._save_people(lifecycle)
        self._save_activities(lifecycle, log, place)
        for row in lifecycle.history:
            self._upsert(HISTORY, _values(row, _ROW))
        for fact in lifecycle.deadlines:
            self._upsert(DEADLINE, _values(fact, _FACT))
        requests = [request for decision in decisions for request in decision.requests]
        for ordinal, request in enumerate(requests):
            values = attrs.asdict(request, recurse=False)
            values["receiver"] = values.pop("to")
            values["data"] = plain(request.data)
            values["status"] = {"held": "held", "superseded": "superseded"}.get(
                request.state, "waiting"
            )
            self._upsert(REQUEST, {**values, "place": place, "ordinal": ordinal})
        return result

    def _next_place(self) -> int:
        last = self._connection.scalar(select(func.max(ACTIVITY.c.place)))
        return (last or 0) + 1

    def _save_people(self, lifecycle: Lifecycle) -> None:
        for person in lifecycle:
            state = lifecycle.dump(person.id)
            self._upsert(
                PERSON,
                {
                    "id": person.id,
                    "survivor": None,
                    "stage": person.stage,
                    "due_at": person.next_due,
                    "revision": 1,
                    "state": state,
                },
            )
            for record in state.get("folded", ()):
                self._upsert(
                    PERSON,
                    {
                        "id": record["id"],
                        "survivor": person.id,
                        "stage": None,
                        "due_at": None,
                        "revision": 1,
                        "state": None,
                    },
                )
            for contact, record in state.get("aliases", {}).items():
                self._upsert(ALIAS, {"id": contact, "person": record})

    def _save_activities(self, lifecycle: Lifecycle, log: list[Activity], place: int) -> None:
        contents = {
            (record, marks[at : at + IDENTITY]): marks[at + IDENTITY : at + FINGERPRINT]
            for person in lifecycle
            for record, marks in lifecycle.seen(person.id).items()
            for at in range(0, len(marks), FINGERPRINT)
        }
        applied = {(activity.person, activity.id) for activity in log}
        held = {
            (activity.person, activity.id): missing
            for missing, waiting in lifecycle.held.items()
            for activity in waiting
        }
        for activity in self._held:
            key = activity.person, activity.id
            if key not in applied and key not in held:
                self._connection.execute(
                    delete(ACTIVITY).where(
                        ACTIVITY.c.person == activity.person,
                        ACTIVITY.c.id == activity.id,
                        ACTIVITY.c.status == "held",
                    )
                )
        waiting = [activity for group in lifecycle.held.values() for activity in group]
        known = {(activity.person, activity.id) for activity in self._held}
        for activity in waiting:
            key = activity.person, activity.id
            if key not in known:
                self._save_activity(activity, "held", place, waits_for=held[key])
                place += 1
        for activity in log:
            # A record keeps its own; what came to it later is kept by whoever was the survivor.
            own = contents.get((activity.person, identity(activity.id)))
            theirs = identity(activity.id, activity.person)
            keepers = (contents.get((record, theirs)) for record in self._names)
            content = own or next(filter(None, keepers), None)
            self._save_activity(activity, "applied", place, content=content)
            place += 1

    def _save_activity(
        self,
        activity: Activity,
        status: str,
        place: int,
        *,
        content: bytes | None = None,
        waits_for: str | None = None,
    ) -> None:
        self._upsert(
            ACTIVITY,
            {
                "person": activity.person,
                "id": activity.id,
                "content": content,
                "status": status,
                "waits_for": waits_for,
                "place": place,
                "activity": activity.dump(),
            },
        )

    def _upsert(
        self, table: Table, values: Mapping[str, Any], update: Iterable[str] | None = None
    ) -> None:
        """Insert the row, or write its values into the one that has its key."""
        postgresql = self._connection.dialect.name == "postgresql"
        insert = (postgresql_insert if postgresql else sqlite_insert)(table).values(**values)
        keys = [column.name for column in table.primary_key]
        if table is ACTIVITY:
            keys = ["person", "id"]
        changed = [name for name in values if name not in keys] if update is None else list(update)
        if not changed:
            self._connection.execute(insert.on_conflict_do_nothing(index_elements=keys))
            return
        written: dict[str, Any] = {name: insert.excluded[name] for name in changed}
        if "revision" in written:
            written["revision"] = table.c.revision + 1
        self._connection.execute(insert.on_conflict_do_update(index_elements=keys, set_=written))


def _values(record: Any, names: Iterable[str]) -> dict[str, Any]:
    values = {name: getattr(record, name) for name in names}
    if "kept" in values:
        values["kept"] = [list(pair) for pair in plain(dict(values["kept"])).items()]
        values["passed_over"] = list(values["passed_over"])
    return values


def _take_turns(database: Database) -> None:
    """Let SQLite begin each transaction as a writer, so that none has to give up halfway."""

    @event.listens_for(database, "connect")
    def connect(connection: Any, record: object) -> None:
        connection.isolation_level = None  # SQLAlchemy's own BEGIN is the only one
        connection.execute("PRAGMA journal_mode = WAL")

    @event.listens_for(database, "begin")
    def begin(connection: Connection) -> None:
        connection.execute(text("BEGIN IMMEDIATE"))
