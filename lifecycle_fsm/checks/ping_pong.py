"""People who come back from a detour and are sent on at once, by nothing but time [S9].

Who is recycled with their score as it was is back with sales on the day on which they have rested.

The person who is looked for has stood in the detour since ``stage_entered_at``, and the clock says
the first instant at which a move leads out of it. What the guard of the detour itself says of times
is kept as far as it still holds then: ``days since lost_at >= 30`` does, ``< 30`` need not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

from lifecycle_fsm.checks.effects import AT_RETURN, values_after
from lifecycle_fsm.checks.finding import Finding
from lifecycle_fsm.checks.ground import Ground
from lifecycle_fsm.checks.overlapping_moves import groups
from lifecycle_fsm.checks.places import place_of
from lifecycle_fsm.guard import (
    And,
    Compare,
    Const,
    DaysInStage,
    DaysSince,
    Field,
    Guard,
    Not,
    Or,
    Term,
    all_of,
    always,
    any_of,
    inline,
    negate,
    never,
    reads,
    resolve,
    transform,
)
from lifecycle_fsm.guard.terms import Known
from lifecycle_fsm.guard.vocabulary import Vocabulary, scalar_value
from lifecycle_fsm.model import Edge
from lifecycle_fsm.solving import NOW, substitute

NAME = "ping_pong"
_ENTERED = Field("stage_entered_at")
_MACHINE = frozenset({"stage", "stage_entered_at", "journey", "journey_started_at"})
_TICK, _DAY = timedelta(microseconds=1), timedelta(days=1)
_JUST_ENTERED = Compare("==", _ENTERED, Const(NOW - _TICK))


def check(ground: Ground) -> Iterator[Finding]:
    """Each detour, each return from it that time alone can open, and each move that is then open:
    the first that somebody can make, on the path or back into a detour."""
    model = ground.model
    asked = list(groups(model))
    system = {group[0].source: group for group in asked if group[0].on is None}
    told: set[tuple[str, str]] = set()
    for detour, before in ((edge, group) for group in asked for edge in group):
        if detour.kind != "detour":
            continue
        back = system.get(detour.target, [])
        for edge in back:
            if edge.kind != "return" or (detour.name, edge.name) in told:
                continue
            onward = [one for one in system.get(edge.target, []) if one.kind != "return"]
            for found in _walk(ground, detour, before, edge, back, onward):
                told.add((detour.name, edge.name))
                yield found


def _walk(
    ground: Ground,
    detour: Edge,
    before: list[Edge],
    edge: Edge,
    back: list[Edge],
    onward: list[Edge],
) -> Iterator[Finding]:
    model, words = ground.model, ground.world.vocabulary
    left = values_after(detour, model, _ENTERED)
    returned = {**AT_RETURN, **values_after(edge, model)}
    for one in onward:
        moved = substitute(ground.at(one.when, one.source), returned, words)
        for question in _questions(ground, detour, before, edge, back, moved, left):
            answer = ground.ask(question)
            if answer.refuted:
                break
        if answer.refuted:
            continue
        entered = answer.person.get("stage_entered_at")
        days = (NOW - entered) // _DAY if isinstance(entered, type(NOW)) else 0
        after = f"after {days} day{'s' * (days != 1)}" if days else "right away"
        yield Finding(
            check=NAME,
            severity="error" if answer.found else "hint",
            fault="ping-pong" if answer.found else "not decided",
            where=place_of(model, detour.rule),
            message=(
                f"whoever goes from {detour.source!r} to {detour.target!r} by {detour.name!r} "
                f"comes back to {edge.target!r} {after}, by {edge.name!r}, and {one.name!r} leads "
                f"on to {one.target!r} at that same instant, though nothing has happened: let "
                f"{detour.name!r} undo, in 'then', what {one.name!r} asks for"
                if answer.found
                else f"whether {one.name!r} is open right behind {edge.name!r}: {answer.reason}"
            ),
            stage=detour.source if answer.found else None,
            person={
                name: value for name, value in answer.person.items() if name != "stage_entered_at"
            },
            assumed=answer.assumed,
        )
        return


def _questions(
    ground: Ground,
    detour: Edge,
    before: list[Edge],
    edge: Edge,
    back: list[Edge],
    moved: Guard,
    left: Mapping[str, Term | Guard],
) -> Iterator[Guard]:
    """What is asked of a detour, a return and a move: each question says more than the one before,
    and costs more. Most detours see to it that the move is not open, which the first ones tell."""
    words = ground.world.vocabulary
    open_then = substitute(moved, left, words)
    yield _since_detour(open_then, words)
    left_by = _still(ground.at(detour.when, detour.source), words)
    yield all_of(left_by, open_then)
    back_then = all_of(open_then, substitute(ground.turn(edge, back), left, words))
    yield _since_detour(all_of(left_by, back_then), words)
    turn = _still(ground.turn(detour, before), words)
    waited = [_waited(ground, other, left) for other in back]
    yield _since_detour(all_of(turn, back_then, *waited), words)


def _since_detour(condition: Guard, words: Vocabulary) -> Guard:
    """The condition, of somebody to whom nothing has happened since: all that is known is older."""
    times = [
        name
        for name in sorted(reads(inline(resolve(condition, words), words)))
        if words.fields[name].kind == "datetime" and name not in _MACHINE
    ]
    older = [
        any_of(negate(Known(Field(name))), Compare("<=", Field(name), _ENTERED)) for name in times
    ]
    return all_of(condition, *older, Compare("<", _ENTERED, Const(NOW)))


def _waited(ground: Ground, edge: Edge, left: Mapping[str, Term | Guard]) -> Guard:
    """That a move out of the detour was not open an instant before, when it would have been made.

    A return is not made at the instant of its detour, but at the next one [S9].
    """
    words = ground.world.vocabulary
    behind = substitute(ground.at(edge.when, edge.source), left, words)
    closed = negate(_a_tick_ago(behind, words))
    return any_of(closed, _JUST_ENTERED) if edge.kind == "return" else closed


def _a_tick_ago(guard: Guard, words: Vocabulary) -> Guard:
    """The guard as it was one instant before, over the same fields."""

    def change(part: Guard) -> Guard:
        match part:
            case Compare(op, DaysSince() | DaysInStage() as days, other):
                field = days.field if isinstance(days, DaysSince) else _ENTERED
                value = scalar_value(other, words)
                if value is None or not isinstance(value[0], int):
                    return part
                count, known = value[0], Known(field)
                match op:
                    case ">=":
                        return _had_passed(field, count)
                    case ">":
                        return _had_passed(field, count + 1)
                    case "<":
                        return all_of(known, negate(_had_passed(field, count)))
                    case "<=":
                        return all_of(known, negate(_had_passed(field, count + 1)))
                return all_of(_had_passed(field, count), negate(_had_passed(field, count + 1)))
        return part

    return transform(inline(resolve(guard, words), words), change)


def _had_passed(field: Field, days: int) -> Guard:
    """That so many whole days had passed since a time, one instant ago."""
    try:
        return Compare("<=", field, Const(NOW - _TICK - days * _DAY))
    except OverflowError:
        return never if days > 0 else Known(field)


def _still(guard: Guard, words: Vocabulary) -> Guard:
    """What a guard that held in the past still says of the same fields: it holds for more persons.

    Days since a time only grow, and since when the stage lasted is known no more.
    """

    def loose(part: Guard, wanted: bool) -> Guard:
        match part:
            case And(parts):
                return all_of(*(loose(one, wanted) for one in parts))
            case Or(parts):
                return any_of(*(loose(one, wanted) for one in parts))
            case Not(inner):
                return negate(loose(inner, not wanted))
        if _ENTERED.name in reads(part):
            return always if wanted else never
        match part:
            case Compare(">=" | ">", DaysSince(), _) if wanted:
                return part
            case Compare("<" | "<=", DaysSince(), _) if not wanted:
                return part
            case Compare("==", DaysSince() as days, other) if wanted:
                return Compare(">=", days, other)
            case Compare(_, DaysSince(field), _):
                return Known(field) if wanted else never
        return part

    return loose(inline(resolve(guard, words), words), True)
