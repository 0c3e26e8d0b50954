"""Keeps what an error has prevented, to be retried [S11][S13]."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import attrs

from lifecycle_fsm.activities import Activity
from lifecycle_fsm.errors import RecordError

_log = logging.getLogger(__name__)


@attrs.frozen
class Parked:
    """An activity that an error prevented; without an activity, the processing of a person or what
    was ``due`` by time. It has not changed the person.

    ``error`` says in one line what happened; ``exception`` is the exception raised, with its cause
    and traceback.
    """

    person: str
    activity: Activity | None
    error: str
    due: datetime | None = None
    exception: BaseException | None = attrs.field(default=None, eq=False, repr=False)

    def dump(self) -> dict[str, Any]:
        """The parked work as plain data, without the exception."""
        activity = self.activity
        return {
            "person": self.person,
            "error": self.error,
            "due": self.due and self.due.isoformat(),
            "activity": activity and activity.dump(),
        }

    @classmethod
    def load(cls, state: Mapping[str, Any]) -> Parked:
        """Load the data of :meth:`dump`.

        Raises:
            RecordError: the data is something else.
        """
        try:
            activity, due = state["activity"], state["due"]
            return cls(
                state["person"],
                activity and Activity.load(activity),
                state["error"],
                due and datetime.fromisoformat(due),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise RecordError(f"this is nothing that was parked: {error!r}") from None


class ParkingLot:
    """Everything that is parked, by person."""

    def __init__(self) -> None:
        self.by_person: dict[str, list[Parked]] = {}

    def keep(self, parked: Parked) -> None:
        """Park it, with the latest error if it is parked already."""
        what = "time" if parked.activity is None else parked.activity.id
        _log.debug(
            "parked %s of %r: %s", what, parked.person, parked.error, exc_info=parked.exception
        )
        self.remove(parked.person, parked.activity)
        self.by_person.setdefault(parked.person, []).append(parked)

    def remove(self, person: str, activity: Activity | None) -> None:
        """Remove what has now happened: an activity or, without one, the person's processing."""
        if person not in self.by_person:
            return
        key = _key(activity)
        left = [parked for parked in self.by_person.pop(person) if _key(parked.activity) != key]
        if left:
            self.by_person[person] = left

    def find(self, persons: Iterable[str], activity: Activity) -> Activity | None:
        """The activity with the same record and id that is parked for one of these people."""
        lots = (self.by_person.get(person, ()) for person in persons)
        parked = (parked.activity for lot in lots for parked in lot)
        return next((each for each in parked if each and _key(each) == _key(activity)), None)

    @property
    def parked(self) -> list[Parked]:
        """Everything, in the order in which people were first parked."""
        return [parked for lot in self.by_person.values() for parked in lot]


def _key(activity: Activity | None) -> tuple[str, str] | None:
    # Each record of a person may have an activity with the same id [S19][S23].
    return None if activity is None else (activity.person, activity.id)


def error_text(error: BaseException) -> str:
    """The error in one line, with its type."""
    return f"{type(error).__name__}: {error}"
