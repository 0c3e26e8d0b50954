"""People who return from a detour by the passing of time alone and are sent on at once [S9].

A person who is recycled with an unchanged score is back with sales on the day the rest ends.

The person that is searched for has been in the detour since ``stage_entered_at``, and the clock is
at the first instant at which a move leads out of it. Before the detour the person was at rest: no
system move was open. What the guard of the detour says about times counts as far as it still holds
then: ``days since lost_at >= 30`` does, ``< 30`` may not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import cached_property
from types import SimpleNamespace

import attrs

from lifecycle_fsm.checks.detour_futures import (
    AT_RETURN,
    HeldReturn,
    a_tick_ago,
    held_returns,
    remembered,
    resting,
    still,
    values_after,
)
from lifecycle_fsm.checks.finding import Finding, Severity, undecided
from lifecycle_fsm.checks.question_context import QuestionContext
from lifecycle_fsm.fields import Value
from lifecycle_fsm.guard import Guard, Term, compile_condition, compile_guard, inline, reads
from lifecycle_fsm.guard import terms as tree
from lifecycle_fsm.model import Edge, Move
from lifecycle_fsm.proof import NOW, Answer, RelativeInstant, substitute
from lifecycle_fsm.proof.calendar_dates import moved_times
from lifecycle_fsm.wording.formats import joined


def check(context: QuestionContext) -> Iterator[Finding]:
    """For each detour, and each return from it that time alone can open: the first move that is
    open after it, on the path or back into a detour. Also returns that may wait."""
    causes: dict[object, list[tuple[Edge, Finding]]] = {}
    reported: set[tuple[str, str]] = set()
    for group in context.groups.values():
        for edge in group:
            if edge.kind != "detour":
                continue
            detour = _Detour(context, edge)
            for back in detour.behind:
                if back.kind != "return" or (edge.name, back.name) in reported:
                    continue
                for onward, finding in _sent_on(detour, back):
                    reported.add((edge.name, back.name))
                    cause = (back.name, onward.name, finding.fault, finding.severity)
                    causes.setdefault(cause, []).append((edge, finding))
    for ways in causes.values():
        yield _together(ways)
    yield from _waiting_returns(context)


# ------------------------------------------------------------------ waiting returns
#
# Returns that may already hold on entry to the detour, so that they wait [S9].
#
# Such a return is not made: its guard has to *become* true. A person who raised a hand before the
# detour, and whose return needs a raised hand, waits there until the hand has been taken down.


def _waiting_returns(context: QuestionContext) -> Iterator[Finding]:
    """Each return, with all ways into its detour on which it may already hold."""
    by_rule: dict[str, list[HeldReturn]] = {}
    for held in held_returns(context):
        by_rule.setdefault(held.back.name, []).append(held)
    for name, ways in by_rule.items():
        certain = [way for way in ways if way.answer.found]
        first = (certain or ways)[0]
        by = joined(dict.fromkeys(repr(way.edge.name) for way in certain or ways))
        held_on = f"may hold already on entry to {first.edge.target!r} by {by}"
        where = context.place(first.back)
        if not certain:
            yield undecided(where, f"whether {name!r} {held_on}", first.answer.reason)
            continue
        message = (
            f"it {held_on}, and would wait there until it has been false once: {_remedy(certain)}"
        )
        yield Finding("warning", "waits", where, message).shown_by(first.answer, first.edge.source)


def _remedy(ways: list[HeldReturn]) -> str:
    """What to change: a detour can undo what the return needs, the sort can only choose."""
    names = {repr(way.edge.name): isinstance(way.edge.rule, Move) for way in ways}
    moves, rules = (
        joined(name for name, is_move in names.items() if is_move is wanted)
        for wanted in (True, False)
    )
    parts = []
    if moves:
        parts.append(f"let {moves} undo, in 'then', what it asks for")
    if rules:
        parts.append(f"let a rule before {rules} in the sort take those for whom it holds")
    return ", and ".join(parts)


# ------------------------------------------------------------------ ping pong


_ENTERED = tree.Field("stage_entered_at")
_MACHINE = frozenset({"stage", "stage_entered_at", "journey", "journey_started_at"})
_DAY = timedelta(days=1)


def _together(ways: list[tuple[Edge, Finding]]) -> Finding:
    """One finding for several detours with the same cause."""
    (_, first), *others = ways
    if not others:
        return first
    names = joined(dict.fromkeys(repr(edge.name) for edge, _ in others))
    return attrs.evolve(
        first,
        message=f"{first.message}. It is the same for {names}",
        also=tuple(dict.fromkeys(finding.where for _, finding in others)),
    )


@attrs.frozen(slots=False)
class _Detour:
    """A detour, with what is known of the people who take it and what can lead out of it."""

    context: QuestionContext
    edge: Edge

    @property
    def behind(self) -> tuple[Edge, ...]:
        """The system moves that lead out of it."""
        return self.context.groups.get((self.edge.target, None), ())

    @cached_property
    def before(self) -> list[Guard]:
        """What is still known of the people who have taken it."""
        guard = self.context.opens(self.edge)
        rested = resting(self.context, self.edge, aged=True)
        return [still(guard, self.context.words), *rested]

    @cached_property
    def _left(self) -> Mapping[str, Term | Guard]:
        return values_after(self.edge, self.context.model, _ENTERED)

    def then(self, guard: Guard) -> Guard:
        """A guard as it reads after the detour, over the fields before it."""
        return substitute(guard, self._left, self.context.words)

    def finding(
        self, answer: Answer, question: Guard, unknown: str, consequence: str, severity: Severity
    ) -> Finding:
        """The finding for the way through this detour."""
        edge, where = self.edge, self.context.place(self.edge)
        person = self._person_before(answer, question) if answer.found else None
        if person is None:
            reason = answer.reason or f"it hangs on times that {edge.name!r} asks for"
            return undecided(where, unknown, reason)
        way = f"from {edge.source!r} to {edge.target!r} by {edge.name!r}"
        finding = Finding(severity, "ping-pong", where, f"whoever goes {way} {consequence}")
        return finding.shown_by(attrs.evolve(answer, person=person), edge.source)

    def _person_before(self, answer: Answer, question: Guard) -> Mapping[str, Value] | None:
        """The person of the answer as of the instant of the detour; ``None`` if its guard did not
        hold then.

        If the guard asks for a number of days, the times at the return may also fit the detour.
        """
        domain, words = self.context.domain, self.context.words
        known = {name: v for name, v in answer.person.items() if name != _ENTERED.name}
        entered = answer.person.get(_ENTERED.name)
        if answer.assumed or not isinstance(entered, datetime):
            return known
        now = answer.at or NOW
        start = {name: domain.start_of(name) for name in words.fields}
        start |= {_ENTERED.name: now, "journey_started_at": now}
        guard = remembered(
            self.context.opens(self.edge), words, frozenset({_ENTERED.name}), aged=False
        )
        leaves = compile_guard(guard, words)
        stayed = now - entered
        before = moved_times(known, stayed)
        if leaves(SimpleNamespace(**{**start, **before}), now):
            return {name: value for name, value in before.items() if value != start[name]}
        if answer.at is None and leaves(SimpleNamespace(**{**start, **known}), now):
            then = {**start, **moved_times(known, -stayed), _ENTERED.name: entered}
            test = compile_condition(question, words)
            if test(SimpleNamespace(**then), now, {}):
                return known
        return None


def _sent_on(detour: _Detour, back: Edge) -> Iterator[tuple[Edge, Finding]]:
    """The first move that is open at the instant of the return, if there is one."""
    context = detour.context
    returned = {**AT_RETURN, **values_after(back, context.model)}
    for onward in context.groups.get((back.target, None), ()):
        if onward.kind == "return":
            continue
        opens = detour.then(substitute(context.opens(onward), returned, context.words))
        for question in _questions(detour, back, opens):
            answer = context.ask(question)
            if answer.refuted:
                break
        else:
            entered = answer.person.get(_ENTERED.name)
            days = ((answer.at or NOW) - entered) // _DAY if isinstance(entered, datetime) else 0
            after = f"after {days} day{'s' * (days != 1)}" if days else "by and by"
            finding = detour.finding(
                answer,
                question,
                f"whether {onward.name!r} is open right behind {back.name!r}",
                f"comes back to {back.target!r} {after}, by {back.name!r}, and is sent on to "
                f"{onward.target!r} by {onward.name!r} at that same instant, though nothing has "
                f"happened: let {detour.edge.name!r} undo, in 'then', what {onward.name!r} asks "
                "for",
                # Back into a detour: this may be intended, though each time counts as a journey.
                "warning" if onward.kind == "detour" else "error",
            )
            yield onward, finding
            return


def _questions(detour: _Detour, back: Edge, opens: Guard) -> Iterator[Guard]:
    """The questions about a detour, a return and a move, each stronger and costlier than the one
    before. Most detours prevent the move, which the first questions show."""
    context = detour.context
    yield _since_detour(opens, context)
    yield tree.all_of(*detour.before, opens)
    back_then = tree.all_of(opens, detour.then(context.turn(back)))
    yield _since_detour(tree.all_of(*detour.before, back_then), context)
    turn = still(context.turn(detour.edge), context.words)
    waited = [
        _waited(detour, other)
        for other in detour.behind
        if other.name == back.name or not context.may_wait(other)
    ]
    yield _since_detour(tree.all_of(*detour.before, turn, back_then, *waited), context)


def _since_detour(condition: Guard, context: QuestionContext) -> Guard:
    """The condition for a person to whom nothing has happened since: all other times are older."""
    words = context.words
    times = [
        tree.Field(name)
        for name in sorted(reads(inline(condition, words)) - _MACHINE)
        if words.fields[name].kind == "datetime"
    ]
    older = [
        tree.any_of(tree.negate(tree.Known(time)), tree.Compare("<=", time, _ENTERED))
        for time in times
    ]
    return tree.all_of(condition, *older, tree.Compare("<", _ENTERED, RelativeInstant(NOW)))


def _waited(detour: _Detour, edge: Edge) -> Guard:
    """Holds if a move out of the detour was not open one tick before, when it would have been made.

    This includes the instant of the detour itself: a return that is open then waits [S9].
    """
    behind = detour.then(detour.context.opens(edge))
    return tree.negate(a_tick_ago(behind, detour.context.words))
