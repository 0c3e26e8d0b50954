"""Stages that nobody ever enters, and stages from which nobody ever gets to the end of the path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lifecycle_fsm.checks.finding import Finding
from lifecycle_fsm.checks.ground import Ground
from lifecycle_fsm.checks.overlapping_moves import groups
from lifecycle_fsm.guard import all_of, negate

NAME = "reachable_stages"


def check(ground: Ground) -> Iterator[Finding]:
    """Only moves count that somebody can make: their guard holds for somebody whom no move that is
    tried before takes."""
    model = ground.model
    forth = _ways(ground)
    reached = _from(model.initial.name, forth)
    end = model.path[-1].name
    back: dict[str, set[str]] = {}
    for source, targets in forth.items():
        for target in targets:
            back.setdefault(target, set()).add(source)
    arriving = _from(end, back)
    for index, stage in enumerate(model.stages):
        where = f"stages[{index}] {stage.name}"
        if stage.name not in reached:
            yield Finding(
                check=NAME,
                severity="error",
                fault="unreachable",
                where=where,
                message="nobody ever enters it: no rule of the sort and no move that anybody can "
                "make leads here",
            )
        elif not stage.off_path and stage.name not in arriving:
            yield Finding(
                check=NAME,
                severity="error",
                fault="dead end",
                where=where,
                message=f"nobody ever gets from here to {end!r}, the end of the path: add a move "
                "onward, or look why those that there are never open",
            )


def _ways(ground: Ground) -> Mapping[str, set[str]]:
    """From each stage, those that somebody can get to at once."""
    model = ground.model
    start = model.initial.name
    found: dict[str, set[str]] = {stage.name: set() for stage in model.stages}
    whens = [ground.at(rule.when, start) for rule in model.sort]
    for place, rule in enumerate(model.sort):
        taken = all_of(whens[place], *(negate(one) for one in whens[:place]))
        if not ground.ask(taken).refuted:
            found[start].add(rule.target)
    for group in groups(model):
        for edge in group:
            if not ground.ask(ground.turn(edge, group)).refuted:
                found[edge.source].add(edge.target)
    return found


def _from(start: str, ways: Mapping[str, set[str]]) -> set[str]:
    found, waiting = {start}, [start]
    while waiting:
        for name in ways.get(waiting.pop(), set()) - found:
            found.add(name)
            waiting.append(name)
    return found
