"""What the company asserts of its model, proved or shown to be broken."""

from __future__ import annotations

from collections.abc import Iterator

from lifecycle_fsm.checks.detour_futures import AT_RETURN, values_after
from lifecycle_fsm.checks.finding import Finding
from lifecycle_fsm.checks.question_context import Ground
from lifecycle_fsm.checks.rule_index import groups
from lifecycle_fsm.guard import Const, Guard, Now, Term, Token, all_of, negate, walk
from lifecycle_fsm.model import Claim, Edge, Move
from lifecycle_fsm.model.claims import MOVES, SORT
from lifecycle_fsm.proof import Answer, substitute

NAME = "claims"


def check(ground: Ground) -> Iterator[Finding]:
    """Claims that are not true of somebody: of each claim the first way in that breaks it."""
    for index, claim in enumerate(ground.model.claims):
        where = f"claims[{index}] {claim.name}"
        ways = [way for way in _ways(ground) if _meant(claim, way[0])]
        if not ways:
            yield Finding(
                check=NAME,
                severity="error",
                fault="empty claim",
                where=where,
                message="nothing leads into such a stage by such a way, so that it says nothing: "
                "look at 'entering' and 'by'",
            )
        for edge, turn in ways:
            answer = _ask(ground, claim, all_of(turn, _broken(ground, claim, edge)))
            if answer.refuted:
                continue
            because = f" ({claim.because})" if claim.because else ""
            yield Finding(
                check=NAME,
                severity="error" if answer.found else "warning",
                fault="broken claim" if answer.found else "not decided",
                where=where,
                message=(
                    f"it is not true of this person, whom {edge.name!r} takes from "
                    f"{edge.source!r} to {edge.target!r}{because}: change that guard, or the claim"
                    if answer.found
                    else f"whether {edge.name!r} keeps it: {answer.reason}"
                ),
                stage=edge.source if answer.found else None,
                person=answer.person,
                at=answer.at,
                assumed=answer.assumed,
            )
            break


def _ask(ground: Ground, claim: Claim, broken: Guard) -> Answer:
    if claim.given is None:
        return ground.ask(broken)
    tokens = {node.name for node in walk(claim.given) if isinstance(node, Token)}
    return ground.for_any(all_of(broken, claim.given), tokens)


def _ways(ground: Ground) -> Iterator[tuple[Edge, Guard]]:
    """Every way into a stage, with the condition that it is its turn."""
    sort = ground.model.sort_edges
    yield from ((edge, ground.turn(edge, sort)) for edge in sort)
    for group in groups(ground.model):
        yield from ((edge, ground.turn(edge, group)) for edge in group)


def _meant(claim: Claim, edge: Edge) -> bool:
    names = {edge.name, MOVES if isinstance(edge.rule, Move) else SORT}
    return (not claim.entering or edge.target in claim.entering) and (
        not claim.by or not names.isdisjoint(claim.by)
    )


def _broken(ground: Ground, claim: Claim, edge: Edge) -> Guard:
    """That the claim is not true of somebody who has just entered."""
    told = claim.never if claim.always is None else negate(claim.always)
    assert told is not None, "a claim has one of the two"
    entered: dict[str, Term | Guard] = {"stage": Const(edge.target), "stage_entered_at": Now()}
    if edge.kind == "return":
        entered |= AT_RETURN
    return substitute(
        told, {**entered, **values_after(edge, ground.model)}, ground.world.vocabulary
    )
