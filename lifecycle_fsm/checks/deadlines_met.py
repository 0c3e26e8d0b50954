"""Deadlines that nobody can ever keep: no move leaves the stage in time [S21]."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from lifecycle_fsm.checks.finding import Finding
from lifecycle_fsm.checks.ground import Ground
from lifecycle_fsm.guard import Compare, Const, Field, all_of, negate
from lifecycle_fsm.model import Deadline, Model
from lifecycle_fsm.model.calendars import spans_of
from lifecycle_fsm.solving import NOW

NAME = "deadlines_met"
_DAY, _WEEK = timedelta(days=1), timedelta(days=7)


def check(ground: Ground) -> Iterator[Finding]:
    """A deadline is kept by leaving its stage, or by whatever makes its ``when`` false. A move that
    waits for ``days in stage`` longer than the deadline lasts does not help."""
    model = ground.model
    for index, deadline in enumerate(model.deadlines):
        where = f"deadlines[{index}] {deadline.name}"
        leaving = [edge for edge in model.edges if edge.source == deadline.stage]
        in_time = Compare(">=", Field("stage_entered_at"), Const(NOW - _longest(model, deadline)))
        kept = [negate(deadline.when), *(edge.when for edge in leaving)]
        answers = [ground.ask(all_of(ground.at(one, deadline.stage), in_time)) for one in kept]
        unclear = [answer for answer in answers if answer.verdict == "undecided"]
        if unclear and not any(answer.found for answer in answers):
            yield Finding(
                check=NAME,
                severity="hint",
                fault="not decided",
                where=where,
                message=f"whether anybody leaves {deadline.stage!r} in time: {unclear[0].reason}",
            )
        elif all(answer.refuted for answer in answers):
            yield Finding(
                check=NAME,
                severity="error",
                fault="cannot be met",
                where=where,
                message=(
                    f"no move leaves {deadline.stage!r} that soon, so that everybody misses it: "
                    "give it more time, or a move that opens earlier"
                    if leaving
                    else f"no move leaves {deadline.stage!r} at all, so that everybody misses it: "
                    "add a move, or say in 'when' what else keeps the deadline"
                ),
                stage=deadline.stage if leaving else None,
            )


def _longest(model: Model, deadline: Deadline) -> timedelta:
    """How long the deadline can last on the wall, at the most: beside its own time that of the one
    that it escalates, and what a calendar closes. Rather too long: what is said here is certain."""
    length = deadline.after
    calendar = next((one for one in model.calendars if one.name == deadline.calendar), None)
    if calendar is not None:
        hours = spans_of(calendar).values()
        days = sum(bool(spans) for spans in hours)
        minutes = sum(end - start for spans in hours for start, end in spans)
        whole_days = length >= _DAY and not length % _DAY
        weeks = (
            length // _DAY / max(days, 1)
            if whole_days
            else length / timedelta(minutes=max(minutes, 1))
        )
        closed = len(calendar.closed) + (20 if calendar.holidays else 0)
        length = weeks * _WEEK + _WEEK + closed * _DAY
    before = next((one for one in model.deadlines if one.name == deadline.escalates), None)
    return length + (_longest(model, before) if before is not None else timedelta(0))
