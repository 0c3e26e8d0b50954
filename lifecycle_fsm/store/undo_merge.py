"""Undo a merge, so that both people are as they would be without it [S23]."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial

import attrs
from sqlalchemy import Connection, delete, select, update

from lifecycle_fsm.activities import SETTLED, TIME_PASSED, Activity, other_record
from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.fields import instant
from lifecycle_fsm.lifecycle import Lifecycle
from lifecycle_fsm.machine import Decision
from lifecycle_fsm.requests import Request
from lifecycle_fsm.store.closures import State, locked_person, write_anew
from lifecycle_fsm.store.rebuild import replay
from lifecycle_fsm.store.snapshot import Snapshot, names_of, records_of
from lifecycle_fsm.store.store import Store
from lifecycle_fsm.store.tables import ACTIVITY, REQUEST

#: The status of a merge that was undone: it is no longer part of the log, but if it comes again it
#: is still a duplicate.
UNDONE = "undone"


@attrs.frozen
class UndoReport:
    """The result of undoing a merge.

    Args:
        activities: the ids of the activities that had merged the two records and are now undone.
        people: the people who replace the one person: the stage of each, by id.
        still_merged_by: if the two are still one person, the ids of the other activities that
            merge these records: undo some of them as well.
        taken_back: the ids of requests that will not be sent, because without the merge they would
            not exist.
        held: the ids of requests that wait for the CRM's record again.
        not_asked: the ids of requests that would have been sent without the merge but never were,
            because a replay sends nothing [S28].
    """

    activities: tuple[str, ...]
    people: Mapping[str, str]
    still_merged_by: tuple[str, ...]
    taken_back: tuple[str, ...]
    held: tuple[str, ...]
    not_asked: tuple[str, ...]


def undo_merge(store: Store, survivor: str, loser: str, at: datetime | str) -> UndoReport:
    """Undo the merge of two records, including one by a conversion into an existing contact.

    The log of all their records is replayed without the merge, so fields, stages, journeys and
    history are as if it had never come. Activities since then belong to the record whose id they
    have.

    Args:
        store: the store.
        survivor: the person id in the merge or conversion activity.
        loser: the id of the record that was merged, or of the contact.
        at: now; everything due by then happens to both people.

    Raises:
        UnknownPerson: no person with one of these ids has been created.
        LifecycleError: the records were not merged, or their state does not follow from the log.
    """
    work = partial(_undo, store, survivor, loser, instant(at))
    return locked_person(store.database, survivor, work)


def _undo(
    store: Store, survivor: str, loser: str, at: datetime, connection: Connection
) -> UndoReport:
    moment = Snapshot(connection)
    before = moment.known_state(survivor)
    log = moment.placed_log(names_of(before))
    merges = {
        place: activity
        for place, activity in log
        if activity.person == survivor and other_record(activity) == loser
    }
    records = records_of(before)
    if not merges or loser not in records:
        raise LifecycleError(
            f"no activity of {survivor!r} has merged {loser!r} into it: give both ids as in the "
            "activity 'merged' or 'converted'"
        )
    first = min(merges)
    left = [
        activity
        for place, activity in log
        if place not in merges and (place < first or not _brought_by_time(activity))
    ]
    new_log: list[Activity] = []
    decisions: list[Decision] = []
    lifecycle = Lifecycle(store.engine, log=new_log.append, record=decisions.append)
    if reason := replay(lifecycle, left, before):
        raise LifecycleError(f"the merge of {survivor!r} and {loser!r} cannot be undone: {reason}")
    joined = lifecycle.person(survivor) is lifecycle.person(loser)
    still = [activity.id for activity in left if joined and other_record(activity) in records]
    lifecycle.tick(at)
    _take_back(connection, names_of(before), [*merges])
    kept = {(activity.person, activity.id) for place, activity in log if place < first}
    came = (activity for activity in new_log if (activity.person, activity.id) not in kept)
    write_anew(store, connection, before, lifecycle, came)
    requests = {request.id: request for made in decisions for request in made.requests}
    taken_back, held, not_asked = _settle_requests(connection, before, requests)
    return UndoReport(
        tuple(sorted(activity.id for activity in merges.values())),
        {person.id: person.stage for person in lifecycle},
        tuple(still),
        taken_back,
        held,
        not_asked,
    )


def _brought_by_time(activity: Activity) -> bool:
    """Whether a replay works the activity out itself."""
    return activity.kind == TIME_PASSED or activity.id == SETTLED


def _take_back(connection: Connection, names: Sequence[str], merges: Sequence[int]) -> None:
    """Mark a merge as undone and delete the applied activities after it. These are written again as
    replayed without the merge; the merge and the activities before it keep their places."""
    marked = update(ACTIVITY).where(ACTIVITY.c.place.in_(merges)).values(status=UNDONE)
    connection.execute(marked)
    behind = ACTIVITY.c.person.in_(names) & (ACTIVITY.c.place > merges[0])
    connection.execute(delete(ACTIVITY).where(behind, ACTIVITY.c.status == "applied"))


def _settle_requests(
    connection: Connection, before: State, requests: Mapping[str, Request]
) -> tuple[tuple[str, ...], ...]:
    """Update the undelivered requests in the outbox according to the replay; send nothing new."""
    rows = connection.execute(
        select(REQUEST.c.id, REQUEST.c.status).where(REQUEST.c.person.in_(names_of(before)))
    )
    known: dict[str, str] = {row.id: row.status for row in rows}
    asked = {name for name, request in requests.items() if request.state != "superseded"}
    waits = {name for name in asked if requests[name].state == "held"}
    taken_back = {name for name in known if known[name] in ("held", "waiting")} - asked
    held = {name for name in waits if known.get(name) == "superseded"}
    for status, names in (("superseded", taken_back), ("held", held)):
        changed = update(REQUEST).where(REQUEST.c.id.in_(sorted(names))).values(status=status)
        connection.execute(changed)
    not_asked = {name for name in asked - waits if known.get(name) in (None, "superseded")}
    return tuple(sorted(taken_back)), tuple(sorted(held)), tuple(sorted(not_asked))
