"""People whom nothing but time brings back from a detour, to be sent on at once [S9].

Who is recycled with their score as it was is back with sales on the day on which they have rested.

The person who is looked for has stood in the detour since ``stage_entered_at``, and the clock says
the first instant at which a move leads out of it. Before the detour they were at rest: no system
move was open. What the guard of the detour itself says of times is kept as far as it still holds
then: ``days since lost_at >= 30`` does, ``< 30`` need not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from types import SimpleNamespace

import attrs

from lifecycle_fsm.checks.detour_futures import (
    AT_RETURN,
    Entry,
    a_tick_ago,
    entries,
    remembered,
    resting,
    still,
    values_after,
)
from lifecycle_fsm.checks.finding import Finding, Severity
from lifecycle_fsm.checks.question_context import Ground
from lifecycle_fsm.checks.rule_index import groups, place_of
from lifecycle_fsm.fields import Value
from lifecycle_fsm.guard import (
    Compare,
    Field,
    Guard,
    Term,
    all_of,
    any_of,
    compile_condition,
    compile_guard,
    inline,
    negate,
    reads,
    resolve,
)
from lifecycle_fsm.guard.terms import Known
from lifecycle_fsm.model import Edge, Move
from lifecycle_fsm.proof import NOW, Answer, Moment, substitute

# ------------------------------------------------------------------ waiting returns
#
# Returns that may hold already when somebody enters the detour, so that they wait [S9].
#
# Such a return is not made: its guard has to *become* true. Who raised a hand before the detour,
# and comes back by a raised hand, waits there until the hand was taken down once.


def waiting_returns(ground: Ground, check: str) -> Iterator[Finding]:
    """Each return, with all ways into its detour on which it may hold already; told as findings of
    a check."""
    by_rule: dict[str, list[Entry]] = {}
    for entry in entries(ground):
        by_rule.setdefault(entry.back.name, []).append(entry)
    for name, ways in by_rule.items():
        rule = ways[0].back.rule
        assert isinstance(rule, Move)
        shown = next((way for way in ways if way.answer.found), None)
        told = [way for way in ways if way.answer.found] if shown else ways
        by = _listed([repr(fromkey) for fromkey in dict.fromkeys(way.edge.name for way in told)])
        yield Finding(
            check=check,
            severity="warning" if shown else "hint",
            fault="waits" if shown else "not decided",
            where=place_of(ground.model, rule),
            message=f"it may hold already on entry to {told[0].edge.target!r} by {by}, and would "
            f"wait there until it has been false once: {_remedy(told)}"
            if shown
            else f"whether {name!r} may hold already on entry to {told[0].edge.target!r} by {by}: "
            f"{told[0].answer.reason}",
            stage=shown.edge.source if shown else None,
            person=shown.answer.person if shown else {},
            at=shown.answer.at if shown else None,
            assumed=shown.answer.assumed if shown else {},
        )


def _remedy(ways: list[Entry]) -> str:
    """What to change: a detour can undo what the return asks for, the sort can only choose."""
    detours = dict.fromkeys(repr(way.edge.name) for way in ways if isinstance(way.edge.rule, Move))
    sorts = dict.fromkeys(
        repr(way.edge.name) for way in ways if not isinstance(way.edge.rule, Move)
    )
    parts = []
    if detours:
        parts.append(f"let {_listed(list(detours))} undo, in 'then', what it asks for")
    if sorts:
        parts.append(
            f"let a rule before {_listed(list(sorts))} in the sort take those for whom it holds"
        )
    return ", and ".join(parts)


# ------------------------------------------------------------------ ping pong


NAME = "ping_pong"
_ENTERED = Field("stage_entered_at")
_MACHINE = frozenset({"stage", "stage_entered_at", "journey", "journey_started_at"})
_DAY = timedelta(days=1)


def check(ground: Ground) -> Iterator[Finding]:
    """Each detour, and each return from it that time alone can open: the first move that is open
    behind it, on the path or back into a detour. And returns that may wait."""
    found: dict[object, list[tuple[Edge, Finding]]] = {}
    told: set[tuple[str, str]] = set()
    asked = {(group[0].source, group[0].on): group for group in groups(ground.model)}
    for (source, _), group in asked.items():
        for detour in group:
            if detour.kind != "detour":
                continue
            left = values_after(detour, ground.model, _ENTERED)
            before = [
                still(ground.at(detour.when, source), ground.world.vocabulary),
                *resting(ground, detour, asked, aged=True),
            ]
            way = _Way(ground, detour, group, before, left, asked.get((detour.target, None), []))
            for back in way.behind:
                if back.kind != "return" or (detour.name, back.name) in told:
                    continue
                for onward, finding in _walk(way, back, asked.get((back.target, None), [])):
                    told.add((detour.name, back.name))
                    cause = (back.name, onward.name, finding.fault, finding.severity)
                    found.setdefault(cause, []).append((detour, finding))
    for ways in found.values():
        yield _together(ways)
    yield from waiting_returns(ground, NAME)


def _together(ways: list[tuple[Edge, Finding]]) -> Finding:
    """What detours have in common that are not undone alike, as one finding."""
    (_, first), *others = ways
    if not others:
        return first
    names = _listed([repr(name) for name in dict.fromkeys(edge.name for edge, _ in others)])
    return attrs.evolve(
        first,
        message=f"{first.message}. It is the same for {names}",
        also=tuple(dict.fromkeys(one.where for _, one in others)),
    )


def _listed(names: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


@attrs.frozen
class _Way:
    """A detour, with what is known of those who take it and what can lead out of it."""

    ground: Ground
    detour: Edge
    group: list[Edge]
    before: list[Guard]
    left: Mapping[str, Term | Guard]
    behind: list[Edge]

    def then(self, guard: Guard) -> Guard:
        """A guard as it reads behind the detour, over the fields before it."""
        return substitute(guard, self.left, self.ground.world.vocabulary)

    def finding(
        self,
        answer: Answer,
        question: Guard,
        undecided: str,
        what: str,
        severity: Severity = "error",
    ) -> Finding:
        """What is told of the way."""
        rule = self.detour.rule
        person = self._before(answer, question) if answer.found else None
        reason = answer.reason or f"it hangs on times that {rule.name!r} asks for"
        return Finding(
            check=NAME,
            severity="hint" if person is None else severity,
            fault="not decided" if person is None else "ping-pong",
            where=place_of(self.ground.model, rule),
            message=f"{undecided}: {reason}"
            if person is None
            else f"whoever goes from {self.detour.source!r} to {self.detour.target!r} by "
            f"{rule.name!r} {what}",
            stage=None if person is None else self.detour.source,
            person=person or {},
            at=None if person is None else answer.at,
            assumed={} if person is None else answer.assumed,
        )

    def _before(self, answer: Answer, question: Guard) -> dict[str, Value] | None:
        """The person who was found, as they were at the instant of the detour; nothing if its guard
        did not hold then.

        Where it asks for so many days, the times at the return may do for the detour as well.
        """
        world = self.ground.world
        known = {name: one for name, one in answer.person.items() if name != _ENTERED.name}
        entered = answer.person.get(_ENTERED.name)
        if answer.assumed or not isinstance(entered, datetime):
            return known
        now = answer.at or NOW
        start = {name: world.start_of(name) for name in world.vocabulary.fields}
        start |= {_ENTERED.name: now, "journey_started_at": now}
        guard = self.ground.at(self.detour.when, self.detour.source)
        forgotten = frozenset({_ENTERED.name})
        leaves = compile_guard(
            remembered(guard, world.vocabulary, forgotten, aged=False), world.vocabulary
        )
        stayed = now - entered
        before = _moved(known, stayed)
        if leaves(SimpleNamespace(**{**start, **before}), now):
            return {name: one for name, one in before.items() if one != start[name]}
        if answer.at is None and leaves(SimpleNamespace(**{**start, **known}), now):
            then = {**start, **_moved(known, -stayed), _ENTERED.name: entered}
            words = attrs.evolve(world.vocabulary, in_effect=True)
            if compile_condition(question, words)(SimpleNamespace(**then), now, {}):
                return known
        return None


def _moved(person: Mapping[str, Value], later: timedelta) -> dict[str, Value]:
    return {name: one + later if isinstance(one, datetime) else one for name, one in person.items()}


def _walk(way: _Way, back: Edge, ahead: list[Edge]) -> Iterator[tuple[Edge, Finding]]:
    ground, words = way.ground, way.ground.world.vocabulary
    returned = {**AT_RETURN, **values_after(back, ground.model)}
    for onward in ahead:
        if onward.kind == "return":
            continue
        moved = substitute(ground.at(onward.when, onward.source), returned, words)
        answer, question = _asked(ground, _questions(way, back, way.then(moved)))
        if answer.refuted:
            continue
        entered = answer.person.get(_ENTERED.name)
        days = ((answer.at or NOW) - entered) // _DAY if isinstance(entered, datetime) else 0
        after = f"after {days} day{'s' * (days != 1)}" if days else "by and by"
        finding = way.finding(
            answer,
            question,
            f"whether {onward.name!r} is open right behind {back.name!r}",
            f"comes back to {back.target!r} {after}, by {back.name!r}, and is sent on to "
            f"{onward.target!r} by {onward.name!r} at that same instant, though nothing has "
            f"happened: let {way.detour.name!r} undo, in 'then', what {onward.name!r} asks for",
            # Back into a detour: some may mean it, though each time counts as a journey.
            "warning" if onward.kind == "detour" else "error",
        )
        yield onward, finding
        return


def _asked(ground: Ground, questions: Iterator[Guard]) -> tuple[Answer, Guard]:
    """The answer to the last question, or the first refutation, with the question."""
    for question in questions:
        answer = ground.ask(question)
        if answer.refuted:
            break
    return answer, question


def _questions(way: _Way, back: Edge, open_then: Guard) -> Iterator[Guard]:
    """What is asked of a detour, a return and a move: each question says more than the one before,
    and costs more. Most detours see to it that the move is not open, which the first ones tell."""
    ground = way.ground
    yield _since_detour(open_then, ground)
    yield all_of(*way.before, open_then)
    back_then = all_of(open_then, way.then(ground.turn(back, way.behind)))
    yield _since_detour(all_of(*way.before, back_then), ground)
    turn = still(ground.turn(way.detour, way.group), ground.world.vocabulary)
    waited = [
        _waited(way, other)
        for other in way.behind
        if other.name == back.name or not ground.may_wait(other)
    ]
    yield _since_detour(all_of(*way.before, turn, back_then, *waited), ground)


def _since_detour(condition: Guard, ground: Ground) -> Guard:
    """The condition, of somebody to whom nothing has happened since: all that is known is older."""
    words = ground.world.vocabulary
    times = [
        name
        for name in sorted(reads(inline(resolve(condition, words), words)))
        if words.fields[name].kind == "datetime" and name not in _MACHINE
    ]
    older = [
        any_of(negate(Known(Field(name))), Compare("<=", Field(name), _ENTERED)) for name in times
    ]
    return all_of(condition, *older, Compare("<", _ENTERED, Moment(NOW)))


def _waited(way: _Way, edge: Edge) -> Guard:
    """That a move out of the detour was not open an instant before, when it would have been made.

    Of the moment of the detour itself, too: a return that is open then waits [S9].
    """
    behind = way.then(way.ground.at(edge.when, edge.source))
    return negate(a_tick_ago(behind, way.ground.world.vocabulary))
