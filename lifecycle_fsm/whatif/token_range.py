"""The same question for several values of a token, and the value that meets a goal (R51)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from os import PathLike
from typing import Any

import attrs

from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.guard import Token, inline, walk
from lifecycle_fsm.model import Model, load
from lifecycle_fsm.whatif.part_comparison import WhatIfQuestion
from lifecycle_fsm.whatif.what_if_results import KINDS, StageWhatIf, WhatIf, no_answer
from lifecycle_fsm.whatif.what_if_run import LogSource, ask, with_tokens

#: How many values a range has at most: each is a run of the log.
MOST_VALUES = 60
_ADVICE = 3


@attrs.frozen
class RangeRow:
    """The answer for one value of the token."""

    value: Any
    answer: StageWhatIf


@attrs.frozen(kw_only=True)
class GoalAnswer:
    """Whether a range meets a goal of so many entries per week.

    Args:
        stage, per_week: the goal.
        nearest: the value of the range that comes nearest.
        between: the two neighbouring values between which the goal lies, lower entries first;
            ``None`` if the range does not reach it.
        advice: if it does not, what would: sentences.
    """

    stage: str
    per_week: float
    nearest: Any
    between: tuple[Any, Any] | None
    advice: tuple[str, ...]


@attrs.frozen(kw_only=True)
class WhatIfRange:
    """The answers for several values of a token, for one stage.

    Args:
        old: the model that the company worked by.
        token, stage: the token, and the stage whose entries are told.
        rows: the answer for each value, in the order in which the values were given.
        until, zone: the end of the log, and the zone in which weeks begin.
        rejected: rows that could not be used.
        goal: whether a goal is met, if there is one.
    """

    old: Model = attrs.field(repr=False)
    token: str
    stage: str
    rows: tuple[RangeRow, ...]
    until: datetime
    zone: str
    rejected: int
    goal: GoalAnswer | None

    def as_dict(self) -> dict[str, Any]:
        """The answers for a program."""
        return {
            "model": {"name": self.old.name, "version": self.old.version},
            "token": self.token,
            "now": self.old.tokens[self.token],
            "stage": self.stage,
            "until": self.until,
            "zone": self.zone,
            "rejected": self.rejected,
            "values": [{"value": row.value, **row.answer.as_dict()} for row in self.rows],
            "goal": None if self.goal is None else attrs.asdict(self.goal),
        }


def what_if_range(
    old: Model | str | PathLike[str],
    token: str,
    values: Sequence[Any],
    *,
    stage: str | None = None,
    goal: float | None = None,
    zone: str = "UTC",
    where: object = None,
    start: datetime | None = None,
    end: datetime | None = None,
    tokens: Mapping[str, Any] | None = None,
    **source: Any,
) -> WhatIfRange:
    """What several values of a token would have made of a log.

    Args:
        old: the model that the company worked by.
        token: the token.
        values: its values.
        stage: the stage that is told; by default the one that changes most.
        goal: so many entries of the stage per week are wanted.
        zone: see :func:`lifecycle_fsm.what_if`.
        where: likewise.
        start: likewise.
        end: likewise.
        tokens: other tokens that are changed as well.
        source: the arguments of :class:`.LogSource`.

    Raises:
        LifecycleError: there is no log, no such token or stage; or no value, or too many.
        FileProblem: a file cannot be read.
    """
    before = old if isinstance(old, Model) else load(old)
    if not 0 < len(values) <= MOST_VALUES:
        raise LifecycleError(f"a range has 1 to {MOST_VALUES} values, not {len(values)}")
    if goal is not None and stage is None:
        raise LifecycleError("a goal is of a stage: say which")
    if stage is not None:
        before.stage(stage)
    question = WhatIfQuestion(
        old=before,
        changed=tuple(with_tokens(before, {**(tokens or {}), token: value}) for value in values),
        start=start, end=end, zone=zone, where=where, names=False, first_day=False,
        lacking=None if goal is None else stage,
    )  # fmt: skip
    names = [part.name for part in before.stages]
    answers = ask(question, LogSource(**source), names)
    stage = stage or _most_changed(answers)
    if all(stage in answer.others for answer in answers):
        raise LifecycleError(no_answer(stage, answers[0]))
    rows = tuple(
        RangeRow(value, answer.stage(stage)) for value, answer in zip(values, answers, strict=True)
    )
    return WhatIfRange(
        old=before, token=token, stage=stage, rows=rows, until=answers[0].until, zone=zone,
        rejected=answers[0].rejected,
        goal=None if goal is None else _goal(before, token, stage, rows, answers, goal),
    )  # fmt: skip


def _most_changed(answers: Sequence[WhatIf]) -> str:
    """The stage with the most first differences; of several, the first along the path."""
    counts: dict[str, int] = {}
    for answer in answers:
        for row in answer.stages:
            changed = sum(row.known(kind) for kind in KINDS if kind != "same")
            counts[row.stage] = counts.get(row.stage, 0) + changed
    return max(counts, key=counts.__getitem__)


def _goal(
    model: Model,
    token: str,
    stage: str,
    rows: Sequence[RangeRow],
    answers: Sequence[WhatIf],
    goal: float,
) -> GoalAnswer:
    ordered = sorted(range(len(rows)), key=lambda place: rows[place].answer.new_per_week)
    rates = [rows[place].answer.new_per_week for place in ordered]
    nearest = min(ordered, key=lambda place: abs(rows[place].answer.new_per_week - goal))
    between = None
    advice: tuple[str, ...] = ()
    if rates[0] <= goal <= rates[-1]:
        low = max(place for place, rate in enumerate(rates) if rate <= goal)
        high = min(place for place, rate in enumerate(rates) if rate >= goal)
        between = rows[ordered[low]].value, rows[ordered[high]].value
    elif goal > rates[-1]:
        advice = tuple(_short(model, stage, rows, answers, ordered[-1]))
    else:
        advice = tuple(_too_many(model, token, rows[ordered[0]]))
    return GoalAnswer(
        stage=stage,
        per_week=goal,
        nearest=rows[nearest].value,
        between=between,
        advice=advice,
    )


def _short(
    model: Model, stage: str, rows: Sequence[RangeRow], answers: Sequence[WhatIf], place: int
) -> Iterator[str]:
    """What keeps people out of a stage at the value that brings the most."""
    lacking = answers[place].lacking or answers[-1].lacking or answers[0].lacking
    for condition, people in list(lacking.items())[:_ADVICE]:
        verb = "person lacks" if people == 1 else "people lack"
        yield (
            f"with {rows[place].value}, {people:,} {verb} only this for "
            f"{model.stage(stage).display} at the end of the log: {condition}"
        )
    if not lacking:
        yield "nobody lacks only one condition at the end of the log: more people have to come"


def _too_many(model: Model, token: str, row: RangeRow) -> Iterator[str]:
    """Which rules still bring people, whatever the token is."""
    reading = {
        edge.name
        for edge in (*model.sort_edges, *model.edges)
        if any(
            isinstance(node, Token) and node.name == token
            for node in walk(inline(edge.when, model.vocabulary))
        )
    }
    weeks = row.answer.weeks or 1.0
    rules = sorted(row.answer.by_rule, key=lambda rule: (-rule.new, rule.name))
    for rule in [rule for rule in rules if rule.new][:_ADVICE]:
        how = "reads" if rule.name in reading else "does not read"
        yield (
            f"with {row.value}, {rule.new / weeks:.1f} a week still come by {rule.name}, which "
            f"{how} ${token}"
        )
