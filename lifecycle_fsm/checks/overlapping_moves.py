"""Two moves of one stage that are open for one person, without a priority that orders them [S8].

The machine tries them in the order of the file. A diagram does not show that order, and reordering
the file changes the lifecycle unnoticed, unless the model says that the order is meant. A priority
can also hide a move: one whose turn never comes is shadowed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import combinations, takewhile

import attrs

from lifecycle_fsm.checks.finding import Finding, undecided
from lifecycle_fsm.checks.question_context import QuestionContext
from lifecycle_fsm.guard import all_of, negate
from lifecycle_fsm.model import Edge, Move
from lifecycle_fsm.proof import Answer
from lifecycle_fsm.wording.formats import counted, joined


def check(context: QuestionContext) -> Iterator[Finding]:
    """Pairs of moves that can be open together, each pair once, and moves that never get a turn."""
    yield from _overlaps(context)
    yield from _shadowed(context)


# ------------------------------------------------------------------ overlaps


@attrs.frozen
class _Tie:
    """Two moves of one stage that can be open together, or for which that is undecided."""

    first: Edge
    later: Edge
    answer: Answer

    @property
    def names(self) -> tuple[str, str]:
        return self.first.name, self.later.name

    def edge(self, name: str, *, other: bool = False) -> Edge:
        """The move with this name, or the other one."""
        return self.first if (name == self.first.name) is not other else self.later


def _overlaps(context: QuestionContext) -> Iterator[Finding]:
    ties = list(_ties(context))
    certain = [tie for tie in ties if tie.answer.found]
    if context.model.ties == "as_written":
        if certain:
            message = (
                f"{counted(len(certain), 'pair')} of moves can be open together; the one that the "
                "file names first is made, as the model says"
            )
            yield Finding("note", "ties", "ties", message)
        return
    for name, group in _stars(certain):
        yield _overlap(context, name, group)
    for name, group in _stars([tie for tie in ties if not tie.answer.found]):
        others = joined(repr(tie.edge(name, other=True).name) for tie in group)
        question = f"whether {name!r} can be open together with {others}"
        yield undecided(context.place(group[0].edge(name)), question, group[0].answer.reason)


def _ties(context: QuestionContext) -> Iterator[_Tie]:
    """Pairs of moves of equal priority that are not known to exclude each other. Each pair comes
    once, at its first place, or at the first place where a person shows it."""
    ties: dict[tuple[str, str], _Tie] = {}
    for group in context.groups.values():
        for first, later in combinations(group, 2):
            pair = (first.name, later.name)
            if _priority(first) != _priority(later) or (pair in ties and ties[pair].answer.found):
                continue
            # People whom a move of smaller priority takes first do not count.
            before = [negate(context.opens(edge)) for edge in _first(group, _priority(first))]
            both = all_of(context.opens(first), context.opens(later), *before)
            answer = context.ask(both)
            if answer.found or (pair not in ties and not answer.refuted):
                ties[pair] = _Tie(first, later, answer)
    yield from ties.values()


def _stars(ties: list[_Tie]) -> Iterator[tuple[str, list[_Tie]]]:
    """The ties grouped by a move that they share, the move with the most ties first. A detour from
    every stage is one cause, not one for each step."""
    while ties:
        count = Counter(name for tie in ties for name in tie.names)
        most = max(count.values())
        last = next(name for name in reversed(count) if count[name] == most)
        yield last, [tie for tie in ties if last in tie.names]
        ties = [tie for tie in ties if last not in tie.names]


def _overlap(context: QuestionContext, name: str, group: list[_Tie]) -> Finding:
    first = group[0]
    stage = first.first.source
    wins = (
        "give the one that shall win a smaller 'priority'; now it is the one that the file happens "
        'to name first. Where that order is meant, write ties = "as_written" at the top'
    )
    if len(group) == 1:
        other = first.edge(name, other=True)
        message = (
            f"in {stage!r} this move, {name!r}, is open together with {other.name!r}, which leads "
            f"to {other.target!r}: {wins}"
        )
    else:
        by_stage: dict[str, list[str]] = {}
        for tie in group:
            others = by_stage.setdefault(tie.first.source, [])
            others.append(repr(tie.edge(name, other=True).name))
        places = (f"{joined(others)} in {source!r}" for source, others in by_stage.items())
        message = f"this move, {name!r}, is open together with {', with '.join(places)}: {wins}"
    where = context.place(first.edge(name))
    return Finding("error", "overlap", where, message).shown_by(first.answer, stage)


# ------------------------------------------------------------------ moves without a turn


@attrs.frozen
class _Turn:
    """Whether a move is open for anyone, and whether it is open for anyone whom no earlier move
    takes; if not, which moves take them, in words."""

    edge: Edge
    own: Answer
    left: Answer
    taken_by: str


def _shadowed(context: QuestionContext) -> Iterator[Finding]:
    """Moves that would be open for some people if other moves did not take all of them first."""
    for move in context.model.moves:
        turns = [
            _turn(context, edge, _before(context, group, move))
            for group in context.groups.values()
            for edge in group
            if edge.name == move.name
        ]
        able = [turn for turn in turns if not turn.own.refuted]  # otherwise it is dead
        never = [turn for turn in able if turn.left.refuted]
        # Another check asks whether anyone can make the move at all.
        unclear = [turn for turn in able if turn.own.found and turn.left.verdict == "undecided"]
        if never:
            first = never[0]
            everywhere = len(never) == len(able)
            stages = [repr(turn.edge.source) for turn in never]
            remedy = (
                "Give it a smaller 'priority', or leave it out"
                if everywhere
                else f"Leave {' and '.join(stages)} out of its 'from'"
            )
            message = (
                f"{move.name!r} never gets a turn in {' or '.join(stages)}: everybody for whom it "
                f"is open is taken before, {first.taken_by}. {remedy}"
            )
            finding = Finding(
                "error" if everywhere else "warning", "shadowed", context.place(first.edge), message
            )
            yield finding.shown_by(first.own, first.edge.source)
        elif unclear:
            question = f"whether {move.name!r} ever gets a turn"
            yield undecided(context.place(unclear[0].edge), question, unclear[0].left.reason)


def _turn(context: QuestionContext, edge: Edge, before: list[Edge]) -> _Turn:
    own = context.ask(context.opens(edge))
    if not before:
        return _Turn(edge, own, own, "")
    left = context.ask(
        all_of(context.opens(edge), *(negate(context.opens(other)) for other in before))
    )
    taken_by = "by moves that are tried before it, taken together"
    if left.refuted and (taker := context.taker(edge, before)):
        smaller = _priority(taker) < _priority(edge)
        how = "whose priority is smaller" if smaller else "which is written before it"
        taken_by = f"by {taker.name!r}, {how}"
    return _Turn(edge, own, left, taken_by)


def _before(context: QuestionContext, group: tuple[Edge, ...], move: Move) -> list[Edge]:
    """The moves that certainly come before a move; moves of equal priority do only if the model
    says that the order of the file is meant."""
    if context.model.ties == "as_written":
        return list(takewhile(lambda edge: edge.name != move.name, group))
    return _first(group, move.priority)


def _first(group: tuple[Edge, ...], priority: int) -> list[Edge]:
    """The moves that are tried before those of a priority."""
    return [edge for edge in group if _priority(edge) < priority]


def _priority(edge: Edge) -> int:
    assert isinstance(edge.rule, Move)
    return edge.rule.priority
