"""Which activities a person has had: an id twice changes nothing [S19]."""

from __future__ import annotations

from lifecycle_fsm.person import Person

#: Most people have few activities: up to so many stand in twelve bytes each on the person; the
#: rest of a busy one in a dictionary, which a search does not slow down.
_FEW = 64
_EACH = 12


class Memory:
    """The fingerprints of all activities that were applied, by person."""

    def __init__(self) -> None:
        self._more: dict[str, dict[bytes, bytes]] = {}

    def content(self, person: Person, identity: bytes) -> bytes | None:
        """The content that came with this identity before, if any did."""
        seen = person._seen
        at = seen.find(identity)
        while at >= 0 and at % _EACH:
            at = seen.find(identity, at + 1)
        if at >= 0:
            return seen[at + 8 : at + _EACH]
        more = self._more.get(person.id) if len(seen) >= _FEW * _EACH else None
        return more.get(identity) if more else None

    def keep(self, person: Person, mark: tuple[bytes, bytes]) -> None:
        """Remember that the activity was applied."""
        if len(person._seen) < _FEW * _EACH:
            person._seen += mark[0] + mark[1]
        else:
            self._more.setdefault(person.id, {})[mark[0]] = mark[1]
