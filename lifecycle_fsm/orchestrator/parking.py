"""What an error keeps from happening, kept to be tried again [S11][S13]."""

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
    """An activity, or without one the processing of a person or what was ``due`` by time, which
    an error has kept from happening. Nothing of it has changed the person.

    ``error`` says in one line what happened; ``exception`` is what was raised, with its cause and
    its traceback.
    """

    person: str
    activity: Activity | None
    error: str
    due: datetime | None = None
    exception: BaseException | None = attrs.field(default=None, eq=False, repr=False)

    def dump(self) -> dict[str, Any]:
        """It as plain data, without the exception."""
        activity = self.activity
        return {
            "person": self.person,
            "error": self.error,
            "due": self.due and self.due.isoformat(),
            "activity": activity and activity.dump(),
        }

    @classmethod
    def load(cls, state: Mapping[str, Any]) -> Parked:
        """What :meth:`dump` gave.

        Raises:
            RecordError: it is something else.
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
        """Park it, with the latest error where it is parked already."""
        what = "time" if parked.activity is None else parked.activity.id
        _log.debug(
            "parked %s of %r: %s", what, parked.person, parked.error, exc_info=parked.exception
        )
        self.remove(parked.person, parked.activity)
        self.by_person.setdefault(parked.person, []).append(parked)

    def remove(self, person: str, activity: Activity | None) -> None:
        """Take out what has now happened: an activity, or without one the person's processing."""
        if person not in self.by_person:
            return
        key = _key(activity)
        left = [parked for parked in self.by_person.pop(person) if _key(parked.activity) != key]
        if left:
            self.by_person[person] = left

    def find(self, persons: Iterable[str], activity: Activity) -> Activity | None:
        """What is parked of the same record under the id of an activity, of one of some people."""
        lots = (self.by_person.get(person, ()) for person in persons)
        parked = (parked.activity for lot in lots for parked in lot)
        return next((each for each in parked if each and _key(each) == _key(activity)), None)

    @property
    def parked(self) -> list[Parked]:
        """Everything, in the order in which people were first parked."""
        return [parked for lot in self.by_person.values() for parked in lot]


def _key(activity: Activity | None) -> tuple[str, str] | None:
    # The records of a person may each have an activity of the same id [S19][S23].
    return None if activity is None else (activity.person, activity.id)


def error_text(error: BaseException) -> str:
    """The error in one line, with its kind."""
    return f"{type(error).__name__}: {error}"
