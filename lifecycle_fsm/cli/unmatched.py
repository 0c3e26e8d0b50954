"""Files of activities of which most are about nobody: the ids do not meet, and why that may be."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

import attrs

from lifecycle_fsm.activities import Activity


@attrs.frozen
class Unmatched:
    """A role of which most activities are held, with an example and the likely cause."""

    role: str
    held: int
    activities: int
    example: str
    cause: str

    def __str__(self) -> str:
        return (
            f"most of {self.role} is held: {self.held:,} of {self.activities:,} activities wait "
            f"for people whom no file creates, such as {self.example!r}; {self.cause}"
        )


def unmatched(
    came: Iterable[tuple[str, Activity]],
    held: Mapping[str, Sequence[Activity]],
    until: datetime | None = None,
) -> list[Unmatched]:
    """The roles of which most is held.

    Args:
        came: every activity that was read, with the role of its file.
        held: what waits at the end, by the id that nobody has.
        until: what happened later was left out; but who is created later is somebody.
    """
    roles: list[Unmatched] = []
    if not held:
        return roles
    waits = {
        (activity.person, activity.id): missing
        for missing, many in held.items()
        for activity in many
    }
    total: Counter[str] = Counter()
    names: dict[str, list[str]] = {}
    known: dict[str, None] = {}
    for role, activity in came:
        if activity.kind == "created":
            known[activity.person] = None
        if until is not None and activity.at > until:
            continue
        total[role] += 1
        missing = waits.get((activity.person, activity.id))
        if missing is not None:
            names.setdefault(role, []).append(missing)
    for role, missing_ones in names.items():
        lacking = [name for name in missing_ones if name not in known]
        if 2 * len(lacking) > total[role]:
            example, cause = _likely(dict.fromkeys(lacking), known)
            roles.append(Unmatched(role, len(lacking), total[role], example, cause))
    return roles


#: What two ways of writing one id may differ in, and what is the same in both.
_SPELLINGS: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("in the case of letters", str.casefold),
    ("by zeros at the front", lambda text: text.lstrip("0")),
    ("in signs and spaces", lambda text: re.sub(r"[\W_]+", "", text).casefold()),
    # Salesforce writes one id with 15 characters, or with three more that keep it apart from
    # those that differ in the case of letters.
    ("by three characters at the end", lambda text: text[:15] if len(text) in (15, 18) else text),
)


def _likely(lacking: Mapping[str, None], known: Mapping[str, None]) -> tuple[str, str]:
    """An id that nobody has, and why most of them are not met."""
    first = next(iter(lacking))
    if not known:
        return first, "no file creates anybody: give the people too, with --people FILE"
    for difference, plain in _SPELLINGS:
        alike = {plain(name): name for name in known}
        met = [name for name in lacking if plain(name) in alike]
        if 2 * len(met) > len(lacking):
            other = alike[plain(met[0])]
            return met[0], (
                f"their ids differ {difference} from those of people, as {other!r}: "
                "write them in one way"
            )
    return first, (
        f"ids of people look like {next(iter(known))!r}: is it another column that names the "
        "person, or does a file of people lack?"
    )
