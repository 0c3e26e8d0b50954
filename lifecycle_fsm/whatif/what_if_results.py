"""The answer to a what-if question: what is known, and what nobody can know (R51)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from math import ceil
from operator import itemgetter
from statistics import median
from typing import Any

import attrs

from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.funnel.conversion import Ratio
from lifecycle_fsm.funnel.entry_changes import NEW_KINDS, OLD_KINDS, ChangeKind
from lifecycle_fsm.model import Model, Stage
from lifecycle_fsm.whatif.part_comparison import (
    NEW,
    OLD,
    EntryChange,
    PartAnswer,
    PlannedMove,
    WhatIfQuestion,
)

_WEEK = timedelta(days=7)
#: The differences, in points of a share, for which the size of a test is told.
DIFFERENCES = (0.1, 0.05)
KINDS: tuple[ChangeKind, ...] = ("added", "lost", "earlier", "later", "same")


@attrs.frozen
class EntryPair:
    """Entries in both histories: of a week, by its Monday; of an assignee, by the name, which is
    empty where nobody was named; or by a rule."""

    name: str
    old: int
    new: int


@attrs.frozen
class AssigneeLoad:
    """What one assignee has to take on, against what they can.

    Args:
        name: the assignee.
        old, new: the entries of a week in both histories, on average.
        capacity: how many of a week they can take on, as was said, or else their equal share of
            what the capacity of the stage leaves; ``None`` if neither is known.
        weeks_over: the weeks with more entries than that, in both histories.
    """

    name: str
    old: float
    new: float
    capacity: float | None
    weeks_over: tuple[int, int]


@attrs.frozen
class CohortTest:
    """How large a test by cohort has to be (R51).

    Args:
        difference: the difference of two shares that the test should tell, such as 0.1.
        people: the people in each of both arms, 16·p·(1−p)/difference².
        weeks: how long it takes until twice as many are added; ``None`` if nobody is.
    """

    difference: float
    people: int
    weeks: float | None


@attrs.frozen(kw_only=True)
class StageWhatIf:
    """The entries of one stage in both histories.

    ``added + earlier + later + same = new`` and ``lost + earlier + later + same = old``.

    Args:
        stage: the stage.
        old, new: its entries in the window, in the old and in the changed history.
        entries: the entries by kind.
        unknown: how many of these come behind an earlier difference of the same person: there the
            changed history shows acts of people who saw the old one, and is no answer.
        weeks: how many weeks the window has.
        by_week, by_assignee, by_rule: the entries of both histories.
        weekly: those of each assignee by week.
        became: for each kind, the people whose first difference it is, by what really became of
            them; see ``PairedEntry``.
        shift: for ``earlier`` and ``later``, the median number of days.
        next_stage: the stage of the path behind it, if there is one.
        converted: of the journeys that really entered the stage, those that entered the next.
    """

    stage: str
    old: int
    new: int
    entries: Mapping[ChangeKind, int]
    unknown: Mapping[ChangeKind, int]
    weeks: float
    by_week: tuple[EntryPair, ...]
    by_assignee: tuple[EntryPair, ...]
    by_rule: tuple[EntryPair, ...]
    weekly: Mapping[str, tuple[EntryPair, ...]] = attrs.field(repr=False)
    became: Mapping[ChangeKind, Mapping[str, int]]
    shift: Mapping[ChangeKind, float]
    next_stage: str | None
    converted: Ratio

    @property
    def old_per_week(self) -> float:
        """The entries of a week in the old history, on average."""
        return self.old / self.weeks if self.weeks else 0.0

    @property
    def new_per_week(self) -> float:
        """The entries of a week in the changed history, on average."""
        return self.new / self.weeks if self.weeks else 0.0

    def known(self, kind: ChangeKind) -> int:
        """The entries of a kind that are first differences."""
        return self.entries[kind] - self.unknown[kind]

    def over(self, capacity: float) -> tuple[int, int]:
        """The weeks with more entries than the capacity, in both histories."""
        return _weeks_over(self.by_week, capacity)

    def loads(
        self, capacity: float | None, capacities: Mapping[str, float]
    ) -> tuple[AssigneeLoad, ...]:
        """The load of each assignee, the highest in the changed history first.

        Args:
            capacity: how many entries of a week all can take on.
            capacities: how many one of them can, by assignee; the others share the rest equally.
        """
        pairs = [pair for pair in self.by_assignee if pair.name]
        others = [pair.name for pair in pairs if pair.name not in capacities]
        rest = (capacity or 0.0) - sum(capacities.get(pair.name, 0.0) for pair in pairs)
        shares = dict.fromkeys(others, rest / len(others)) if rest > 0 and others else {}
        limits = {**shares, **capacities}
        return tuple(
            AssigneeLoad(
                pair.name, pair.old / self.weeks, pair.new / self.weeks,
                limit := limits.get(pair.name),
                (0, 0) if limit is None else _weeks_over(self.weekly[pair.name], limit),
            )
            for pair in sorted(pairs, key=lambda pair: (-pair.new, pair.name))
            if self.weeks
        )  # fmt: skip

    def reached(self, kind: ChangeKind, model: Model) -> dict[str, int]:
        """Of the people whose first difference is of this kind, how many really came at least as
        far as each later stage of the path, by the furthest that they entered."""
        ranks, became = model.ranks, self.became.get(kind, {})
        least = ranks.get(self.stage, 0)
        return {
            stage.name: sum(n for name, n in became.items() if ranks.get(name, -1) >= rank)
            for rank, stage in enumerate(model.path)
            if rank > least
        }

    @property
    def tests(self) -> tuple[CohortTest, ...]:
        """The tests by cohort that would tell what nobody knows of the people who are added."""
        share, added = self.converted.share, self.known("added")
        if share is None or not self.known("added") + self.known("earlier"):
            return ()
        spread = max(share * (1 - share), 1 / max(self.converted.whole, 1))
        sizes = ((delta, ceil(round(16 * spread / delta**2, 6))) for delta in DIFFERENCES)
        return tuple(
            CohortTest(delta, people, 2 * people * self.weeks / added if added else None)
            for delta, people in sizes
        )

    def as_dict(self) -> dict[str, Any]:
        """The answer for a program."""
        plain = {
            name: getattr(self, name)
            for name in ("stage", "old", "new", "weeks", "old_per_week", "new_per_week")
        }
        return {
            **plain,
            "entries": dict(self.entries),
            "after_a_difference": dict(self.unknown),
            **{
                name: [attrs.asdict(pair) for pair in getattr(self, name)]
                for name in ("by_week", "by_assignee", "by_rule")
            },
            "really_became": {kind: dict(names) for kind, names in self.became.items()},
            "days": dict(self.shift),
            "really_converted": {
                "to": self.next_stage,
                "part": self.converted.part,
                "whole": self.converted.whole,
            },
            "tests": [attrs.asdict(test) for test in self.tests],
        }


@attrs.frozen(kw_only=True)
class WhatIf:
    """What a changed model would have made of a log, as far as the log can tell.

    It has no conversion, no deadlines and no later stages of the changed model, because nobody
    knows them: see ``docs/agree/what-if.md``.

    Args:
        old, new: the models.
        start, end: the window of the entries.
        until: the end of the log: up to when time passed.
        zone: the zone in which weeks begin.
        where: the filter, as it was given.
        rejected: rows and activities that could not be used.
        stages: the stages with first differences, along the path.
        others: stages that differ only behind a first difference: their entries are not shown.
        changes: every first difference, by person.
        first_day: whose stage changes at once if the model changes at ``until``: a snapshot, which
            is no part of ``stages``.
        problems: why somebody cannot be moved to the changed model, by person.
        capacity: how many entries of a stage all can take on in a week, if that was said;
            ``capacities`` are those of single assignees.
        assignees: everybody to whom an entry of any stage in the window was assigned.
        lacking: the people who lack only one condition, by that condition, if that was asked for.
    """

    old: Model = attrs.field(repr=False)
    new: Model = attrs.field(repr=False)
    start: datetime | None
    end: datetime | None
    until: datetime
    zone: str
    where: object
    rejected: int
    stages: tuple[StageWhatIf, ...]
    others: tuple[str, ...]
    changes: tuple[EntryChange, ...] = attrs.field(repr=False)
    first_day: tuple[PlannedMove, ...] = attrs.field(repr=False)
    problems: Mapping[str, str] = attrs.field(repr=False)
    capacity: float | None = None
    capacities: Mapping[str, float] = attrs.field(factory=dict)
    assignees: tuple[str, ...] = attrs.field(default=(), repr=False)
    lacking: Mapping[str, int] = attrs.field(factory=dict, repr=False)

    def loads(self, row: StageWhatIf) -> tuple[AssigneeLoad, ...]:
        """The load of each assignee of a stage; none if no capacity was said."""
        if self.capacity is None and not self.capacities:
            return ()
        return row.loads(self.capacity, self.capacities)

    def stage(self, name: str) -> StageWhatIf:
        """The answer for a stage.

        Raises:
            LifecycleError: there is no such stage, or the log has no answer for it.
        """
        self.stage_of(name)
        for row in self.stages:
            if row.stage == name:
                return row
        raise LifecycleError(no_answer(name, self))

    def stage_of(self, name: str) -> Stage:
        """A stage of either model.

        Raises:
            LifecycleError: neither has it.
        """
        return self.new.by_name.get(name) or self.old.stage(name)

    @property
    def tested(self) -> str | None:
        """The stage of which a test by cohort would tell more: the furthest one that people enter
        newly or earlier, unless they are held back from a stage behind it."""
        ranks = self.new.ranks
        path = [row for row in self.stages if row.stage in ranks]
        for row in sorted(path, key=lambda row: -ranks[row.stage]):
            if row.known("added") or row.known("earlier"):
                return row.stage
            if row.known("lost") or row.known("later"):
                return None
        return None

    @property
    def tokens(self) -> Mapping[str, tuple[Any, Any]]:
        """The tokens that differ, with both values; ``None`` where a model lacks one."""
        old, new = self.old.tokens, self.new.tokens
        return {
            name: (old.get(name), new.get(name))
            for name in dict.fromkeys((*old, *new))
            if old.get(name) != new.get(name)
        }

    def as_dict(self) -> dict[str, Any]:
        """The answer for a program; times are datetimes."""
        return {
            "old": {"model": self.old.name, "version": self.old.version},
            "new": {"model": self.new.name, "version": self.new.version},
            "tokens": {name: list(values) for name, values in self.tokens.items()},
            "from": self.start,
            "to": self.end,
            "until": self.until,
            "zone": self.zone,
            "where": None if self.where is None else str(self.where),
            "rejected": self.rejected,
            "capacity": self.capacity,
            "capacities": dict(self.capacities),
            "stages": [
                {**row.as_dict(), "loads": [attrs.asdict(load) for load in self.loads(row)]}
                for row in self.stages
            ],
            "not_known": list(self.others),
            "changes": [attrs.asdict(change) for change in self.changes],
            "first_day": [attrs.asdict(move) for move in self.first_day],
            "problems": dict(self.problems),
        }


def no_answer(name: str, what: WhatIf) -> str:
    """Why a stage has no answer."""
    if name in what.others:
        return (
            f"nobody knows how {name!r} would change: its entries differ only behind an earlier "
            "difference of the same person, where people acted on the old model"
        )
    return f"no entry of {name!r} changes"


def what_if_of(
    question: WhatIfQuestion,
    new: Model,
    answer: PartAnswer,
    until: datetime,
    rejected: int,
    stages: Sequence[str] | None,
) -> WhatIf:
    """The result for one changed model, from the answers of all parts.

    Args:
        question: what was asked.
        new: the changed model.
        answer: the sum of the answers.
        until: the end of the log.
        rejected: rows and activities that could not be used.
        stages: the stages to keep, whether they change or not; ``None`` for those that do.
    """
    differing = Counter[str]()
    known = Counter[str]()
    for (stage, kind, first), count in answer.kinds.items():
        if kind != "same":
            (known if first else differing)[stage] += count
    names = {stage.name: None for stage in (*question.old.stages, *new.stages)}
    shown = [name for name in names if (name in known if stages is None else name in stages)]
    keep = set(shown)
    weeks = _weeks(question, answer, until)
    return WhatIf(
        old=question.old,
        new=new,
        start=question.start,
        end=question.end,
        until=until,
        zone=question.zone,
        where=question.where,
        rejected=rejected,
        stages=tuple(_stage(name, question.old, answer, weeks) for name in shown),
        others=tuple(name for name in names if name in differing and name not in known),
        changes=tuple(
            sorted(
                (change for change in answer.changes if change.stage in keep),
                key=lambda change: (change.person, shown.index(change.stage)),
            )
        ),
        first_day=tuple(sorted(answer.first_day, key=lambda move: move.person)),
        problems=dict(sorted(answer.problems.items())),
        assignees=tuple(sorted({name for _, _, name, _ in answer.assigned if name})),
        lacking=dict(sorted(answer.lacking.items(), key=lambda item: (-item[1], item[0]))),
    )


@attrs.frozen
class _Weeks:
    """The weeks of a window: their Mondays, and their number, in which a part of one counts so."""

    mondays: tuple[date, ...]
    number: float


def _weeks(question: WhatIfQuestion, answer: PartAnswer, until: datetime) -> _Weeks:
    mondays = sorted({monday for _, _, monday in answer.entries})
    if not mondays:
        return _Weeks((), 0.0)
    begin = datetime.combine(mondays[0], datetime.min.time(), until.tzinfo)
    start = begin if question.start is None else question.start
    end = until if question.end is None else min(question.end, until)
    count = (mondays[-1] - mondays[0]) // _WEEK + 1
    every = tuple(mondays[0] + place * _WEEK for place in range(count))
    return _Weeks(every, max(end - start, timedelta(0)) / _WEEK)


def _stage(name: str, model: Model, answer: PartAnswer, weeks: _Weeks) -> StageWhatIf:
    kinds = answer.kinds
    unknown = {kind: kinds[name, kind, False] for kind in KINDS}
    entries = {kind: unknown[kind] + kinds[name, kind, True] for kind in KINDS}
    unknown["same"] = 0
    path = [stage.name for stage in model.path]
    place = path.index(name) + 1 if name in path else len(path)
    after = path[place] if place < len(path) else None
    converted = (answer.converted[name, after or "", what] for what in ("reached", "journeys"))
    weekly = dict(_weekly(answer.assigned, name))
    became: dict[ChangeKind, dict[str, int]] = {kind: {} for kind in KINDS[:-1]}
    for (stage, kind, end), count in sorted(answer.became.items()):
        if stage == name:
            became[kind][end] = count
    return StageWhatIf(
        stage=name,
        old=sum(entries[kind] for kind in OLD_KINDS),
        new=sum(entries[kind] for kind in NEW_KINDS),
        entries=entries,
        unknown=unknown,
        weeks=weeks.number,
        by_week=tuple(
            EntryPair(
                f"{monday}", answer.entries[OLD, name, monday], answer.entries[NEW, name, monday]
            )
            for monday in weeks.mondays
        ),
        by_assignee=tuple(
            EntryPair(who, sum(week.old for week in weeks), sum(week.new for week in weeks))
            for who, weeks in weekly.items()
        ),
        by_rule=tuple(_sides(answer.rules, name)),
        weekly=weekly,
        became=became,
        shift={kind: median(days) for kind in KINDS if (days := answer.shifts.get((name, kind)))},
        next_stage=after,
        converted=Ratio(*converted),
    )


def _sides(counts: Counter[tuple[int, str, str]], stage: str) -> Iterator[EntryPair]:
    names = sorted({name for _, at, name in counts if at == stage})
    for name in names:
        yield EntryPair(name, counts[OLD, stage, name], counts[NEW, stage, name])


def _weekly(
    counts: Counter[tuple[int, str, str, date]], stage: str
) -> Iterator[tuple[str, tuple[EntryPair, ...]]]:
    """The entries of each assignee in the weeks in which they had any."""
    weeks = sorted({(name, monday) for _, at, name, monday in counts if at == stage})
    for name, of_name in groupby(weeks, itemgetter(0)):
        yield (
            name,
            tuple(
                EntryPair(
                    f"{monday}",
                    counts[OLD, stage, name, monday],
                    counts[NEW, stage, name, monday],
                )
                for _, monday in of_name
            ),
        )


def _weeks_over(weeks: Iterable[EntryPair], capacity: float) -> tuple[int, int]:
    """The weeks with more entries than the capacity, in both histories."""
    pairs = [(week.old > capacity, week.new > capacity) for week in weeks]
    return sum(old for old, _ in pairs), sum(new for _, new in pairs)
