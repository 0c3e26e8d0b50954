"""Deadlines that can never be kept, because no move leaves the stage in time [S21]."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from lifecycle_fsm.checks.finding import Finding, undecided
from lifecycle_fsm.checks.question_context import QuestionContext, settled
from lifecycle_fsm.guard import Compare, Field, all_of, negate
from lifecycle_fsm.model import Calendar, Deadline, Length, Model
from lifecycle_fsm.model.rules import spans_of
from lifecycle_fsm.proof import NOW, RelativeInstant

_MINUTE, _DAY, _WEEK, _YEAR = (timedelta(minutes=1), *(timedelta(days=n) for n in (1, 7, 365)))
#: More public holidays a year than any country has, and how often the estimate is refined.
_HOLIDAYS, _ROUNDS = 30, 5


def check(context: QuestionContext) -> Iterator[Finding]:
    """Deadlines that no move and no effect can keep. A deadline is kept by leaving its stage, or
    when its ``when`` becomes false. A move that needs more ``days in stage`` than the deadline
    lasts does not help."""
    model = context.model
    for index, deadline in enumerate(model.deadlines):
        where, stage = f"deadlines[{index}] {deadline.name}", deadline.stage
        leaving = [edge.when for edge in model.edges if edge.source == stage]
        begun = RelativeInstant(NOW - longest(model, deadline))
        in_time = Compare(">=", Field("stage_entered_at"), begun)
        kept = (negate(deadline.when), *leaving)
        answer = settled([context.ask(all_of(context.at(way, stage), in_time)) for way in kept])
        if answer.refuted:
            soon, remedy = (
                ("that soon", "give it more time, or a move that opens earlier")
                if leaving
                else ("at all", "add a move, or say in 'when' what else keeps the deadline")
            )
            message = f"no move leaves {stage!r} {soon}, so that everybody misses it: {remedy}"
            yield Finding("error", "cannot be met", where, message, stage if leaving else None)
        elif not answer.found:
            yield undecided(where, f"whether anybody leaves {stage!r} in time", answer.reason)


def longest(model: Model, deadline: Deadline) -> timedelta:
    """The longest elapsed time of the deadline: its own length, that of the deadline that it
    escalates, and the closed time of its calendar. An overestimate, so that the finding is
    certain."""
    calendar = next((c for c in model.calendars if c.name == deadline.calendar), None)
    after = deadline.after
    length = after.time if calendar is None else _on_the_wall(calendar, after)
    before = next((d for d in model.deadlines if d.name == deadline.escalates), None)
    return length + (longest(model, before) if before is not None else timedelta(0))


def _on_the_wall(calendar: Calendar, after: Length) -> timedelta:
    """An upper limit: closed days are added to the days that are needed, and one week is added
    because the deadline may begin at any point of the week."""
    hours = [sum(end - start for start, end in spans) for spans in spans_of(calendar).values()]
    length = after.time
    if after.counts == "weeks":  # then add the time until the next opening
        return length + _on_the_wall(calendar, Length(_MINUTE))
    if after.counts == "days":
        needed, in_week, closes = length / _DAY, float(sum(map(bool, hours))), 1.0
    else:
        needed, in_week, closes = length / _MINUTE, float(sum(hours)), float(max(hours))
    lasting = timedelta(0)
    for _ in range(_ROUNDS):
        years = 1 + lasting // _YEAR
        closed = len(calendar.closed) + (_HOLIDAYS * years if calendar.holidays else 0)
        lasting = _WEEK + (needed + closed * closes) / max(in_week, 1.0) * _WEEK
    return lasting
