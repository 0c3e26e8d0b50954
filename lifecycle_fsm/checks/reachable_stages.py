"""Stages that nobody ever enters, and stages from which nobody ever gets to the end of the path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lifecycle_fsm.checks.finding import Finding
from lifecycle_fsm.checks.question_context import Ground
from lifecycle_fsm.checks.rule_index import groups
from lifecycle_fsm.guard import all_of, negate
from lifecycle_fsm.proof import Answer

NAME = "reachable_stages"


def check(ground: Ground) -> Iterator[Finding]:
    """Only moves count that somebody can make: their guard holds for somebody whom no move that is
    tried before takes."""
    model = ground.model
    certain, forth = _ways(ground)
    end = model.path[-1].name
    reached, surely = (_from(model.initial.name, ways) for ways in (forth, certain))
    arriving, surely_arriving = (_from(end, _turned(ways)) for ways in (forth, certain))
    stuck = {one.name for one in model.path if one.name in reached and one.name not in arriving}
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
        elif stage.name in stuck:
            beyond = _from(stage.name, forth) & stuck
            if any(model.ranks[one] > model.ranks[stage.name] for one in beyond):
                continue  # it is told of those
            before = [
                one.name
                for one in model.path
                if one.name in stuck and one.name not in beyond
                if stage.name in _from(one.name, forth)
            ]
            yield Finding(
                check=NAME,
                severity="error",
                fault="dead end",
                where=where,
                message=f"nobody ever gets from here to {end!r}, the end of the path"
                + (f", nor from {_listed(before)}, on the way here" if before else "")
                + ": add a move onward, or look why those that there are never open",
            )
        elif stage.name not in surely or (not stage.off_path and stage.name not in surely_arriving):
            yield Finding(
                check=NAME,
                severity="hint",
                fault="not decided",
                where=where,
                message=f"whether anybody gets here, and from here to {end!r}: the guards on the "
                "way are not decided",
            )


_Ways = Mapping[str, set[str]]


def _ways(ground: Ground) -> tuple[_Ways, _Ways]:
    """From each stage, those that somebody can get to at once: for certain, and perhaps."""
    model = ground.model
    start = model.initial.name
    certain: dict[str, set[str]] = {stage.name: set() for stage in model.stages}
    perhaps: dict[str, set[str]] = {stage.name: set() for stage in model.stages}

    def take(source: str, target: str, answer: Answer) -> None:
        if answer.found:
            certain[source].add(target)
        if not answer.refuted:
            perhaps[source].add(target)

    whens = [ground.at(rule.when, start) for rule in model.sort]
    for place, rule in enumerate(model.sort):
        taken = all_of(whens[place], *(negate(one) for one in whens[:place]))
        take(start, rule.target, ground.ask(taken))
    for group in groups(model):
        for edge in group:
            take(edge.source, edge.target, ground.ask(ground.turn(edge, group)))
    return certain, perhaps


def _listed(names: list[str]) -> str:
    said = [repr(name) for name in names]
    return " or ".join(filter(None, [", ".join(said[:-1]), said[-1]]))


def _turned(ways: _Ways) -> _Ways:
    """To each stage, those from which somebody can get there at once."""
    found: dict[str, set[str]] = {}
    for source, targets in ways.items():
        for target in targets:
            found.setdefault(target, set()).add(source)
    return found


def _from(start: str, ways: _Ways) -> set[str]:
    found, waiting = {start}, [start]
    while waiting:
        for name in ways.get(waiting.pop(), set()) - found:
            found.add(name)
            waiting.append(name)
    return found
