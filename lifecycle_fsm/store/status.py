"""The status of a store: a few numbers, computed from indexes."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Any

import attrs
from sqlalchemy import Text, and_, func, literal_column, select

from lifecycle_fsm.fields import instant, utc_text
from lifecycle_fsm.store.snapshot import Snapshot
from lifecycle_fsm.store.store import Store
from lifecycle_fsm.store.tables import ACTIVITY, PERSON, PROCESSING, REQUEST, UtcTime


@attrs.frozen
class StoreStatus:
    """The numbers of a store at an instant.

    Args:
        model: the name of the model.
        version: its version.
        at: the instant.
        people: how many people are in each stage, in the order of the model; if the store has no
            text of the model, by stage name and without empty stages.
        due: for how many people something is due; 0 if ticks keep up.
        oldest_due: the earliest time at which something is due.
        held: how many activities wait for a person who has not been created [S19].
        parked: how many people have something that an error has parked [S11].
        requests: how many requests in the outbox have each status.
        oldest_waiting: the time of the oldest request that waits for delivery.
        processing: how many people are in the middle of original processing [S13].
        stopped: how many people have a step that failed for good, so they stay in processing until
            a retry is requested; if the sort failed, they may count as ``parked`` instead.
        activities: how many activities were kept, whatever their result.
    """

    model: str
    version: str
    at: datetime
    people: Mapping[str, int]
    due: int
    oldest_due: datetime | None
    held: int
    parked: int
    requests: Mapping[str, int]
    oldest_waiting: datetime | None
    processing: int
    stopped: int
    activities: int

    @property
    def lag(self) -> timedelta:
        """How long the oldest due event has waited."""
        return self.at - self.oldest_due if self.oldest_due else timedelta()

    @property
    def needs_somebody(self) -> bool:
        """Whether something has stopped that needs an operator to continue."""
        return bool(self.parked or self.stopped or self.requests.get("dead"))

    def to_dict(self) -> dict[str, Any]:
        """The status as plain data that JSON can write: times in ISO 8601, the lag in seconds."""
        values = attrs.asdict(self) | {
            "lag_seconds": self.lag.total_seconds(),
            "needs_somebody": self.needs_somebody,
        }
        return {
            name: utc_text(value) if isinstance(value, datetime) else value
            for name, value in values.items()
        }


def status(store: Store | Snapshot, at: datetime | str) -> StoreStatus:
    """The status of the store at an instant, which is normally now.

    Raises:
        StoreError: the store cannot be read, or has no model yet.
    """
    now = instant(at)
    person, request = PERSON.c, REQUEST.c
    staged = select(person.stage, func.count()).where(person.stage.is_not(None))
    due = select(func.count(), func.min(person.due_at, type_=UtcTime)).where(person.due_at <= now)
    # A partial index is used only if its condition is a literal, not a parameter.
    applied = literal_column("'applied'", Text)
    held = select(func.count()).where(ACTIVITY.c.status != applied, ACTIVITY.c.status == "held")
    waiting = select(request.at).where(request.status == literal_column("'waiting'", Text))
    gave_up = and_(PROCESSING.c.error.is_not(None), PROCESSING.c.next_try_at.is_(None))
    stopped = select(func.count()).select_from(
        PROCESSING.join(PERSON, person.id == PROCESSING.c.person)
    )
    with ExitStack() as exits:
        if isinstance(store, Snapshot):
            moment, model = store, store.model()
        else:
            moment = Snapshot(exits.enter_context(store.database.reading()))
            model = store.engine.model
        connection = moment.connection
        name, version = moment.version()
        counted = connection.execute(staged.group_by(person.stage).order_by(person.stage))
        people: dict[str, int] = {row[0]: row[1] for row in counted}
        if model is not None:
            people = {stage.name: people.get(stage.name, 0) for stage in model.stages}
        due_now, oldest_due = connection.execute(due).one()
        by_status = select(request.status, func.count()).group_by(request.status)
        counted = connection.execute(by_status.order_by(request.status))
        requests: dict[str, int] = {row[0]: row[1] for row in counted}
        oldest = connection.scalar(waiting.order_by(request.place).limit(1))
        held_now, parked, processing, stopped_now, activities = (
            connection.execute(query).scalar_one()
            for query in (
                held,
                select(func.count()).where(person.parked),
                select(func.count()).select_from(PROCESSING).where(~gave_up),
                stopped.where(gave_up, ~person.parked),
                select(func.count()).select_from(ACTIVITY),
            )
        )
    return StoreStatus(
        model=name,
        version=version,
        at=now,
        people=people,
        due=due_now,
        oldest_due=oldest_due,
        held=held_now,
        parked=parked,
        requests=requests,
        oldest_waiting=oldest,
        processing=processing,
        stopped=stopped_now,
        activities=activities,
    )
