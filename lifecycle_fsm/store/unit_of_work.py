"""One transaction: lock all people that it may touch, do the work on them, and save the changes.

Every id that an activity mentions gets a row, even before the person is created, so that two
concurrent creations, or a creation and an activity that waits for it, lock the same row. Rows are
locked in the order of their ids to avoid deadlocks.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias, TypeVar

import attrs

from lifecycle_fsm.activities import Activity, identity, other_record
from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.history import DeadlineFact, HistoryRow
from lifecycle_fsm.lifecycle import Lifecycle
from lifecycle_fsm.machine import EVERYWHERE, Decision
from lifecycle_fsm.model import Model
from lifecycle_fsm.orchestrator import Engine, Parked
from lifecycle_fsm.requests import Request
from lifecycle_fsm.store.database import BufferedSession, Database, Session
from lifecycle_fsm.store.people_cache import Cached, PeopleCache, RecordedLifecycle
from lifecycle_fsm.store.snapshot import names_of
from lifecycle_fsm.store.tables import decode, encode, plain

T = TypeVar("T")
Plain: TypeAlias = dict[str, Any]
#: What identifies an activity: the id of its person, and its own id.
Key: TypeAlias = tuple[str, str]
_ROW = tuple(attribute.name for attribute in attrs.fields(HistoryRow))
_FACT = tuple(attribute.name for attribute in attrs.fields(DeadlineFact))
#: The status in the outbox for each state that the engine gives a request.
_STATUS = {"sent": "waiting", "released": "waiting", "held": "held", "superseded": "superseded"}


class MorePeople(Exception):
    """The transaction has to lock more people: begin again with these names as well, some of which
    may be ``new`` and have no row yet."""

    def __init__(self, names: Iterable[str], *, new: bool = False) -> None:
        super().__init__()
        self.names = frozenset(names)
        self.new = new


class _Stopped(NamedTuple):
    """An activity that has not been applied: it waits for a person, or an error parked it."""

    activity: Activity
    waits_for: str | None
    error: str | None


class UnitOfWork:
    """One transaction on people of a store; lock them first, then :meth:`run`."""

    def __init__(
        self,
        engine: Engine,
        database: Database,
        session: Session,
        cached: Cached | None = None,
    ) -> None:
        self._engine = engine
        self._recorded = None if cached is None else cached.recorded
        # The text of a cached person's state.
        self._before = None if cached is None else cached.text
        #: Whether it only saves the person if the database still has that text.
        self.replaces = False
        # The ids of the cached person, or of the one that was saved last.
        self._names: tuple[str, ...] = () if cached is None else cached.names
        self._stops = False  # whether anything is held or parked at the end
        self._sql = database.sql
        self._session = session
        self._time = database.time
        self._shared = database.postgresql
        self._texts: dict[str, str] = {}  # of people's states, as they are in the database
        if cached is not None:
            self._texts[cached.names[0]] = cached.text
        self._states: dict[str, Plain] = {}
        self._known: list[tuple[Any, ...]] = []
        self._stopped: dict[Key, _Stopped] = {}

    # ------------------------------------------------------------------ locking

    def lock(self, activities: Collection[Activity] = (), names: Iterable[str] = ()) -> None:
        """Lock all people that some activities, or other work, may touch.

        Args:
            activities: the activities to apply.
            names: further records or contacts that the work is about.

        Raises:
            MorePeople: more people must be locked, in the order of their ids.
        """
        names = {*names}
        while True:
            try:
                return self._lock_all(activities, names)
            except MorePeople as more:
                if self._shared:
                    raise
                names |= more.names  # SQLite has one writer, so the order does not matter

    def _lock_all(self, activities: Iterable[Activity], names: Iterable[str]) -> None:
        others = {*filter(None, map(other_record, activities))}
        wanted = {*names, *(activity.person for activity in activities), *others}
        came = [(activity.person, activity.id) for activity in activities]
        rows, self._known = self._session.ask(
            self._lock(wanted), (self._sql.known, self._sql.pairs(came))
        )
        if len(rows) < len(wanted):
            missing = wanted.difference(row[0] for row in rows)
            if self._shared and len(wanted) > 1:
                raise MorePeople(missing, new=True)
            self._session.write(self._sql.mention, [{"id": name} for name in sorted(missing)])
            (rows,) = self._session.ask(self._lock(wanted))
        self._read(rows)
        alone = all(
            not survivor and state and "folded" not in state and "aliases" not in state
            for survivor, state in ((row[1], self._states.get(row[0])) for row in rows)
        )
        if others or not alone or any(row[3] != "applied" for row in self._known):
            self._lock_relatives(wanted, came)

    def lock_due(self, until: datetime, limit: int) -> int:
        """Lock the first people for whom something is due by ``until``, skipping locked ones.

        No other rows are needed: time changes no other person.

        Returns:
            the number of people, at most ``limit``.
        """
        values = {"until": self._time(until), "limit": limit}
        (rows,) = self._session.ask((self._sql.due, values))
        self._read(rows)
        return len(rows)

    def _lock(self, names: Iterable[str]) -> tuple[str, Plain]:
        return self._sql.lock, {"names": self._sql.list(sorted(names))}

    def _read(self, rows: Iterable[tuple[Any, ...]]) -> None:
        for name, _, text in rows:
            if text:
                self._texts[name] = text
                self._states[name] = state = decode(text)
                for saved in state.get("parked", ()):
                    self._stop(Parked.load(saved))

    def _stop(self, parked: Parked) -> None:
        activity = parked.activity
        if activity is not None:
            key = activity.person, activity.id
            self._stopped[key] = _Stopped(activity, None, parked.error)

    def _lock_relatives(self, locked: set[str], came: list[Key]) -> None:
        """Find the people that the names lead to by merges, contacts and stopped activities.

        Also check whether people have been migrated since the store was opened: the state of an
        existing person shows it, but here a person may be created.
        """
        ((version,),) = self._session.ask((self._sql.version, {}))[0]
        check_version(version, self._engine.model)
        groups = {name: {name} for name in locked}
        names = set(locked)
        while True:
            wanted = {"names": self._sql.list(sorted(names))}
            relatives, stopped = self._session.ask(
                (self._sql.relatives, wanted), (self._sql.stopped, wanted)
            )
            before = len(names)
            for pair in relatives:
                names.update(filter(None, pair))
            for _, text, waits_for, error in stopped:
                activity = Activity.load(decode(text))
                names |= {activity.person, waits_for, other_record(activity)} - {None}
                key = activity.person, activity.id
                self._stopped[key] = _Stopped(activity, waits_for, error)
            if len(names) == before:
                break
        if names > locked:
            raise MorePeople(names)
        for name, relative in relatives:
            if relative is not None and groups[name] is not groups[relative]:
                joined = groups[name] | groups[relative]
                groups.update(dict.fromkeys(joined, joined))
        keys = {
            (name, number) for record, number in (*came, *self._stopped) for name in groups[record]
        }
        (self._known,) = self._session.ask((self._sql.known, self._sql.pairs(sorted(keys))))

    # ------------------------------------------------------------------ the work

    def _restore(self, lifecycle: Lifecycle) -> None:
        """Restore all locked people, and what waits for them or is parked."""
        seen = seen_by(self._states.values(), (row[:3] for row in self._known))
        for state in self._states.values():
            lifecycle.restore(state, seen=seen)
        for stopped in self._stopped.values():
            if stopped.error is None:
                lifecycle.apply(stopped.activity)
            elif stopped.activity.person not in lifecycle:
                lifecycle.park(Parked(stopped.activity.person, stopped.activity, stopped.error))

    def run(
        self,
        work: Callable[[Lifecycle], T],
        *,
        expected: Iterable[str] = (),
        keep_decisions: bool = False,
    ) -> T:
        """Do the work on all locked people, and save the changes.

        Args:
            work: called with a Lifecycle of the locked people.
            expected: the ids of people whose log says when original processing ended [S14].
            keep_decisions: whether to save the decisions as well.
        """
        recorded = self._recorded
        if recorded is None:
            recorded = self._recorded = RecordedLifecycle(self._engine)
            self._restore(recorded.lifecycle)
            recorded.clear()
        lifecycle = recorded.lifecycle
        lifecycle.expect_processed(expected)
        facts = [*lifecycle.deadlines]
        result = work(lifecycle)
        self._save(lifecycle, recorded.log, facts)
        asked = [self._request(request) for made in recorded.decisions for request in made.requests]
        self._session.write(self._sql.save_request, asked)
        if keep_decisions:
            made = [self._decision(decision) for decision in recorded.decisions]
            self._session.write(self._sql.add_decision, made)
        return result

    def cache_person(self, cache: PeopleCache) -> None:
        """Cache the person for the next activity, now that the transaction is committed."""
        names, recorded = self._names, self._recorded
        if names and recorded is not None and not self._stops and len(recorded.lifecycle) == 1:
            cache.put(Cached(names, self._texts[names[0]], recorded))

    def lock_after(self, name: str, limit: int) -> str:
        """Read the next people after a name, in the order of ids; the caller has locked them all.

        Returns:
            the name of the last of them, or an empty text if there are no more.
        """
        (rows,) = self._session.ask((self._sql.after, {"name": name, "limit": limit}))
        self._read(rows)
        return rows[-1][0] if rows else ""

    def migrate(self, stages: Mapping[str, str], at: datetime) -> None:
        """Migrate these people from another version of the model [S28]. The resulting requests wait
        in the outbox until they are released."""
        recorded = RecordedLifecycle(self._engine)
        for state in self._states.values():
            recorded.lifecycle.migrate(state, stages, at=at)
        self._save(recorded.lifecycle, recorded.log)
        asked = [
            self._request(request) | {"status": "held" if request.goes_out else request.state}
            for made in recorded.decisions
            for request in made.requests
        ]
        self._session.write(self._sql.save_request, asked)

    # ------------------------------------------------------------------ saving

    def add(self, lifecycle: Lifecycle, log: Iterable[Activity]) -> None:
        """Save all people of a Lifecycle with their history. Their records are locked and have no
        history in the store; ``log`` has the activities that the store does not have yet."""
        self._save(lifecycle, [*log])

    def _save(
        self, lifecycle: Lifecycle, log: list[Activity], known: Collection[DeadlineFact] = ()
    ) -> None:
        """Write the changes, except the deadline facts in ``known``."""
        held, parked = lifecycle.held, lifecycle.parked
        self._stops = bool(held or parked)
        self._save_people(lifecycle, parked)
        self._save_activities(lifecycle, log, held, parked)
        rows = [self._row(row, _ROW) for row in lifecycle.history]
        self._session.write(self._sql.add_history, rows)
        # By identity, because facts never change and comparing them is slow.
        same = {*map(id, known)}
        facts = [self._row(fact, _FACT) for fact in lifecycle.deadlines if id(fact) not in same]
        self._session.write(self._sql.save_deadline, facts)

    def _save_people(self, lifecycle: Lifecycle, parked: Mapping[str, Sequence[Parked]]) -> None:
        people: list[Plain] = []
        for person in lifecycle:
            state = lifecycle.dump(person.id)
            text = encode(state)
            if text == self._texts.get(person.id):
                continue
            self._texts[person.id] = text
            due_at = self._time(person.next_due)
            row = _person(person.id, None, person.stage, due_at, "parked" in state, text)
            if self._before is None:
                people += [row, *self._new_records(person.id, state)]
            elif self._shared:  # a cached person has no new record or contact
                replaced = row | {"before": self._before}
                self._session.write(self._sql.replace_person, [replaced])
                self.replaces = True
            else:
                people.append(row)
        if parked:
            people += [_person(name, parked=True) for name in parked if name not in lifecycle]
        self._session.write(self._sql.save_person, people)

    def _new_records(self, survivor: str, state: Plain) -> list[Plain]:
        """The rows of records merged into a person; contacts are saved at once. Only new ones,
        because a tick has not locked the rows of the others."""
        self._names = tuple(names_of(state))
        before = self._states.get(survivor, {})
        known = before.get("aliases", ())
        aliases = [
            {"id": contact, "person": record}
            for contact, record in state.get("aliases", {}).items()
            if contact not in known
        ]
        self._session.write(self._sql.save_alias, aliases)
        merged = {record["id"] for record in before.get("folded", ())}
        return [
            _person(record["id"], survivor=survivor)
            for record in state.get("folded", ())
            if record["id"] not in merged
        ]

    def _save_activities(
        self,
        lifecycle: Lifecycle,
        log: list[Activity],
        all_held: Mapping[str, Sequence[Activity]],
        all_parked: Mapping[str, Sequence[Parked]],
    ) -> None:
        """Save the applied activities in their order, and those that are newly stopped or no
        longer stopped."""
        rows: list[Plain] = []
        if self._stopped or self._stops:
            stopped: dict[Key, _Stopped] = {}
            for missing, held in all_held.items():
                for activity in held:
                    stopped[activity.person, activity.id] = _Stopped(activity, missing, None)
            for parked in (parked for lot in all_parked.values() for parked in lot):
                if parked.activity is not None:
                    key = parked.activity.person, parked.activity.id
                    stopped[key] = _Stopped(parked.activity, None, parked.error)
            gone = [
                {"person": key[0], "id": key[1]}
                for key, before in self._stopped.items()
                if stopped.get(key) != before
            ]
            self._session.write(self._sql.forget_stopped, gone)
            rows = [_stopped(now) for key, now in stopped.items() if self._stopped.get(key) != now]
        for activity in log:
            rows.append(_activity(activity, "applied", content=lifecycle.seen_content(activity)))
        self._session.write(self._sql.add_activity, rows)

    def _row(self, record: Any, names: Iterable[str]) -> Plain:
        """The values of a history row or a deadline fact."""
        values = {name: getattr(record, name) for name in names}
        for name, value in values.items():
            if isinstance(value, datetime):
                values[name] = self._time(value)
        if "kept" in values:
            values["kept"] = encode([*plain(dict(values["kept"])).items()])
            values["passed_over"] = encode(values["passed_over"])
        return values

    def _request(self, request: Request) -> Plain:
        return {
            "id": request.id,
            "person": request.person,
            "rule": request.rule,
            "channel": request.channel,
            "receiver": request.to,
            "text": request.text,
            "at": self._time(request.at),
            "stage": request.stage,
            "activity": request.activity,
            "due_at": self._time(request.due_at),
            "state": request.state,
            "data": encode(plain(request.data)),
            "status": _STATUS[request.state],
        }

    def _decision(self, decision: Decision) -> Plain:
        return {
            "person": decision.person,
            "activity": decision.activity,
            "now": self._time(decision.now),
            "result": decision.result,
            "reason": decision.reason,
            "refusals": encode([str(refusal) for refusal in decision.unmet]),
        }


def with_locked(
    engine: Engine,
    database: Database,
    work: Callable[[UnitOfWork], T],
    activities: Collection[Activity] = (),
    names: Iterable[str] = (),
    cache: PeopleCache | None = None,
) -> T:
    """Do some work in one transaction, after locking all people that it may touch.

    Args:
        engine: the compiled model.
        database: the database with the people.
        work: called with the unit of work.
        activities: the activities that it will apply, which determine whom to lock.
        names: further records or contacts that it is about.
        cache: the people that the process keeps in memory.
    """
    names = {*names}

    if cache is not None and len(activities) == 1 and not names:
        (activity,) = activities
        try:
            return _on_cached(engine, database, work, activity, cache)
        except _NotCached:
            pass
    units: list[UnitOfWork] = []

    def locked(session: Session) -> T:
        unit = UnitOfWork(engine, database, session)
        units.append(unit)
        unit.lock(activities, names)
        return work(unit)

    while True:
        try:
            result = database.run(locked)
        except MorePeople as more:
            names |= more.names
            if more.new:
                mention(database, more.names)
        else:
            if cache is not None:
                units[-1].cache_person(cache)
            return result


class _NotCached(Exception):
    """A person is not in the cache, or others have changed it since then."""


def _on_cached(
    engine: Engine,
    database: Database,
    work: Callable[[UnitOfWork], T],
    activity: Activity,
    cache: PeopleCache,
) -> T:
    """Do some work on a cached person before the transaction begins, so that other writers do not
    wait for it: the transaction only checks that the state is unchanged, and writes the results.
    In PostgreSQL the writes themselves check this, to save a round trip: they fail if the state has
    changed, or if the activity is a duplicate.

    Locking the survivor's row is enough: an activity of a merged record locks it as well.

    Raises:
        _NotCached: the person is not cached, or was changed by others; nothing was written.
    """
    cached = None if other_record(activity) is not None else cache.take(activity.person)
    if cached is None:
        raise _NotCached
    names = cached.names
    writes = BufferedSession()
    unit = UnitOfWork(engine, database, writes, cached)
    # Observers must not hear of work that is discarded, such as that on a duplicate.
    observed = engine.machine.observers or EVERYWHERE
    results = [] if observed else [work(unit)]
    sql, log = database.sql, cached.recorded.log
    pairs = sql.pairs([(name, activity.id) for name in names])
    adds = bool(log) and log[-1].id == activity.id  # it cannot be added if it is there already
    writes_check = unit.replaces and adds

    def check(session: Session) -> None:
        questions = [(sql.lock_person, {"name": names[0]})]
        if len(names) > 1 or not adds:
            questions.append((sql.known, pairs))
        rows, *known = session.ask(*questions)
        if any(known) or not rows or rows[0][2] != cached.text:
            raise _NotCached

    def write(session: Session) -> None:
        if not writes_check:
            check(session)
        if observed:
            if results:  # the transaction is retried, and the person has changed in memory
                raise _NotCached
            results.append(work(unit))
        writes.write_to(session)
        if writes_check and len(names) > 1:  # it may have come for another record or contact
            session.write(sql.require_single, [pairs])

    try:
        database.run(write)
    except database.conflicts:
        raise _NotCached from None
    unit.cache_person(cache)
    return results[0]


def mention(database: Database, names: Iterable[str]) -> None:
    """Make sure that these names have rows to lock."""
    rows = [{"id": name} for name in sorted(names)]
    database.run(lambda session: session.write(database.sql.mention, rows))


def check_version(version: str, model: Model) -> None:
    """Check that people follow this version of the model [S28].

    Raises:
        LifecycleError: they follow another one.
    """
    if version != model.version:
        raise LifecycleError(
            f"the people of this store follow version {version} of their model, and this is "
            f"version {model.version} of {model.name!r}: use the model of version {version}, or "
            "migrate everybody to this one with `lifecycle-fsm migrate` [S28]"
        )


def seen_by(
    states: Iterable[Mapping[str, Any]], came: Iterable[Sequence[Any]]
) -> Mapping[str, bytes]:
    """The fingerprints of activities, by the record that keeps them, for :meth:`.restore`.

    Args:
        states: the states of the people.
        came: the person, the id and the content of each activity.
    """
    owners: dict[str, str] = {}
    contacts: dict[str, str] = {}
    seen: dict[str, bytes] = {}
    for name, activity, content in came:
        if not owners:
            for state in states:
                names = [record["id"] for record in (state, *state.get("folded", ()))]
                owners.update(dict.fromkeys(names, state["id"]))
                contacts.update(dict.fromkeys(state.get("aliases", ()), state["id"]))
        if content is None:
            continue
        if name in owners:
            mark, keeper = identity(activity) + content, name
        elif name in contacts:
            mark, keeper = identity(activity, name) + content, contacts[name]
        else:
            continue
        seen[keeper] = seen.get(keeper, b"") + mark
    return seen


def _person(
    name: str,
    survivor: str | None = None,
    stage: str | None = None,
    due_at: Any = None,
    parked: bool = False,
    state: str | None = None,
) -> Plain:
    return {
        "name": name,
        "survivor": survivor,
        "stage": stage,
        "due_at": due_at,
        "parked": parked,
        "state": state,
    }


def _stopped(stopped: _Stopped) -> Plain:
    status = "held" if stopped.error is None else "parked"
    return _activity(stopped.activity, status, waits_for=stopped.waits_for, error=stopped.error)


def _activity(
    activity: Activity,
    status: str,
    *,
    content: bytes | None = None,
    waits_for: str | None = None,
    error: str | None = None,
) -> Plain:
    return {
        "person": activity.person,
        "id": activity.id,
        "content": content,
        "status": status,
        "waits_for": waits_for,
        "error": error,
        "activity": encode(activity.dump()),
    }
