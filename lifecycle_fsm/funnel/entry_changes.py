"""Two histories of one log, entry by entry: added, lost, earlier, later and same (R51).

Two models make two histories of the same activities. What humans did is fixed in a log, so behind
the first difference of a person the second history shows acts of people who saw the first one.
Only first differences are therefore answers; the others are counted, and no more.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import zip_longest
from operator import attrgetter
from typing import Literal, NamedTuple, TypeAlias

from lifecycle_fsm.funnel.visits import Visit, Walk
from lifecycle_fsm.model import Model

ChangeKind: TypeAlias = Literal["added", "lost", "earlier", "later", "same"]
#: The kinds of the entries of the old history, and of the changed one.
OLD_KINDS: tuple[ChangeKind, ...] = ("lost", "earlier", "later", "same")
NEW_KINDS: tuple[ChangeKind, ...] = ("added", "earlier", "later", "same")


class PairedEntry(NamedTuple):
    """An entry of a stage in one history, with the entry of the other that it belongs to.

    Args:
        person: the id of the person, after all merges.
        stage: the stage.
        kind: ``added`` and ``lost`` are in one history only; ``same`` is at one instant in both.
        old, new: the entries; ``None`` if that history has none.
        first: whether the person's histories differ here for the first time. What follows a first
            difference is no answer.
        became: of a first difference, the furthest stage of the path that the person really
            reached later in the journey, or else the detour that was entered last; empty if
            neither.
    """

    person: str
    stage: str
    kind: ChangeKind
    old: Visit | None
    new: Visit | None
    first: bool
    became: str = ""

    @property
    def at(self) -> datetime:
        """When the histories begin to differ: the earlier of both entries."""
        return min(visit.entered for visit in (self.old, self.new) if visit is not None)


def paired_entries(
    old: Iterable[Walk],
    new: Iterable[Walk],
    model: Model,
    *,
    person_of: Callable[[str], str],
    inside: Callable[[datetime], bool],
) -> Iterator[PairedEntry]:
    """Every entry of both histories in the window, once, ordered by person and stage.

    Entries of one person and stage at the same instant belong together. Of the others between two
    such pairs, the first of one history belongs to the first of the other, and so on. An entry
    whose other one lies outside of the window counts as added or lost.

    Args:
        old: the walks of the old history.
        new: those of the changed one.
        model: whose path says what is further.
        person_of: the person whom a record belongs to after all merges.
        inside: whether an instant is in the window.
    """
    before, after = (_by_person(walks, model, person_of) for walks in (old, new))
    for person in sorted({*before, *after}):
        olds, news = before.get(person, []), after.get(person, [])
        difference = first_difference(olds, news)
        stages = dict.fromkeys(visit.stage for visit in (*olds, *news))
        for stage in stages:
            for first, second in pairs(_in(olds, stage), _in(news, stage)):
                kept = [
                    None if visit is None or not inside(visit.entered) else visit
                    for visit in (first, second)
                ]
                if kept == [None, None]:
                    continue
                times = [visit.entered for visit in (first, second) if visit is not None]
                at = min(times)
                decided = at == difference and times != [at, at]
                became = _became(olds, stage, first, at, model) if decided else ""
                yield PairedEntry(person, stage, _kind(*kept), first, second, decided, became)


def _kind(old: Visit | None, new: Visit | None) -> ChangeKind:
    if old is None:
        return "added"
    if new is None:
        return "lost"
    if old.entered == new.entered:
        return "same"
    return "earlier" if new.entered < old.entered else "later"


_entered = attrgetter("entered")


def _by_person(
    walks: Iterable[Walk], model: Model, person_of: Callable[[str], str]
) -> dict[str, list[Visit]]:
    """The visits of each person behind original processing, in the order of their entries."""
    people: defaultdict[str, list[Visit]] = defaultdict(list)
    initial = model.initial.name
    for walk in walks:
        for visit in walk:
            if visit.stage != initial:
                people[person_of(visit.entry.person)].append(visit)
    for visits in people.values():
        visits.sort(key=lambda visit: (visit.entered, visit.entry.person, visit.entry.sequence))
    return people


def _in(visits: Iterable[Visit], stage: str) -> list[Visit]:
    return [visit for visit in visits if visit.stage == stage]


def first_difference(old: Sequence[Visit], new: Sequence[Visit]) -> datetime | None:
    """The instant at which two histories of a person differ first; ``None`` if they never do."""
    for before, after in zip_longest(old, new):
        if before is None or after is None:
            return (before or after).entered
        if (before.stage, before.entered) != (after.stage, after.entered):
            return min(before.entered, after.entered)
    return None


def pairs(
    old: Sequence[Visit], new: Sequence[Visit]
) -> Iterator[tuple[Visit | None, Visit | None]]:
    """The entries of one person and stage, each with the one of the other history, in order."""
    olds: list[Visit] = []
    news: list[Visit] = []
    place = 0
    for visit in old:
        while place < len(new) and new[place].entered < visit.entered:
            news.append(new[place])
            place += 1
        if place < len(new) and new[place].entered == visit.entered:
            yield from zip_longest(olds, news)
            olds, news = [], []
            yield visit, new[place]
            place += 1
        else:
            olds.append(visit)
    yield from zip_longest(olds, [*news, *new[place:]])


def _became(
    visits: Sequence[Visit], stage: str, entry: Visit | None, at: datetime, model: Model
) -> str:
    """What really became of a person: see :class:`PairedEntry`.

    Args:
        visits: of the old history, which is what happened.
        stage: the stage of the entry.
        entry: the entry in the old history, if it has one.
        at: when the histories differ.
        model: whose path says what is further.
    """
    if entry is not None:
        place = next(index for index, visit in enumerate(visits) if visit is entry)
    else:
        place = bisect_right(visits, at, key=_entered) - 1
        if place < 0:
            return ""
    journey, ranks = visits[place].journey, model.ranks
    later = [visit.stage for visit in visits[place + 1 :] if visit.journey == journey]
    least = ranks.get(stage, 0)
    further = [name for name in later if ranks.get(name, -1) > least]
    if further:
        return max(further, key=ranks.__getitem__)
    return next((name for name in reversed(later) if name not in ranks), "")
