"""People who come back from a detour and are sent on at once, by nothing but time [S9].

Who is recycled with their score as it was is back with sales on the day on which they have rested.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lifecycle_fsm.checks.finding import Finding
from lifecycle_fsm.checks.ground import Ground
from lifecycle_fsm.checks.overlapping_moves import groups
from lifecycle_fsm.checks.places import place_of
from lifecycle_fsm.fields import FieldType
from lifecycle_fsm.guard import (
    And,
    Compare,
    Const,
    Extreme,
    Field,
    Guard,
    Not,
    Now,
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
)
from lifecycle_fsm.guard.terms import Known
from lifecycle_fsm.model import Edge, Model, Move
from lifecycle_fsm.solving import NOW, substitute

NAME = "ping_pong"
#: What the machine sets at every return.
_AT_RETURN: Mapping[str, Term | Guard] = {"stage_entered_at": Now(), "journey_started_at": Now()}
_MACHINE = frozenset({"stage", "stage_entered_at", "journey", "journey_started_at"})


def check(ground: Ground) -> Iterator[Finding]:
    """Each detour, each return from it that time alone can open, and each move that is then open:
    the first that somebody can make."""
    model = ground.model
    system = {group[0].source: group for group in groups(model) if group[0].on is None}
    for detour in model.edges:
        if detour.kind != "detour":
            continue
        back = system.get(detour.target, [])
        for edge in back:
            if edge.kind != "return":
                continue
            onward = [
                one
                for one in system.get(edge.target, [])
                if model.ranks.get(one.target, -1) > model.ranks[edge.target]
            ]
            if not onward:
                continue
            yield from _walk(ground, detour, edge, back, onward)


def _walk(
    ground: Ground, detour: Edge, edge: Edge, back: list[Edge], onward: list[Edge]
) -> Iterator[Finding]:
    model, words = ground.model, ground.world.vocabulary
    left = _values(detour, model)
    # Behind the detour: it is this return's turn, and then a move is open at once.
    returning = substitute(ground.turn(edge, back), left, words)
    returned = {**_AT_RETURN, **_values(edge, model)}
    for one in onward:
        moved = substitute(ground.at(one.when, one.source), returned, words)
        condition = all_of(
            _timeless(ground.at(detour.when, detour.source), ground),
            returning,
            substitute(moved, left, words),
        )
        # Nothing has happened since the detour: all that is known is older.
        times = [
            name
            for name in sorted(reads(inline(resolve(condition, words), words)))
            if words.fields[name].kind == "datetime" and name not in _MACHINE
        ]
        older = [
            any_of(
                negate(Known(Field(name))), Compare("<=", Field(name), Field("stage_entered_at"))
            )
            for name in times
        ]
        earlier = Compare("<", Field("stage_entered_at"), Const(NOW))
        answer = ground.ask(all_of(condition, *older, earlier))
        if answer.refuted:
            continue
        yield Finding(
            check=NAME,
            severity="error" if answer.found else "hint",
            fault="ping-pong" if answer.found else "not decided",
            where=place_of(model, detour.rule),
            message=(
                f"who goes from {detour.source!r} to {detour.target!r} by it comes back to "
                f"{edge.target!r} by {edge.name!r} as time goes by, and {one.name!r} leads on to "
                f"{one.target!r} at that instant: let the detour take away, in 'then', what "
                f"{one.name!r} asks for"
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


def _values(edge: Edge, model: Model) -> dict[str, Term | Guard]:
    """What the effects of a move leave in the fields, held within their bounds."""
    if not isinstance(edge.rule, Move):
        return {}
    return {one.field: _clamped(one.value, model.field_types[one.field]) for one in edge.rule.then}


def _clamped(value: Term | Guard, kind: FieldType) -> Term | Guard:
    if isinstance(value, Guard | Const) or kind.kind not in ("int", "float"):
        # An effect that writes the time of the detour writes when the detour's visit began.
        return Field("stage_entered_at") if isinstance(value, Now) else value
    if kind.maximum is not None:
        value = Extreme("min", (value, Const(kind.maximum)))
    if kind.minimum is not None:
        value = Extreme("max", (value, Const(kind.minimum)))
    return value


def _timeless(guard: Guard, ground: Ground) -> Guard:
    """A guard without what it says of times, which were others then: holding for more persons."""
    words = ground.world.vocabulary

    def loose(part: Guard, wanted: bool) -> Guard:
        match part:
            case And(parts):
                return all_of(*(loose(one, wanted) for one in parts))
            case Or(parts):
                return any_of(*(loose(one, wanted) for one in parts))
            case Not(inner):
                return negate(loose(inner, not wanted))
        if any(words.fields[name].kind == "datetime" for name in reads(part)):
            return always if wanted else never
        return part

    return loose(inline(resolve(guard, words), words), True)
