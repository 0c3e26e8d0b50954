"""Which activities a person has had: an id twice changes nothing [S19]."""

from __future__ import annotations

from lifecycle_fsm.person import Person

#: How many bytes of a fingerprint are the id.
ID = 8
#: Most people have few activities: up to so many stand in twelve bytes each on the person; the
#: rest of a busy one in a dictionary, which a search does not slow down.
_FEW = 64
_EACH = 12
_FULL = _FEW * _EACH


class Memory:
    """The fingerprints of all activities that were applied, by person."""

    def __init__(self) -> None:
        self._more: dict[str, dict[bytes, bytes]] = {}

    def find(self, person: Person, identity: bytes) -> bytes | None:
        """The content of the activity that the person keeps under this identity, if any."""
        seen = person._seen
        at = seen.find(identity)
        while at >= 0 and at % _EACH:
            at = seen.find(identity, at + 1)
        if at >= 0:
            return seen[at + ID : at + _EACH]
        if len(seen) < _FULL:
            return None
        return self._more.get(person.id, {}).get(identity)

    def keep(self, person: Person, mark: bytes) -> None:
        """Remember an activity, as part of the work that applies it: where that is undone, the
        person is put back, and this with it.

        Only the last of a busy person's activities may still be undone. So the one before it goes
        to the dictionary, and the last stays on the person.
        """
        seen = person._seen
        if len(seen) == _FULL:
            last = seen[-_EACH:]
            self._more.setdefault(person.id, {})[last[:ID]] = last[ID:]
            seen = seen[:-_EACH]
        person._seen = seen + mark
