"""Claims of the company about its model, proved or shown to be broken."""

from __future__ import annotations

from collections.abc import Iterator

from lifecycle_fsm.checks.detour_futures import AT_RETURN, values_after
from lifecycle_fsm.checks.finding import Finding
from lifecycle_fsm.checks.question_context import QuestionContext
from lifecycle_fsm.guard import Guard, Term
from lifecycle_fsm.guard import terms as tree
from lifecycle_fsm.model import Claim, Edge, Move
from lifecycle_fsm.model.definition import MOVES, SORT
from lifecycle_fsm.proof import Answer, substitute


def check(context: QuestionContext) -> Iterator[Finding]:
    """Claims that are false for some person; for each claim, the first way in that breaks it."""
    for index, claim in enumerate(context.model.claims):
        where = f"claims[{index}] {claim.name}"
        edges = [edge for edge in context.edges if _meant(claim, edge)]
        if not edges:
            message = (
                "nothing leads into such a stage by such a way, so that it says nothing: "
                "look at 'entering' and 'by'"
            )
            yield Finding("error", "empty claim", where, message)
        for edge in edges:
            answer = _ask(
                context, claim, tree.all_of(context.turn(edge), _broken(context, claim, edge))
            )
            if not answer.refuted:
                yield _finding(claim, where, edge, answer)
                break


def _finding(claim: Claim, where: str, edge: Edge, answer: Answer) -> Finding:
    if not answer.found:
        message = f"whether {edge.name!r} keeps it: {answer.reason}"
        return Finding("warning", "not decided", where, message)
    because = f" ({claim.because})" if claim.because else ""
    message = (
        f"it is not true of this person, whom {edge.name!r} takes from {edge.source!r} to "
        f"{edge.target!r}{because}: change that guard, or the claim"
    )
    return Finding("error", "broken claim", where, message).shown_by(answer, edge.source)


def _ask(context: QuestionContext, claim: Claim, broken: Guard) -> Answer:
    if claim.given is None:
        return context.ask(broken)
    tokens = {node.name for node in tree.walk(claim.given) if isinstance(node, tree.Token)}
    return context.for_any(tree.all_of(broken, claim.given), tokens)


def _meant(claim: Claim, edge: Edge) -> bool:
    names = {edge.name, MOVES if isinstance(edge.rule, Move) else SORT}
    return (not claim.entering or edge.target in claim.entering) and (
        not claim.by or not names.isdisjoint(claim.by)
    )


def _broken(context: QuestionContext, claim: Claim, edge: Edge) -> Guard:
    """Holds for a person who has just entered and for whom the claim is false."""
    broken = claim.never if claim.always is None else tree.negate(claim.always)
    assert broken is not None, "a claim has one of the two"
    entered: dict[str, Term | Guard] = {
        "stage": tree.Const(edge.target),
        "stage_entered_at": tree.Now(),
    }
    if edge.kind == "return":
        entered |= AT_RETURN
    return substitute(broken, {**entered, **values_after(edge, context.model)}, context.words)
