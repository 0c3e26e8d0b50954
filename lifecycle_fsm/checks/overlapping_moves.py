"""Two moves of one stage that are open for one person, and no priority says which comes first [S8].

The machine takes them as written. A picture does not show that order, and who writes the file in
another order changes the lifecycle without knowing it, unless the model says that the order is
meant. Where a priority does say it, it may say too much: a move whose turn never comes is shadowed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import combinations, takewhile

import attrs

from lifecycle_fsm.checks.finding import Finding
from lifecycle_fsm.checks.question_context import Ground
from lifecycle_fsm.checks.rule_index import groups, place_of
from lifecycle_fsm.guard import all_of, negate
from lifecycle_fsm.model import Edge, Model, Move
from lifecycle_fsm.proof import Answer

NAME = "overlapping_moves"


def check(ground: Ground) -> Iterator[Finding]:
    """Pairs of moves that can be open together, each pair once, and moves that never get a turn."""
    yield from _overlaps(ground)
    yield from _shadowed(ground)


def _overlaps(ground: Ground) -> Iterator[Finding]:
    ties = list(_ties(ground))
    if ground.model.ties == "as_written":
        count = len({(tie.first, tie.later) for tie in ties if tie.answer.found})
        if count:
            yield Finding(
                check=NAME,
                severity="note",
                fault="ties",
                where="ties",
                message=f"{_counted(count, 'pair')} of moves can be open together; the one that "
                "the file names first is made, as the model says",
            )
        return
    for name, group in _stars([tie for tie in ties if tie.answer.found]):
        yield _overlap(ground, name, group)
    for name, group in _stars([tie for tie in ties if not tie.answer.found]):
        others = _listed([repr(tie.other(name)) for tie in group])
        yield Finding(
            check=NAME,
            severity="hint",
            fault="not decided",
            where=place_of(ground.model, group[0].rule(name)),
            message=f"whether {name!r} can be open together with {others}: "
            f"{group[0].answer.reason}",
        )


@attrs.frozen
class _Tie:
    """Two moves of one stage that can be open together, or of which nobody can tell."""

    one: Edge
    two: Edge
    answer: Answer

    @property
    def first(self) -> str:
        return self.one.name

    @property
    def later(self) -> str:
        return self.two.name

    def other(self, name: str) -> str:
        return self.first if name == self.later else self.later

    def rule(self, name: str) -> Move:
        rule = (self.one if name == self.first else self.two).rule
        assert isinstance(rule, Move)
        return rule


def _ties(ground: Ground) -> Iterator[_Tie]:
    """Pairs of moves of equal priority that are not known to exclude each other, each pair once:
    where it stands first, and better where somebody shows it."""
    found: dict[tuple[str, str], _Tie] = {}
    for group in groups(ground.model):
        for one, two in combinations(group, 2):
            pair = (one.name, two.name)
            if _priority(one) != _priority(two) or (pair in found and found[pair].answer.found):
                continue
            # Whom a move of smaller priority takes first, these two do not fight for.
            before = [
                negate(ground.at(each.when, each.source)) for each in _first(group, _priority(one))
            ]
            both = [ground.at(each.when, each.source) for each in (one, two)]
            answer = ground.ask(all_of(*both, *before))
            if answer.found or (pair not in found and not answer.refuted):
                found[pair] = _Tie(one, two, answer)
    yield from found.values()


def _stars(ties: list[_Tie]) -> Iterator[tuple[str, list[_Tie]]]:
    """The ties by the move that they have in common, the one with most of them first. A detour from
    everywhere is one cause, and not one for each step."""
    while ties:
        count = Counter(name for tie in ties for name in (tie.first, tie.later))
        most = max(count.values())
        last = next(name for name in reversed(count) if count[name] == most)
        yield last, [tie for tie in ties if last in (tie.first, tie.later)]
        ties = [tie for tie in ties if last not in (tie.first, tie.later)]


def _overlap(ground: Ground, name: str, group: list[_Tie]) -> Finding:
    first = group[0]
    wins = (
        "give the one that shall win a smaller 'priority'; now it is the one that the file happens "
        'to name first. Where that order is meant, write ties = "as_written" at the top'
    )
    if len(group) == 1:
        other = first.rule(first.other(name))
        where = f"in {first.one.source!r} this move, {name!r}, is open together with "
        message = f"{where}{other.name!r}, which leads to {other.target!r}: {wins}"
    else:
        stages = dict.fromkeys(tie.one.source for tie in group)
        told = [
            f"{_listed([repr(tie.other(name)) for tie in group if tie.one.source == stage])} "
            f"in {stage!r}"
            for stage in stages
        ]
        message = f"this move, {name!r}, is open together with {', with '.join(told)}: {wins}"
    return Finding(
        check=NAME,
        severity="error",
        fault="overlap",
        where=place_of(ground.model, first.rule(name)),
        message=message,
        stage=first.one.source,
        person=first.answer.person,
        at=first.answer.at,
        assumed=first.answer.assumed,
    )


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"


def _listed(names: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _shadowed(ground: Ground) -> Iterator[Finding]:
    """Moves that somebody could make, if others did not take everybody before."""
    every = list(groups(ground.model))
    for move in ground.model.moves:
        turns = [
            (edge, *_turn(ground, edge, _before(ground.model, group, move)))
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
    by = "by moves that are tried before it, taken together"
    if left.refuted:
        for one, other in zip(before, others, strict=True):
            if ground.ask(all_of(own, other)).refuted:
                smaller = _priority(one) < _priority(edge)
                how = "whose priority is smaller" if smaller else "which is written before it"
                by = f"by {one.name!r}, {how}"
                break
    return open_to, left, by


def _before(model: Model, group: list[Edge], move: Move) -> list[Edge]:
    """The moves that certainly come before a move: of equal priority only where the model says that
    the order of the file is meant."""
    if model.ties == "as_written":
        return list(takewhile(lambda one: one.name != move.name, group))
    return _first(group, move.priority)


def _priority(edge: Edge) -> int:
    assert isinstance(edge.rule, Move)
    return edge.rule.priority


def _first(group: list[Edge], priority: int) -> list[Edge]:
    """The moves that are tried before those of a priority."""
    return [one for one in group if _priority(one) < priority]
