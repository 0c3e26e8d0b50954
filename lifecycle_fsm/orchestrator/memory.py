"""Which activities a person has had: an id twice changes nothing [S19]."""

from __future__ import annotations

from lifecycle_fsm.person import Person

#: Most people have few activities: up to so many stand in twelve bytes each on the person; the
#: rest of a busy one in a dictionary, which a search does not slow down.
_FEW = 64
_EACH = 12
_ID = 8


class Memory:
    """The fingerprints of all activities that were applied, by person."""

    def __init__(self) -> None:
        self._more: dict[str, dict[bytes, bytes]] = {}

    def same(self, person: Person, mark: bytes) -> bool | None:
        """Whether the activity of this id came before with the same content, or with other; nothing
        where none did."""
        seen = person._seen
        identity = mark[:_ID]
        at = seen.find(identity)
        while at >= 0 and at % _EACH:
            at = seen.find(identity, at + 1)
        if at >= 0:
            return seen[at : at + _EACH] == mark
        if len(seen) < _FEW * _EACH:
            return None
        content = self._more.get(person.id, {}).get(identity)
        return None if content is None else content == mark[_ID:]

    def keep(self, person: Person, mark: bytes) -> None:
        """Remember that the activity was applied."""
        if len(person._seen) < _FEW * _EACH:
            person._seen += mark
        else:
            self._more.setdefault(person.id, {})[mark[:_ID]] = mark[_ID:]
