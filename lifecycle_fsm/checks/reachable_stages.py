"""Stages that no one ever enters, and stages from which no one reaches the end of the path."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lifecycle_fsm.checks.finding import Finding, undecided
from lifecycle_fsm.checks.question_context import QuestionContext
from lifecycle_fsm.proof.search import reached
from lifecycle_fsm.wording.formats import joined


def check(context: QuestionContext) -> Iterator[Finding]:
    """Unreachable stages and dead ends. A move counts only if it can be made: its guard holds for
    someone whom no earlier move takes."""
    model = context.model
    answers = [(edge, context.ask(context.turn(edge))) for edge in context.edges]
    certain = [(edge.source, edge.target) for edge, answer in answers if answer.found]
    possible = [(edge.source, edge.target) for edge, answer in answers if not answer.refuted]
    end = model.path[-1].name
    entered, surely = (reached(model.initial.name, _ways(steps)) for steps in (possible, certain))
    arriving, surely_arriving = (
        reached(end, _ways((target, source) for source, target in steps))
        for steps in (possible, certain)
    )
    on_path = [stage.name for stage in model.path]
    stuck = {name for name in on_path if name in entered and name not in arriving}
    beyond = {name: reached(name, _ways(possible)) for name in stuck}
    for index, stage in enumerate(model.stages):
        where = f"stages[{index}] {stage.name}"
        if stage.name not in entered:
            message = (
                "nobody ever enters it: no rule of the sort and no move that anybody can make "
                "leads here"
            )
            yield Finding("error", "unreachable", where, message)
        elif stage.name in stuck:
            there = beyond[stage.name] & stuck
            if any(model.ranks[name] > model.ranks[stage.name] for name in there):
                continue  # reported for those
            before = [
                repr(name)
                for name in on_path
                if name in stuck - there and stage.name in beyond[name]
            ]
            others = f", nor from {joined(before, 'or')}, on the way here" if before else ""
            message = (
                f"nobody ever gets from here to {end!r}, the end of the path{others}: add a move "
                "onward, or look why those that there are never open"
            )
            yield Finding("error", "dead end", where, message)
        elif stage.name not in surely or (not stage.off_path and stage.name not in surely_arriving):
            question = f"whether anybody gets here, and from here to {end!r}"
            yield undecided(where, question, "the guards on the way are not decided")


def _ways(steps: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    """For each stage, the stages that one step can lead to."""
    ways: dict[str, set[str]] = {}
    for start, end in steps:
        ways.setdefault(start, set()).add(end)
    return ways
