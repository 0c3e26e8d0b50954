"""Put a person into a stage without walking there, with a past that the machine accepts."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import attrs

from lifecycle_fsm.errors import RecordError
from lifecycle_fsm.fields import instant
from lifecycle_fsm.history import MoveKind
from lifecycle_fsm.machine import LifecycleMachine
from lifecycle_fsm.model import Edge, Model
from lifecycle_fsm.person import Opportunity, Person

_HOUR = timedelta(hours=1)
#: What may be given for the visit besides fields; guards may read all but the first [S1].
VISIT = ("days_in_stage", "stage_entered_at", "journey", "journey_started_at")
#: Numbers of opportunities above this are taken as made up, without named deals.
_DEALS = 100


@attrs.frozen
class PastVisit:
    """When the present stage was entered, and the journey that it is part of."""

    journey: int
    journey_started_at: datetime | None
    stage_entered_at: datetime

    @property
    def begins_apart(self) -> bool:
        """Whether the journey is older than the visit, so that another stage lies between."""
        start = self.journey_started_at
        return start is not None and start < self.stage_entered_at


def read_visit(given: dict[str, Any], now: datetime) -> PastVisit:
    """Take the values for the visit out of the given fields.

    By default, the stage was entered an hour ago.

    Raises:
        RecordError: these times contradict each other, because one is later than another.
    """
    values = {name: given.pop(name, None) for name in VISIT}
    visit = {name: value for name, value in values.items() if value is not None}
    days = visit.get("days_in_stage")
    if days is not None and "stage_entered_at" in visit:
        raise RecordError("days_in_stage and stage_entered_at say the same: give one of them")
    if days is not None and (type(days) not in (int, float) or days < 0):
        raise RecordError(f"days_in_stage is a number of days, 0 or more, not {days!r}")
    journey = visit.get("journey", 1)
    if type(journey) is not int or journey < 1:
        raise RecordError(f"journey is a whole number from 1, not {journey!r}")
    started = instant(visit["journey_started_at"]) if "journey_started_at" in visit else None
    if days is not None:
        entered = now - timedelta(days=days)
    elif "stage_entered_at" in visit:
        entered = instant(visit["stage_entered_at"])
    else:
        entered = max(now - _HOUR, started or now - _HOUR)
    if entered > now:
        raise RecordError(f"stage_entered_at {entered} is later than the clock, {now}")
    if started is not None and started > entered:
        raise RecordError(
            f"journey_started_at {started} is later than stage_entered_at, {entered}: a journey "
            "begins before its stages, or with one of them"
        )
    return PastVisit(journey, started, entered)


class _Hop(NamedTuple):
    """One row of the made-up past."""

    source: str | None
    target: str
    kind: MoveKind
    rule: str
    passed: tuple[str, ...] = ()
    credit: bool = True
    trigger: str | None = None


def place(
    machine: LifecycleMachine, id: str, stage: str, now: datetime, fields: Mapping[str, Any]
) -> Person:
    """A person in a stage, as if it had come there by the shortest way of declared moves [S6].

    No guard on the way has to hold, and no effects happen. If no moves lead to such a visit, the
    stage is entered as after a change of the model [S28].

    Raises:
        LifecycleError: the model has no such stage.
        RecordError: a field does not exist or rejects its value.
    """
    model = machine.model
    model.stage(stage)
    values = dict(fields)
    visit = read_visit(values, now)
    past = _past(model, stage, visit)
    times = _times(past, visit)
    person = machine.person(id, **{"created_at": times[0], **values})
    for hop, at in zip(past, times, strict=True):
        # If no return led to the journey, its number is taken on trust.
        journey = visit.journey if hop.kind == "migrate" else None
        machine.record_past(person, at, *hop, journey=journey)
    _deals(person, now)
    return person


def _past(model: Model, stage: str, visit: PastVisit) -> list[_Hop]:
    """The hops that lead to a stage in a journey: the fewest declared moves."""
    begin = _Hop(None, model.initial.name, "enter", "created")
    if stage == model.initial.name:
        if visit.journey > 1 or visit.begins_apart:
            raise RecordError(
                f"{stage!r} is original processing, where the first journey begins: leave journey "
                "and journey_started_at out"
            )
        return [begin]
    way = _shortest(model, stage, visit)
    if way is None:
        return [begin, _Hop(begin.target, stage, "migrate", "placed")]
    return [begin, *map(_hop, way)]


def _hop(edge: Edge) -> _Hop:
    return _Hop(edge.source, edge.target, edge.kind, edge.name, edge.passed, edge.credit, edge.on)


def _shortest(model: Model, stage: str, visit: PastVisit) -> list[Edge] | None:
    """Breadth-first search over stage, journey, and whether the journey has just begun."""
    edges: dict[str, list[Edge]] = {}
    for edge in (*model.sort_edges, *model.edges):
        edges.setdefault(edge.source, []).append(edge)
    start = (model.initial.name, 1, True)
    ways: dict[tuple[str, int, bool], list[Edge]] = {start: []}
    waiting = deque([start])
    while waiting:
        place = waiting.popleft()
        at, journey, fresh = place
        if at == stage and journey == visit.journey and not (fresh and visit.begins_apart):
            return ways[place]
        for edge in edges.get(at, ()):
            returns = edge.kind == "return"
            then = (edge.target, journey + returns, returns)
            if then[1] <= visit.journey and then not in ways:
                ways[then] = [*ways[place], edge]
                waiting.append(then)
    return None


def _times(past: list[_Hop], visit: PastVisit) -> list[datetime]:
    """When each hop was: the last when the stage was entered, the one that began the journey when
    the journey began; evenly spaced in between, and an hour apart before."""
    last = len(past) - 1
    begins = max((at for at, hop in enumerate(past) if hop.kind == "return"), default=0)
    entered = visit.stage_entered_at
    started = visit.journey_started_at or entered - _HOUR * (last - begins)
    if begins == last:
        started = entered
    share = (entered - started) / (last - begins) if last > begins else timedelta(0)
    before = [started - _HOUR * (begins - at) for at in range(begins)]
    between = [started + share * (at - begins) for at in range(begins, last)]
    return [*before, *between, entered]


def _deals(person: Person, now: datetime) -> None:
    """Add deals for the numbers, so that winning or losing one continues from them [S22]."""
    open_ones, won = person.open_opportunities, person.won_opportunities
    if not (0 <= open_ones <= _DEALS and 0 <= won <= _DEALS) or open_ones + won == 0:
        return
    closes = now + timedelta(days=30)
    kept = {}
    for status, number in (("open", open_ones), ("won", won)):
        amount = getattr(person, f"{status}_amount", None)
        for n in range(1, number + 1):
            # Where the model knows about money, the first has all of it.
            worth = 1000.0 if amount is None else amount if n == 1 else 0.0
            kept[f"{status}-{n}"] = Opportunity(status, worth, closes)
    person.keep_opportunities(kept)
