"""Replays the log to check the people of a store, or to rewrite their history [S19]."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import partial
from operator import attrgetter
from typing import Literal, TypeAlias, TypeVar

import attrs
from sqlalchemy import Connection, select

from lifecycle_fsm.activities import Activity
from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.fields import instant
from lifecycle_fsm.history import DeadlineFact, HistoryRow
from lifecycle_fsm.lifecycle import Lifecycle
from lifecycle_fsm.model import Model
from lifecycle_fsm.store.closures import State, locked_person, write_anew
from lifecycle_fsm.store.snapshot import Snapshot, names_of, records_of
from lifecycle_fsm.store.store import Store
from lifecycle_fsm.store.tables import PERSON

Order: TypeAlias = Literal["arrival", "event"]
_Row = TypeVar("_Row", Activity, HistoryRow, DeadlineFact)
_PLACE = attrgetter("person", "sequence")
_DUE = attrgetter("person", "due_at", "rule", "entered_at")
#: How many people to compare at a time.
_SOME = 200
#: Keys that are not compared; ``due`` also depends on instants that passed without any effect.
_BESIDE = ("due", "parked", "skipped")


@attrs.frozen
class ChangedPerson:
    """A person that a rebuild would change.

    Args:
        person: the person's id.
        stored: the first row that would change, as stored; ``None`` if a row would be added.
        replayed: the same row according to the log; ``None`` if it would be removed.
        before: the stage in the store.
        after: the stage according to the log.
        backwards: whether the last path stage entered would have a lower rank.
    """

    person: str
    stored: HistoryRow | None
    replayed: HistoryRow | None
    before: str
    after: str
    backwards: bool


@attrs.frozen
class NotCompared:
    """A person whose current state does not follow from the log, and the reason."""

    person: str
    reason: str


@attrs.frozen
class RebuildReport:
    """What a rebuild would change, or has changed.

    Args:
        order: the order in which the log was replayed.
        people: how many people were compared.
        changed: the people that it changes.
        not_compared: the people who were left unchanged because they cannot be compared.
        applied: whether a new revision of the history was written.
    """

    order: Order
    people: int
    changed: tuple[ChangedPerson, ...]
    not_compared: tuple[NotCompared, ...]
    applied: bool

    @property
    def backwards(self) -> tuple[str, ...]:
        """The ids of the people who move to a lower path stage [S19]."""
        return tuple(difference.person for difference in self.changed if difference.backwards)


def rebuild(
    store: Store,
    order: Order = "arrival",
    *,
    persons: Iterable[str] | None = None,
    until: datetime | str | None = None,
    apply: bool = False,
) -> RebuildReport:
    """Compare the people of a store with the result of replaying its log [S19].

    Memory holds one batch of people, and those who differ.

    Args:
        store: the store.
        order: ``arrival`` gives the original history, so any difference is damage or the work of
            another release; ``event`` gives the history as if no activity had come late.
        persons: the ids of records or contacts of the people to compare; by default all people.
        until: when time stops after a replay by event; by default at the latest activity of each
            person.
        apply: rewrite the history, the deadlines and the state of the people who change, each
            person in one transaction. Requests are neither sent nor taken back [S28].

    Raises:
        UnknownPerson: no person with one of these ids has been created.
        LifecycleError: ``apply`` with ``event``, because the log would not replay to that history.
    """
    if order not in ("arrival", "event"):
        raise LifecycleError(f"no order named {order!r}: use 'arrival' or 'event'")
    if apply and order == "event":
        raise LifecycleError(
            "a rebuild in the order of event only compares: the log, which was recorded in the "
            "order of arrival, would not replay to its result. Apply a rebuild by 'arrival'"
        )
    changed: list[ChangedPerson] = []
    left: list[NotCompared] = []
    people = 0
    end = None if until is None else instant(until)
    for compared in _compare_all(store, order, end, persons):
        result = compared
        if apply and isinstance(compared, ChangedPerson):
            name = compared.person
            result = locked_person(store.database, name, partial(_rewrite, store, name))
        match result:
            case ChangedPerson():
                changed.append(result)
            case NotCompared():
                left.append(result)
        people += not isinstance(result, NotCompared)
    return RebuildReport(order, people, tuple(changed), tuple(left), apply)


def _compare_all(
    store: Store, order: Order, until: datetime | None, persons: Iterable[str] | None
) -> Iterator[ChangedPerson | NotCompared | None]:
    """Compare people in the order of their ids, and yield each result as soon as it is known;
    ``None`` for a person who agrees with the log."""
    some = select(PERSON.c.state).where(PERSON.c.state.is_not(None))
    some = some.order_by(PERSON.c.id).limit(_SOME)
    if persons is not None:
        with store.database.reading() as connection:
            known = map(Snapshot(connection).known_state, persons)
            some = some.where(PERSON.c.id.in_([state["id"] for state in known]))
    after = ""
    while True:
        with store.database.reading() as connection:
            states = [*connection.scalars(some.where(PERSON.c.id > after))]
            results = [result for _, result in _compare(store, connection, states, order, until)]
        if not states:
            return
        yield from results
        after = states[-1]["id"]


def _compare(
    store: Store,
    connection: Connection,
    states: Iterable[State],
    order: Order = "arrival",
    until: datetime | None = None,
) -> Iterator[tuple[Lifecycle, ChangedPerson | NotCompared | None]]:
    """The replayed Lifecycle of each person, and how the stored person differs from it."""
    owners = {name: state["id"] for state in states for name in names_of(state)}
    moment, model = Snapshot(connection), store.engine.model
    logs = _by_owner(moment.log(owners), owners)
    rows = _by_owner(moment.history(model.field_types, owners), owners)
    facts = _by_owner(moment.deadlines(owners), owners)
    for state in states:
        name, replayed = state["id"], Lifecycle(store.engine)
        if reason := replay(replayed, logs[name], state, order, until):
            yield replayed, NotCompared(name, reason)
        else:
            yield replayed, _difference(model, state, rows[name], facts[name], replayed, order)


def _by_owner(rows: Iterable[_Row], owners: Mapping[str, str]) -> Mapping[str, list[_Row]]:
    grouped: dict[str, list[_Row]] = {owner: [] for owner in owners.values()}
    for row in rows:
        grouped[owners[row.person]].append(row)
    return grouped


def replay(
    lifecycle: Lifecycle,
    log: list[Activity],
    state: State,
    order: Order = "arrival",
    until: datetime | None = None,
) -> str:
    """Replay the log of one person.

    Args:
        lifecycle: an empty Lifecycle.
        log: the activities of all records of the person.
        state: the stored state.
        order: the order of the replay.
        until: when time stops after a replay by event.

    Returns:
        why the person's state does not follow from the log, or an empty text.
    """
    version = lifecycle.machine.version
    others = {activity.version for activity in log} - {None, version}
    if others:
        return (
            f"part of the log is from version {', '.join(sorted(map(str, others)))} of the model, "
            f"and this is {version}: only the log of one version can be replayed [S28]"
        )
    if "parked" in state:
        return "something is parked by an error: retry it first"
    lifecycle.expect_processed(_expected(state, lifecycle.model))
    lifecycle.replay(log, order)
    if order == "event" and log:
        lifecycle.tick(until or max(activity.at for activity in log))
    for lot in lifecycle.parked.values():
        return f"the replay fails: {lot[0].error}"
    lacking = {*lifecycle.held, *(name for name in records_of(state) if name not in lifecycle)}
    if lacking:
        names = ", ".join(map(repr, sorted(lacking)))
        return f"the log lacks the creation of {names}"
    return ""


def _expected(state: State, model: Model) -> list[str]:
    """The records that still wait for the end of original processing [S14]."""
    records = [state, *state.get("folded", ())]
    waits = [record for record in records if record["stage"] == model.initial.name]
    return [record["id"] for record in waits if "settles_at" not in record]


def _difference(
    model: Model,
    state: State,
    rows: Iterable[HistoryRow],
    facts: Iterable[DeadlineFact],
    replayed: Lifecycle,
    order: Order,
) -> ChangedPerson | None:
    """How a person differs, if at all. By event, only the history is compared, because a state
    also depends on which activity came last."""
    stored, made = ({_PLACE(row): row for row in some} for some in (rows, replayed.history))
    places = sorted(stored.keys() | made.keys())
    pairs = ((stored.get(place), made.get(place)) for place in places)
    first, second = next((pair for pair in pairs if pair[0] != pair[1]), (None, None))
    after = replayed.dump(state["id"])
    same = first is second is None
    if same and order == "arrival":
        same = _essence(after) == _essence(state) and (
            sorted(facts, key=_DUE) == sorted(replayed.deadlines, key=_DUE)
        )
    if same:
        return None
    backwards = _latest_rank(model, made.values()) < _latest_rank(model, stored.values())
    return ChangedPerson(state["id"], first, second, state["stage"], after["stage"], backwards)


def _essence(state: State) -> State:
    essence = {key: value for key, value in state.items() if key not in _BESIDE}
    if "folded" in essence:
        essence["folded"] = [_essence(record) for record in essence["folded"]]
    return essence


def _latest_rank(model: Model, rows: Iterable[HistoryRow]) -> int:
    """The rank of the last path stage entered."""
    entered = sorted(rows, key=attrgetter("now", "person", "sequence"))
    ranks = [model.ranks[row.to_stage] for row in entered if row.to_stage in model.ranks]
    return ranks[-1] if ranks else 0


def _rewrite(store: Store, name: str, connection: Connection) -> ChangedPerson | NotCompared | None:
    """Compare a person again, now locked, and rewrite it according to the log."""
    state = Snapshot(connection).state(name)
    if state is None or state["id"] != name:
        return None  # forgotten or merged in the meantime
    ((replayed, result),) = _compare(store, connection, [state])
    if isinstance(result, ChangedPerson):
        write_anew(store, connection, state, replayed)
    return result
