"""Two moves of one stage that are open for one person, and no priority says which comes first [S8].

The machine takes them as written. A picture does not show that order, and who writes the file in
another order changes the lifecycle without knowing it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, groupby

from lifecycle_fsm.checks.finding import Finding
from lifecycle_fsm.checks.ground import Ground
from lifecycle_fsm.checks.places import place_of
from lifecycle_fsm.guard import all_of, negate
from lifecycle_fsm.model import Edge, Model, Move

NAME = "overlapping_moves"


def check(ground: Ground) -> Iterator[Finding]:
    """Pairs of moves that can be open together, each pair once."""
    told: set[tuple[str, str]] = set()
    for group in groups(ground.model):
        for one, other in combinations(group, 2):
            rule, after = one.rule, other.rule
            assert isinstance(rule, Move)
            assert isinstance(after, Move)
            if rule.priority != after.priority or (one.name, other.name) in told:
                continue
            # Whom a move of smaller priority takes first, these two do not fight for.
            before = [
                negate(ground.at(each.when, each.source))
                for each in group
                if isinstance(each.rule, Move) and each.rule.priority < rule.priority
            ]
            both = [ground.at(each.when, each.source) for each in (one, other)]
            answer = ground.ask(all_of(*both, *before))
            if answer.refuted:
                continue
            told.add((one.name, other.name))
            yield Finding(
                check=NAME,
                severity="error" if answer.found else "hint",
                fault="overlap" if answer.found else "not decided",
                where=place_of(ground.model, after),
                message=(
                    f"in {one.source!r} it is open together with {rule.name!r}, which leads to "
                    f"{rule.target!r}: give one of them a smaller 'priority', so that it is tried "
                    "first whatever the order in the file"
                    if answer.found
                    else f"whether it can be open together with {rule.name!r}: {answer.reason}"
                ),
                stage=one.source if answer.found else None,
                person=answer.person,
                assumed=answer.assumed,
            )


def groups(model: Model) -> Iterator[list[Edge]]:
    """The moves that are tried together: those of one stage that one trigger asks for, or that the
    system asks for, in the order in which they are tried."""
    for stage in model.stages:
        leaving = [edge for edge in model.edges if edge.source == stage.name]
        for _, group in groupby(sorted(leaving, key=lambda edge: edge.on or ""), _asked_by):
            yield list(group)


def _asked_by(edge: Edge) -> str:
    return edge.on or ""
