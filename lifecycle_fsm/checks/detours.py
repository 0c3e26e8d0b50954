"""Ways into a detour, and which returns from it may hold on entry: those do not come at once [S9].

A return that held on entry is not made before it has been false once. So whether it is open says
nothing of whether it was made, and nobody can be counted out because such a return came before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

import attrs

from lifecycle_fsm.checks.effects import values_after
from lifecycle_fsm.checks.past import remembered
from lifecycle_fsm.checks.places import groups
from lifecycle_fsm.guard import Const, Guard, Now, all_of, negate
from lifecycle_fsm.model import Edge
from lifecycle_fsm.solving import Answer, substitute

if TYPE_CHECKING:
    from lifecycle_fsm.checks.ground import Ground

#: Moves out of one stage that one trigger asks for, by both.
Groups: TypeAlias = Mapping[tuple[str, str | None], Sequence[Edge]]


@attrs.frozen
class Entry:
    """A way into a detour, a return from there, and somebody for whom it holds on entry."""

    edge: Edge
    back: Edge
    answer: Answer


def entries(ground: Ground) -> Iterator[Entry]:
    """Every return that may hold on entry, with each way in on which it may."""
    asked = {(group[0].source, group[0].on): group for group in groups(ground.model)}
    ways = [(edge, ground.model.sort_edges) for edge in ground.model.sort_edges]
    ways += [(edge, tuple(group)) for group in asked.values() for edge in group]
    told: set[tuple[str, str]] = set()
    for edge, group in ways:
        behind = asked.get((edge.target, None), [])
        for back in behind:
            if edge.kind != "detour" or back.kind != "return" or (edge.name, back.name) in told:
                continue
            answer = ground.ask(_on_entry(ground, edge, group, back, asked))
            if not answer.refuted:
                told.add((edge.name, back.name))
                yield Entry(edge, back, answer)


def _on_entry(
    ground: Ground, edge: Edge, group: Sequence[Edge], back: Edge, asked: Groups
) -> Guard:
    """That somebody takes the way in, stays there, and the return holds at that instant."""
    behind = asked.get((edge.target, None), ())
    onward = [negate(ground.at(one.when, one.source)) for one in behind if one.kind != "return"]
    then = {
        "stage": Const(edge.target),
        "stage_entered_at": Now(),
        **values_after(edge, ground.model),
    }
    entered = all_of(ground.at(back.when, back.source), *onward)
    return all_of(
        ground.turn(edge, group),
        *resting(ground, edge, asked),
        substitute(entered, then, ground.world.vocabulary),
    )


def resting(ground: Ground, edge: Edge, asked: Groups, *, aged: bool = False) -> list[Guard]:
    """That no system move was open before somebody asked for this one: it would have been made.

    What the asking activity itself writes comes before the move and after that rest.

    Args:
        ground: the model.
        edge: a move that a trigger asks for; of a system move nothing follows.
        asked: all moves.
        aged: whether time has passed since.
    """
    if edge.on is None:
        return []
    model, words = ground.model, ground.world.vocabulary
    kinds = {kind.name for kind in model.activity_kinds.values() if kind.trigger == edge.on}
    fresh = {one.field for name in kinds for one in model.activity_kinds[name].sets}
    fresh |= {one.field for rule in model.data if rule.on in kinds for one in rule.then}
    if fresh:
        fresh.add("demographic_score")  # which may follow from them
    if any(rule.on in kinds for rule in model.scoring):
        fresh |= {"behavior_score", "scored_at"}
    if aged:
        fresh.add("stage_entered_at")
    return [
        remembered(negate(ground.at(one.when, one.source)), words, frozenset(fresh), aged=aged)
        for one in asked.get((edge.source, None), ())
        if not ground.may_wait(one)
    ]
