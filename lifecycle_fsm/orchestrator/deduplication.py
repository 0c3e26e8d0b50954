"""Which activities a person has had: an id twice changes nothing [S19]."""

from __future__ import annotations

from lifecycle_fsm.activities import IDENTITY
from lifecycle_fsm.person import Person


class SeenActivities:
    """The fingerprints of all activities that were applied, by person: a person keeps the latest
    dozens, and what a busy person had before stands here."""

    def __init__(self) -> None:
        self._earlier: dict[str, dict[bytes, bytes]] = {}

    def find(self, person: Person, identity: bytes) -> bytes | None:
        """The content of the activity that the person keeps under this identity, if any."""
        content = person.recall_activity(identity)
        if content is None and person.id in self._earlier:
            return self._earlier[person.id].get(identity)
        return content

    def keep(self, person: Person, fingerprint: bytes) -> None:
        """Remember an activity, as part of the work that applies it: where that is undone, the
        person is put back, and this with it."""
        displaced = person.remember_activity(fingerprint)
        if displaced is not None:
            earlier = self._earlier.setdefault(person.id, {})
            earlier[displaced[:IDENTITY]] = displaced[IDENTITY:]
