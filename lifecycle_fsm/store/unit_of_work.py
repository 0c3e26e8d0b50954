"""What one transaction does: lock everybody whom it may touch, let things happen to them, and save
what has changed.

Whoever is mentioned has a row, also before anybody has created them, so that two creations, or a
creation and an activity that has to wait for it, meet there. Rows are locked in the order of their
ids, so that no two transactions wait for each other.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias, TypeVar

import attrs

from lifecycle_fsm.activities import FINGERPRINT, IDENTITY, Activity, identity, other_record
from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.history import DeadlineFact, HistoryRow
from lifecycle_fsm.lifecycle import Lifecycle
from lifecycle_fsm.machine import Decision
from lifecycle_fsm.model import Model
from lifecycle_fsm.orchestrator import Engine, Parked
from lifecycle_fsm.requests import Request
from lifecycle_fsm.store.database import Database, Session
from lifecycle_fsm.store.people_cache import PeopleCache, RecordedLifecycle
from lifecycle_fsm.store.snapshot import names_of
from lifecycle_fsm.store.tables import decode, encode, plain

T = TypeVar("T")
Plain: TypeAlias = dict[str, Any]
#: What tells an activity from all others: whose it is, and its id.
Key: TypeAlias = tuple[str, str]
_ROW = tuple(attribute.name for attribute in attrs.fields(HistoryRow))
_FACT = tuple(attribute.name for attribute in attrs.fields(DeadlineFact))
#: What the engine says of a request, as the outbox has it.
_STATUS = {"sent": "waiting", "released": "waiting", "held": "held", "superseded": "superseded"}


class MorePeople(Exception):
    """A transaction has to lock more people than it has: begin again with these names, too, some of
    which may be ``new`` and have no row yet."""

    def __init__(self, names: Iterable[str], *, new: bool = False) -> None:
        super().__init__()
        self.names = frozenset(names)
        self.new = new


class _Stopped(NamedTuple):
    """An activity that has not been applied: it waits for somebody, or an error keeps it."""

    activity: Activity
    waits_for: str | None
    error: str | None


class UnitOfWork:
    """One transaction on the people of a store; lock them first, then :meth:`run`."""

    def __init__(
        self,
        engine: Engine,
        database: Database,
        session: Session,
        cache: PeopleCache | None = None,
    ) -> None:
        self._engine = engine
        self._cache = cache
        self._recorded: RecordedLifecycle | None = None
        self._from_cache = False  # whether the Lifecycle was in the cache
        self._names: tuple[str, ...] = ()  # of the person who is known or was saved last
        self._stops = False  # whether something waits or was parked in the end
        self._sql = database.sql
        self._session = session
        self._time = database.time
        self._shared = database.postgresql
        self._texts: dict[str, str] = {}  # of the states, as they are in the database
        self._states: dict[str, Plain] = {}
        self._known: list[tuple[Any, ...]] = []
        self._stopped: dict[Key, _Stopped] = {}

    # ------------------------------------------------------------------ locking

    def lock(self, activities: Collection[Activity] = (), names: Iterable[str] = ()) -> None:
        """Lock everybody whom some activities, or some other work, may touch.

        Args:
            activities: what will be applied.
            names: records or contacts whom the work is about, besides those of the activities.

        Raises:
            MorePeople: these had to be locked as well, in their order.
        """
        names = {*names}
        if len(activities) == 1 and not names and self._lock_cached(*activities):
            return None
        while True:
            try:
                return self._lock_all(activities, names)
            except MorePeople as more:
                if self._shared:
                    raise
                names |= more.names  # SQLite has one writer: there is no order to be kept

    def _lock_cached(self, activity: Activity) -> bool:
        """Lock the person of an activity that is about nobody else, as nearly all are.

        The row of the survivor is enough: whoever comes by another record has to lock it, too.

        Returns:
            whether that was all, with the person taken from the cache.
        """
        if self._cache is None or other_record(activity) is not None:
            return False
        names = self._cache.names(activity.person)
        rows, known = self._session.ask(
            (self._sql.lock_person, {"name": names[0]}),
            (self._sql.known_activity, {"name": names[0], "id": activity.id})
            if len(names) == 1
            else (self._sql.known, self._sql.pairs([(name, activity.id) for name in names])),
        )
        if rows and not known and (text := rows[0][2]):
            self._recorded = self._cache.take(names, text)
            if self._recorded is not None:
                self._from_cache = True
                self._names = names
                self._texts[names[0]] = text
                return True
        if rows and self._shared and names != (activity.person,):
            raise MorePeople(names)  # it has locked one of them before others
        return False

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
        """Lock the first people for whom something is due by then, but those who are locked.

        They alone are enough: time changes nobody else.

        Returns:
            how many they are, at most ``limit``.
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
        """Find whom the names lead to: by merges, contacts, and activities that wait.

        Here, where somebody may be created, it is time to see whether people have been migrated
        since the store was opened; of people who are there, the states say so.
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

    def restored(
        self,
        history: Iterable[HistoryRow] = (),
        deadlines: Iterable[DeadlineFact] | None = None,
        record: Callable[[Decision], None] | None = None,
        log: Callable[[Activity], None] | None = None,
    ) -> Lifecycle:
        """A Lifecycle with everybody who is locked."""
        lifecycle = Lifecycle(self._engine, record=record, log=log)
        self._restore(lifecycle, history, deadlines)
        return lifecycle

    def _restore(
        self,
        lifecycle: Lifecycle,
        history: Iterable[HistoryRow] = (),
        deadlines: Iterable[DeadlineFact] | None = None,
    ) -> None:
        seen = seen_by(self._states.values(), (row[:3] for row in self._known))
        for state in self._states.values():
            lifecycle.restore(state, history=history, deadlines=deadlines, seen=seen)
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
        """Do the work on everybody who is locked, and save what comes of it.

        Args:
            work: what happens to them.
            expected: whose log itself tells when original processing ended [S14].
            keep_decisions: whether the decisions are saved, too.
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

    def cache_person(self) -> None:
        """Cache the person for the next activity, now that the transaction is committed."""
        recorded = self._recorded
        if self._cache is None or recorded is None or self._stops or len(recorded.lifecycle) != 1:
            return
        if self._names:
            self._cache.put(self._names, self._texts[self._names[0]], recorded)

    def lock_after(self, name: str, limit: int) -> str:
        """Read the people behind a name in the order of ids; the caller has locked them all.

        Returns:
            the name of the last of them, or nothing if there are no more.
        """
        (rows,) = self._session.ask((self._sql.after, {"name": name, "limit": limit}))
        self._read(rows)
        return rows[-1][0] if rows else ""

    def migrate(self, stages: Mapping[str, str], at: datetime) -> None:
        """Bring everybody over from another version of the model [S28]. What they ask for by it
        waits in the outbox until somebody releases it."""
        decisions: list[Decision] = []
        log: list[Activity] = []
        lifecycle = Lifecycle(self._engine, record=decisions.append, log=log.append)
        for state in self._states.values():
            lifecycle.migrate(state, stages, at=at)
        self._save(lifecycle, log)
        asked = [
            self._request(request) | {"status": "held" if request.goes_out else request.state}
            for made in decisions
            for request in made.requests
        ]
        self._session.write(self._sql.save_request, asked)

    # ------------------------------------------------------------------ saving

    def add(self, lifecycle: Lifecycle, log: Iterable[Activity]) -> None:
        """Save everybody of a Lifecycle, with all of their history, whose records are locked and
        have none in the store; ``log`` are the activities that the store does not have yet."""
        self._save(lifecycle, [*log])

    def _save(
        self, lifecycle: Lifecycle, log: list[Activity], known: Collection[DeadlineFact] = ()
    ) -> None:
        """Write what has changed, but for facts of deadlines that are known."""
        held, parked = lifecycle.held, lifecycle.parked
        self._stops = bool(held or parked)
        self._save_people(lifecycle, parked)
        self._save_activities(lifecycle, log, held, parked)
        rows = [self._row(row, _ROW) for row in lifecycle.history]
        self._session.write(self._sql.add_history, rows)
        # By identity, because a fact never changes, and to compare two of them takes long.
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
            people.append(_person(person.id, None, person.stage, due_at, "parked" in state, text))
            if not self._from_cache:  # else no record or contact is new
                people += self._new_records(person.id, state)
        if parked:
            people += [_person(name, parked=True) for name in parked if name not in lifecycle]
        self._session.write(self._sql.save_person, people)

    def _new_records(self, survivor: str, state: Plain) -> list[Plain]:
        """The rows of records that were merged into a person; contacts are saved at once. Only
        what is new, because a tick has not locked the rows of the others."""
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
        """Those that were applied, in that order, and those that are stopped now or no more."""
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
        if log:
            contents = _contents(lifecycle)
            rows += [_applied(activity, contents) for activity in log]
        self._session.write(self._sql.add_activity, rows)

    def _row(self, record: Any, names: Iterable[str]) -> Plain:
        """The values of a history row or of a fact about a deadline."""
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
    """Do some work in one transaction, with everybody locked whom it may touch.

    Args:
        engine: the model.
        database: where the people are.
        work: what is done to them.
        activities: what it is going to apply; they say whom it is about.
        names: further records or contacts whom it is about.
        cache: the people whom the process has in memory.
    """
    names = {*names}

    units: list[UnitOfWork] = []

    def locked(session: Session) -> T:
        unit = UnitOfWork(engine, database, session, cache)
        units.append(unit)
        unit.lock(activities, names)
        return work(unit)

    while True:
        try:
            result = database.run(locked)
            units[-1].cache_person()
            return result
        except MorePeople as more:
            names |= more.names
            if more.new:
                mention(database, more.names)


def mention(database: Database, names: Iterable[str]) -> None:
    """Let there be rows of these names, to be locked."""
    rows = [{"id": name} for name in sorted(names)]
    database.run(lambda session: session.write(database.sql.mention, rows))


def check_version(version: str, model: Model) -> None:
    """See that people follow this version of the model [S28].

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
        states: those of the people.
        came: of each activity the person, the id and the content.
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


def _contents(lifecycle: Lifecycle) -> Mapping[Any, bytes]:
    """What each activity brought, by the record that keeps its fingerprint and the identity in it,
    and for those that came by another name by the identity alone."""
    contents: dict[Any, bytes] = {}
    for person in lifecycle:
        for record, marks in lifecycle.seen(person.id).items():
            for at in range(0, len(marks), FINGERPRINT):
                mark = marks[at : at + IDENTITY]
                contents[record, mark] = contents[mark] = marks[at + IDENTITY : at + FINGERPRINT]
    return contents


def _applied(activity: Activity, contents: Mapping[Any, bytes]) -> Plain:
    # A record keeps its own; what came to it later is kept by whoever was the survivor then.
    own = contents.get((activity.person, identity(activity.id)))
    content = own or contents.get(identity(activity.id, activity.person))
    return _activity(activity, "applied", content=content)


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
