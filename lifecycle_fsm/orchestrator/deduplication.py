"""Which activities a person has had: an id twice changes nothing [S19]."""

from __future__ import annotations

from lifecycle_fsm.activities import FINGERPRINT, IDENTITY
from lifecycle_fsm.person import Person


class SeenActivities:
    """The fingerprints of all activities that were applied, by person: a person keeps the latest
    dozens, and what a busy person had before stands here."""

    def __init__(self) -> None:
        self._earlier: dict[str, dict[bytes, bytes]] = {}

    def find(self, person: Person, identity: bytes) -> bytes | None:
        """The content of the activity that the person keeps under this identity, if any."""
        seen = person.fingerprints
        at = seen.find(identity)
        while at >= 0 and at % FINGERPRINT:
            at = seen.find(identity, at + 1)
        if at >= 0:
            return seen[at + IDENTITY : at + FINGERPRINT]
        earlier = self._earlier.get(person.id)
        return None if earlier is None else earlier.get(identity)

    def all_of(self, person: Person) -> bytes:
        """The fingerprints of all activities of a person, one after the other."""
        earlier = self._earlier.get(person.id, {})
        return b"".join([identity + content for identity, content in earlier.items()]) + (
            person.fingerprints
        )

    def restore(self, person: Person, fingerprints: bytes) -> None:
        """Keep what :meth:`all_of` gave, of a person who remembers nothing yet."""
        for at in range(0, len(fingerprints), FINGERPRINT):
            self.keep(person, fingerprints[at : at + FINGERPRINT])

    def keep(self, person: Person, fingerprint: bytes) -> None:
        """Remember an activity, as part of the work that applies it: where that is undone, the
        person is put back, and this with it."""
        displaced = person.remember_activity(fingerprint)
        if displaced is not None:
            earlier = self._earlier.setdefault(person.id, {})
            earlier[displaced[:IDENTITY]] = displaced[IDENTITY:]
