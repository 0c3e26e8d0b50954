"""A condition that nobody can ever satisfy: what it decides is dead."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations

from lifecycle_fsm.checks.finding import Finding
from lifecycle_fsm.checks.question_context import Ground
from lifecycle_fsm.checks.rule_index import Condition, conditions
from lifecycle_fsm.guard import And, Named, all_of, to_text

NAME = "guard_never"


def check(ground: Ground) -> Iterator[Finding]:
    """Conditions that hold for nobody, or for nobody in one of the stages where they are asked."""
    dead = {
        condition.where: condition
        for condition in conditions(ground.model)
        if all(answer.refuted for answer in ground.each(condition, condition.guard))
    }
    causes = {place: _cause(one, dead) for place, one in dead.items()}
    for one in conditions(ground.model):
        if causes.get(one.where):
            continue  # it is told of the named guard
        answers = ground.each(one, one.guard)
        never = [
            stage for stage, answer in zip(one.stages, answers, strict=False) if answer.refuted
        ]
        unclear = [answer for answer in answers if answer.verdict == "undecided"]
        if all(answer.refuted for answer in answers):
            yield Finding(
                check=NAME,
                severity="error",
                fault="dead",
                where=one.where,
                message=f"nobody can ever satisfy it, so {one.what} never applies: "
                f"{_because(ground, one)}",
                also=tuple(place for place in dead if _root(place, causes) == one.where),
            )
        elif never:
            yield Finding(
                check=NAME,
                severity="warning",
                fault="dead",
                where=one.where,
                message=f"nobody in {' or '.join(map(repr, never))} can satisfy it: leave "
                f"{'that stage' if len(never) == 1 else 'those stages'} out there, or look at what "
                "it asks for",
            )
        elif unclear:
            yield Finding(
                check=NAME,
                severity="hint",
                fault="not decided",
                where=one.where,
                message=f"whether anybody can satisfy it: {unclear[0].reason}",
            )


def _cause(one: Condition, dead: Mapping[str, Condition]) -> str:
    """The place of a named guard that is dead already and that all depends on, or nothing."""
    parts = one.guard.guards if isinstance(one.guard, And) else (one.guard,)
    named = (f"guards.{part.name}" for part in parts if isinstance(part, Named))
    return next((place for place in named if place in dead), "")


def _root(place: str, causes: Mapping[str, str]) -> str:
    """The place of the innermost cause, nothing of what is a cause by itself."""
    cause = causes[place]
    return (_root(cause, causes) or cause) if cause else ""


def _because(ground: Ground, one: Condition) -> str:
    """Which part of it, or which two, already hold for nobody."""
    parts = one.guard.guards if isinstance(one.guard, And) else ()
    for count in (1, 2):
        for some in combinations(parts, count):
            if all(answer.refuted for answer in ground.each(one, all_of(*some))):
                said = " and ".join(repr(to_text(part)) for part in some)
                return (
                    f"{said} holds for nobody"
                    if count == 1
                    else f"{said} contradict each other, so one of them is a slip"
                )
    return (
        "look for conditions that contradict each other"
        if parts
        else "look for a value that the field cannot have"
    )
