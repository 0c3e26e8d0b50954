"""A store: people, log, history, deadlines and requests in SQL.

One activity is one transaction: any process may continue where another stopped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any, Self, TypeVar

from sqlalchemy import Engine as SqlEngine
from sqlalchemy import delete, insert, or_, select, update

from lifecycle_fsm.activities import Activity, other_record
from lifecycle_fsm.errors import LifecycleError, ModelError
from lifecycle_fsm.fields import instant
from lifecycle_fsm.history import DeadlineFact, HistoryRow
from lifecycle_fsm.lifecycle import Lifecycle
from lifecycle_fsm.machine import Decision
from lifecycle_fsm.model import Model
from lifecycle_fsm.model.toml_files import dumps
from lifecycle_fsm.orchestrator import Engine, Parked
from lifecycle_fsm.processing import ChainResult
from lifecycle_fsm.store.database import Database, Session
from lifecycle_fsm.store.people_cache import PeopleCache
from lifecycle_fsm.store.snapshot import Snapshot, names_of, records_of
from lifecycle_fsm.store.tables import ACTIVITY, DECISION, MODEL, PERSON, TICK
from lifecycle_fsm.store.unit_of_work import UnitOfWork, check_version, seen_by, with_locked

T = TypeVar("T")
#: The maximum length of an id in characters; PostgreSQL cannot index much longer texts.
LONGEST_ID = 200
#: The prefix of the pseudonyms of forgotten people.
FORGOTTEN = "forgotten-"
#: How many people a tick or a retry locks at a time.
_SOME = 200


class Store:
    """The people of a model in a database.

    Args:
        engine: the compiled model.
        database: the database's SQLAlchemy URL or engine.
        settle: whether the clock sorts new people when the model's ``settle`` is over [S14]; use
            ``False`` if :class:`.Processing` takes them through original processing.
        keep_decisions: how long to keep every decision, including why a person did not move; each
            ``tick`` deletes older ones. By default, none are kept.

    Raises:
        LifecycleError: the people there follow another version of the model [S28].
        StoreError: the database cannot be used; every method may raise it.
    """

    def __init__(
        self,
        engine: Engine,
        database: str | SqlEngine | Database,
        *,
        keep_decisions: timedelta | None = None,
        settle: bool = True,
    ) -> None:
        self.engine = engine
        self.database = database if isinstance(database, Database) else Database(database)
        self._keep_decisions = keep_decisions
        self._settle = settle
        self._expected: set[str] = set()
        self._cache = PeopleCache()
        try:
            self._check_model()
        except LifecycleError:
            if database is not self.database and not isinstance(database, SqlEngine):
                self.close()
            raise

    def close(self) -> None:
        """Close the connections of the store; ``with Store(…) as store`` does so at the end."""
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _check_model(self) -> None:
        model = self.engine.model
        latest = select(MODEL.c.version).order_by(MODEL.c.number.desc()).limit(1)
        with self.database.reading() as connection:
            version = connection.scalar(latest)
        if version is None:
            with self.database.writing() as connection:
                if self.database.postgresql:  # SQLite has one writer anyway
                    connection.exec_driver_sql("LOCK TABLE model IN EXCLUSIVE MODE")
                version = connection.scalar(latest)
                if version is None:
                    version = model.version
                    connection.execute(insert(MODEL), model_row(model))
        check_version(version, model)

    # ------------------------------------------------------------------ what happens

    def apply(self, activity: Activity) -> Decision:
        """Apply one activity in a transaction of its own; see :meth:`.Lifecycle.apply`."""
        if fault := _refused(activity):
            return _rejected(activity, fault)
        return self._run(lambda lifecycle: lifecycle.apply(activity), [activity])

    def ingest(
        self,
        activities: Iterable[Activity],
        *,
        batch: int = 1000,
        record: Callable[[Decision], None] | None = None,
    ) -> Mapping[str, int]:
        """Apply many activities in their order, one batch per transaction.

        After an interruption, complete batches are kept: pass all activities again, and those that
        were applied before are duplicates.

        Args:
            activities: the activities.
            batch: the number of activities in one transaction.
            record: called with the decision on each activity, in their order, once the batch is
                committed.

        Returns:
            how many activities had each result [S10].
        """
        results: Counter[str] = Counter()
        iterator = iter(activities)
        while some := list(islice(iterator, batch)):
            faults = [*map(_refused, some)]
            fit = [each for each, fault in zip(some, faults, strict=True) if not fault]
            applied = iter(self._run(partial(_apply_all, fit), fit))
            for activity, fault in zip(some, faults, strict=True):
                decision = _rejected(activity, fault) if fault else next(applied)
                results[decision.result] += 1
                if record is not None:
                    record(decision)
        return results

    def expect_processed(self, persons: Iterable[str]) -> None:
        """Name the people whose log says when original processing ended: they wait for that and
        are not sorted by the clock [S14]."""
        self._expected.update([persons] if isinstance(persons, str) else persons)

    def process(self, id: str, *, at: datetime | str, given: ChainResult | None = None) -> Decision:
        """End original processing for a person now; see :meth:`.Lifecycle.process`."""
        return self._run(lambda lifecycle: lifecycle.process(id, at=at, given=given), names=[id])

    def tick(self, until: datetime | str) -> int:
        """Let time pass for all people for whom something is due by ``until`` [S20].

        Several processes may do so at once: each skips the people that another one works on.

        Returns:
            for how many people something was due.
        """
        end, people = instant(until), 0

        def some(session: Session) -> int:
            unit = UnitOfWork(self.engine, self.database, session)
            due = unit.lock_due(end, _SOME)
            if due:
                keep = self._keep_decisions is not None
                unit.run(lambda lifecycle: lifecycle.tick(end), keep_decisions=keep)
            return due

        while due := self.database.run(some):
            people += due
        later = or_(TICK.c.until.is_(None), TICK.c.until < end)
        with self.database.writing() as connection:
            connection.execute(update(TICK).where(later).values(until=end))
            if self._keep_decisions is not None:
                old = DECISION.c.now < end - self._keep_decisions
                connection.execute(delete(DECISION).where(old))
        return people

    def retry(self, at: datetime | str) -> list[Decision]:
        """Retry everything that an error parked [S11][S13]."""
        now = instant(at)
        parked = select(PERSON.c.id).where(PERSON.c.parked).order_by(PERSON.c.id)
        with self.database.reading() as connection:
            names: list[str] = [*connection.scalars(parked)]
        decisions: list[Decision] = []
        for first in range(0, len(names), _SOME):
            some = names[first : first + _SOME]
            stopped = select(ACTIVITY.c.activity).where(
                ACTIVITY.c.status == "parked", ACTIVITY.c.person.in_(some)
            )
            with self.database.reading() as connection:
                activities = [Activity.load(saved) for saved in connection.scalars(stopped)]
            decisions += self._run(lambda lifecycle: lifecycle.retry(now), activities, some)
        return decisions

    def _run(
        self,
        work: Callable[[Lifecycle], T],
        activities: Collection[Activity] = (),
        names: Iterable[str] = (),
    ) -> T:
        """Do some work in one transaction, after locking all people that it may touch."""
        persons = {activity.person for activity in activities}
        expected = persons & self._expected if self._settle else persons
        keep = self._keep_decisions is not None
        return with_locked(
            self.engine,
            self.database,
            lambda unit: unit.run(work, expected=expected, keep_decisions=keep),
            activities,
            names,
            cache=self._cache,
        )

    def clear_cache(self) -> None:
        """Drop the people that are kept in memory; they are read again when they are needed."""
        self._cache = PeopleCache()

    # ------------------------------------------------------------------ knowing

    def lifecycle(self, id: str) -> Lifecycle:
        """A ``Lifecycle`` with one person of the store and the person's history, for inspection;
        changes to it are not saved.

        Raises:
            UnknownPerson: no person with this id has been created.
        """
        with self.database.reading() as connection:
            moment = Snapshot(connection)
            saved = moment.known_state(id)
            came = select(*(ACTIVITY.c[name] for name in ("person", "id", "content"))).where(
                ACTIVITY.c.person.in_(names_of(saved)), ACTIVITY.c.status == "applied"
            )
            seen = seen_by([saved], connection.execute(came))
            rows = moment.history(self.engine.model.field_types, records_of(saved))
            facts = moment.deadlines(records_of(saved))
        lifecycle = Lifecycle(self.engine)
        lifecycle.restore(saved, history=rows, deadlines=facts, seen=seen)
        return lifecycle

    @property
    def history(self) -> list[HistoryRow]:
        """Every history row, by person and sequence [S25]."""
        with self.database.reading() as connection:
            return Snapshot(connection).history(self.engine.model.field_types)

    @property
    def deadlines(self) -> list[DeadlineFact]:
        """The decided deadlines of each visit, by person and due time [S21]."""
        with self.database.reading() as connection:
            return Snapshot(connection).deadlines()

    @property
    def log(self) -> list[Activity]:
        """The applied activities, in the order in which they were applied."""
        with self.database.reading() as connection:
            return Snapshot(connection).log()

    @property
    def held(self) -> Mapping[str, list[Activity]]:
        """Activities that wait for a person who has not been created, by that person's id [S19]."""
        held: dict[str, list[Activity]] = {}
        for row in self._stopped("held"):
            held.setdefault(row.waits_for, []).append(Activity.load(row.activity))
        return held

    @property
    def parked(self) -> Mapping[str, list[Parked]]:
        """Work that an error prevented, kept for a retry, by person [S11]."""
        parked: dict[str, list[Parked]] = {}
        created = select(PERSON.c.state).where(PERSON.c.parked, PERSON.c.state.is_not(None))
        with self.database.reading() as connection:
            for state in connection.scalars(created.order_by(PERSON.c.id)):
                for saved in state["parked"]:
                    parked.setdefault(saved["person"], []).append(Parked.load(saved))
        stopped = (each.activity for lot in parked.values() for each in lot)
        known = {(activity.person, activity.id) for activity in stopped if activity is not None}
        for row in self._stopped("parked"):
            if (row.person, row.id) not in known:  # no person with that id has been created
                kept = Parked(row.person, Activity.load(row.activity), row.error)
                parked.setdefault(row.person, []).append(kept)
        return parked

    def _stopped(self, status: str) -> Sequence[Any]:
        stopped = select(ACTIVITY).where(ACTIVITY.c.status == status).order_by(ACTIVITY.c.place)
        with self.database.reading() as connection:
            return connection.execute(stopped).all()


def model_row(model: Model) -> dict[str, str | None]:
    """The values of a store's row for its model."""
    try:
        definition: str | None = dumps(model)
    except ModelError:  # a guard is a Python function, which has no text
        definition = None
    return {"version": model.version, "name": model.name, "definition": definition}


def _apply_all(activities: Iterable[Activity], lifecycle: Lifecycle) -> list[Decision]:
    return [lifecycle.apply(activity) for activity in activities]


def _rejected(activity: Activity, fault: str) -> Decision:
    return Decision.of_unknown("rejected", activity, fault)


def _refused(activity: Activity) -> str:
    """Why a store refuses the activity, or an empty text."""
    ids = {"person": activity.person, "id": activity.id}
    if (other := other_record(activity)) is not None:
        ids["other record"] = other
    for name, value in ids.items():
        if len(value) > LONGEST_ID:
            return f"the {name} is an id of {len(value):,} characters: at most {LONGEST_ID} fit"
    if activity.person.startswith(FORGOTTEN):
        return f"ids that begin with {FORGOTTEN!r} are kept for people who were forgotten"
    return unstorable(ids) or unstorable(activity.payload)


def unstorable(values: Mapping[str, Any]) -> str:
    """Which value a database could not keep and return unchanged, and why; or an empty text."""
    for name, value in values.items():
        if isinstance(value, str):
            if "\0" in value or not (value.isascii() or _is_unicode(value)):
                return (
                    f"{name!r} has a character that is no text (NUL or a lone surrogate): leave it "
                    "out"
                )
        elif not isinstance(value, int | float | datetime | None):
            return f"{name!r} is a {type(value).__name__}: give a text, a number or a time"
    return ""


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
