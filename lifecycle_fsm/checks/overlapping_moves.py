"""Two moves of one stage that are open for one person, and no priority says which comes first [S8].

The machine takes them as written. A picture does not show that order, and who writes the file in
another order changes the lifecycle without knowing it. Where a priority does say it, it may say too
much: a move whose turn never comes is shadowed.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from lifecycle_fsm.checks.finding import Finding
from lifecycle_fsm.checks.ground import Ground
from lifecycle_fsm.checks.places import groups, place_of
from lifecycle_fsm.guard import all_of, negate
from lifecycle_fsm.model import Edge, Move
from lifecycle_fsm.solving import Answer

NAME = "overlapping_moves"


def check(ground: Ground) -> Iterator[Finding]:
    """Pairs of moves that can be open together, each pair once, and moves that never get a turn."""
    yield from _overlaps(ground)
    yield from _shadowed(ground)


def _overlaps(ground: Ground) -> Iterator[Finding]:
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
                negate(ground.at(each.when, each.source)) for each in _first(group, rule.priority)
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
                    f"in {one.source!r} this move, {after.name!r}, is open together with "
                    f"{rule.name!r}, which leads to {rule.target!r}: give the one that shall win "
                    "a smaller 'priority'; now it is the one that the file happens to name first"
                    if answer.found
                    else f"whether {after.name!r} can be open together with {rule.name!r}: "
                    f"{answer.reason}"
                ),
                stage=one.source if answer.found else None,
                person=answer.person,
                at=answer.at,
                assumed=answer.assumed,
            )


def _shadowed(ground: Ground) -> Iterator[Finding]:
    """Moves that somebody could make, if others did not take everybody before."""
    every = list(groups(ground.model))
    for move in ground.model.moves:
        turns = [
            (edge, *_turn(ground, edge, _first(group, move.priority)))
            for group in every
            for edge in group
            if edge.name == move.name
        ]
        able = [turn for turn in turns if not turn[1].refuted]  # else it is dead
        never = [turn for turn in able if turn[2].refuted]
        # Whether anybody can make it at all is asked elsewhere.
        unclear = [turn for turn in able if turn[1].found and turn[2].verdict == "undecided"]
        if never:
            edge, own, _, by = never[0]
            everywhere = len(never) == len(able)
            stages = " or ".join(repr(one.source) for one, *_ in never)
            yield Finding(
                check=NAME,
                severity="error" if everywhere else "warning",
                fault="shadowed",
                where=place_of(ground.model, move),
                message=f"{move.name!r} never gets a turn in {stages}: everybody for whom it is "
                f"open is taken before, {by}. "
                + (
                    "Give it a smaller 'priority', or leave it out"
                    if everywhere
                    else f"Leave {stages.replace(' or ', ' and ')} out of its 'from'"
                ),
                stage=edge.source,
                person=own.person,
                at=own.at,
                assumed=own.assumed,
            )
        elif unclear:
            yield Finding(
                check=NAME,
                severity="hint",
                fault="not decided",
                where=place_of(ground.model, move),
                message=f"whether {move.name!r} ever gets a turn: {unclear[0][2].reason}",
            )


def _turn(ground: Ground, edge: Edge, before: list[Edge]) -> tuple[Answer, Answer, str]:
    """For whom the move is open, for whom it is open and none of those before, and which of them
    takes all of them alone, in words."""
    own = ground.at(edge.when, edge.source)
    open_to = ground.ask(own)
    if not before:
        return open_to, open_to, ""
    others = [negate(ground.at(one.when, one.source)) for one in before]
    left = ground.ask(all_of(own, *others))
    by = "by moves of smaller priority, taken together"
    if left.refuted:
        for one, other in zip(before, others, strict=True):
            if ground.ask(all_of(own, other)).refuted:
                by = f"by {one.name!r}, whose priority is smaller"
                break
    return open_to, left, by


def _first(group: list[Edge], priority: int) -> list[Edge]:
    """The moves that are tried before those of a priority."""
    return [one for one in group if isinstance(one.rule, Move) and one.rule.priority < priority]
