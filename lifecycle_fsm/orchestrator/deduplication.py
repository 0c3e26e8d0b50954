"""Remembers which activities a person has had: the same id twice changes nothing [S19]."""

from __future__ import annotations

from lifecycle_fsm.activities import FINGERPRINT, IDENTITY
from lifecycle_fsm.person import Person


class SeenActivities:
    """The fingerprints of all applied activities, by person: a person object keeps the latest few
    dozen, and this object keeps the earlier ones."""

    def __init__(self) -> None:
        self._earlier: dict[str, dict[bytes, bytes]] = {}

    def find(self, person: Person, identity: bytes) -> bytes | None:
        """The content of the activity that the person has under this identity, if any."""
        seen = person.fingerprints
        at = seen.find(identity)
        while at >= 0 and at % FINGERPRINT:
            at = seen.find(identity, at + 1)
        if at >= 0:
            return seen[at + IDENTITY : at + FINGERPRINT]
        if not self._earlier:
            return None
        earlier = self._earlier.get(person.id)
        return None if earlier is None else earlier.get(identity)

    def all_of(self, person: Person) -> bytes:
        """The fingerprints of all activities of a person, concatenated."""
        earlier = self._earlier.get(person.id, {})
        return b"".join([identity + content for identity, content in earlier.items()]) + (
            person.fingerprints
        )

    def restore(self, person: Person, fingerprints: bytes) -> None:
        """Restore the result of :meth:`all_of`, for a person who has no fingerprints yet."""
        for at in range(0, len(fingerprints), FINGERPRINT):
            self.keep(person, fingerprints[at : at + FINGERPRINT])

    def keep(self, person: Person, fingerprint: bytes) -> None:
        """Remember an activity, as part of the work that applies it: rolling back the person also
        rolls back this."""
        displaced = person.remember_activity(fingerprint)
        if displaced is not None:
            earlier = self._earlier.setdefault(person.id, {})
            earlier[displaced[:IDENTITY]] = displaced[IDENTITY:]
